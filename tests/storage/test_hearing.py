"""Hearing what lies on servers: at once, whatever one of them does, and without leaving anything behind."""

import gc
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from places import NDOKI, Place, Reach
from ranged_http import RangedFiles, serving
from unsteady import passing

from ndoki.audio import listing, patience
from ndoki.audio.access import Access, reached_by
from ndoki.audio.remote_file import RemoteFile
from ndoki.audio.storage import in_order, stream_recordings
from ndoki.audio.store_calls import page
from ndoki.batch.incoming import Incoming
from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Failure, Job, Stretch, hear_all, heard_so_far
from ndoki.core.errors import InputError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, ScoreTrack
from ndoki.events.pick import Picker

RATE = 4000


class Loud:
    """Scores each quarter of a second by its largest sample."""

    id = DetectorId(name="loud", digest="0" * 64)
    grid = FrameGrid(rate_hz=RATE, hop_samples=1000, frame_samples=1000)
    labels = ("gunshot",)
    context_before_frames = 0
    context_after_frames = 0

    def analyse(self, block: Block) -> Analysis:
        n = block.end_frame - block.first_frame
        scores = np.abs(block.samples[: n * 1000].reshape(n, -1)).max(axis=1)[:, None]
        return Analysis(
            track=ScoreTrack(grid=self.grid, labels=self.labels, first_frame=block.first_frame, scores=scores)
        )


def job(**changes: object) -> Job:
    return Job(**{"detector": Loud(), "picker": Picker(threshold=0.5), "unit_s": 20.0, "jobs": 2} | changes)  # type: ignore[arg-type]


def everything(_: str) -> bool:
    return True


def shot(path: Path, seconds: float = 2.0) -> None:
    samples = np.zeros(round(seconds * RATE), np.float32)
    samples[RATE] = 0.6
    soundfile.write(path, samples, RATE, subtype="PCM_16")


@pytest.fixture
def files(tmp_path: Path) -> Iterator[str]:
    """An empty folder behind a web server; its address. The folder is ``tmp_path / "card"``."""
    (tmp_path / "card").mkdir()
    with serving(partial(RangedFiles, root=tmp_path, asked=[])) as port:
        yield f"http://127.0.0.1:{port}/card"


def test_the_first_files_are_heard_while_others_are_still_being_listed(
    s3: Place, reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a server that keeps the second page of its list back until something was heard."""
    monkeypatch.setattr(listing, "page", partial(page, n_names=5))
    something_was_heard = threading.Event()
    waited: list[bool] = []

    def fate(path: str) -> str:
        if "continuation-token" in path:
            waited.append(something_was_heard.wait(60))
        return "ok"

    with passing(s3.port, fate) as port, Ledger.begun(tmp_path, {}, None) as ledger:
        incoming = Incoming(stream_recordings([reach(s3, port)]), everything)
        results = hear_all(incoming, job(), ledger)
        assert isinstance(next(results), Stretch)
        assert not incoming.is_complete
        assert len(incoming.names) <= 5
        something_was_heard.set()
        list(results)
        assert incoming.is_complete
        assert waited
        assert all(waited)
        ledger.place(in_order(incoming.names))
        heard = [one.recording.source for one in heard_so_far(ledger, job())]
    assert len(heard) > 20
    assert heard == in_order(heard)


def test_a_list_that_breaks_off_is_said_after_what_was_listed_was_heard(
    s3: Place, reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "page", partial(page, n_names=10))
    with (
        passing(s3.port, lambda path: "error" if "continuation-token" in path else "ok") as port,
        reached_by(Access(attempts=2)),
        Ledger.begun(tmp_path, {}, None) as ledger,
    ):
        incoming = Incoming(stream_recordings([reach(s3, port)]), everything)
        assert list(hear_all(incoming, job(), ledger))
        assert not incoming.is_complete
        assert isinstance(incoming.failure, InputError)
        assert "cannot look into s3://forest/2026/card: the server answers" in str(incoming.failure)
        assert ledger.sources() == incoming.names
        assert len(ledger.sources()) > 5


def test_a_server_that_hangs_costs_its_file_and_no_other(files: str, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        shot(tmp_path / "card" / name)
    let_go = threading.Event()

    def fate(path: str) -> str:
        if path.endswith("b.wav"):
            let_go.wait(60)
        return "ok"

    with (
        passing(int(files.split(":")[2].split("/")[0]), fate) as port,
        reached_by(Access(timeout_s=0.5, attempts=2)),
        Ledger.begun(tmp_path / "out", {}, None) as ledger,
    ):
        sources = [f"http://127.0.0.1:{port}/card/{name}.wav" for name in "abc"]
        told = list(hear_all(sources, job(), ledger))
        let_go.set()
        (failed,) = (one for one in told if isinstance(one, Failure))
        assert failed.source == sources[1]
        assert "the server gave no answer within 0.5 s, in 2 attempts" in failed.reason
        assert [one.source for one in told if isinstance(one, Stretch)] == [sources[0], sources[2]]
        # The same command tries it again.
        assert [one.source for one in hear_all(sources, job(), ledger)] == [sources[1]]
        assert ledger.failures() == []
        assert [len(one.events) for one in heard_so_far(ledger, job())] == [1, 1, 1]


def test_nothing_is_left_behind(files: str, tmp_path: Path) -> None:
    """As many open files, threads and objects after 180 files as after 60."""
    for i in range(180):
        shot(tmp_path / "card" / f"{i}.wav")
    sources = [f"{files}/{i}.wav" for i in range(180)]
    process = psutil.Process()
    counted = []
    with Ledger.begun(tmp_path / "out", {}, sources) as ledger:
        for part in (sources[:60], sources[60:120], sources[120:]):
            assert len(list(hear_all(part, job(), ledger))) == 60
            gc.collect()
            # By type, for isinstance asks objects of other packages for their class, and some of them warn.
            kept = sum(issubclass(type(one), Stretch | RemoteFile) for one in gc.get_objects())
            # The web server's own end of the connections is counted too, and comes and goes.
            counted.append((kept, process.num_threads(), process.num_fds()))
    for found, allowed in zip(zip(*counted, strict=True), (0, 12, 24), strict=True):
        assert max(found[1:]) <= found[0] + allowed, counted
    assert counted[0][0] == 0
    assert not patience._requests


@pytest.mark.parametrize(("n_answered", "who"), [(0, "main"), (1, "looker"), (3, "listener")])
def test_ctrl_c_does_not_wait_for_a_server(files: str, tmp_path: Path, n_answered: int, who: str) -> None:
    """Patience of an hour, and a server that falls silent: the command ends, whoever of it is waiting."""
    shot(tmp_path / "card" / "a.wav", 400.0)
    asked: list[str] = []
    is_silent, let_go = threading.Event(), threading.Event()

    def fate(path: str) -> str:
        asked.append(path)
        if len(asked) > n_answered:
            is_silent.set()
            let_go.wait(60)
        return "ok"

    with passing(int(files.split(":")[2].split("/")[0]), fate) as port:
        source = f"http://127.0.0.1:{port}/card/a.wav"
        command = [NDOKI, "detect", source, "--out", tmp_path / "out", "--timeout-s", "3600"]
        with subprocess.Popen(
            [*command, "--detector", "template"], stderr=subprocess.PIPE, text=True, env=os.environ
        ) as process:
            assert is_silent.wait(60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=50)
        let_go.set()
    assert process.returncode == 130, said
    assert "Traceback" not in said
