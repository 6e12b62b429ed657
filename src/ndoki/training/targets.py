"""Truth → what the network should say per frame, and back."""

from dataclasses import dataclass

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.example_spec import Onset
from ndoki.datasets.onsets import visible_box
from ndoki.features.mel import MelSpec
from ndoki.features.shape import encode_shape

__all__ = [
    "LABELS",
    "Targets",
    "encode",
    "label_row",
]

LABELS = ("gunshot", "thunder", "rain", "impact", "animal", "engine", "wind")
"""Score columns. The first is the onset of a shot, the others say what else is heard."""

_LABEL_OF = {
    "thunder": ("thunder",),
    "rain": ("rain", "raindrops"),
    "impact": ("door", "footsteps", "wood", "woodpecker", "rockfall", "leaves_rustle", "fire_crackling"),
    "animal": ("bird", "dog_bark", "frog", "insect", "mammal_call", "primate"),
    "engine": ("chainsaw", "helicopter", "vehicle"),
    "wind": ("wind",),
}
_SPREAD_FRAMES = 0.7
_UNSURE_FRAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the network should say for one example.

    Attributes
    ----------
    onset
        float32, shape (n_frames,): 1 at an onset, falling off over a frame to either side.
    weight
        float32, shape (n_frames,): 0 where an onset was measured and may as well be there.
    shape
        float32, shape (n_frames, 3): encoded duration, lower and upper frequency; only meaningful where
        ``onset`` is 1.
    """

    onset: Floats
    weight: Floats
    shape: Floats


def label_row(names: tuple[str, ...]) -> Floats:
    """Known look-alikes as 0/1 per column of `LABELS`, or −1 everywhere when nothing is known."""
    row = np.full(len(LABELS), -1.0, np.float32)
    columns = [i for i, label in enumerate(LABELS) if set(_LABEL_OF.get(label, ())) & set(names)]
    if columns:
        row[1:] = 0.0
        row[columns] = 1.0
    return row


def encode(
    above: Floats,
    onsets: tuple[Onset, ...],
    rate_hz: int,
    spec: MelSpec,
    unsure_samples: tuple[int, ...] = (),
) -> Targets:
    """Targets for one example.

    Parameters
    ----------
    above
        float32, shape (n_frames, n_mels), level above the floor.
    onsets
        True onsets, in samples at ``rate_hz``.
    unsure_samples
        Places where nothing is to be learned, because a shot may begin there or not.
    """
    n_frames = len(above)
    onset, weight = np.zeros(n_frames, np.float32), np.ones(n_frames, np.float32)
    shape = np.zeros((n_frames, 3), np.float32)
    steps = np.arange(-2, 3)
    bump = np.exp(-0.5 * (steps / _SPREAD_FRAMES) ** 2)
    sure: list[int] = []
    for sample in unsure_samples:
        frame = spec.grid.frame_at(sample, rate_hz)
        weight[max(0, frame - _UNSURE_FRAMES) : max(0, frame + _UNSURE_FRAMES + 1)] = 0.0
    for truth in onsets:
        frame = min(max(spec.grid.frame_at(truth.sample, rate_hz), 0), n_frames - 1)
        sure.append(frame)
        near = frame + steps
        inside = (near >= 0) & (near < n_frames)
        onset[near[inside]] = np.maximum(onset[near[inside]], bump[inside])
        if not truth.exact:
            weight[max(0, frame - _UNSURE_FRAMES) : frame + _UNSURE_FRAMES + 1] = 0.0
        box = visible_box(above, frame, spec.centres_hz, spec.grid.hop_s)
        shape[frame] = encode_shape(box.duration_s, box.low_hz, box.high_hz, spec)
    weight[sure] = 1.0
    return Targets(onset=onset, weight=weight, shape=shape)
