"""A shot in a file → a template; templates → a bank."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ndoki.audio.layout import Header
from ndoki.audio.reader import open_samples
from ndoki.audio.resample import Resampler
from ndoki.core.errors import ConfigError, InputError, LabelError
from ndoki.core.grid import seconds_to_samples
from ndoki.core.types import Floats
from ndoki.detectors.template.bank import TemplateBank
from ndoki.detectors.template.cluster import choose_templates, distances
from ndoki.detectors.template.patches import PatchSpec, cut_patch, find_onset, is_whole, measure_box
from ndoki.detectors.template.shots import Shot, Skipped
from ndoki.features.mel import log_mel

__all__ = [
    "LEAST_RISE_DB",
    "MOST_S",
    "Taken",
    "Template",
    "choose",
    "cut_template",
    "likenesses",
    "make_bank",
    "take_templates",
]

MOST_S = 30.0
"""Whatever is longer holds more than one shot's sound, and could be a whole day."""

LEAST_RISE_DB = 3.0
"""Where steady noise rises most within 30 s, it rises by less; of labelled shots, 99 % rise by more."""

_PRECISION = np.float64
"""So that the same recipe gives the same file on any processor: patches are kept in half precision."""

_LEAST_S = 0.2
_SEARCH_BEFORE_S = 0.5
_MARGIN_S = 1.0
"""Analysts draw a box generously: the onset is looked for from `_SEARCH_BEFORE_S` before it. One second
more on both sides lets the onset finder see what was before."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Template:
    """A picture of one shot, and how the shot was found.

    Attributes
    ----------
    shot
        What it was cut from.
    onset_s
        Where the shot begins, in seconds from the start of the file.
    rise_db
        How much the level rises there, see `find_onset`.
    is_whole
        Whether the file held all of the patch; the rest is filled in, see `cut_patch`.
    patch
        float32, shape (n_frames, n_mels), log power in dB.
    duration_s, low_hz, high_hz
        Extent of the shot: the analyst's, else measured.
    """

    shot: Shot
    onset_s: float
    rise_db: float
    is_whole: bool
    patch: Floats
    duration_s: float
    low_hz: float
    high_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Templates, what could not become one, and how many shots were met a second time."""

    templates: tuple[Template, ...]
    skipped: tuple[Skipped, ...]
    n_repeated: int


def cut_template(shot: Shot, spec: PatchSpec) -> Template:
    """Find the strongest onset in a stretch and cut the patch around it.

    Raises
    ------
    AudioError
        The file cannot be read.
    LabelError
        The stretch is not in the file, too short or too long, or its channel is not there.
    """
    grid = spec.mel.grid
    with open_samples(shot.source) as samples:
        header = samples.header
        _check_stretch(shot, header)
        n_samples = grid.n_samples(header.n_samples, header.rate_hz)
        search_s = 0.0 if shot.end_s is None else max(shot.start_s - _SEARCH_BEFORE_S, 0.0)
        end_s = header.duration_s if shot.end_s is None else shot.end_s
        first = max(seconds_to_samples(search_s - spec.before_s - _MARGIN_S, grid.rate_hz), 0)
        end = min(seconds_to_samples(end_s + spec.after_s + _MARGIN_S, grid.rate_hz), n_samples)
        resampler = Resampler(header.rate_hz, grid.rate_hz, _PRECISION)
        sound = resampler.read(samples, header.n_samples, shot.channel, first, end)
    first_s = first / grid.rate_hz
    frames_db = log_mel(sound, spec.mel, _PRECISION)
    first_row = grid.frames_in(search_s - first_s)
    onset_row, rise_db = find_onset(
        frames_db, spec, first_row, max(grid.frames_in(end_s - first_s), first_row + 1)
    )
    patch = cut_patch(frames_db, onset_row, spec)
    onset_s = (first + grid.centre_sample(onset_row, grid.rate_hz)) / grid.rate_hz
    duration_s, low_hz, high_hz = _box(shot, onset_s, measure_box(patch, spec))
    return Template(
        shot=shot,
        onset_s=onset_s,
        rise_db=rise_db,
        is_whole=is_whole(len(frames_db), onset_row, spec),
        patch=patch,
        duration_s=duration_s,
        low_hz=low_hz,
        high_hz=high_hz,
    )


def _check_stretch(shot: Shot, header: Header) -> None:
    """The stretch has to be in the file, and to hold one shot as far as its length can tell."""
    if not 0 <= shot.channel < header.n_channels:
        raise LabelError(
            f"channel {shot.channel + 1} of {shot.source} was asked for, which has {header.n_channels}; "
            "give a channel that it has"
        )
    if shot.start_s >= header.duration_s:
        raise LabelError(
            f"begins {shot.start_s:g} s into {shot.source}, which is {header.duration_s:.1f} s long; "
            "a table over several files needs the column 'File Offset (s)'"
        )
    what, length_s = "the file", header.duration_s
    if shot.end_s is not None:
        what, length_s = "the selection", shot.end_s - shot.start_s
    if length_s > MOST_S:
        raise LabelError(
            f"{what} is {length_s:.1f} s long; expected one shot in at most {MOST_S:g} s; "
            "select the shot in Raven and give the selection table"
        )
    if header.duration_s < _LEAST_S:
        raise LabelError(
            f"{shot.source} is {header.duration_s:.2f} s long; expected {_LEAST_S:g} s or more, with some "
            "sound before the shot; cut it out more generously"
        )


def _box(shot: Shot, onset_s: float, measured: tuple[float, float, float]) -> tuple[float, float, float]:
    """Duration and frequencies: the analyst's as far as they make sense, else as measured."""
    duration_s, low_hz, high_hz = measured
    if shot.end_s is not None and shot.end_s > max(onset_s, shot.start_s):
        duration_s = shot.end_s - onset_s
    if shot.low_hz is not None and shot.high_hz is not None and shot.high_hz > max(shot.low_hz, 0.0):
        low_hz, high_hz = max(shot.low_hz, 0.0), shot.high_hz
    return duration_s, low_hz, high_hz


def take_templates(shots: Iterable[Shot], spec: PatchSpec) -> Taken:
    """Cut all templates that can be cut. One bad shot costs no other; each is named with its reason."""
    templates: list[Template] = []
    skipped: list[Skipped] = []
    onsets_s: dict[tuple[str, int], list[float]] = {}
    n_repeated = 0
    for shot in shots:
        try:
            template = _clear(cut_template(shot, spec))
        except InputError as error:
            skipped.append(Skipped(what=shot.told_by, reason=str(error)))
            continue
        known_s = onsets_s.setdefault((os.path.realpath(shot.source), shot.channel), [])
        # Two boxes around one shot may put its onset one frame apart.
        if any(abs(template.onset_s - one_s) < 1.5 * spec.mel.grid.hop_s for one_s in known_s):
            n_repeated += 1
            continue
        known_s.append(template.onset_s)
        templates.append(template)
    return Taken(templates=tuple(templates), skipped=tuple(skipped), n_repeated=n_repeated)


def _clear(template: Template) -> Template:
    if template.rise_db < LEAST_RISE_DB:
        raise LabelError(
            f"no shot begins there: the level rises by {template.rise_db:.1f} dB where it rises most, "
            f"expected {LEAST_RISE_DB:g} dB or more; give a clearer one, with 0.3 s of sound before it"
        )
    return template


def choose(templates: Sequence[Template], n: int) -> list[Template]:
    """The n templates that stand best for all, in the order given.

    Raises
    ------
    ConfigError
        n is below 1 or above their number.
    """
    patches = np.stack([one.patch for one in templates]) if templates else np.empty((0, 1, 1))
    return [templates[index] for index in choose_templates(patches, n)]


def likenesses(templates: Sequence[Template]) -> list[float | None]:
    """What each template's shot scores with the others as templates; None for one alone.

    In [0, 1], as a detector's scores. One that is like no other is an odd shot, or none.
    """
    if len(templates) < 2:
        return [None] * len(templates)
    apart = distances(np.stack([one.patch for one in templates]))
    np.fill_diagonal(apart, np.inf)
    return [max(1.0 - float(nearest), 0.0) for nearest in apart.min(axis=1)]


def make_bank(
    templates: Sequence[Template], spec: PatchSpec, *, name: str = "template", provenance: str = ""
) -> TemplateBank:
    """Bank of templates that were cut with one spec.

    Parameters
    ----------
    templates
        In the order wanted.
    spec
        What they were cut with.
    name
        What tables will call the detector.
    provenance
        Free text.

    Raises
    ------
    ConfigError
        There are no templates.
    """
    if not templates:
        raise ConfigError("a template bank needs at least one template; give a sound with a shot in it")
    return TemplateBank(
        mel=spec.mel,
        patches=np.stack([one.patch for one in templates]).astype(np.float16),
        onset_frame=spec.before_frames,
        duration_s=np.array([one.duration_s for one in templates], np.float32),
        low_hz=np.array([one.low_hz for one in templates], np.float32),
        high_hz=np.array([one.high_hz for one in templates], np.float32),
        names=tuple(one.shot.name for one in templates),
        name=name,
        provenance=provenance,
    )
