"""One cue of a simulated day made sound: rendered, brought to its level, and its rows of truth."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.simulate.cadence import firing_times_s, log_uniform
from ndoki.datasets.simulate.confusers import AT_THE_RECORDER, render_confuser
from ndoki.datasets.simulate.draw import draw_distance_m, draw_forest, draw_shot
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.ranges import SimulationRanges
from ndoki.datasets.simulate.recorded import read_at
from ndoki.datasets.simulate.recorder import band_limited
from ndoki.datasets.simulate.scene import render
from ndoki.datasets.simulate.schedule import Cue, Rates
from ndoki.datasets.simulate.sending import send
from ndoki.datasets.simulate.specs import RecorderSpec
from ndoki.datasets.simulate.truth import energy_band, in_band_power

__all__ = ["AFTER_S", "BEFORE_S", "TRUTH_COLUMNS", "Sounding", "Stage", "perform"]

AFTER_S = 0.1
BEFORE_S = 0.28
TRUTH_COLUMNS = (
    "onset_sample",
    "onset_s",
    "end_sample",
    "label",
    "weapon",
    "distance_m",
    "burst",
    "shot_index",
    "n_shots",
    "snr_db",
    "low_hz",
    "high_hz",
    "first_arrival",
)
_CONFUSER_DISTANCE_M = (5.0, 400.0)
_LONGEST_FILE_S = 12.0
_FADE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all cues of a day share."""

    seed: int
    rate_hz: int
    ranges: SimulationRanges
    rates: Rates
    recorder: RecorderSpec
    near_shots: NearShots | None
    confuser_files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounding:
    """A sound at its level and its place, and its rows of the truth table (columns `TRUTH_COLUMNS`)."""

    first_sample: int
    samples: Floats
    rows: tuple[dict[str, object], ...]

    @property
    def end_sample(self) -> int:
        """Sample behind its last."""
        return self.first_sample + len(self.samples)


def perform(cue: Cue, stage: Stage, before: Floats, burst: int) -> Sounding:
    """Render one cue at a level drawn over the background before it.

    Level over background (``snr_db``): mean square of the shot alone over the 100 ms after its onset, against
    that of the background over the 280 ms before the *first* shot of the burst, both between 80 and 1500 Hz.
    Look-alikes: loudest 100 ms against the same 280 ms, in all bands.

    Parameters
    ----------
    cue, stage
        What happens, and where.
    before
        Background up to the onset, float32, at least 0.5 s.
    burst
        Number for the ``burst`` column.
    """
    if cue.kind == "gunshot":
        return _fire(cue, stage, before, burst)
    return _confuse(cue, stage, before)


def _fire(cue: Cue, stage: Stage, before: Floats, burst: int) -> Sounding:
    gun, firing = np.random.default_rng(cue.seed), np.random.default_rng([cue.seed, cue.firing])
    shot = draw_shot(gun, ranges=stage.ranges, near_shots=stage.near_shots)
    snr_db = gun.uniform(*stage.rates.snr_db)
    distance_m = draw_distance_m(gun, stage.ranges, snr_db)
    forest = draw_forest(gun, stage.ranges, distance_m)
    interval_s = shot.shot_times_s[-1] / max(1, shot.n_shots - 1)
    times_s = firing_times_s(firing, stage.ranges, shot.weapon, interval_s)
    shot = replace(shot, shot_times_s=times_s, shot_gains_db=(0.0,) * len(times_s), burst=burst)
    heard = render(
        shot,
        forest,
        distance_m,
        stage.rate_hz,
        firing,
        near_shots=stage.near_shots,
        recorder=stage.recorder,
    )
    lead = heard.onset_samples[0]
    n_after = round(AFTER_S * stage.rate_hz)
    power = in_band_power(heard.samples, stage.rate_hz)
    levels = [float(np.mean(power[onset : onset + n_after])) for onset in heard.onset_samples]
    noise = float(np.mean(in_band_power(before, stage.rate_hz)[-round(BEFORE_S * stage.rate_hz) :]))
    gain = math.sqrt(10 ** (snr_db / 10) * max(noise, 1e-12) / max(levels[0], 1e-20))
    rows = tuple(
        _row(
            cue.onset_sample + onset - lead,
            cue.onset_sample + end - lead,
            stage.rate_hz,
            label="gunshot",
            weapon=heard.weapon,
            distance_m=round(distance_m, 1),
            burst=burst,
            shot_index=index,
            n_shots=heard.n_shots,
            snr_db=round(10 * math.log10(gain**2 * level / max(noise, 1e-12)), 2),
            low_hz=round(heard.low_hz, 1),
            high_hz=round(heard.high_hz, 1),
            first_arrival=first,
        )
        for index, (onset, end, level, first) in enumerate(
            zip(heard.onset_samples, heard.end_samples, levels, heard.first_arrivals, strict=True), start=1
        )
    )
    samples = heard.samples[lead:] * np.float32(gain)
    return Sounding(first_sample=cue.onset_sample, samples=samples, rows=rows)


def _confuse(cue: Cue, stage: Stage, before: Floats) -> Sounding:
    rng = np.random.default_rng(cue.seed)
    samples, name = _confuser(cue.kind, stage, rng)
    n_loud = round(AFTER_S * stage.rate_hz)
    summed = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    loudest = float(np.max(summed[n_loud:] - summed[:-n_loud])) / n_loud if len(samples) > n_loud else 1e-9
    noise = max(float(np.var(before[-round(BEFORE_S * stage.rate_hz) :])), 1e-12)
    snr_db = rng.uniform(*stage.rates.confuser_snr_db)
    samples = samples * np.float32(math.sqrt(10 ** (snr_db / 10) * noise / max(loudest, 1e-20)))
    spectrum = np.fft.rfft(samples)
    low_hz, high_hz = energy_band(np.fft.rfftfreq(len(samples), 1 / stage.rate_hz), spectrum)
    first = int(np.argmax(np.abs(samples) > 0.1 * np.max(np.abs(samples))))
    row = _row(
        cue.onset_sample + first,
        cue.onset_sample + len(samples),
        stage.rate_hz,
        label=name,
        snr_db=round(snr_db, 2),
        low_hz=round(low_hz, 1),
        high_hz=round(high_hz, 1),
    )
    return Sounding(first_sample=cue.onset_sample, samples=samples, rows=(row,))


def _confuser(kind: str, stage: Stage, rng: np.random.Generator) -> tuple[Floats, str]:
    if kind.startswith("file:"):
        path = stage.confuser_files[int(kind.removeprefix("file:"))]
        samples = read_at(path, stage.rate_hz)[: round(_LONGEST_FILE_S * stage.rate_hz)].copy()
        n_fade = min(len(samples) // 2, round(_FADE_S * stage.rate_hz))
        samples[:n_fade] *= np.linspace(0, 1, n_fade, dtype=np.float32)
        samples[len(samples) - n_fade :] *= np.linspace(1, 0, n_fade, dtype=np.float32)
        return samples, path.stem
    samples = render_confuser(kind, rng, stage.rate_hz)
    if kind not in AT_THE_RECORDER and not kind.startswith("thunder"):
        distance_m = log_uniform(rng, _CONFUSER_DISTANCE_M)
        forest = draw_forest(rng, stage.ranges, distance_m)
        samples = send(samples, stage.rate_hz, forest, distance_m)
    return band_limited(samples, stage.recorder), kind


def _row(onset: int, end: int, rate_hz: int, **columns: object) -> dict[str, object]:
    return {"onset_sample": onset, "onset_s": round(onset / rate_hz, 6), "end_sample": end, **columns}
