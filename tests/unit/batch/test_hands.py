"""Whoever hears, however many stretches at a time, and in whatever order: the ledger is the same."""

from concurrent.futures import Future

import numpy as np
import pytest
import soundfile

from ndoki.batch.hands import Answers, Task, Threads, hear_stretches
from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Failure, Job, Stretch, hear_all, heard_so_far
from ndoki.core.errors import ClusterError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, ScoreTrack
from ndoki.events.pick import Picker

RATE = 4000


class Fussy:
    """Scores quarters of a second by their largest sample, and refuses 0.9, saying where it was."""

    id = DetectorId(name="fussy", digest="1" * 64)
    grid = FrameGrid(rate_hz=RATE, hop_samples=1000, frame_samples=1000)
    labels = ("gunshot",)
    context_before_frames = 0
    context_after_frames = 0

    def analyse(self, block: Block) -> Analysis:
        highest = np.abs(block.samples.reshape(-1, 1000)).max(axis=1)
        if highest.max() > 0.85:
            raise ZeroDivisionError(f"frame {block.first_frame}")
        track = ScoreTrack(
            grid=self.grid,
            labels=self.labels,
            first_frame=block.first_frame,
            scores=highest.astype(np.float32)[:, None],
        )
        return Analysis(track=track)


class Backwards:
    """Answers the last task first, once all are given; dies after some, if told so."""

    n_at_once = 1000

    def __init__(self, n_together: int, n_tasks: int, dies_after: int = 1000) -> None:
        self.n_together, self.n_tasks, self.dies_after = n_together, n_tasks, dies_after
        self.begun: list[tuple[Task, Future[Answers]]] = []

    def begin(self, task: Task) -> "Future[Answers]":
        self.begun.append((task, answers := Future[Answers]()))
        if len(self.begun) == self.n_tasks:
            for i, (each, future) in enumerate(reversed(self.begun)):
                if i < self.dies_after:
                    future.set_result(heard(each))
                else:
                    future.set_exception(ClusterError("all are gone"))
        return answers

    def stop(self, *, is_patient: bool) -> None:
        pass


def heard(task: Task) -> Answers:
    file = task.file
    return hear_stretches(file.samples, file.recording, task.channel, task.cuts, Fussy(), JOB.picker)


JOB = Job(detector=Fussy(), picker=Picker(threshold=0.5), unit_s=10.0)


@pytest.fixture
def card(tmp_path):
    """12 stretches each; the first with poison in its sixth, ninth and tenth, the second with none."""
    paths = []
    for name, poisoned in (("a", (55, 88, 92)), ("b", ())):
        samples = np.zeros(120 * RATE)
        samples[:: 3 * RATE] = 0.6
        samples[[at * RATE for at in poisoned]] = 0.9
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, subtype="PCM_16")
        paths.append(str(tmp_path / f"{name}.wav"))
    return paths


def result(card, out, hands):
    """What was told, what is known in the end, and why a file failed."""
    with Ledger.begun(out, {}, card) as ledger:
        told = list(hear_all(card, JOB, ledger, hands))
        return told, list(heard_so_far(ledger, JOB)), ledger.failures()


@pytest.mark.parametrize(("n_together", "n_tasks"), [(1, 24), (5, 6), (12, 2), (100, 2)])
def test_order_and_number_of_answers_do_not_show(card, tmp_path, caplog, n_together, n_tasks):
    _, here, failures = result(card, tmp_path / "here", Threads(JOB.detector, JOB.picker, 1))
    hands = Backwards(n_together, n_tasks)
    told, there, also = result(card, tmp_path / "there", hands)
    assert len(hands.begun) == n_tasks
    assert there == here
    assert also == failures
    assert "frame 200" in failures[0][1], "of three that failed, the first"
    assert [type(one) for one in told].count(Failure) == 1
    assert sum(isinstance(one, Stretch) and one.source == card[1] for one in told) == 12


def test_what_was_answered_before_all_are_gone_is_kept(card, tmp_path, caplog):
    with Ledger.begun(tmp_path / "out", {}, card) as ledger:
        with pytest.raises(ClusterError, match="all are gone"):
            list(hear_all(card, JOB, ledger, Backwards(2, 12, dies_after=3)))
        # The one that was given last is answered before it is waited for.
        assert ledger.heard_s() == pytest.approx(2 * 20.0)
    told, there, failures = result(card, tmp_path / "out", Threads(JOB.detector, JOB.picker, 2))
    assert sum(isinstance(one, Stretch) and one.source == card[1] for one in told) == 8
    assert len(there) == len(failures) == 1
