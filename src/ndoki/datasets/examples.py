"""Training examples: short files put together from shots, backgrounds and look-alikes.

Shots and look-alikes go through the very same cuts, fades, filters and mixing, and plain backgrounds
through the same joints; otherwise a network learns the splice instead of the shot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.augment import band_rms, cut_with_fades, push_away, random_response, with_digital_silence
from ndoki.datasets.manifest import Sound
from ndoki.datasets.simulate import confusers as synthetic
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.ranges import TRAIN, SimulationRanges
from ndoki.datasets.simulate.scene import draw_and_render

__all__ = ["Example", "ExampleSpec", "Material", "Onset", "ShotSound", "make_example"]

_REFERENCE_S = 0.28
_SHOT_S = 0.1
_CLICKS = ("door", "footsteps", "leaves_rustle", "raindrops", "rockfall", "wood", "woodpecker")
_NO_CLICKS = ("alarm_call", "bee", "frog", "insect_onset", "thunder_far", "thunder_near", "wind_gust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Where a shot begins. ``exact`` when it is known from construction and not measured."""

    sample: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotSound:
    """A labelled shot sound: the onset that was found in it, and where others may be, in samples."""

    sound: Sound
    onset_sample: int
    unsure_samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A short file with its truth.

    ``unsure_samples`` are places where a shot may begin or not; ``labels`` are look-alikes known to be in it.
    """

    samples: Floats
    rate_hz: int
    onsets: tuple[Onset, ...]
    unsure_samples: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSpec:
    """Which examples, how often, and how far changes go.

    Parameters
    ----------
    real, pushed, simulated, background, confuser
        Relative frequency: a real shot as recorded; a real shot pushed away and mixed into another
        background; a simulated shot or burst; background alone; look-alikes.
    clip_share
        How often an example is one clip as it was cut, with a file's edges where the clip's are.
    length_s
        Range of the length of all other examples.
    snr_db
        Range of the signal-to-noise ratio of mixed shots: 100 ms from the onset on against the 280 ms
        before it, 80–1500 Hz.
    confuser_snr_db
        The same for look-alikes.
    pushed_confuser_share
        How often a look-alike is pushed away like a shot.
    extra_confuser_share
        How often an example with a shot also holds a look-alike.
    burst_share
        How often a real shot that is pushed away is repeated as a burst.
    noise_share
        How often the background is steady noise of a random colour.
    response_share, silence_share
        How often the whole example gets another recorder's response, or a gap of digital silence.
    """

    real: float = 0.16
    pushed: float = 0.34
    simulated: float = 0.15
    background: float = 0.12
    confuser: float = 0.23
    clip_share: float = 0.4
    length_s: tuple[float, float] = (5.0, 9.0)
    snr_db: tuple[float, float] = (-3.0, 25.0)
    confuser_snr_db: tuple[float, float] = (0.0, 30.0)
    pushed_confuser_share: float = 0.4
    extra_confuser_share: float = 0.25
    burst_share: float = 0.15
    noise_share: float = 0.1
    response_share: float = 0.2
    silence_share: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What examples are made of; all sounds have the same rate."""

    shots: Sequence[ShotSound]
    backgrounds: Sequence[Sound]
    confusers: Sequence[Sound]
    near_shots: NearShots | None = None
    ranges: SimulationRanges = field(default_factory=lambda: TRAIN)
    rate_hz: int = 8000


@dataclass(slots=True)
class _Canvas:
    """An example while it is being made."""

    samples: Floats
    rate_hz: int
    onsets: list[Onset]
    unsure: list[int]
    labels: list[str]

    def add(self, part: Floats, at: int, reference: int, snr_db: float) -> None:
        """Mix ``part`` in so that its sample ``reference`` lands on ``at`` with the wanted ratio."""
        before = self.samples[max(0, at - round(_REFERENCE_S * self.rate_hz)) : max(0, at)]
        if len(before) < self.rate_hz // 20:
            before = self.samples
        noise = max(band_rms(before, self.rate_hz), 1e-5)
        signal = band_rms(part[reference : reference + round(_SHOT_S * self.rate_hz)], self.rate_hz)
        gain = noise * 10 ** (snr_db / 20) / max(signal, 1e-9)
        first = at - reference
        cut = part[max(0, -first) : max(0, len(self.samples) - first)]
        self.samples[max(0, first) : max(0, first) + len(cut)] += np.float32(gain) * cut


def _pick(items: Sequence[Sound], rng: np.random.Generator) -> Sound:
    return items[int(rng.integers(len(items)))]


def _crop(samples: Floats, n: int, rng: np.random.Generator) -> Floats:
    if len(samples) <= n:
        return samples
    first = int(rng.integers(len(samples) - n + 1))
    return samples[first : first + n]


def _joined(first: Floats, second: Floats, fade: int) -> Floats:
    """Two stretches with an equal-power crossfade of ``fade`` samples."""
    fade = min(fade, len(first), len(second))
    if fade == 0:
        return np.concatenate([first, second])
    turn = (np.arange(fade, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / fade)
    middle = first[-fade:] * np.cos(turn) + second[:fade] * np.sin(turn)
    return np.concatenate([first[:-fade], middle.astype(np.float32), second[fade:]])


def _levelled(samples: Floats, like: Floats, rng: np.random.Generator) -> Floats:
    """At about the level of another stretch, so that a joint is not a step of 20 dB."""
    own = max(float(np.sqrt(np.mean(np.square(samples)))), 1e-6)
    other = max(float(np.sqrt(np.mean(np.square(like)))), 1e-6)
    return samples * np.float32(other / own * 10 ** (rng.normal(0.0, 2.0) / 20))


def _extended(samples: Floats, n: int, material: Material, rng: np.random.Generator) -> tuple[Floats, int]:
    """Grow a stretch to ``n`` samples by backgrounds on either side; also how far it moved."""
    moved = 0
    while len(samples) < n:
        other = _levelled(_pick(material.backgrounds, rng).samples, samples, rng)
        other = _crop(other, n - len(samples) + round(0.3 * material.rate_hz), rng)
        fade = min(round(rng.uniform(0.05, 0.3) * material.rate_hz), len(other), len(samples))
        if rng.random() < 0.5:
            samples, moved = _joined(other, samples, fade), moved + len(other) - fade
        else:
            samples = _joined(samples, other, fade)
        if len(other) == fade:
            break
    return samples, moved


def _background(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    if rng.random() < spec.noise_share:
        return _noise(material, spec, rng)
    samples = _pick(material.backgrounds, rng).samples
    if rng.random() < spec.clip_share:
        samples = _crop(samples, 6 * material.rate_hz, rng)
    else:
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        samples, _ = _extended(_crop(samples, n, rng), n, material, rng)
    return _Canvas(samples.copy(), material.rate_hz, [], [], [])


def _noise(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    """Steady noise of a random colour: a forest with nothing in it."""
    n = round(rng.uniform(*spec.length_s) * material.rate_hz)
    level = 10 ** (rng.uniform(-65.0, -30.0) / 20)
    white = (level * rng.standard_normal(n)).astype(np.float32)
    return _Canvas(random_response(white, material.rate_hz, rng, depth_db=15.0), material.rate_hz, [], [], [])


def _real(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    """A real shot as it was recorded: its own clip, or its clip between backgrounds."""
    shot = material.shots[int(rng.integers(len(material.shots)))]
    samples, moved = shot.sound.samples, 0
    if rng.random() < spec.clip_share:
        i = int(rng.integers(len(shot.sound.clips)))
        first, length = shot.sound.first_samples[i], shot.sound.n_clip_samples[i]
        samples, moved = samples[first : first + length], -first
    else:
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        samples, moved = _extended(samples, n, material, rng)
    at = shot.onset_sample + moved
    onsets = [Onset(sample=at, exact=False)] if 0 <= at < len(samples) else []
    return _Canvas(samples.copy(), material.rate_hz, onsets, [o + moved for o in shot.unsure_samples], [])


def _burst_times(rng: np.random.Generator) -> list[float]:
    """Automatic fire, 8 to 15 rounds per second, or quick single shots."""
    if rng.random() < 0.6:
        n, interval = int(rng.integers(2, 20)), rng.uniform(1 / 15, 1 / 8)
        return list(np.arange(n) * interval + np.concatenate([[0.0], rng.normal(0, 0.03 * interval, n - 1)]))
    return list(np.concatenate([[0.0], np.cumsum(rng.uniform(0.2, 1.5, int(rng.integers(1, 4))))]))


def _pushed(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    canvas = _background(material, spec, rng)
    shot = material.shots[int(rng.integers(len(material.shots)))]
    onset = shot.onset_sample
    lead = round(0.02 * material.rate_hz)
    end = onset + round(rng.uniform(0.6, 2.5) * material.rate_hz)
    part = cut_with_fades(shot.sound.samples, material.rate_hz, onset - lead, end)
    lead = min(lead, onset)
    times = _burst_times(rng) if rng.random() < spec.burst_share else [0.0]
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


def _simulated(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    canvas = _background(material, spec, rng)
    shot = draw_and_render(rng, material.ranges, material.near_shots, rate_hz=material.rate_hz)
    at = int(rng.integers(0, len(canvas.samples)))
    first = shot.onset_samples[0]
    canvas.add(shot.samples, at, first, rng.uniform(*spec.snr_db))
    onsets = (at + onset - first for onset in shot.onset_samples)
    canvas.onsets += [Onset(sample=onset, exact=True) for onset in onsets if onset < len(canvas.samples)]
    return canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookAlike:
    """Something that is no shot. A click with a tail *is* a far shot, so clicks are never pushed away."""

    samples: Floats
    label: str = ""
    is_click: bool = False
    fade_in_s: float = 0.02


def _look_alike(material: Material, rng: np.random.Generator) -> _LookAlike:
    choice = rng.random()
    if choice < 0.35:
        kind = synthetic.CONFUSERS[int(rng.integers(len(synthetic.CONFUSERS)))]
        samples = synthetic.render_confuser(kind, rng, material.rate_hz)
        return _LookAlike(samples=samples, is_click=kind not in _NO_CLICKS)
    if choice < 0.45:
        # A faded-in piece of plain background: what a splice sounds like without a shot.
        return _LookAlike(samples=_pick(material.backgrounds, rng).samples, is_click=True)
    sound = _pick(material.confusers, rng)
    label = sound.clip.label
    # Cut at its loudest, thunder would begin as sharply as a shot does.
    fade_in_s = rng.uniform(0.3, 1.0) if label == "thunder" or rng.random() < 0.3 else 0.02
    return _LookAlike(samples=sound.samples, label=label, is_click=label in _CLICKS, fade_in_s=fade_in_s)


def _add_confuser(canvas: _Canvas, material: Material, spec: ExampleSpec, rng: np.random.Generator) -> None:
    """Mix in a look-alike, cut and treated just as shots are."""
    other = _look_alike(material, rng)
    if other.label:
        canvas.labels.append(other.label)
    whole = other.samples
    loudest = int(np.argmax(np.abs(whole))) if rng.random() < 0.7 else int(rng.integers(len(whole)))
    lead = round(other.fade_in_s * material.rate_hz)
    first = max(0, loudest - lead)
    end = loudest + round(rng.uniform(0.3, 4.0) * material.rate_hz)
    part = cut_with_fades(whole, material.rate_hz, first, end, fade_in_s=other.fade_in_s)
    part = random_response(part, material.rate_hz, rng)
    if not other.is_click and rng.random() < spec.pushed_confuser_share:
        part = push_away(part, material.rate_hz, rng)
    at = int(rng.integers(0, len(canvas.samples)))
    canvas.add(part, at, loudest - first, rng.uniform(*spec.confuser_snr_db))


def _confuser(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> _Canvas:
    if rng.random() < 0.4:
        sound = _pick(material.confusers, rng)
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        return _Canvas(_crop(sound.samples, n, rng).copy(), material.rate_hz, [], [], [sound.clip.label])
    canvas = _background(material, spec, rng)
    for _ in range(int(rng.integers(1, 4))):
        _add_confuser(canvas, material, spec, rng)
    return canvas


def make_example(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Example:
    """Draw one example."""
    makers = (_real, _pushed, _simulated, _background, _confuser)
    shares = np.array([spec.real, spec.pushed, spec.simulated, spec.background, spec.confuser])
    canvas = makers[int(rng.choice(len(makers), p=shares / shares.sum()))](material, spec, rng)
    if canvas.onsets and rng.random() < spec.extra_confuser_share:
        _add_confuser(canvas, material, spec, rng)
    if rng.random() < spec.response_share:
        canvas.samples = random_response(canvas.samples, canvas.rate_hz, rng)
    if rng.random() < spec.silence_share:
        kept = [onset.sample for onset in canvas.onsets]
        canvas.samples = with_digital_silence(canvas.samples, canvas.rate_hz, rng, kept)
    loudest = float(np.max(np.abs(canvas.samples), initial=1e-9))
    if loudest > 1.0:
        canvas.samples /= np.float32(loudest) if rng.random() < 0.7 else np.float32(1.0)
    np.clip(canvas.samples, -1.0, 1.0, out=canvas.samples)
    onsets = tuple(sorted(canvas.onsets, key=lambda onset: onset.sample))
    return Example(
        samples=canvas.samples,
        rate_hz=canvas.rate_hz,
        onsets=onsets,
        unsure_samples=tuple(canvas.unsure),
        labels=tuple(sorted(set(canvas.labels))),
    )
