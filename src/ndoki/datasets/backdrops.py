"""Backgrounds of examples: stretches of recordings joined without a seam, noise, synthetic forests."""

from collections.abc import Sequence

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.augment import random_response
from ndoki.datasets.example_spec import ExampleSpec, Material
from ndoki.datasets.manifest import Sound
from ndoki.datasets.simulate.background import draw_forest_noise, forest_noise

__all__ = ["backdrop", "crop", "extended", "picked"]

_SUSTAINED = (
    "bird",
    "chainsaw",
    "frog",
    "helicopter",
    "insect",
    "leaves_rustle",
    "rain",
    "vehicle",
    "wind",
)
"""Look-alikes that shots are heard through: backgrounds of other places are few, these are many."""


def picked(items: Sequence[Sound], rng: np.random.Generator) -> Sound:
    """Any of them."""
    return items[int(rng.integers(len(items)))]


def crop(samples: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Any ``n`` samples in a row, or all where there are no more."""
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


def extended(samples: Floats, n: int, material: Material, rng: np.random.Generator) -> tuple[Floats, int]:
    """Grow a stretch to ``n`` samples by backgrounds on either side; also how far it moved."""
    moved = 0
    while len(samples) < n:
        other = _levelled(picked(material.backgrounds, rng).samples, samples, rng)
        other = crop(other, n - len(samples) + round(0.3 * material.rate_hz), rng)
        fade = min(round(rng.uniform(0.05, 0.3) * material.rate_hz), len(other), len(samples))
        if rng.random() < 0.5:
            samples, moved = _joined(other, samples, fade), moved + len(other) - fade
        else:
            samples = _joined(samples, other, fade)
        if len(other) == fade:
            break
    return samples, moved


def backdrop(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Floats:
    """Sound without a shot: recorded, noise of a random colour, or a synthetic forest; float32 (n,).

    Look-alikes that go on and on count as recorded backgrounds too, in ``spec.sustained_share`` of all cases.
    """
    choice = rng.random()
    if choice < spec.noise_share:
        return _noise(material, spec, rng)
    if choice < spec.noise_share + spec.forest_share:
        return _synthetic_forest(material, spec, rng)
    sounds = material.backgrounds
    if choice < spec.noise_share + spec.forest_share + spec.sustained_share:
        sounds = [sound for sound in material.confusers if sound.clip.label in _SUSTAINED] or sounds
    samples = picked(sounds, rng).samples
    if rng.random() < spec.clip_share:
        samples = crop(samples, 6 * material.rate_hz, rng)
    else:
        n = round(rng.uniform(*spec.length_s) * material.rate_hz)
        samples, _ = extended(crop(samples, n, rng), n, material, rng)
    return samples.copy()


def _noise(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Floats:
    """Steady noise of a random colour: a forest with nothing in it."""
    n = round(rng.uniform(*spec.length_s) * material.rate_hz)
    level = 10 ** (rng.uniform(-65.0, -30.0) / 20)
    white = (level * rng.standard_normal(n)).astype(np.float32)
    return random_response(white, material.rate_hz, rng, depth_db=15.0)


def _synthetic_forest(material: Material, spec: ExampleSpec, rng: np.random.Generator) -> Floats:
    """Insects, wind and at times rain, as the simulator makes them."""
    duration_s = rng.uniform(*spec.length_s)
    n = round(duration_s * material.rate_hz)
    # A place of a day's length: rain is as rare in its first seconds as it is in a day.
    place = draw_forest_noise(rng, material.rate_hz, 86_400.0)
    samples = next(forest_noise(place, material.rate_hz, n))
    return samples.copy()
