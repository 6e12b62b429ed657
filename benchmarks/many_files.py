"""How soon the first of 10 000 small files on a disk is heard, how long all take, and in how much memory.

Files of 0.5 s at 8 kHz, hard links to two: one in a hundred, the first among them, holds a simulated shot.
`ndoki detect` runs as users run it, in a process of its own, and writes all that it writes by default.
Seconds count from the start of the command.
"""

import argparse
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil
import soundfile

HERE = Path(__file__).resolve().parent
RATE_HZ, LENGTH_S, SHOT_EVERY = 8000, 0.5, 100
PEAK_AT_S = 0.15


def make_files(folder: Path, n_files: int) -> None:
    """A card: a thousand links to a folder, so that names, headers and bytes are read for each of them."""
    from ndoki.datasets.simulate.scene import ForestSpec, ShotSpec, render

    rng = np.random.default_rng(20261122)
    plain = rng.normal(0, 0.002, round(LENGTH_S * RATE_HZ)).astype(np.float32)
    rifle = ShotSpec(weapon="rifle", source="friedlander", pressure_pa=2000.0, positive_s=0.0008)
    shot = render(rifle, ForestSpec(scatter_seed=0), 300.0, RATE_HZ, rng)
    first = round(PEAK_AT_S * RATE_HZ)
    part = shot.samples[shot.onset_samples[0] :][: len(plain) - first]
    loud = plain.copy()
    loud[first : first + len(part)] += 0.2 * part / np.abs(part).max()
    folder.mkdir(parents=True)
    for name, sound in (("plain", plain), ("shot", loud)):
        soundfile.write(folder / f"{name}.bin", sound, RATE_HZ, subtype="PCM_16", format="WAV")
    for i in range(n_files):
        card = folder / f"card{i // 1000:03}"
        card.mkdir(exist_ok=True)
        kind = "shot" if i % SHOT_EVERY == 0 else "plain"
        name = f"AM_{20260101 + i // 86400}_{i // 3600 % 24:02}{i // 60 % 60:02}{i % 60:02}.WAV"
        (card / name).hardlink_to(folder / f"{kind}.bin")


@dataclass(kw_only=True)
class Watched:
    """What is seen of a run from outside; seconds since its start."""

    first_stretch_s: float | None = None
    first_event_s: float | None = None
    heard_s: float | None = None
    total_s: float = 0.0
    cpu_s: float = 0.0
    heard_mb: float = 0.0
    peak_mb: float = 0.0
    most_open: int = 0


def look(ledger: Path) -> tuple[int, int]:
    """Stretches and events in a ledger; none while it is being made."""
    if not ledger.exists():
        return 0, 0
    connection = sqlite3.connect(ledger, timeout=30.0)
    try:
        row = connection.execute("SELECT count(*), coalesce(sum(n_events), 0) FROM unit").fetchone()
        return int(row[0]), int(row[1])
    except sqlite3.OperationalError:
        return 0, 0
    finally:
        connection.close()


def is_running(process: psutil.Process) -> bool:
    """Whether it is; what it used can still be asked for when it is not."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def watch(process: psutil.Process, out: Path, n_files: int, began_s: float) -> Watched:
    """Look at a run every 50 ms up to its first event, later every 500; then wait for its end."""
    seen = Watched()
    while seen.heard_s is None and is_running(process):
        n_done, n_events = look(out / ".ndoki" / "ledger.sqlite")
        now_s = time.perf_counter() - began_s
        if n_done and seen.first_stretch_s is None:
            seen.first_stretch_s = now_s
        if n_events and seen.first_event_s is None:
            seen.first_event_s = now_s
        if n_done == n_files:
            seen.heard_s = now_s
        seen.heard_mb = process.memory_info().rss / 1e6
        seen.most_open = max(seen.most_open, process.num_fds())
        time.sleep(0.05 if seen.first_event_s is None else 0.5)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the run ended with {os.waitstatus_to_exitcode(status)}")
    seen.total_s, seen.peak_mb = time.perf_counter() - began_s, usage.ru_maxrss / 1000
    seen.cpu_s = usage.ru_utime + usage.ru_stime
    return seen


def measure(folder: Path, out: Path, n_files: int, options: argparse.Namespace) -> Watched:
    """One run."""
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = [Path(sys.executable).with_name("ndoki"), "detect", folder, "--out", out]
    began_s = time.perf_counter()
    with subprocess.Popen(
        [*command, "--detector", options.detector, "--jobs", str(options.jobs)], stdout=subprocess.DEVNULL
    ) as process:
        return watch(psutil.Process(process.pid), out, n_files, began_s)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", default="1000,10000", help="how many, by comma")
    parser.add_argument("--detector", default="gunshot")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/many-files")
    options = parser.parse_args()
    print(
        f"{options.detector}, {options.jobs} jobs; {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )
    print(
        f"{'files':>8}{'first heard':>13}{'first event':>13}{'all heard':>11}{'all written':>13}{'CPU':>9}"
        f"{'MB then':>9}{'peak MB':>9}{'open files':>12}"
    )
    for n_files in map(int, options.files.split(",")):
        folder, out = options.work / f"files-{n_files}", options.work / "out"
        shutil.rmtree(folder, ignore_errors=True)
        make_files(folder, n_files)
        seen = measure(folder, out, n_files, options)
        seconds = "".join(
            f"{'-' if value is None else f'{value:.2f}s':>{width}}"
            for value, width in (
                (seen.first_stretch_s, 13),
                (seen.first_event_s, 13),
                (seen.heard_s, 11),
                (seen.total_s, 13),
                (seen.cpu_s, 9),
            )
        )
        memory = f"{seen.heard_mb:>9.0f}{seen.peak_mb:>9.0f}"
        print(f"{n_files:>8}{seconds}{memory}{seen.most_open:>12}", flush=True)
        shutil.rmtree(folder)
        shutil.rmtree(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
