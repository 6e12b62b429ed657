"""Seconds and memory for a day of sound, beside the floor: reading the same file and computing its STFT.

The day is a 24 h, 8 kHz, 16-bit WAV made by repeating shot-free backgrounds (from ../shared/data where it
is there, else simulated forest): clips of 4 s that had fooled a trigger, cut hard, the worst that a gate can
meet. With ``--forest`` it is a simulated day: forest, 3.5 h of rain, 40 look-alikes an hour and a hunt every
five hours; with ``--rain`` the same with eight hunts an hour, which is the day of `make gate`. Every figure
is from this machine, in this run; the file is read once before anything is timed, so that all of them read
from the page cache.
"""

import argparse
import csv
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
from scipy.fft import rfft

HERE = Path(__file__).resolve().parent
RAIN_WORK = HERE.parent / "build/gate"
RATE_HZ = 8000
N_FFT, HOP = 256, 128
DAY_HOURS = 24.0
FEW_HUNTS_PER_HOUR = 0.2
LAST_DIGIT = 0.00015
_LOOK_S = 0.1
T = TypeVar("T")


def make_day(path: Path, hours: float, data: Path) -> None:
    """Backgrounds, one after the other, again and again until the length is reached."""
    files = sorted((data / "belize/background").glob("*.flac"))
    if files:
        parts = [soundfile.read(file, dtype="int16")[0] for file in files]
    else:
        parts = [(np.random.default_rng(0).normal(0, 300, 60 * RATE_HZ)).astype(np.int16)]
    loop = np.concatenate(parts)
    left = round(hours * 3600 * RATE_HZ)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Sizes in a plain WAV file end at 4 GiB.
    kind = "WAV" if 2 * left < 2**32 - 100 else "RF64"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16", format=kind) as file:
        while left > 0:
            file.write(loop[:left])
            left -= len(loop)


def read_day(path: Path) -> None:
    """Every sample as int16."""
    with path.open("rb") as file:
        file.seek(44)
        while file.read(1 << 24):
            pass


def stft_day(path: Path, workers: int) -> None:
    """Read, and compute the magnitude of a 256/128 STFT, a minute at a time on every core."""
    window = np.hanning(N_FFT).astype(np.float32)

    def magnitude(first: int) -> float:
        samples = np.fromfile(path, np.int16, 60 * RATE_HZ, offset=44 + 2 * first).astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
        return float(np.abs(rfft(frames * window, axis=1))[0, 0])

    n_samples = (path.stat().st_size - 44) // 2
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(magnitude, range(0, n_samples - N_FFT, 60 * RATE_HZ)):
            pass


def timed(work: Callable[[], object]) -> float:
    """Wall-clock seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def stages(path: Path, seconds: float = 1800.0) -> dict[str, float]:
    """Processor seconds per stage and hour of sound, on one core; the network also without its gate."""
    from ndoki.audio.blocks import read_block
    from ndoki.audio.reader import open_samples
    from ndoki.batch.run import UNIT_S
    from ndoki.detectors.network.detector import load_network

    seconds = min(seconds, soundfile.info(path).duration)
    whole = load_network()
    detector = whole if whole.gate is None else whole.gated()
    spent: dict[str, float] = {}

    def spend(name: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        result = work()
        spent[name] = spent.get(name, 0.0) + (time.process_time() - began) * 3600 / seconds
        return result

    grid, step = detector.grid, detector.grid.frames_in(UNIT_S)
    with open_samples(str(path)) as samples:
        n_frames = grid.n_frames(grid.n_samples(samples.header.n_samples, samples.header.rate_hz))
        for first in range(0, min(n_frames, grid.frames_in(seconds)), step):
            read = partial(
                read_block,
                samples,
                0,
                grid=grid,
                before_frames=detector.context_before_frames,
                after_frames=detector.context_after_frames,
                first_frame=first,
                end_frame=min(n_frames, first + step),
            )
            block = spend("read and resample", read)
            levels = detector.levels_of(block)
            spend("mel, floor", partial(levels.measured, first, min(n_frames, first + step) // 2 * 2))
            heard = spend("gate", partial(detector.heard, levels))
            outputs = spend("network behind the gate", partial(detector.outputs_of, levels, heard))
            spend("verifier", partial(detector.verified, outputs[:, 0], block))
            spend("network on everything", partial(detector.outputs_of, levels))
    return spent


def detect(path: Path, out: Path, *options: str) -> tuple[float, float]:
    """Wall-clock seconds and peak resident MB of the whole command; of each of its processes, added up."""
    # A run that finds its own finished work has nothing left to do.
    shutil.rmtree(out, ignore_errors=True)
    program = Path(sys.executable).with_name("ndoki")
    command = [str(program), "detect", str(path), "--out", str(out), "--format", "csv", *options]
    peaks_mb: dict[int, float] = {}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    is_over = Event()
    watcher = Thread(target=_watch, args=(process.pid, peaks_mb, is_over))
    watcher.start()
    process.wait()
    wall_s = time.perf_counter() - began
    is_over.set()
    watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return wall_s, sum(peaks_mb.values())


def _watch(pid: int, peaks_mb: dict[int, float], is_over: Event) -> None:
    """Note the peak of a process and of those that it begins."""
    while not is_over.wait(_LOOK_S):
        for each in (pid, *_children(pid)):
            peaks_mb[each] = _peak_mb(each) or peaks_mb.get(each, 0.0)


def _children(pid: int) -> list[int]:
    """Processes that a process has begun and not waited for."""
    with suppress(OSError):
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(number) for text in lists for number in text.split()]
    return []


def _peak_mb(pid: int) -> float | None:
    """What a process ever had in memory; None once it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


def events_of(out: Path) -> list[tuple[str, float]]:
    """Begin and score of each event of a run."""
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        return [(row["start_s"], float(row["score"])) for row in csv.DictReader(file)]


def n_rounded(lost: set[tuple[str, float]], new: set[tuple[str, float]]) -> int:
    """How many lost events are among the new ones but for the last of the four digits of their score.

    How long a piece the network is given changes the order of its sums.
    """
    scores = dict(new)
    return sum(abs(score - scores.get(start_s, -1.0)) < LAST_DIGIT for start_s, score in lost)


def lengths(hours: list[float], options: argparse.Namespace) -> None:
    """Time and memory of files of several lengths; those that were made for it are removed."""
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"{'hours':>7}{'detect':>10}{'s per hour':>12}{'peak MB':>9}")
    for length in hours:
        was_there = path_of(length, options).exists()
        free_bytes = shutil.disk_usage(options.work).free
        if not was_there and bytes_of(length) > free_bytes:
            sys.exit(
                f"{length:g} h take {bytes_of(length) / 1e9:.1f} GB, and {free_bytes / 1e9:.1f} GB are free "
                f"in {options.work}; give another folder by --work"
            )
        try:
            path = sound_of(length, options)
            read_day(path)
            wall_s, peak_mb = detect(path, options.work / "out", "--detector", options.detector)
        finally:
            if not was_there:
                path_of(length, options).unlink(missing_ok=True)
            shutil.rmtree(options.work / "out", ignore_errors=True)
        print(f"{length:>7g}{wall_s:>9.2f}s{wall_s / length:>12.3f}{peak_mb:>9.0f}", flush=True)


def coded(options: argparse.Namespace) -> None:
    """Time, processor time and events of the same sound as WAV and as FLAC, with one job and with two."""
    wav = sound_of(options.hours, options)
    flac = wav.with_suffix(".flac")
    with soundfile.SoundFile(flac, "w", RATE_HZ, 1, "PCM_16") as file:
        for block in soundfile.blocks(wav, 1 << 20, dtype="int16"):
            file.write(block)
    print(f"{options.hours:g} h")
    print(f"{'file':>6}{'jobs':>6}{'detect':>9}{'processor':>11}{'peak MB':>9}{'events':>8}")
    for path in (wav, flac):
        for jobs in (1, 2):
            read_day(path)
            before_s = children_s()
            wall_s, peak_mb = detect(path, options.work / "out", "--jobs", f"{jobs}")
            spent_s, n_events = children_s() - before_s, len(events_of(options.work / "out"))
            row = f"{path.suffix[1:]:>6}{jobs:>6}{wall_s:>8.2f}s{spent_s:>10.2f}s{peak_mb:>9.0f}{n_events:>8}"
            print(row, flush=True)
    flac.unlink()


def children_s() -> float:
    """Processor seconds of all commands that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def bytes_of(hours: float) -> int:
    """Size of such a file."""
    return round(2 * hours * 3600 * RATE_HZ)


def path_of(hours: float, options: argparse.Namespace) -> Path:
    """Where the file of that length lies."""
    work: Path = options.work
    return work / f"day_{hours:g}h.wav"


def sound_of(hours: float, options: argparse.Namespace) -> Path:
    """The file of that length, made if it is not there."""
    path = path_of(hours, options)
    if not path.exists():
        _apart(make_day, path, hours, options.data)
    return path


def rainy_day_of(hours: float, options: argparse.Namespace) -> Path:
    """The simulated day of `make gate`, or one with fewer hunts, made if it is not there."""
    from gate import HUNTS_PER_HOUR, rainy_day, rainy_path

    hunts_per_hour = FEW_HUNTS_PER_HOUR if options.forest else HUNTS_PER_HOUR
    _apart(rainy_day, hours, options.data, RAIN_WORK, hunts_per_hour)
    return rainy_path(hours, RAIN_WORK, hunts_per_hour)


def _apart(make: Callable[..., object], *given: object) -> None:
    """In a process of its own: the peak memory of a command counts that of whoever starts it."""
    maker = get_context("spawn").Process(target=make, args=given)
    maker.start()
    maker.join()
    if maker.exitcode:
        sys.exit("the day could not be made")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=DAY_HOURS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detector", default="gunshot")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/speed")
    parser.add_argument(
        "--lengths",
        type=lambda text: [float(one) for one in text.split(",")],
        help="hours, by comma: time and memory of files of these lengths instead; 240 h take 14 GB of disk",
    )
    parser.add_argument("--sound", type=Path, help="a plain mono WAV of 16 bit and 8 kHz instead of the day")
    parser.add_argument("--forest", action="store_true", help="a simulated day with rain instead")
    parser.add_argument("--rain", action="store_true", help="the same, with shots all day")
    parser.add_argument("--coded", action="store_true", help="WAV and FLAC of so many --hours instead")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    print(f"{RATE_HZ} Hz, 16 bit; {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    if options.lengths:
        lengths(options.lengths, options)
        return 0
    if options.coded:
        coded(options)
        return 0
    path, out, detector = (
        options.sound
        or (rainy_day_of if options.rain or options.forest else sound_of)(options.hours, options),
        options.work / "out",
        options.detector,
    )
    hours = soundfile.info(path).duration / 3600
    print(f"{hours:g} h: {path.name}")
    read_day(path)
    print(
        f"{'run':>4}{'read':>9}{'read+STFT':>11}{'detect':>9}"
        f"{'x real time':>13}{'ratio to floor':>16}{'peak MB':>9}{'events':>8}"
    )
    for run in range(1, options.repeats + 1):
        read_s, stft_s = timed(lambda: read_day(path)), timed(lambda: stft_day(path, cores))
        wall_s, peak_mb = detect(path, out, "--detector", detector)
        speed, n_events = hours * 3600 / wall_s, len(events_of(out))
        print(
            f"{run:>4}{read_s:>8.2f}s{stft_s:>10.2f}s{wall_s:>8.2f}s"
            f"{speed:>13.0f}{wall_s / stft_s:>16.2f}{peak_mb:>9.0f}{n_events:>8}"
        )
    if detector == "gunshot":
        behind = events_of(out)
        wall_s, _ = detect(path, out, "--detector", detector, "--exhaustive")
        whole = events_of(out)
        lost, new = set(whole) - set(behind), set(behind) - set(whole)
        print(f"--exhaustive: {wall_s:.2f} s, {len(whole)} events", end="; ")
        print(f"behind the gate {len(lost)} lost, {len(new)} new", end=", ")
        print(f"of which {n_rounded(lost, new)} differ in the last digit of their score alone")
        spent = ", ".join(f"{name} {value:.3f}" for name, value in stages(path).items())
        print(f"processor seconds per hour of sound: {spent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
