"""Many recordings: in order, each by itself, whatever one of them does."""

import os
import threading
from datetime import timedelta, timezone
from itertools import islice

import numpy as np
import pytest
import soundfile

from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Failure, Job, Stretch, hear_all, heard_so_far
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
    return Job(**{"detector": Loud(), "picker": Picker(threshold=0.5), "unit_s": 20.0} | changes)


@pytest.fixture
def ledger(tmp_path, card):
    with Ledger.begun(tmp_path / "out", {"a": "1"}, card) as opened:
        yield opened


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_stand_in_the_order_of_the_sources(card, ledger, jobs, caplog):
    told = list(hear_all(card, job(jobs=jobs), ledger))
    assert [one.source for one in told if isinstance(one, Failure)] == [card[2], card[4]]
    heard = list(heard_so_far(ledger, job()))
    assert [one.recording.source for one in heard] == [one for i, one in enumerate(card) if i not in (2, 4)]
    for one in heard:
        assert one.events == tuple(scan(one.recording, Loud(), Picker(threshold=0.5)))
    assert [event.start_s for event in heard[2].events] == pytest.approx([10.125, 600.125])
    assert sum(one.n_events for one in told if isinstance(one, Stretch)) == sum(len(h.events) for h in heard)


def test_a_failure_says_why(card, ledger, caplog):
    broken, stumbled = (one for one in hear_all(card, job(jobs=2), ledger) if isinstance(one, Failure))
    assert "it is empty (0 bytes)" in broken.reason
    assert stumbled.reason == "unexpected failure: ZeroDivisionError: what nobody thought of"
    (record,) = caplog.records
    assert "unexpected failure while hearing" in record.message
    assert record.exc_info
    assert ledger.failures() == [(one.source, one.reason) for one in (broken, stumbled)]


def test_a_file_that_fails_is_reported_once_and_tried_again(tmp_path, caplog):
    """Poison in many of its stretches; then the file is mended, and only what is missing is heard."""
    path = tmp_path / "a.wav"
    samples = np.zeros(300 * RATE, np.float32)
    samples[100 * RATE :: 10 * RATE] = POISON
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    with Ledger.begun(tmp_path / "out", {}, [str(path)]) as ledger:
        told = list(hear_all([str(path)], job(jobs=3, unit_s=10.0), ledger))
        assert [type(one) for one in told].count(Failure) == 1
        assert not list(heard_so_far(ledger, job()))

        class Brave(Loud):
            def analyse(self, block):
                block.samples.clip(-0.5, 0.5, out=block.samples)
                return super().analyse(block)

        again = list(hear_all([str(path)], job(detector=Brave(), unit_s=10.0), ledger))
        assert {type(one) for one in again} == {Stretch}
        assert 20 <= len(again) < 30
        assert ledger.failures() == []
        (heard,) = heard_so_far(ledger, job())
        assert [event.start_s for event in heard.events] == pytest.approx(np.arange(100.125, 300, 10))


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_file_that_vanishes_meanwhile_is_a_failure(card, ledger, tmp_path, jobs):
    results = hear_all(card[5:9], job(jobs=jobs), ledger)
    (tmp_path / "5.wav").unlink()
    first, *rest = results
    assert isinstance(first, Failure)
    assert "5.wav" in first.reason
    assert all(isinstance(one, Stretch) for one in rest)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_second_is_told_once(card, ledger, jobs):
    sources = [one for i, one in enumerate(card) if i not in (2, 4)]
    told_s = sum(one.length_s for one in hear_all(sources, job(jobs=jobs), ledger))
    assert told_s == pytest.approx(
        sum(one.recording.duration_s for one in heard_so_far(ledger, job())), abs=0.3
    )
    assert told_s == pytest.approx(ledger.heard_s())


def test_several_jobs_use_several_threads(card, ledger):
    alone, shared = Loud(), Loud()
    list(hear_all(card[:2], job(detector=alone, jobs=1), ledger))
    assert len(alone.threads) == 1
    list(hear_all(card[3:4], job(detector=shared, jobs=3), ledger))
    assert len(shared.threads) > 1


def test_the_first_result_does_not_wait_for_the_last(card, ledger):
    """Memory holds a few results at a time, and the user sees the first at once."""
    opened: list[str] = []

    def sources():
        for one in card * 10:
            opened.append(one)
            yield one

    results = hear_all(sources(), job(jobs=2), ledger)
    next(results)
    assert len(opened) < 20
    results.close()


def test_what_is_done_is_not_heard_again(card, ledger):
    """Stopped after any number of stretches, with other jobs: each is heard once, and all are there."""
    sources = card[3:4] + card[5:]
    told = []
    for n_stretches in (1, 7, 20, 100):
        results = hear_all(sources, job(jobs=1 + n_stretches % 3), ledger)
        told += list(islice(results, n_stretches))
        results.close()
    assert sum(one.length_s for one in told) == pytest.approx(ledger.heard_s())
    assert len(told) == 35 + 12
    assert list(hear_all(sources, job(), ledger)) == []


def test_a_file_that_changed_is_heard_anew(card, ledger):
    list(hear_all(card[:1], job(), ledger))
    (before,) = heard_so_far(ledger, job())
    samples = np.zeros(5 * RATE, np.float32)
    samples[2 * RATE] = 0.6
    soundfile.write(card[0], samples, RATE, subtype="PCM_16")
    assert len(list(hear_all(card[:1], job(), ledger))) == 1
    (after,) = heard_so_far(ledger, job())
    assert [event.start_s for event in before.events] == pytest.approx([1.125, 3.125])
    assert [event.start_s for event in after.events] == pytest.approx([2.125])
    os.utime(card[0], ns=(1, 1))
    assert len(list(hear_all(card[:1], job(), ledger))) == 1


def test_time_and_channel_reach_the_recording(tmp_path):
    both = np.zeros((2 * RATE, 2))
    both[[1000, 5000], [0, 1]] = 0.6
    path = tmp_path / "A_20260104_053000.wav"
    soundfile.write(path, both, RATE)
    wanted = job(channel=1, timezone=timezone(timedelta(hours=1)))
    with Ledger.begun(tmp_path / "out", {}, [str(path)]) as ledger:
        list(hear_all([str(path)], wanted, ledger))
        (heard,) = heard_so_far(ledger, wanted)
    assert [event.channel for event in heard.events] == [1]
    assert heard.recording.started_at.isoformat() == "2026-01-04T04:30:00+00:00"
    assert heard.recording.local_zone == timezone(timedelta(hours=1))


def test_no_sources_no_results(ledger):
    assert list(hear_all([], job(jobs=2), ledger)) == []
    assert list(heard_so_far(ledger, job())) == []
