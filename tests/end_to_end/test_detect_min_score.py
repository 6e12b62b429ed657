"""``--min-score`` lists fainter events; everything else stays with the threshold."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile


def detect(sound: Path, out: Path, *options: str) -> tuple[list[dict[str, str]], int, int]:
    """Rows of detections.csv, events in the summary, and pictures."""
    command = [
        sys.executable,
        "-c",
        "from ndoki.cli.main import main; main()",
        "detect",
        str(sound),
        "--images",
    ]
    subprocess.run([*command, "--out", str(out), *options], check=True, capture_output=True)
    with (out / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    n_events = json.loads((out / "summary.json").read_text())["n_events"]
    return rows, n_events, len(list(out.rglob("*.png")))


def test_fainter_events_are_listed_and_not_counted(tmp_path: Path, rng: np.random.Generator) -> None:
    sound = 0.003 * rng.standard_normal(8000 * 30)
    for second, level in ((5, 0.5), (20, 0.02)):
        n = 8000
        sound[second * 8000 : second * 8000 + n] += (
            level * rng.standard_normal(n) * np.exp(-np.arange(n) / 1600)
        )
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, 8000, subtype="PCM_16")
    loud, _, _ = detect(path, tmp_path / "all", "--threshold", "0.02")
    limit = max(float(row["score"]) for row in loud)
    rows, n_events, n_pictures = detect(
        path, tmp_path / "few", "--threshold", f"{limit}", "--min-score", "0.02"
    )
    assert len(rows) == len(loud) > 1
    assert n_events == n_pictures == 1
    assert [bool(row["burst"]) for row in rows].count(True) == 1
