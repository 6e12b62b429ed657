"""Long recordings are heard by several processes: one table, whichever is killed, and nothing left behind."""

import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from long_runs import NDOKI, OPTIONS, finished, n_done, running, tables, wait_for_progress

RATE = 48_000
N_BYTES = 1 << 28
"""From so much on other processes are begun: 47 minutes at 48 kHz."""
PLACES_S = (0.0, 700.0, 1500.0, 2700.0)


@pytest.fixture(scope="module")
def recording(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digital silence, which takes no disk, with half a minute of forest and shots here and there."""
    path = tmp_path_factory.mktemp("long") / "R1_20260104_053000.wav"
    sound = forest(30.0, np.arange(1.0, 29.0, 2.9))
    pieces = np.repeat(np.rint(sound * 32767).astype("<i2"), RATE // 8000).tobytes()
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", N_BYTES + 36) + b"WAVE" + fmt)
        file.write(b"data" + struct.pack("<I", N_BYTES))
        for place_s in PLACES_S:
            file.seek(44 + 2 * round(place_s * RATE))
            file.write(pieces)
        file.truncate(44 + N_BYTES)
    return path


def command(recording: Path, out: Path, jobs: int = 2) -> list[str | Path]:
    same = ("--unit-s", "20", "--jobs", str(jobs), "--timezone", "Africa/Libreville")
    return [NDOKI, "detect", recording, "--out", out, *OPTIONS, *same]


def others_of(process: psutil.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.fixture(scope="module")
def alone(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of a run by a single process."""
    out = tmp_path_factory.mktemp("alone") / "out"
    assert finished(command(recording, out, jobs=1)).returncode == 0
    found = tables(out)
    assert found["detections.csv"].count(b"\n") > 30
    return found


def test_several_processes_make_the_same_tables(
    recording: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    with running(command(recording, tmp_path / "out", jobs=3)) as process:
        wait_for_progress(process, tmp_path / "out")
        others = others_of(process)
        assert process.wait(timeout=60) == 0
    assert len(others) == 2
    assert not any(other.is_running() for other in others)
    assert tables(tmp_path / "out") == alone


def test_another_process_that_is_killed_costs_nothing(
    recording: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    with running(command(recording, tmp_path / "out")) as process:
        wait_for_progress(process, tmp_path / "out", 30)
        (other,) = others_of(process)
        other.kill()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "goes on without it" in said
    assert tables(tmp_path / "out") == alone


def test_a_killed_run_leaves_no_process_and_goes_on(
    recording: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running(command(recording, out)) as process:
        wait_for_progress(process, out, 30)
        others = others_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    _, alive = psutil.wait_procs(others, timeout=10)
    assert len(others) == 1
    assert not alive
    assert 30 < n_done(out) < 140
    assert finished(command(recording, out)).returncode == 0
    assert tables(out) == alone


def test_ctrl_c_stops_all_of_them(recording: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running(command(recording, out)) as process:
        wait_for_progress(process, out, 30)
        others, began_s = others_of(process), time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        took_s = time.monotonic() - began_s
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "without it" not in said
    assert took_s < 2.0
    assert len(others) == 1
    assert not others[0].is_running()
    assert finished(command(recording, out)).returncode == 0
    assert tables(out) == alone
