"""A simulated recording whose detections are made from its truth by hand, so that every figure is known."""

import csv
import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.ranges import TEST
from ndoki.datasets.simulate.schedule import Rates
from ndoki.tables.audacity import LABELS_SUFFIX

HOURS = 0.05
ROUNDING = 1e-9


@dataclass(frozen=True)
class Known:
    """A folder with tables of detections, and what must come out."""

    folder: Path
    n_truths: int
    n_found: int
    loud: tuple[int, int]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Every other burst is found; one shot twice; three reports where nothing was, two of them as one."""
    folder = tmp_path_factory.mktemp("day")
    rates = Rates(hunts_per_hour=200.0, confusers_per_hour=100.0)
    files = simulate_day(folder / "night.wav", HOURS, 6, ranges=TEST, rates=rates)
    with files.truth.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    shots = [row for row in rows if row["label"] == "gunshot"]
    assert len(rows) > len(shots) > 10, "the recording must hold shots and look-alikes"
    found_bursts = list(dict.fromkeys(row["burst"] for row in shots))[::2]
    found = [row for row in shots if row["burst"] in found_bursts]
    events = [(float(row["onset_s"]) + 0.01, 0.9) for row in found]
    last = max(float(row["onset_s"]) for row in found if row["burst"] == found_bursts[0])
    events.append((last + 0.25, 0.8))
    quiet = quiet_times(np.array([float(row["onset_s"]) for row in rows]))
    events += [(quiet[0], 0.7), (quiet[0] + 0.5, 0.6), (quiet[1], 0.3)]
    write(folder, sorted(events))
    loud = [row for row in shots if float(row["snr_db"]) >= 15]
    return Known(
        folder=folder,
        n_truths=len(shots),
        n_found=len(found),
        loud=(sum(row["burst"] in found_bursts for row in loud), len(loud)),
    )


def quiet_times(onsets_s: np.ndarray) -> list[float]:
    """Two times, 10 s apart or more, that are 2 s before whatever comes next and 3 s behind the last."""
    grid = np.arange(1.0, 3600 * HOURS - 2, 0.5)
    free = grid[np.abs(grid[:, None] - onsets_s + 0.5).min(axis=1) > 2.5]
    first = float(free[0])
    return [first, float(free[free > first + 10][0])]


def write(folder: Path, events: list[tuple[float, float]]) -> None:
    """The same detections in four formats."""
    cells = [(f"{start_s:.6f}", f"{start_s + 0.5:.6f}", f"{score:.4f}") for start_s, score in events]
    (folder / "d.csv").write_text(
        "file,start_s,end_s,label,score\n"
        + "".join(f"{folder}/night.wav,{start},{end},gunshot,{score}\n" for start, end, score in cells)
    )
    (folder / "d.jsonl").write_text(
        "".join(
            json.dumps(
                {"file": "E:/card/night.wav", "start_s": float(a), "end_s": float(b), "score": float(c)}
            )
            + "\n"
            for a, b, c in cells
        )
    )
    (folder / "d.txt").write_text(
        "Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tScore\n"
        + "".join(f"{i}\t{a}\t{b}\tnight.wav\t{c}\n" for i, (a, b, c) in enumerate(cells, 1))
    )
    (folder / f"night{LABELS_SUFFIX}").write_text("".join(f"{a}\t{b}\tgunshot {c}\n" for a, b, c in cells))


@functools.cache
def evaluated(known: Known, table: str, *options: str) -> tuple[dict[str, Any], str]:
    """report.json, and what the terminal showed."""
    out = known.folder / f"report-{table}"
    program = Path(sys.executable).with_name("ndoki")
    command = [program, "evaluate", table, "--truth", "night.truth.csv", "--out", out, *options]
    done = subprocess.run(command, cwd=known.folder, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads((out / "report.json").read_text(encoding="utf-8")), done.stdout


@pytest.mark.parametrize("table", ["d.csv", "d.jsonl", "d.txt", f"night{LABELS_SUFFIX}"])
def test_known_detections_give_the_exact_figures(known: Known, table: str) -> None:
    report, shown = evaluated(known, table)
    (point,) = report["at_threshold"]
    assert (report["n_truths"], report["background_hours"]) == (known.n_truths, HOURS)
    assert (point["n_found"], point["n_second"], point["n_false"]) == (known.n_found, 1, 2)
    assert point["n_reported"] == known.n_found + 1 + 3
    assert point["recall"] == known.n_found / known.n_truths
    assert point["false_alarms_per_hour"] == pytest.approx(2 / HOURS)
    assert f"{known.n_found} of {known.n_truths}" in shown
    recalls = {row["false_alarms_per_hour"]: row for row in report["recall_at_false_alarms_per_hour"]}
    # Below 20 per hour no false alarm is allowed in 3 minutes; the first one scores 0.7.
    assert recalls[10.0]["recall"] == known.n_found / known.n_truths
    assert recalls[10.0]["threshold"] == 0.9


def test_breakdowns_add_up(known: Known) -> None:
    report, _ = evaluated(known, "d.csv")
    assert set(report["recall_by"]) == {"SNR (dB)", "distance (km)", "weapon"}
    for parts in report["recall_by"].values():
        assert sum(part["n_truths"] for part in parts) == known.n_truths
        assert sum(part["n_found"] for part in parts) == known.n_found
        assert all(part["low"] - ROUNDING <= part["recall"] <= part["high"] + ROUNDING for part in parts)
    loud = {part["name"]: (part["n_found"], part["n_truths"]) for part in report["recall_by"]["SNR (dB)"]}
    assert loud["≥ 15"] == known.loud
    everything = report["shots_per_burst"]["all, single shots too"]
    # The second report of a shot lies within its burst's margin.
    assert (everything["n_true"], everything["n_reported"]) == (known.n_truths, known.n_found + 1)
    assert sum(cause["n_false"] for cause in report["false_alarms_by_cause"]) == 2


def test_a_threshold_leaves_the_curve_as_it_is(known: Known) -> None:
    every, _ = evaluated(known, "d.csv")
    above, _ = evaluated(known, "d.csv", "--threshold", "0.65")
    assert (above["at_threshold"][0]["n_false"], above["at_threshold"][0]["n_second"]) == (1, 1)
    assert above["curve"] == every["curve"]
    alone, _ = evaluated(known, "d.csv", "--threshold", "0.85")
    assert (alone["at_threshold"][0]["n_false"], alone["at_threshold"][0]["n_second"]) == (0, 0)


def test_the_sound_may_be_gone_as_long_as_the_settings_tell_its_length(known: Known, tmp_path: Path) -> None:
    for name in ("night.truth.csv", "night.settings.json", "d.txt"):
        (tmp_path / name).write_bytes((known.folder / name).read_bytes())
    moved = Known(tmp_path, known.n_truths, known.n_found, known.loud)
    report, _ = evaluated(moved, "d.txt")
    assert report["background_hours"] == HOURS
