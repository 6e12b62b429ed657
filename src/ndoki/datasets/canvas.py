"""An example while it is being made: sound that shots and look-alikes are mixed into, and then cut."""

from dataclasses import dataclass, field

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.augment import at_another_speed, band_rms
from ndoki.datasets.example_spec import ExampleSpec, Onset

__all__ = ["Canvas", "cut_off"]

_REFERENCE_S = 0.28
_SHOT_S = 0.1
_ABRUPT_LEAD_S, _ABRUPT_S = 0.25, (0.5, 5.0)


@dataclass(slots=True)
class Canvas:
    """An example while it is being made. ``others`` are the loudest samples of what was mixed into it."""

    samples: Floats
    rate_hz: int
    onsets: list[Onset] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

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

    def play_at(self, speed: tuple[int, int]) -> None:
        """Make it longer or shorter, see `at_another_speed`."""

        def moved(sample: int) -> int:
            return min(round(sample * speed[0] / speed[1]), len(self.samples) - 1)

        self.samples = at_another_speed(self.samples, speed)
        self.onsets = [Onset(sample=moved(onset.sample), exact=onset.exact) for onset in self.onsets]
        self.unsure = [moved(unsure) for unsure in self.unsure]
        self.others = [moved(other) for other in self.others]

    def keep(self, first: int, end: int) -> None:
        """Cut to ``samples[first:end]``, within what there is."""
        first, end = max(0, first), min(len(self.samples), end)
        self.samples = self.samples[first:end].copy()
        self.onsets = [
            Onset(sample=onset.sample - first, exact=onset.exact)
            for onset in self.onsets
            if first <= onset.sample < end
        ]
        self.unsure = [unsure - first for unsure in self.unsure]
        self.others = [other - first for other in self.others if first <= other < end]


def cut_off(canvas: Canvas, spec: ExampleSpec, rng: np.random.Generator) -> None:
    """A file's edge near a shot, or a file that is hardly longer than one."""
    choice, n, rate_hz = rng.random(), len(canvas.samples), canvas.rate_hz
    near = canvas.onsets[int(rng.integers(len(canvas.onsets)))].sample if canvas.onsets else None
    if choice < spec.short_share:
        length = round(rng.uniform(*spec.short_s) * rate_hz)
        is_free = near is None or rng.random() < 0.2
        first = int(rng.integers(max(1, n - length))) if near is None or is_free else near
        first -= 0 if is_free else int(rng.integers(length))
        first = min(max(0, first), max(0, n - length))
        canvas.keep(first, first + length)
    elif choice < spec.short_share + spec.cut_share and near is not None:
        if rng.random() < 0.6:
            canvas.keep(0, max(near + round(rng.uniform(0.05, 0.6) * rate_hz), rate_hz // 2))
        else:
            canvas.keep(min(near - round(rng.uniform(0.0, 0.3) * rate_hz), n - rate_hz // 2), n)
    elif spec.abrupt_share and choice >= 1.0 - spec.abrupt_share:
        _begin_abruptly(canvas, rng)


def _begin_abruptly(canvas: Canvas, rng: np.random.Generator) -> None:
    """Begin with a shot, a look-alike or a drop: hardly anything is heard before it, and not much behind it.

    Whoever cuts clips by hand cuts all of them so; where only shots were, a beginning would be a shot.
    """
    places = [onset.sample for onset in canvas.onsets] + canvas.others
    if not places:
        return
    near = places[int(rng.integers(len(places)))]
    lead = round(_ABRUPT_LEAD_S * rng.uniform() ** 2 * canvas.rate_hz)
    first = max(0, min(near - lead, len(canvas.samples) - canvas.rate_hz // 4))
    canvas.keep(first, first + round(rng.uniform(*_ABRUPT_S) * canvas.rate_hz))
