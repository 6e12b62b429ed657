"""Where exactly a sound begins: a change-point in band energies, 2 ms fine, near where a detector points.

Seismologists pick the first arrival of a wave as the instant that best splits a record into two stationary
parts [1]_. Here the record is the energy in five bands, because a far shot rises in some bands only, and the
two parts are short, because a shot decays and the next may follow in 0.07 s.

References
----------
.. [1] N. Maeda, "A method for reading and checking phase times in autoprocessing system of seismic wave
   data", Zisin 38 (1985) 365-379.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import signal

from ndoki.audio.reader import Samples
from ndoki.audio.resample import Resampler
from ndoki.core.types import Floats

__all__ = [
    "AFTER_BINS",
    "BEFORE_BINS",
    "BIN_SAMPLES",
    "RATE_HZ",
    "Pick",
    "Stretch",
    "change_evidence",
    "likeness",
    "listen",
    "pick_onset",
]

RATE_HZ = 4000
"""Everything here is heard at this rate; beyond 2 kHz a far shot has nothing."""
BIN_SAMPLES = 8
"""Energies are summed over bins of 2 ms."""
BEFORE_BINS = 50
"""The 0.1 s before an onset are compared …"""
AFTER_BINS = (5, 10, 20, 40, 80)
"""… with the 10, 20, 40, 80 and 160 ms behind it: a shot may be a click, or swell."""

_EDGES_HZ = (60.0, 125.0, 250.0, 500.0, 1000.0, 1800.0)
_LIKENESS_HZ = (80.0, 800.0)
_BEFORE_S, _AFTER_S = 0.4, 0.35
_REACH_BINS = 15
_DETECTOR_ERROR_BINS = 4.0
"""Scale of the Laplace distribution of a detector's error: 8 ms, half a frame's step."""
_AGAIN_REACH_BINS, _AGAIN_ERROR_BINS = 6, 2.0
"""The same of what was heard again, every 4 ms: 12 and 4 ms. In a forest's tail the level says less of an
onset than that does."""
_LEAST_BEFORE_BINS, _LEAST_AFTER_BINS = 3, 2
_QUIETEST = 4e-14
"""Power per hertz of rounding to 16 bits at 4 kHz, (2⁻¹⁵)²/12 over 2 kHz; so digital silence is finite."""
_HEAD = slice(-20, 220)
"""Samples around an onset by which two shots are compared: 5 ms before to 55 ms behind."""
_SHIFT_SAMPLES = 60

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """The surroundings of a candidate, at `RATE_HZ`.

    Attributes
    ----------
    first_bin
        Bin of the file (counted at `BIN_SAMPLES`) that the first column stands for.
    energy
        float64, shape (n_bands, n_bins): mean power per bin, at least that of a recorder's rounding.
    wave
        float32, shape (n_bins · BIN_SAMPLES,): the sound between 80 and 800 Hz.
    inside
        First and end column that lie in the file.
    at_bin
        Bin of the file that it was asked for.
    """

    at_bin: int
    first_bin: int
    energy: Doubles
    wave: Floats
    inside: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A local onset estimate.

    Attributes
    ----------
    bin
        Bin of the file in which the sound begins.
    evidence
        Log-likelihood ratio in nats, ≥ 0, of a change there against none, averaged over the spans of
        `AFTER_BINS`; 0 where nothing can be compared.
    spread_s
        Standard deviation of the onset, given the detector's onset and the energies.
    """

    bin: int
    evidence: float
    spread_s: float

    def sample(self, rate_hz: int) -> int:
        """The onset as a sample of a file of that rate."""
        return round(Fraction(self.bin * BIN_SAMPLES * rate_hz, RATE_HZ))


def listen(samples: Samples, channel: int, at_sample: int) -> Stretch:
    """Energies and wave from 0.4 s before to 0.35 s behind a sample of the file.

    Band filters are causal (2nd-order Butterworth bands), so that nothing sounds before it begins.

    Raises
    ------
    AudioError
        The file cannot be read.
    """
    header = samples.header
    at_bin = round(Fraction(at_sample * RATE_HZ, header.rate_hz * BIN_SAMPLES))
    first_bin = at_bin - round(_BEFORE_S * RATE_HZ / BIN_SAMPLES)
    n_bins = round((_BEFORE_S + _AFTER_S) * RATE_HZ / BIN_SAMPLES)
    first, end = first_bin * BIN_SAMPLES, (first_bin + n_bins) * BIN_SAMPLES
    sound = Resampler(header.rate_hz, RATE_HZ).read(samples, header.n_samples, channel, first, end)
    centred = sound.astype(np.float64) - float(np.mean(sound, dtype=np.float64))
    bands, likeness_band = _filters()
    energy = np.stack([_binned(signal.sosfilt(band, centred)) for band in bands])
    n_file_bins = header.n_samples * RATE_HZ // (header.rate_hz * BIN_SAMPLES)
    return Stretch(
        at_bin=at_bin,
        first_bin=first_bin,
        energy=np.maximum(energy, _QUIETEST * np.diff(_EDGES_HZ)[:, None]),
        wave=np.asarray(signal.sosfilt(likeness_band, centred), np.float32),
        inside=(max(0, -first_bin), min(n_bins, n_file_bins - first_bin)),
    )


def pick_onset(
    stretch: Stretch,
    near_bin: int,
    previous_bin: int | None = None,
    next_bin: int | None = None,
    *,
    is_heard_again: bool = False,
) -> Pick:
    """Best split within ± 30 ms of where a detector points, or ± 12 ms of where the second hearing does.

    Parameters
    ----------
    stretch
        From `listen`.
    near_bin
        The detector's onset, as a bin of the file; that of a shot of `ndoki.curation.fired` where it
        ``is_heard_again``.
    previous_bin, next_bin
        Onsets of the neighbouring shots: what sounded before the one, and what will behind the other, says
        nothing of this one.

    Returns
    -------
    Pick
        Of the posterior's peak: likelihood of the split times a Laplace distribution of the detector's error.
        The detector's own onset with evidence 0 where the file has no sound on either side.
    """
    reach, error = _REACH_BINS, _DETECTOR_ERROR_BINS
    if is_heard_again:
        reach, error = _AGAIN_REACH_BINS, _AGAIN_ERROR_BINS
    first, end = stretch.inside
    if previous_bin is not None:
        # The tail of the shot before, not its head: against that everything would be a fall.
        first = max(first, (previous_bin + near_bin) // 2 - stretch.first_bin)
    if next_bin is not None:
        end = min(end, max(next_bin, near_bin + 2 * _REACH_BINS) - stretch.first_bin)
    column = near_bin - stretch.first_bin + np.arange(-reach, reach + 1)
    column = column[(column - _LEAST_BEFORE_BINS >= first) & (column + _LEAST_AFTER_BINS <= end)]
    if not len(column):
        return Pick(bin=near_bin, evidence=0.0, spread_s=error * BIN_SAMPLES / RATE_HZ)
    evidence = change_evidence(stretch.energy, column, first, end)
    away = np.abs(column + stretch.first_bin - near_bin)
    plausible = evidence - away / error
    best = int(np.argmax(plausible))
    weight = np.exp(plausible - plausible[best])
    middle = np.average(column, weights=weight)
    spread = np.sqrt(np.average((column - middle) ** 2, weights=weight) + 1 / 12)
    return Pick(
        bin=int(column[best]) + stretch.first_bin,
        evidence=float(evidence[best]),
        spread_s=float(spread) * BIN_SAMPLES / RATE_HZ,
    )


def change_evidence(energy: Doubles, columns: Integers, first: int, end: int) -> Doubles:
    """Log-likelihood ratio of a rise in level at each column against a steady level.

    A band of B hertz holds about 2·B·t independent values in t seconds. For Gaussian sound of mean power m₁
    in n₁ of them before the split, m₂ in n₂ behind it and m over both, the ratio is
    ½·[(n₁+n₂)·ln m − n₁·ln m₁ − n₂·ln m₂]; bands that fall count nothing.

    Parameters
    ----------
    energy
        Mean power per bin, shape (n_bands, n_bins), > 0; bands as in `Stretch`.
    columns
        Where a split is tried: int64, shape (n,), first < column < end.
    first, end
        Columns that may be looked at.

    Returns
    -------
    float64, shape (n,), ≥ 0
        Mean over the spans `AFTER_BINS`, summed over bands, in nats.
    """
    total = np.concatenate([np.zeros((len(energy), 1)), np.cumsum(energy, axis=1)], axis=1)
    per_bin = np.diff(_EDGES_HZ)[:, None] * (BIN_SAMPLES / RATE_HZ)
    begin = np.maximum(columns - BEFORE_BINS, first)
    before = (total[:, columns] - total[:, begin]) / (columns - begin)
    evidence = np.zeros(len(columns))
    for span in AFTER_BINS:
        stop = np.minimum(columns + span, end)
        after = (total[:, stop] - total[:, columns]) / (stop - columns)
        both = (total[:, stop] - total[:, begin]) / (stop - begin)
        ratio = (
            (stop - begin) * np.log(both)
            - (columns - begin) * np.log(before)
            - (stop - columns) * np.log(after)
        )
        evidence += np.where(after > before, per_bin * ratio, 0.0).sum(axis=0)
    return np.asarray(np.maximum(evidence / len(AFTER_BINS), 0.0))


def likeness(one: Stretch, one_bin: int, other: Stretch, other_bin: int) -> float:
    """How alike two shots begin: the highest normalised cross-correlation of their first 55 ms, in [0, 1].

    Shots from one place reach the microphone on one way, and sound alike; noise does not repeat itself.
    0 where a stretch does not reach far enough.
    """
    head = _head(other, other_bin, 0)
    around = _head(one, one_bin, _SHIFT_SAMPLES)
    if head is None or around is None:
        return 0.0
    product = signal.correlate(around, head, "valid")
    power = np.convolve(around * around, np.ones(len(head)), "valid") * np.dot(head, head)
    return float(np.clip(np.max(product / np.sqrt(np.maximum(power, 1e-30))), 0.0, 1.0))


def _head(stretch: Stretch, at_bin: int, margin: int) -> Doubles | None:
    at = (at_bin - stretch.first_bin) * BIN_SAMPLES
    first, end = at + _HEAD.start - margin, at + _HEAD.stop + margin
    if first < 0 or end > len(stretch.wave):
        return None
    return stretch.wave[first:end].astype(np.float64)


def _binned(band: Doubles) -> Doubles:
    return np.asarray(np.square(band).reshape(-1, BIN_SAMPLES).mean(axis=1))


@lru_cache(maxsize=1)
def _filters() -> tuple[list[Doubles], Doubles]:
    bands = pairwise(_EDGES_HZ)
    made = [signal.butter(2, band, "bandpass", fs=RATE_HZ, output="sos") for band in bands]
    return made, signal.butter(2, _LIKENESS_HZ, "bandpass", fs=RATE_HZ, output="sos")
