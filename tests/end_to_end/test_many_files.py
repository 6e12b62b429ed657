"""A card of 10 000 small files: heard as they come, with memory and open files as for 1 000."""

import csv
import json
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from long_runs import NDOKI, running
from sound_files import RATE

JOBS = 2
FEW, MANY, SHOT_EVERY = 1_000, 10_000, 1_000
LOOKED_AHEAD = 2 * JOBS + 1
"""Files that may be open and not yet heard: two for each job, and the next."""
KB_PER_FILE = 4
"""For its name, its recording and its row; what is read of it would be eight."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A run, seen from outside: files looked into and heard, open files, resident memory in kB."""

    n_looked: int
    n_heard: int
    n_open: int
    memory_kb: float


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card that was heard."""

    out: Path
    moments: list[Moment]
    peak_kb: float


def make_card(folder: Path, n_files: int, forest: Callable[..., np.ndarray]) -> None:
    """Links: each name is a file of its own to whoever opens it."""
    folder.mkdir()
    soundfile.write(folder / "plain.bin", forest(0.5), RATE, format="WAV")
    soundfile.write(folder / "shot.bin", forest(4.0, [2.0]), RATE, format="WAV")
    for i in range(n_files):
        kind = "plain" if i % SHOT_EVERY else "shot"
        sub = folder / f"{i // 500:03}"
        sub.mkdir(exist_ok=True)
        (sub / f"{i:05}.WAV").hardlink_to(folder / f"{kind}.bin")


def moment(process: psutil.Process, ledger: Path) -> Moment | None:
    """None as long as there is no ledger to look into."""
    if not ledger.is_file():
        return None
    connection = sqlite3.connect(ledger, timeout=30.0)
    try:
        counts = "SELECT (SELECT count(*) FROM recording), (SELECT count(*) FROM unit)"
        n_looked, n_heard = connection.execute(counts).fetchone()
        memory_kb = process.memory_info().rss / 1024
        return Moment(n_looked=n_looked, n_heard=n_heard, n_open=process.num_fds(), memory_kb=memory_kb)
    except (sqlite3.OperationalError, psutil.Error):
        return None
    finally:
        connection.close()


def hear(folder: Path, n_files: int, forest: Callable[..., np.ndarray]) -> Card:
    make_card(folder, n_files, forest)
    out, moments = folder.with_name(f"{folder.name}-out"), []
    with running([NDOKI, "detect", folder, "--out", out, "--jobs", str(JOBS)]) as process:
        watched = psutil.Process(process.pid)
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if seen := moment(watched, out / ".ndoki" / "ledger.sqlite"):
                moments.append(seen)
            time.sleep(0.02)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said = process.stderr.read() if process.stderr else ""
    assert (process.returncode, said) == (0, "")
    return Card(out=out, moments=moments, peak_kb=usage.ru_maxrss)


@pytest.fixture(scope="module")
def few(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Card:
    return hear(tmp_path_factory.mktemp("cards") / "few", FEW, forest)


@pytest.fixture(scope="module")
def many(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Card:
    return hear(tmp_path_factory.mktemp("cards") / "many", MANY, forest)


def rows(card: Card) -> list[dict[str, str]]:
    with (card.out / "detections.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_shot_and_every_file_is_there(few: Card, many: Card) -> None:
    (alone,) = rows(few)
    found = rows(many)
    assert [Path(row["file"]).name for row in found] == [f"{i:05}.WAV" for i in range(0, MANY, SHOT_EVERY)]
    assert {row["start_s"] for row in found} == {alone["start_s"]}
    assert {row["score"] for row in found} == {alone["score"]}
    summary = json.loads((many.out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["n_files_ok"], summary["n_files_failed"]) == (MANY, 0)
    names = {path.name.partition(".")[0] for path in (many.out / "raven").glob("*/*.selections.txt")}
    assert names == {f"{i:05}" for i in range(MANY)}


def test_the_first_is_heard_before_the_others_are_looked_into(many: Card) -> None:
    hearing = [seen for seen in many.moments if 0 < seen.n_heard < MANY]
    assert hearing, "no look at the run while it was hearing"
    assert max(seen.n_looked - seen.n_heard for seen in many.moments) <= LOOKED_AHEAD


def test_open_files_do_not_grow(few: Card, many: Card) -> None:
    few_open, many_open = (max(seen.n_open for seen in card.moments) for card in (few, many))
    assert many_open <= few_open + LOOKED_AHEAD


def test_memory_keeps_little_of_a_file(few: Card, many: Card) -> None:
    assert many.peak_kb - few.peak_kb < KB_PER_FILE * (MANY - FEW)
