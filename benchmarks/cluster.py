"""What Dask costs: the same folder heard by `--jobs` and by as many workers of `--cluster local`.

Both write equal tables, which is checked. The time that a cluster takes to start is measured by itself, with
a folder of one short file; what is left of the processor time, divided by the number of stretches, is what
handing one over costs: of whole stretches of 12 minutes, and of files of 10 s, each of them one. Needs the
extra `cluster`.
"""

import argparse
import os
import platform
import shutil
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ndoki.batch.run import UNIT_S
from speed import children_s, detect, make_day

HERE = Path(__file__).resolve().parent
N_LONG, LONG_S, N_SHORT, SHORT_S = 6, 3600.0, 400, 10.0


def make_folder(folder: Path, n_files: int, length_s: float, data: Path) -> Path:
    """Files of one length, all of the same sound."""
    shutil.rmtree(folder, ignore_errors=True)
    make_day(folder / "000.wav", length_s / 3600, data)
    for i in range(1, n_files):
        (folder / f"{i:03}.wav").hardlink_to(folder / "000.wav")
    return folder


def measured(folder: Path, out: Path, *options: str) -> tuple[float, float]:
    """Wall-clock and processor seconds of a run, its workers included."""
    before_s = children_s()
    wall_s, _ = detect(folder, out, *options)
    return wall_s, children_s() - before_s


def compare(
    name: str, folder: Path, n_stretches: int, start_spent_s: float, options: argparse.Namespace
) -> None:
    """Two lines of the table."""
    n, work = options.workers, options.work
    ways = (("--jobs", f"{n}"), ("--cluster", f"local:{n}"))
    taken = [measured(folder, work / way[0], *way) for way in ways]
    tables = [(work / way[0] / "detections.csv").read_bytes() for way in ways]
    if tables[0] != tables[1]:
        sys.exit(f"{folder}: the tables differ")
    for way, (wall_s, spent_s) in zip(ways, taken, strict=True):
        print(f"{name:>14}{n_stretches:>11}  {' '.join(way):<18}{wall_s:>8.2f}s{spent_s:>11.2f}s")
    per_ms = 1000 * (taken[1][1] - start_spent_s - taken[0][1]) / n_stretches
    print(f"{'':>27}besides the start {per_ms:.1f} ms of processors per stretch", flush=True)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/cluster")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    one = make_folder(options.work / "one", 1, SHORT_S, options.data)
    few = make_folder(options.work / "long", N_LONG, LONG_S, options.data)
    many = make_folder(options.work / "short", N_SHORT, SHORT_S, options.data)
    detect(one, options.work / "out", "--jobs", "1")
    alone = measured(one, options.work / "out", "--jobs", "1")
    started = measured(one, options.work / "out", "--cluster", f"local:{options.workers}")
    start_s, start_spent_s = started[0] - alone[0], started[1] - alone[1]
    print(f"a cluster's start: {start_s:.2f} s, {start_spent_s:.2f} s of processors")
    print(f"{'files':>14}{'stretches':>11}  {'way':<18}{'time':>9}{'processor':>12}")
    compare(f"{N_LONG} of {LONG_S:g} s", few, N_LONG * round(LONG_S / UNIT_S), start_spent_s, options)
    compare(f"{N_SHORT} of {SHORT_S:g} s", many, N_SHORT, start_spent_s, options)
    shutil.rmtree(options.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
