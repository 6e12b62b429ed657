"""Runs of ``ndoki detect`` that are killed, stopped, starved and resumed."""

import random
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from long_runs import NDOKI, OPTIONS, UNIT_S, finished, n_done, running, tables, wait_for_progress
from sound_files import RATE

from ndoki.batch.status import read_status

N_KILLS = 20
N_STRETCHES = 363 + 2 * 121 + 4 * 19
"""Of 180 s, two channels of 60 s and four times 9 s; frames end with the file."""


@pytest.fixture(scope="module")
def cards(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two long recordings, one of them with two channels, short ones, and one that cannot be heard."""
    folder = tmp_path_factory.mktemp("cards")
    sound = forest(60.0, np.arange(1.0, 59.0, 2.9))
    (folder / "a").mkdir()
    soundfile.write(folder / "a" / "R1_20260104_053000.wav", np.tile(sound, 3), RATE)
    soundfile.write(folder / "R2.wav", np.stack([sound, sound[::-1]], axis=1), RATE)
    for i in range(4):
        soundfile.write(folder / f"short{i}.wav", sound[i * RATE : (i + 9) * RATE], RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def command(cards: Path, out: Path, jobs: int = 1) -> list[str | Path]:
    lengths = ("--unit-s", str(UNIT_S), "--jobs", str(jobs), "--timezone", "Africa/Libreville")
    return [NDOKI, "detect", cards, "--out", out, *OPTIONS, *lengths]


def heard_since(out: Path, began_s: float) -> float:
    """Seconds of sound that were heard by sessions that began after that moment."""
    connection = sqlite3.connect(out / ".ndoki" / "ledger.sqlite")
    try:
        rows = connection.execute("SELECT sum(heard_s) FROM session WHERE began_s > ?", (began_s,))
        return float(rows.fetchone()[0])
    finally:
        connection.close()


@pytest.fixture(scope="module")
def clean(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("clean") / "out"
    done = finished(command(cards, out))
    assert (done.returncode, done.stderr) == (3, "")
    assert n_done(out) == N_STRETCHES
    found = tables(out)
    assert found["detections.csv"].count(b"\n") > 60
    return found


def test_jobs_do_not_matter(cards: Path, clean: dict[str, bytes], tmp_path: Path) -> None:
    assert finished(command(cards, tmp_path / "out", jobs=2)).returncode == 3
    assert tables(tmp_path / "out") == clean


def test_killed_at_20_random_moments_and_resumed(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    """One and two jobs in turn; a run that comes to its end is compared, and begun anew."""
    moments, out = random.Random(20261122), tmp_path / "out"
    n_midway = 0
    for i in range(N_KILLS):
        before = n_done(out)
        with running(command(cards, out, jobs=1 + i % 2)) as process:
            # Most of the time is spent on the way to the first stretch: some kills go there.
            if i % 5:
                wait_for_progress(process, out, before)
            time.sleep(moments.uniform(0.0, 0.25 if i % 5 else 1.0))
            has_ended = process.poll() is not None
            process.send_signal(signal.SIGKILL)
        after = n_done(out)
        assert after >= before, "something was lost"
        n_midway += before < after < N_STRETCHES
        if has_ended:
            assert tables(out) == clean
            shutil.rmtree(out)
    assert n_midway >= N_KILLS // 2
    assert finished(command(cards, out, jobs=2)).returncode == 3
    assert n_done(out) == N_STRETCHES
    assert tables(out) == clean


def test_ctrl_c_writes_what_was_found_and_the_run_goes_on(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with running(command(cards, out, jobs=2)) as process:
        wait_for_progress(process, out, 60)
        status = read_status(out)
        began_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        took_s = time.monotonic() - began_s
    assert (process.returncode, said) == (130, said)
    assert said.splitlines()[1:] == ["ndoki: stopped; run the same command again to go on"]
    assert took_s < 2.0
    assert (status.state, status.pid, status.n_files) == ("running", process.pid, 7)
    assert status.left_s is not None
    found = tables(out)
    assert set(found) == {
        "detections.csv",
        "bursts.csv",
        "detections.jsonl",
        "raven/combined.selections.txt",
        "summary.json",
    }
    assert 1 < found["detections.csv"].count(b"\n") < clean["detections.csv"].count(b"\n")
    assert "stopped" in finished([NDOKI, "status", out]).stdout
    assert 60 < n_done(out) < N_STRETCHES
    assert finished(command(cards, out)).returncode == 3
    assert tables(out) == clean
    assert "0.09 of 0.09" in finished([NDOKI, "status", out]).stdout


def test_other_settings_are_refused_until_the_run_is_done(cards: Path, tmp_path: Path) -> None:
    out, short = tmp_path / "out", cards / "short0.wav"
    with running(command(cards, out)) as process:
        wait_for_progress(process, out)
    n_before = n_done(out)
    refused = finished([*command(cards, out), "--threshold", "0.4"])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("ndoki: ")
    assert refused.stderr.count("\n") == 1
    for words in ("--threshold", "was 0.3 and is now 0.4", "another --out", "--restart"):
        assert words in refused.stderr
    assert n_done(out) == n_before
    anew = finished([*command(short, out), "--threshold", "0.4", "--restart"])
    assert (anew.returncode, anew.stderr) == (0, "")
    assert n_done(out) == 19
    assert n_done(tmp_path / "out.before-1") == n_before
    assert finished(command(short, out)).returncode == 0, "a finished run makes room"


def test_a_changed_file_is_heard_again(
    cards: Path, forest: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    card, out = tmp_path / "card", tmp_path / "out"
    card.mkdir()
    for i in range(3):
        shutil.copy2(cards / f"short{i}.wav", card)
    assert finished(command(card, out)).returncode == 0
    soundfile.write(card / "short1.wav", forest(9.0, [4.0]), RATE)
    (card / "short2.wav").unlink()
    assert finished(command(card, out)).returncode == 0
    assert finished(command(card, tmp_path / "fresh")).returncode == 0
    assert tables(out)["detections.csv"] == tables(tmp_path / "fresh")["detections.csv"]
    assert {name for name in tables(out) if "short" in name} >= {
        name for name in tables(tmp_path / "fresh") if "short" in name
    }


def test_a_disk_that_is_full_is_said_and_the_run_goes_on(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    """No file may grow beyond 256 KiB: the write-ahead log hits that first."""
    out = tmp_path / "out"
    limit = 256 * 1024
    starved = finished(
        command(cards, out), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert starved.returncode == 2
    assert "Traceback" not in starved.stderr
    assert "run the same command again" in starved.stderr
    assert 0 < n_done(out) < N_STRETCHES
    assert finished(command(cards, out)).returncode == 3
    assert tables(out) == clean


def test_parts_on_three_machines_become_the_whole(
    cards: Path, clean: dict[str, bytes], tmp_path: Path
) -> None:
    parts, same = [tmp_path / f"part{i}" for i in (1, 2, 3)], (*OPTIONS, "--unit-s", str(UNIT_S))
    codes = [
        finished([*command(cards, part), "--shard", f"{i}/3"]).returncode for i, part in enumerate(parts, 1)
    ]
    assert sorted(codes) == [0, 0, 3], "the broken file is in one of them"
    assert sum(map(n_done, parts)) == N_STRETCHES
    missing = finished([NDOKI, "merge", tmp_path / "whole", *parts[:2], *same])
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "parts 1/3, 2/3 were given; expected each of 1/n to n/n once" in missing.stderr
    for _ in range(2):
        merged = finished([NDOKI, "merge", tmp_path / "whole", *reversed(parts), *same])
        assert (merged.returncode, merged.stderr) == (3, "")
        assert tables(tmp_path / "whole") == clean
    assert n_done(tmp_path / "whole") == N_STRETCHES
    assert "done" in finished([NDOKI, "status", tmp_path / "whole"]).stdout
    began_s = time.time()
    assert finished(command(cards, tmp_path / "whole")).returncode == 3
    assert tables(tmp_path / "whole") == clean
    assert heard_since(tmp_path / "whole", began_s) == 0.0, "the whole is known"


def test_a_merge_does_not_overwrite_an_unfinished_run(cards: Path, tmp_path: Path) -> None:
    out, part = tmp_path / "out", tmp_path / "part"
    with running(command(cards, out)) as process:
        wait_for_progress(process, out)
    n_before = n_done(out)
    assert finished(command(cards / "short0.wav", part)).returncode == 0
    refused = finished([NDOKI, "merge", out, part, *OPTIONS, "--unit-s", str(UNIT_S)])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "not finished" in refused.stderr
    assert n_done(out) == n_before
