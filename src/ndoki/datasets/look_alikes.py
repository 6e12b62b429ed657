"""Sounds that are no shots, cut and placed as shots are: what a detector must learn to leave alone.

What makes a shot is a sudden onset and a tail that dies away. A stretch of rain that was cut out with a
sudden beginning and a soft end has both, so such a cut would teach that shots are none. Here sustained
sounds swell, unless they go on so long that no tail could; sudden ones keep the beginning that they had.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.augment import cut_with_fades, push_away, random_response
from ndoki.datasets.manifest import Sound
from ndoki.datasets.simulate import confusers as synthetic
from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.draw import draw_forest, ends_at_level_m
from ndoki.datasets.simulate.ranges import SimulationRanges
from ndoki.datasets.simulate.sending import send

__all__ = ["LookAlike", "draw_look_alike"]

_SUDDEN = ("dog_bark", "door", "fire_crackling", "footsteps", "raindrops", "rockfall", "wood", "woodpecker")
_SYNTHETIC_SHARE, _SPLICE_SHARE = 0.4, 0.1
_SUSTAINED_SHARE, _SUSTAINED_S = 0.12, 4.0
_DISTANCE_M = (5.0, 600.0)
"""An impact is weak beside a shot: nobody hears one from as far as the forest needs to make it a far shot."""
_SPLICE_SNR_DB = (-15.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """A sound to be mixed in.

    Attributes
    ----------
    samples
        float32, shape (n,), with faded ends.
    loudest_sample
        Where its level over the background is told; mostly where it is loudest.
    snr_db
        Range of that level.
    label
        What it is, where a recording's label says so.
    """

    samples: Floats
    loudest_sample: int
    snr_db: tuple[float, float]
    label: str = ""


def _cut(
    whole: Floats, rate_hz: int, lead_s: float, fade_in_s: float, length_s: float, rng: np.random.Generator
) -> tuple[Floats, int]:
    """A part that begins ``lead_s`` before the loudest sample (or any), and that sample's place in it."""
    loudest = int(np.argmax(np.abs(whole))) if rng.random() < 0.7 else int(rng.integers(len(whole)))
    first = max(0, loudest - round(lead_s * rate_hz))
    end = loudest + round(length_s * rate_hz)
    part = cut_with_fades(whole, rate_hz, first, end, fade_in_s=min(fade_in_s, lead_s))
    return part, loudest - first


def _synthetic(
    ranges: SimulationRanges, rate_hz: int, snr_db: tuple[float, float], rng: np.random.Generator
) -> LookAlike:
    kind = synthetic.CONFUSERS[int(rng.integers(len(synthetic.CONFUSERS)))]
    if ranges.hollow_share and rng.random() < ranges.hollow_share:
        kind = synthetic.HOLLOW
    samples = synthetic.render_confuser(kind, rng, rate_hz)
    if kind not in synthetic.AT_THE_RECORDER and not kind.startswith("thunder"):
        # A blow 30 dB above the forest was not struck half a kilometre away; a shot may have been.
        if ranges.struck_audible_m[1]:
            level_db = rng.uniform(*snr_db)
            snr_db = (level_db, level_db)
            distance_m = log_uniform(rng, ends_at_level_m(_DISTANCE_M, ranges.struck_audible_m, level_db))
        else:
            distance_m = log_uniform(rng, _DISTANCE_M)
        samples = send(samples, rate_hz, draw_forest(rng, ranges, distance_m), distance_m)
    loudest = int(np.argmax(np.abs(samples)))
    return LookAlike(samples=samples, loudest_sample=loudest, snr_db=snr_db)


def _splice(
    backgrounds: Sequence[Sound], rate_hz: int, push_share: float, rng: np.random.Generator
) -> LookAlike:
    """A piece of plain background, cut as shots are and as faint as what comes along with them."""
    whole = backgrounds[int(rng.integers(len(backgrounds)))].samples
    part, loudest = _cut(whole, rate_hz, 0.02, 0.02, rng.uniform(0.3, 3.0), rng)
    if rng.random() < push_share:
        part = push_away(part, rate_hz, rng)
    return LookAlike(samples=part, loudest_sample=loudest, snr_db=_SPLICE_SNR_DB)


def _recorded(
    confusers: Sequence[Sound],
    rate_hz: int,
    snr_db: tuple[float, float],
    push_share: float,
    rng: np.random.Generator,
) -> LookAlike:
    sound = confusers[int(rng.integers(len(confusers)))]
    label = sound.clip.label
    if label in _SUDDEN:
        lead_s = rng.uniform(0.15, 0.6)
        part, loudest = _cut(sound.samples, rate_hz, lead_s, 0.1, rng.uniform(0.3, 4.0), rng)
    elif rng.random() < _SUSTAINED_SHARE:
        # As a file that was pasted in: it begins at once and simply goes on.
        n, first = round(_SUSTAINED_S * rate_hz), 0
        if len(sound.samples) > n:
            first = int(rng.integers(len(sound.samples) - n))
        fade_in_s = rng.uniform(0.01, 0.05)
        part = cut_with_fades(sound.samples, rate_hz, first, first + n, fade_in_s=fade_in_s)
        loudest = round(fade_in_s * rate_hz)
    else:
        lead_s = rng.uniform(0.4, 1.5)
        part, loudest = _cut(sound.samples, rate_hz, lead_s, lead_s, rng.uniform(0.3, 4.0), rng)
        if rng.random() < push_share:
            part = push_away(part, rate_hz, rng)
    return LookAlike(samples=part, loudest_sample=loudest, snr_db=snr_db, label=label)


def draw_look_alike(
    backgrounds: Sequence[Sound],
    confusers: Sequence[Sound],
    ranges: SimulationRanges,
    rng: np.random.Generator,
    *,
    rate_hz: int,
    snr_db: tuple[float, float],
    pushed_share: float,
) -> LookAlike:
    """One look-alike, with another recorder's response.

    Parameters
    ----------
    backgrounds, confusers
        Recordings at ``rate_hz``; synthetic look-alikes alone where there are no confusers.
    ranges
        Forests for synthetic ones.
    snr_db
        Range of their level over the background.
    pushed_share
        How often a recorded sound that swells is heard from further off. Sudden ones never are: a click
        with a tail is a far shot.
    """
    choice = rng.random()
    if choice < _SPLICE_SHARE:
        drawn = _splice(backgrounds, rate_hz, pushed_share, rng)
    elif choice < _SPLICE_SHARE + _SYNTHETIC_SHARE or not confusers:
        drawn = _synthetic(ranges, rate_hz, snr_db, rng)
    else:
        drawn = _recorded(confusers, rate_hz, snr_db, pushed_share, rng)
    return LookAlike(
        samples=random_response(drawn.samples, rate_hz, rng),
        loudest_sample=drawn.loudest_sample,
        snr_db=drawn.snr_db,
        label=drawn.label,
    )
