"""Runs of ``ndoki detect`` on Dask clusters that are real, small, and badly treated."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from long_runs import (
    ENVIRONMENT,
    NDOKI,
    OPTIONS,
    UNIT_S,
    finished,
    n_done,
    running,
    tables,
    wait_for_progress,
)
from sound_files import RATE

N_STRETCHES = 2 * 605 + 19
"""Of two times 300 s and once 9 s."""
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def cards(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two long recordings, a short one, and one that cannot be heard."""
    folder = tmp_path_factory.mktemp("cards")
    sound = forest(60.0, np.arange(1.0, 59.0, 2.9))
    soundfile.write(folder / "R1_20260104_053000.wav", np.tile(sound, 5), RATE)
    soundfile.write(folder / "R2.wav", np.tile(sound[::-1], 5), RATE)
    soundfile.write(folder / "short.wav", sound[: 9 * RATE], RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


@pytest.fixture(scope="module")
def clean(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of one machine."""
    out = tmp_path_factory.mktemp("clean") / "out"
    done = finished([*command(cards, out), "--jobs", "1"])
    assert (done.returncode, done.stderr, n_done(out)) == (3, "", N_STRETCHES)
    found = tables(out)
    assert found["detections.csv"].count(b"\n") > 100
    return found


def command(cards: Path, out: Path, *options: str | Path) -> list[str | Path]:
    return [NDOKI, "detect", cards, "--out", out, *OPTIONS, "--unit-s", str(UNIT_S), *options]


@contextmanager
def started(module: str, log: Path, *options: str | Path) -> "Iterator[subprocess.Popen[bytes]]":
    arguments = [sys.executable, "-m", f"distributed.cli.{module}", "--no-dashboard", *options]
    with (
        log.open("wb") as said,
        subprocess.Popen(arguments, env=ENVIRONMENT, stdout=said, stderr=said) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def cluster(
    folder: Path, n_workers: int
) -> "Iterator[tuple[Path, subprocess.Popen[bytes], list[subprocess.Popen[bytes]]]]":
    """A scheduler on a free port, in a file, and workers without anyone who would start them again."""
    folder.mkdir()
    where = folder / "scheduler.json"
    with ExitStack() as closing:
        local = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", where)
        scheduler = closing.enter_context(started("dask_scheduler", folder / "scheduler.log", *local))
        # Workers wait for the file.
        own = ("--scheduler-file", where, "--no-nanny", "--nthreads", "1", "--local-directory", folder)
        workers = [
            closing.enter_context(started("dask_worker", folder / f"worker{i}.log", *own))
            for i in range(n_workers)
        ]
        deadline_s = time.monotonic() + PATIENCE_S
        while not where.is_file() or not where.stat().st_size:
            assert time.monotonic() < deadline_s, (folder / "scheduler.log").read_text()
            time.sleep(0.05)
        yield where, scheduler, workers


def test_a_worker_killed_in_mid_run_costs_nothing(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with (
        cluster(tmp_path / "dask", 2) as (where, _, workers),
        running(command(cards, out, "--cluster", where)) as process,
    ):
        wait_for_progress(process, out, 100)
        workers[0].send_signal(signal.SIGKILL)
        n_then = n_done(out)
        said = process.communicate(timeout=PATIENCE_S)[1]
    assert (process.returncode, unexpected(said)) == (3, [])
    assert n_then < N_STRETCHES == n_done(out)
    assert tables(out) == clean


def test_a_run_without_its_scheduler_stops_and_goes_on_with_the_next(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with (
        cluster(tmp_path / "dask", 1) as (where, scheduler, _),
        running(command(cards, out, "--cluster", where)) as process,
    ):
        wait_for_progress(process, out, 100)
        scheduler.send_signal(signal.SIGKILL)
        said = process.communicate(timeout=PATIENCE_S)[1]
    n_then = n_done(out)
    assert process.returncode == 130, said
    gone, writing, stopped = unexpected(said)
    assert gone.startswith("ndoki: the scheduler of the cluster is gone")
    assert writing.startswith("ndoki: writing what was found so far")
    assert stopped == "ndoki: stopped; run the same command again to go on"
    assert 100 < n_then < N_STRETCHES
    assert (out / "detections.csv").is_file(), "what was found so far"
    with cluster(tmp_path / "dask2", 1) as (where, _, _):
        done = finished(command(cards, out, "--cluster", where))
    assert (done.returncode, unexpected(done.stderr)) == (3, [])
    assert n_done(out) == N_STRETCHES
    assert tables(out) == clean


def test_a_stretch_that_kills_workers_fails_its_file_only(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    """Here one death is enough. The cluster is started by a file; another one hears what is left."""
    out, told = tmp_path / "out", tmp_path / "cluster.yaml"
    told.write_text(
        "distributed:\n  scheduler:\n    allowed-failures: 0\n"
        "cluster:\n  class: distributed.LocalCluster\n"
        "  arguments: {n_workers: 2, threads_per_worker: 1, dashboard_address: null, silence_logs: 50}\n"
    )
    with running(command(cards, out, "--cluster", told)) as process:
        wait_for_progress(process, out, 100)
        workers_of(process.pid)[0].kill()
        said = process.communicate(timeout=PATIENCE_S)[1]
    assert (process.returncode, unexpected(said)) == (3, [])
    shown = finished([NDOKI, "status", out]).stdout
    assert "each of the 1 worker(s) that heard it, or what was sent with it, died" in " ".join(shown.split())
    assert 100 < n_done(out) < N_STRETCHES
    done = finished(command(cards, out, "--cluster", "local:2"))
    assert (done.returncode, done.stderr) == (3, "")
    assert tables(out) == clean


def test_ctrl_c_stops_a_cluster_of_this_computer(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    """As a terminal does it: the workers' processes are interrupted as well."""
    out = tmp_path / "out"
    arguments = command(cards, out, "--cluster", "local:1")
    with subprocess.Popen(
        arguments,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_for_progress(process, out, 100)
        workers = workers_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=PATIENCE_S)[1]
    assert process.returncode == 130, said
    assert said.splitlines() == [
        "ndoki: writing what was found so far (Ctrl-C leaves that out)",
        "ndoki: stopped; run the same command again to go on",
    ]
    assert not psutil.wait_procs(workers, timeout=PATIENCE_S)[1]
    assert finished([*command(cards, out), "--jobs", "2"]).returncode == 3
    assert tables(out) == clean


def test_no_scheduler_is_a_sentence(cards: Path, tmp_path: Path) -> None:
    done = finished(command(cards, tmp_path / "out", "--cluster", "tcp://127.0.0.1:1"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ndoki: --cluster tcp://127.0.0.1:1: no scheduler answers there")
    assert done.stderr.count("\n") == 1


def workers_of(pid: int) -> list[psutil.Process]:
    """Processes that nannies inside of another process have started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def unexpected(said: str) -> list[str]:
    """What was said but that workers are still to come."""
    return [line for line in said.splitlines() if "no worker now" not in line]
