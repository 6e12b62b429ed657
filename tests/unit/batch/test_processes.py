"""Other processes hear as this one does, and nothing depends on whether they live."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from ndoki.audio.access import Access
from ndoki.batch.beside import ThreadsAndProcesses
from ndoki.batch.hands import Threads
from ndoki.batch.ledger import Ledger
from ndoki.batch.order import order_for
from ndoki.batch.processes import HearingProcess, Processes, hearing_processes
from ndoki.batch.run import Job, hear_all, heard_so_far
from ndoki.batch.survey import look
from ndoki.batch.trial import try_out
from ndoki.detectors.registry import load_detector
from ndoki.events.pick import Picker

JOB = Job(detector=load_detector("template"), picker=Picker(threshold=0.3), unit_s=4.0, jobs=2)
ORDER = order_for("template", JOB.detector, JOB.picker, Access())


@pytest.fixture(scope="module")
def card(tmp_path_factory, forest):
    """Two recordings, one that cannot be heard to its end, and one that cannot be heard at all."""
    folder = tmp_path_factory.mktemp("card")
    for name in ("a", "b", "c"):
        soundfile.write(folder / f"{name}.flac", forest(60.0, np.arange(1.0, 59.0, 2.9)), 8000)
    whole = (folder / "c.flac").read_bytes()
    (folder / "c.flac").write_bytes(whole[: len(whole) // 3] + bytes(len(whole) // 3))
    (folder / "d.flac").write_bytes(b"fLaC")
    return [str(folder / f"{name}.flac") for name in ("a", "b", "c", "d")]


@pytest.fixture
def process():
    begun = HearingProcess()
    yield begun
    begun.end()


def result(card, out, hands):
    """What is known in the end, and why files failed."""
    with Ledger.begun(out, {}, card) as ledger:
        list(hear_all(card, JOB, ledger, hands))
        return list(heard_so_far(ledger, JOB)), ledger.failures()


@pytest.fixture(scope="module")
def here(card, tmp_path_factory):
    return result(card, tmp_path_factory.mktemp("here"), Threads(JOB.detector, JOB.picker, 1))


def test_it_hears_as_this_process_does(card, here, process, tmp_path, monkeypatch):
    """Also where this one hears nothing at all."""
    asked = []
    hear = process.hear
    monkeypatch.setattr(process, "hear", lambda errand: asked.append(errand) or hear(errand))
    processes = Processes([process])
    processes.take(ORDER, wait=True)
    hands = ThreadsAndProcesses(JOB.detector, JOB.picker, 1, processes)
    assert result(card, tmp_path / "out", hands) == here
    assert len(here[1]) == 1
    assert len(asked) > 30


def test_what_it_cannot_hear_this_process_tries(card, here, process, tmp_path, monkeypatch):
    """A path that only one of them sees: on some systems an open file may be renamed."""
    hear, told = process.hear, []
    monkeypatch.setattr(
        process, "hear", lambda errand: told.append(hear(("gone.flac", *errand[1:]))) or told[-1]
    )
    processes = Processes([process])
    processes.take(ORDER, wait=True)
    hands = ThreadsAndProcesses(JOB.detector, JOB.picker, 1, processes)
    assert result(card, tmp_path / "out", hands) == here
    assert len(told) > 30
    assert all("gone.flac" in reason for _, reason in told)


@pytest.mark.parametrize("n_heard", [0, 5])
def test_one_that_dies_costs_nothing(card, here, process, tmp_path, monkeypatch, caplog, n_heard):
    asked = []
    hear = process.hear

    def hear_and_die(errand):
        asked.append(errand)
        if len(asked) > n_heard:
            psutil.Process(process.pid).kill()
        return hear(errand)

    monkeypatch.setattr(process, "hear", hear_and_die)
    processes = Processes([process])
    processes.take(ORDER, wait=True)
    caplog.set_level(logging.WARNING)
    hands = ThreadsAndProcesses(JOB.detector, JOB.picker, 1, processes)
    assert result(card, tmp_path / "out", hands) == here
    assert len(asked) == n_heard + 1
    assert f"process {process.pid}, which heard, is gone" in caplog.text


def test_a_trial_asks_it_too_and_finds_the_same(card, process, monkeypatch):
    looks = look(card[:2], JOB, most_s=10.0).looks
    asked, hear = [], process.hear
    monkeypatch.setattr(process, "hear", lambda errand: asked.append(errand) or hear(errand))
    processes = Processes([process])
    processes.take(ORDER, wait=True)
    job = replace(JOB, jobs=1)
    alone, beside = (
        try_out(looks, job, most_s=100.0, processes=others).heard for others in (Processes(), processes)
    )
    assert [(one.events, one.n_ledger_bytes) for one in beside] == [
        (one.events, one.n_ledger_bytes) for one in alone
    ]
    assert len(asked) == len(beside) == 30


def test_one_that_does_not_begin_is_said_and_costs_nothing(card, here, process, tmp_path, caplog):
    psutil.Process(process.pid).kill()
    processes = Processes([process])
    processes.take(ORDER, wait=True)
    hands = ThreadsAndProcesses(JOB.detector, JOB.picker, 2, processes)
    assert result(card, tmp_path / "out", hands) == here
    assert f"process {process.pid} does not begin to hear" in caplog.text


def test_one_with_another_detector_does_not_begin(process):
    assert not process.take(order_for("template", load_detector("gunshot"), JOB.picker, Access()))


def test_an_end_wakes_who_waits_for_an_answer(process):
    processes = Processes([process])
    assert processes.hear(("a.wav", "", "", 0, ())) is None, "not ready"
    processes.end()
    assert not psutil.pid_exists(process.pid)
    assert process.hear(("a.wav", "", "", 0, ())) is None
    processes.end()


@pytest.mark.parametrize(
    ("files", "jobs", "n_expected"),
    [
        ({"a.wav": 1 << 28}, 2, 1),
        ({"a.wav": 1 << 27, "deep/b.WAV": 1 << 27}, 3, 2),
        ({"a.wav": 1 << 28}, 40, 3),
        ({"a.wav": 1 << 28}, 1, 0),
        ({"a.wav": (1 << 28) - 1}, 2, 0),
        ({"a.mp3": 1 << 30}, 2, 0),
        ({}, 2, 0),
    ],
)
def test_they_begin_where_there_is_much_to_hear(tmp_path, files, jobs, n_expected):
    for name, n_bytes in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.truncate(n_bytes)
    inputs = ["https://example.org/a.wav", str(tmp_path), str(tmp_path / "missing.wav")]
    mine = psutil.Process()
    before = set(mine.children())
    with hearing_processes(inputs, jobs) as processes:
        begun = set(mine.children()) - before
        assert len(begun) == len(processes) == n_expected
    assert not any(child.is_running() for child in begun)


def test_a_file_alone_may_be_enough(tmp_path: Path):
    with (tmp_path / "day.wav").open("wb") as file:
        file.truncate(1 << 28)
    with hearing_processes([str(tmp_path / "day.wav")], 2) as processes:
        assert len(processes) == 1
