"""Seconds and memory for a day of sound, beside the floor: reading the same file and computing its STFT.

The day is a 24 h, 8 kHz, 16-bit WAV made by repeating shot-free backgrounds (from ../shared/data where it
is there, else simulated forest). Every figure is from this machine, in this run; the file is read once
before anything is timed, so that all of them read from the page cache.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
from scipy.fft import rfft

HERE = Path(__file__).resolve().parent
RATE_HZ = 8000
N_FFT, HOP = 256, 128


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
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        while left > 0:
            file.writeframes(loop[:left].tobytes())
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
    """Seconds per stage and hour of sound, on one core."""
    from ndoki.audio.reader import open_samples
    from ndoki.audio.resample import Resampler
    from ndoki.detectors.network.detector import load_network
    from ndoki.features.floor import above_floor
    from ndoki.features.mel import log_mel

    detector = load_network()
    mel, floor = detector.card.mel, detector.card.floor
    hours = seconds / 3600
    block = round(60 * mel.rate_hz)
    spent = dict.fromkeys(("read and resample", "mel and log", "floor", "network"), 0.0)
    with open_samples(str(path)) as samples:
        resampler = Resampler(RATE_HZ, mel.rate_hz)
        for first in range(0, round(seconds * mel.rate_hz), block):
            ticks = [time.perf_counter()]
            sound = resampler.read(samples, samples.header.n_samples, 0, first, first + block)
            ticks.append(time.perf_counter())
            frames = log_mel(sound, mel)
            ticks.append(time.perf_counter())
            above = above_floor(frames, floor)
            ticks.append(time.perf_counter())
            detector.run(above)
            ticks.append(time.perf_counter())
            for name, begun, ended in zip(spent, ticks[:-1], ticks[1:], strict=True):
                spent[name] += ended - begun
    return {name: value / hours for name, value in spent.items()}


def detect(path: Path, out: Path, *options: str) -> tuple[float, float]:
    """Wall-clock seconds and peak resident MB of the whole command."""
    # A run that finds its own finished work has nothing left to do.
    shutil.rmtree(out, ignore_errors=True)
    program = Path(sys.executable).with_name("ndoki")
    began = time.perf_counter()
    command = [str(program), "detect", str(path), "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detector", default="gunshot")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/speed")
    options = parser.parse_args()
    path = options.work / f"day_{options.hours:g}h.wav"
    if not path.exists():
        make_day(path, options.hours, options.data)
    cores = os.cpu_count() or 1
    print(
        f"{options.hours:g} h of {RATE_HZ} Hz 16-bit sound; "
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}"
    )
    read_day(path)
    print(
        f"{'run':>4}{'read':>9}{'read+STFT':>11}{'detect':>9}"
        f"{'x real time':>13}{'ratio to floor':>16}{'peak MB':>9}{'events':>8}"
    )
    for run in range(1, options.repeats + 1):
        read_s, stft_s = timed(lambda: read_day(path)), timed(lambda: stft_day(path, cores))
        wall_s, peak_mb = detect(
            path, options.work / "out", "--detector", options.detector, "--format", "csv"
        )
        n_events = json.loads((options.work / "out/summary.json").read_text())["n_events"]
        speed = options.hours * 3600 / wall_s
        print(
            f"{run:>4}{read_s:>8.2f}s{stft_s:>10.2f}s{wall_s:>8.2f}s"
            f"{speed:>13.0f}{wall_s / stft_s:>16.2f}{peak_mb:>9.0f}{n_events:>8}"
        )
    if options.detector == "gunshot":
        print(
            "seconds per hour of sound on one core:",
            ", ".join(f"{k} {v:.3f}" for k, v in stages(path).items()),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
