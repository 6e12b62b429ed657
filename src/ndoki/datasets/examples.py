"""Training examples: short files put together from shots, backgrounds and look-alikes.

Shots and look-alikes go through the very same cuts, fades, filters and mixing, and plain backgrounds
through the same joints; otherwise a network learns the splice instead of the shot.
"""

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.augment import SPEEDS, cut_with_fades, push_away, random_response, with_digital_silence
from ndoki.datasets.backdrops import backdrop, crop, extended, picked
from ndoki.datasets.canvas import Canvas, cut_off
from ndoki.datasets.example_spec import Example, ExampleSpec, Material, Onset
from ndoki.datasets.look_alikes import draw_look_alike
from ndoki.datasets.relevelled import relevelled
from ndoki.datasets.rerecorded import rerecorded
from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.patter import patter
from ndoki.datasets.simulate.recorder import coded
from ndoki.datasets.simulate.scene import draw_and_render
from ndoki.datasets.simulate.specs import RecorderSpec

__all__ = ["make_example"]

_SWELL_WINDOW_S = 0.02
_CODECS = ("vorbis", "mp3")


def _plain(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Canvas:
    return Canvas(backdrop(material, spec, rng), material.rate_hz)


def _real(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Canvas:
    """A real shot as it was recorded: its own clip, or its clip between backgrounds."""
    shot = material.shots[int(rng.integers(len(material.shots)))]
    samples, moved = shot.sound.samples, 0
    if rng.random() < spec.clip_share:
        i = int(rng.integers(len(shot.sound.clips)))
        first, length = shot.sound.first_samples[i], shot.sound.n_clip_samples[i]
        samples, moved = samples[first : first + length], -first
    else:
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        samples, moved = extended(samples, n, material, rng)
    at = shot.onset_sample + moved
    onsets = [Onset(sample=at, exact=False)] if 0 <= at < len(samples) else []
    return Canvas(samples.copy(), material.rate_hz, onsets, [o + moved for o in shot.unsure_samples], [])


def _burst_times(rng: np.random.Generator, regular_share: float) -> list[float]:
    """Automatic fire, 8 to 15 rounds per second, or quick single shots, some of them at one pace."""
    if rng.random() < 0.6:
        n, interval = int(rng.integers(2, 20)), rng.uniform(1 / 15, 1 / 8)
        return list(np.arange(n) * interval + np.concatenate([[0.0], rng.normal(0, 0.03 * interval, n - 1)]))
    gaps_s = [log_uniform(rng, (0.12, 1.5)) for _ in range(int(rng.integers(1, 5)))]
    if regular_share and rng.random() < regular_share:
        gaps_s = [gaps_s[0] * rng.uniform(0.95, 1.05) for _ in gaps_s]
    return [0.0, *np.cumsum(gaps_s).tolist()]


def _pushed(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(backdrop(material, spec, rng), material.rate_hz)
    shot = material.shots[int(rng.integers(len(material.shots)))]
    onset = shot.onset_sample
    lead = round(0.02 * material.rate_hz)
    end = onset + round(rng.uniform(0.6, 2.5) * material.rate_hz)
    part = cut_with_fades(shot.sound.samples, material.rate_hz, onset - lead, end)
    lead = min(lead, onset)
    regular_share = material.ranges.regular_series_share
    times = _burst_times(rng, regular_share) if rng.random() < spec.burst_share else [0.0]
    offsets = [round(time * material.rate_hz) for time in times]
    series = np.zeros(offsets[-1] + len(part), np.float32)
    for offset in offsets:
        series[offset : offset + len(part)] += part * np.float32(10 ** (rng.normal(0, 1.0) / 20))
    series = random_response(series, material.rate_hz, rng)
    if rng.random() < 0.85:
        series = push_away(series, material.rate_hz, rng)
    at = int(rng.integers(0, len(canvas.samples) - lead))
    canvas.add(series, at, lead, rng.uniform(*spec.snr_db))
    canvas.onsets += [Onset(sample=at + o, exact=False) for o in offsets if at + o < len(canvas.samples)]
    later = [unsure - onset for unsure in shot.unsure_samples if onset < unsure < end]
    canvas.unsure += [at + o + after for o in offsets for after in later]
    return canvas


def _simulated(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Canvas:
    canvas = Canvas(backdrop(material, spec, rng), material.rate_hz)
    snr_db = rng.uniform(*spec.snr_db)
    shot = draw_and_render(rng, material.ranges, material.near_shots, material.rate_hz, snr_db=snr_db)
    at = int(rng.integers(0, len(canvas.samples)))
    first = shot.onset_samples[0]
    swell = _swell(shot.samples[first:], shot.peak_samples[0] - first, material.rate_hz)
    canvas.add(shot.samples, at, first + swell, snr_db)
    onsets = (at + onset - first for onset in shot.onset_samples)
    canvas.onsets += [
        Onset(sample=onset, exact=swell == 0) for onset in onsets if onset < len(canvas.samples)
    ]
    return canvas


def _swell(samples: Floats, peak: int, rate_hz: int) -> int:
    """Samples until a shot that swells can be heard: within 10 dB of its loudest; 0 where it begins at once.

    Where leaves and trunks stop the direct wave, the first that is heard comes later than the first that
    arrives, and nobody could learn the difference.
    """
    width = round(_SWELL_WINDOW_S * rate_hz)
    summed = np.concatenate(([0.0], np.cumsum(np.square(samples[: peak + width], dtype=np.float64))))
    level = summed[width:] - summed[:-width]
    swell = int(np.argmax(level >= 0.1 * level.max()))
    return swell if swell > _SWELL_WINDOW_S * rate_hz else 0


def _add_confuser(canvas: Canvas, material: Material, spec: ExampleSpec, rng: np.random.Generator) -> None:
    """Mix in a look-alike."""
    other = draw_look_alike(
        material.backgrounds,
        material.confusers,
        material.ranges,
        rng,
        rate_hz=material.rate_hz,
        snr_db=spec.confuser_snr_db,
        pushed_share=spec.pushed_confuser_share,
    )
    if other.label:
        canvas.labels.append(other.label)
    at = int(rng.integers(0, len(canvas.samples)))
    canvas.add(other.samples, at, other.loudest_sample, rng.uniform(*other.snr_db))
    canvas.others.append(at)


def _confuser(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Canvas:
    if rng.random() < 0.4:
        sound = picked(material.confusers, rng)
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        return Canvas(crop(sound.samples, n, rng).copy(), material.rate_hz, labels=[sound.clip.label])
    canvas = Canvas(backdrop(material, spec, rng), material.rate_hz)
    for _ in range(int(rng.integers(1, 4))):
        _add_confuser(canvas, material, spec, rng)
    return canvas


def make_example(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Example:
    """Draw one example."""
    makers = (_real, _pushed, _simulated, _plain, _confuser)
    shares = np.array([spec.real, spec.pushed, spec.simulated, spec.background, spec.confuser])
    canvas = makers[int(rng.choice(len(makers), p=shares / shares.sum()))](material, spec, rng)
    if canvas.onsets and rng.random() < spec.extra_confuser_share:
        _add_confuser(canvas, material, spec, rng)
    if spec.patter_share and rng.random() < spec.patter_share:
        drops = patter(rng, canvas.rate_hz, len(canvas.samples))
        loudest_sample = int(np.argmax(np.abs(drops)))
        canvas.add(drops, loudest_sample, loudest_sample, rng.uniform(*spec.patter_snr_db))
        canvas.others.append(loudest_sample)
    if spec.speed_share and rng.random() < spec.speed_share:
        canvas.play_at(SPEEDS[int(rng.integers(len(SPEEDS)))])
    if rng.random() < spec.response_share:
        canvas.samples = random_response(canvas.samples, canvas.rate_hz, rng)
    if spec.rerecorded_share and rng.random() < spec.rerecorded_share:
        canvas.samples = rerecorded(canvas.samples, canvas.rate_hz, rng)
    if spec.level_share and rng.random() < spec.level_share:
        canvas.samples = relevelled(canvas.samples, canvas.rate_hz, rng)
    if rng.random() < spec.silence_share:
        kept = [onset.sample for onset in canvas.onsets]
        canvas.samples = with_digital_silence(canvas.samples, canvas.rate_hz, rng, kept)
    cut_off(canvas, spec, rng)
    loudest = float(np.max(np.abs(canvas.samples), initial=1e-9))
    if loudest > 1.0:
        canvas.samples /= np.float32(loudest) if rng.random() < 0.7 else np.float32(1.0)
    if spec.codec_share and rng.random() < spec.codec_share:
        codec = _CODECS[int(rng.integers(len(_CODECS)))]
        canvas.samples = coded(canvas.samples, RecorderSpec(rate_hz=canvas.rate_hz, codec=codec))
    np.clip(canvas.samples, -1.0, 1.0, out=canvas.samples)
    onsets = tuple(sorted(canvas.onsets, key=lambda onset: onset.sample))
    return Example(
        samples=canvas.samples,
        rate_hz=canvas.rate_hz,
        onsets=onsets,
        unsure_samples=tuple(canvas.unsure),
        labels=tuple(sorted(set(canvas.labels))),
    )
