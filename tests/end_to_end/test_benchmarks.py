"""The benchmarks, at their smallest: each prints its table. Its figures are not judged here."""

import subprocess
import sys
from pathlib import Path

import pytest
from long_runs import ENVIRONMENT

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT.parent / "shared/data/clips.csv"
with_data = pytest.mark.skipif(not DATA.is_file(), reason="../shared/data is not there")

SMALLEST = {
    "speed": ("--hours", "0.05", "--repeats", "1", "--work", "{}"),
    "many_files": ("--files", "20", "--work", "{}"),
    "weapons": ("--scenes", "1"),
    "weapon_by_sound": ("--shots", "100", "--told", "20", "--steps", "2"),
    "refine": ("--hours", "0.05", "--work", "{}"),
    "forests": ("--hours", "0.05", "--out", "{}"),
    "recorders": ("--clips", "6"),
}
"""Options of each; the braces are a folder."""
SAID = {
    "speed": "processor seconds per hour of sound: read and resample",
    "many_files": "open files",
    "weapons": "Automatic against shotgun, these two carried",
    "weapon_by_sound": "other guns,",
    "refine": "0.97 to 1",
    "forests": "The report is",
    "recorders": "MP3  ",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("speed", "many_files") else [with_data])
        for name in sorted(SMALLEST)
    ],
)
def test_a_benchmark_prints_its_table(name: str, tmp_path: Path) -> None:
    options = [one.format(tmp_path) for one in SMALLEST[name]]
    ran = subprocess.run(
        [sys.executable, CHECKOUT / "benchmarks" / f"{name}.py", *options],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=300,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert SAID[name] in ran.stdout
