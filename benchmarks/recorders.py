"""Recall and false alarms as if another recorder had listened, or in other weather: `make recorders`.

Every clip of the cross-validation (`make accuracy`), with a shot or without, is changed as a whole in one
way, written as a file, and scored by the network of its fold. The first row is the clips as they are. A row's
false alarms are those among its own changed look-alikes: it says how well shots and look-alikes are still
told apart. Noise, wind and silence also take from what can be heard, and no detector gets that back. Levels
are between 80 and 1500 Hz, against the background of the clip. The networks have learned from noise, wind,
tones, few bits and silence drawn at random, from smooth responses and codecs, and from patters of drops and
ticks, but from no gain control, no clipping of what is recorded, and of abrupt beginnings only from those
with a shot. The drops and ticks of this table have a formula of their own. A clip's onset is its strongest
rise, whatever rises there.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from accuracy import N_FOLDS, RATES, intervals
from ndoki.core.types import Floats
from ndoki.datasets.manifest import Sound, field_clips, fold_of, read_manifest
from ndoki.datasets.relevelled import overdriven
from ndoki.datasets.rerecorded import in_few_bits, self_noise, wind
from ndoki.datasets.simulate.recorder import coded
from ndoki.datasets.simulate.specs import RecorderSpec
from ndoki.detectors.network.detector import load_network
from ndoki.training.heldout import Heldout, fold_path
from ndoki.training.material import found_shot
from ndoki.training.recipe import Recipe
from ndoki.training.validation import ScannedClip, scan_clips

HERE = Path(__file__).resolve().parent
RATE_HZ = 8000
HUM_HZ, HUM_DB = 50.0, 15.0
GAIN_CONTROL_HZ, QUIETEST = 1.0, 1e-4
SIGMA_OF_MEDIAN = 1.48
DROP_HZ, DROP_S, DROP_DECAY_S = (200.0, 2500.0), (0.002, 0.02), (0.0005, 0.005)
N_TICK, TICK = 4, 30.0

Change = Callable[[Floats, np.random.Generator], Floats]


def background(samples: Floats) -> float:
    """Standard deviation of the background, from the median: what is loud and short hardly counts."""
    return SIGMA_OF_MEDIAN * float(np.median(np.abs(samples)))


def filtered(samples: Floats, _: np.random.Generator, *, corner_hz: float, kind: str) -> Floats:
    """A Butterworth filter of fourth order."""
    return np.asarray(sosfilt(butter(4, corner_hz, kind, fs=RATE_HZ, output="sos"), samples), np.float32)


def hum(samples: Floats, rng: np.random.Generator) -> Floats:
    """Mains at 50 Hz with two harmonics."""
    time_s, turn = np.arange(len(samples)) / RATE_HZ, rng.uniform(0.0, 1.0)
    tones = [np.sin(2 * np.pi * k * (HUM_HZ * time_s + turn)) / k for k in (1, 2, 3)]
    level = background(samples) * 10 ** (HUM_DB / 20)
    return np.asarray(samples + level * np.sum(tones, axis=0), np.float32)


def gain_control(samples: Floats, _: np.random.Generator) -> Floats:
    """What is loud turned down within a second, as telephones do."""
    power = sosfilt(
        butter(1, GAIN_CONTROL_HZ, fs=RATE_HZ, output="sos"), np.square(samples, dtype=np.float64)
    )
    return np.asarray(samples / (np.sqrt(np.maximum(power, 0.0)) + QUIETEST), np.float32)


def in_the_rain(samples: Floats, rng: np.random.Generator, *, per_s: float) -> Floats:
    """Drops on the housing: damped tones whose crests are 9 dB over the background in the median (σ 9 dB)."""
    wet, level = samples.copy(), background(samples)
    for _ in range(rng.poisson(per_s * len(samples) / RATE_HZ)):
        time_s = np.arange(round(rng.uniform(*DROP_S) * RATE_HZ)) / RATE_HZ
        decay_s, tone_hz = rng.uniform(*DROP_DECAY_S), rng.uniform(*DROP_HZ)
        drop = np.exp(-time_s / decay_s) * np.sin(2 * np.pi * tone_hz * time_s)
        first = int(rng.integers(max(1, len(samples) - len(drop))))
        end = min(len(samples), first + len(drop))
        wet[first:end] += (level * rng.lognormal(1.0, 1.0) * drop[: end - first]).astype(np.float32)
    return wet


def ticking(samples: Floats, rng: np.random.Generator, *, per_s: float) -> Floats:
    """Electrical ticks: half a millisecond of noise, 30 times as loud as the background."""
    ticked, level = samples.copy(), background(samples)
    for _ in range(rng.poisson(per_s * len(samples) / RATE_HZ)):
        first = int(rng.integers(max(1, len(samples) - N_TICK)))
        ticked[first : first + N_TICK] += (level * TICK * rng.standard_normal(N_TICK)).astype(np.float32)
    return ticked


def silenced(samples: Floats, rng: np.random.Generator) -> Floats:
    """The first or the last 0.1 to 1 s are zeros."""
    n, gapped = round(rng.uniform(0.1, 1.0) * RATE_HZ), samples.copy()
    gapped[slice(n) if rng.random() < 1 / 2 else slice(-n, None)] = 0.0
    return gapped


def begun_late(samples: Floats, _: np.random.Generator, *, lead_s: float) -> Floats:
    """All but what lies before the strongest rise, of a shot or of whatever else, and ``lead_s`` more."""
    sound = Sound(
        samples=samples, rate_hz=RATE_HZ, clips=(), first_samples=(0,), n_clip_samples=(len(samples),)
    )
    onset = found_shot(sound, Recipe(name="gunshot")).onset_sample
    return samples[max(0, onset - round(lead_s * RATE_HZ)) :]


def as_mp3(samples: Floats, _: np.random.Generator) -> Floats:
    """Through MP3 and back."""
    return coded(samples, RecorderSpec(rate_hz=RATE_HZ, codec="mp3"))


CHANGES: dict[str, Change] = {
    "as it was recorded": lambda samples, _: samples,
    "self-noise, −6 dB": lambda samples, rng: self_noise(samples, RATE_HZ, rng, -6.0),
    "self-noise, 0 dB": lambda samples, rng: self_noise(samples, RATE_HZ, rng, 0.0),
    "wind, 0 dB": lambda samples, rng: wind(samples, RATE_HZ, rng, 0.0),
    "background 3 steps of 16 bits": lambda samples, _: in_few_bits(samples, RATE_HZ, 3.0),
    "background 1 step": lambda samples, _: in_few_bits(samples, RATE_HZ, 1.0),
    "background 0.3 steps": lambda samples, _: in_few_bits(samples, RATE_HZ, 0.3),
    "digital silence at one end": silenced,
    "begins 200 ms before its onset": partial(begun_late, lead_s=0.2),
    "begins 50 ms before its onset": partial(begun_late, lead_s=0.05),
    "begins with its onset": partial(begun_late, lead_s=0.0),
    "mains hum": hum,
    "gain control": gain_control,
    "clipped 14 dB below its loudest": lambda samples, _: overdriven(samples, 14.0),
    "high-pass, 300 Hz": partial(filtered, corner_hz=300.0, kind="highpass"),
    "low-pass, 1000 Hz": partial(filtered, corner_hz=1000.0, kind="lowpass"),
    "MP3": as_mp3,
    "1 drop per second": partial(in_the_rain, per_s=1.0),
    "5 drops per second": partial(in_the_rain, per_s=5.0),
    "20 drops per second": partial(in_the_rain, per_s=20.0),
    "1 tick per second": partial(ticking, per_s=1.0),
    "3 ticks per second": partial(ticking, per_s=3.0),
}


def scored(name: str, fold: int, data: Path, folds: Path, seed: int, most: int) -> list[ScannedClip]:
    """Clips of a fold, changed, scored by its network: all, or about as many as ``most`` says."""
    network = load_network(fold_path(folds, "gunshot", fold))
    shots, backgrounds = field_clips(read_manifest(data))
    clips = [clip for clip in shots + backgrounds if fold_of(clip.group, N_FOLDS) == fold]
    step = max(1, len(clips) // most)
    with TemporaryDirectory() as work:
        changed = []
        for i, clip in list(enumerate(clips))[::step]:
            samples, _ = soundfile.read(clip.path, dtype="float32")
            heard = CHANGES[name](samples, np.random.default_rng([seed, fold, i]))
            heard = heard / max(1.0, float(np.max(np.abs(heard), initial=0.0)))
            path = Path(work) / f"{clip.path.stem}.wav"
            soundfile.write(path, heard, RATE_HZ, subtype="PCM_16")
            changed.append(replace(clip, path=path))
        return scan_clips(network, changed)


def row(name: str, found: Sequence[ScannedClip]) -> str:
    """Recall at each rate of false alarms, with its interval."""
    shots = tuple(one for one in found if one.clip.kind == "gunshot")
    backgrounds = tuple(one for one in found if one.clip.kind == "background")
    recall = intervals(Heldout(shots=shots, backgrounds=backgrounds))
    return f"{name:<32}" + "".join(
        f"{f'{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]':>24}" for i in recall.values()
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data/clips.csv")
    parser.add_argument("--folds", type=Path, default=HERE / "folds")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--clips", type=int, default=sys.maxsize, help="of each fold, at most about so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"{options.data} is not there: the figures need the labelled clips; give --data clips.csv")
    print(f"machine: {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'another recorder':<32}" + "".join(f"{f'recall at {r:g}/h':>24}" for r in RATES))
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in CHANGES:
            part = partial(
                scored,
                name,
                data=options.data,
                folds=options.folds,
                seed=options.seed,
                most=options.clips,
            )
            found = [one for each in pool.map(part, range(N_FOLDS)) for one in each]
            print(row(name, found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
