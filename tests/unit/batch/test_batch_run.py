"""Many recordings: in order, each by itself, whatever one of them does."""

import threading
from datetime import timedelta, timezone

import numpy as np
import pytest
import soundfile

from ndoki.batch.run import Failure, Heard, Job, hear_all
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, ScoreTrack
from ndoki.events.pick import Picker
from ndoki.scan import scan

RATE = 4000
POISON = 0.9


class Loud:
    """Scores each quarter of a second by its largest sample; stumbles over samples of 0.9."""

    id = DetectorId(name="loud", digest="0" * 64)
    grid = FrameGrid(rate_hz=RATE, hop_samples=1000, frame_samples=1000)
    labels = ("gunshot",)
    context_before_frames = 0
    context_after_frames = 0

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def analyse(self, block: Block) -> Analysis:
        self.threads.add(threading.get_ident())
        n = block.end_frame - block.first_frame
        highest = np.abs(block.samples[: n * 1000].reshape(n, -1)).max(axis=1)
        if highest.max() > POISON - 0.05:
            raise ZeroDivisionError("what nobody thought of")
        scores = highest.astype(np.float32)[:, None]
        return Analysis(
            track=ScoreTrack(grid=self.grid, labels=self.labels, first_frame=block.first_frame, scores=scores)
        )


@pytest.fixture
def card(tmp_path):
    """Short and long files with events, a broken one, and one that the detector stumbles over."""

    def write(name, seconds, onsets=(), level=0.6):
        samples = np.zeros(round(seconds * RATE), np.float32)
        for onset_s in onsets:
            samples[round(onset_s * RATE)] = level
        soundfile.write(tmp_path / name, samples, RATE, subtype="PCM_16")

    write("0.wav", 5, [1.0, 3.0])
    write("1.wav", 2)
    (tmp_path / "2.wav").write_bytes(b"")
    write("3.wav", 700, [10.0, 600.0])
    write("4.wav", 3, [1.0], level=POISON)
    for i in range(5, 17):
        write(f"{i}.wav", 2, [0.25 * (i % 7)])
    return [str(tmp_path / f"{i}.wav") for i in range(17)]


def job(**changes) -> Job:
    return Job(**{"detector": Loud(), "picker": Picker(threshold=0.5), "block_s": 20.0} | changes)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_sources(card, jobs, caplog):
    results = list(hear_all(card, job(jobs=jobs)))
    named = [one.source if isinstance(one, Failure) else one.recording.source for one in results]
    assert named == card
    assert [i for i, one in enumerate(results) if isinstance(one, Failure)] == [2, 4]
    for one in results:
        if isinstance(one, Heard):
            events = scan(one.recording, Loud(), Picker(threshold=0.5))
            assert one.events == tuple(events)
    assert [event.start_s for event in results[3].events] == pytest.approx([10.125, 600.125])


def test_a_failure_says_why(card, caplog):
    broken, stumbled = (one for one in hear_all(card, job(jobs=2)) if isinstance(one, Failure))
    assert "it is empty (0 bytes)" in broken.reason
    assert stumbled.reason == "unexpected failure: ZeroDivisionError: what nobody thought of"
    (record,) = caplog.records
    assert "unexpected failure while hearing" in record.message
    assert record.exc_info


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_file_that_vanishes_meanwhile_is_a_failure(card, tmp_path, jobs):
    results = hear_all(card[5:9], job(jobs=jobs))
    (tmp_path / "5.wav").unlink()
    first, *rest = results
    assert isinstance(first, Failure)
    assert "5.wav" in first.reason
    assert all(isinstance(one, Heard) for one in rest)


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_tells_of_every_second_heard(card, jobs):
    told_s: list[float] = []
    sources = [one for i, one in enumerate(card) if i not in (2, 4)]
    results = list(hear_all(sources, job(jobs=jobs), told_s.append))
    assert sum(told_s) == pytest.approx(sum(one.recording.duration_s for one in results), abs=0.3)


def test_several_jobs_use_several_threads_and_one_uses_none(card):
    alone, shared = Loud(), Loud()
    list(hear_all(card[:4], job(detector=alone, jobs=1)))
    assert alone.threads == {threading.get_ident()}
    list(hear_all(card, job(detector=shared, jobs=3)))
    assert threading.get_ident() not in shared.threads
    assert len(shared.threads) > 1


def test_the_first_result_does_not_wait_for_the_last(card):
    """Memory holds a few results at a time, and the user sees the first at once."""
    opened: list[str] = []

    def sources():
        for one in card * 10:
            opened.append(one)
            yield one

    results = hear_all(sources(), job(jobs=2))  # type: ignore[arg-type]
    next(results)
    assert len(opened) < 20
    results.close()


def test_time_and_channel_reach_the_recording(tmp_path):
    both = np.zeros((2 * RATE, 2))
    both[[1000, 5000], [0, 1]] = 0.6
    path = tmp_path / "A_20260104_053000.wav"
    soundfile.write(path, both, RATE)
    (heard,) = hear_all([str(path)], job(channel=1, timezone=timezone(timedelta(hours=1))))
    assert [event.channel for event in heard.events] == [1]
    assert heard.recording.started_at.isoformat() == "2026-01-04T04:30:00+00:00"


def test_no_sources_no_results():
    assert list(hear_all([], job(jobs=2))) == []
