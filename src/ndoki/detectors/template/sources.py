"""Templates from a user's own sounds: WAV files, or selections in a Raven table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from ndoki.audio.reader import open_samples
from ndoki.audio.resample import Resampler
from ndoki.core.errors import AudioError, ConfigError, TableError
from ndoki.core.grid import FrameGrid, seconds_to_samples
from ndoki.core.types import Floats
from ndoki.detectors.template.bank import TemplateBank
from ndoki.detectors.template.patches import PatchSpec, cut_patch, find_onset, measure_box
from ndoki.features.mel import log_mel
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

__all__ = ["make_bank", "read_shot", "templates_from_raven", "templates_from_wavs"]

_SEARCH_BEFORE_S = 0.5
"""Analysts draw a box generously; the onset is looked for from this long before it."""


def read_shot(
    path: Path, rate_hz: int, *, channel: int = 0, first_s: float = 0.0, end_s: float | None = None
) -> Floats:
    """One stretch of one channel, at another rate.

    Parameters
    ----------
    path
        A sound file, of any kind that can be scanned.
    rate_hz
        Rate to return.
    channel
        Counts from 0.
    first_s, end_s
        Stretch in seconds; what lies outside of the file is left out.

    Returns
    -------
    float32, shape (n,), n ≥ 1

    Raises
    ------
    AudioError
        The file cannot be read, has no such channel, or nothing in that stretch.
    """
    with open_samples(str(path)) as samples:
        grid = FrameGrid(rate_hz=rate_hz, hop_samples=1, frame_samples=1)
        header = samples.header
        n_samples = grid.n_samples(header.n_samples, header.rate_hz)
        first = max(seconds_to_samples(first_s, rate_hz), 0)
        end = n_samples if end_s is None else min(seconds_to_samples(end_s, rate_hz), n_samples)
        if end <= first:
            raise AudioError(
                f"{path}: no sound between {first_s} s and {end_s} s; it is {header.duration_s:.3f} s long; "
                "give a file or a selection with a shot in it"
            )
        return Resampler(header.rate_hz, rate_hz).read(samples, header.n_samples, channel, first, end)


def make_bank(
    patches: Sequence[Floats], names: Sequence[str], spec: PatchSpec, provenance: str = ""
) -> TemplateBank:
    """Bank of patches that were cut with one spec; each one's extent is measured on itself.

    Raises
    ------
    ConfigError
        There are no patches.
    """
    if len(patches) == 0:
        raise ConfigError("a template bank needs at least one template; give a sound with a shot in it")
    boxes = np.array([measure_box(patch, spec) for patch in patches], np.float32)
    return TemplateBank(
        mel=spec.mel,
        patches=np.stack(patches).astype(np.float16),
        onset_frame=spec.before_frames,
        duration_s=boxes[:, 0],
        low_hz=boxes[:, 1],
        high_hz=boxes[:, 2],
        names=tuple(names),
        provenance=provenance,
    )


def templates_from_wavs(paths: Sequence[Path], spec: PatchSpec) -> TemplateBank:
    """One template per sound file: its strongest shot.

    Channel 1 is used. Where a file holds less than the patch, the rest takes no part in the comparison.

    Raises
    ------
    AudioError
        A file cannot be read or is empty.
    ConfigError
        No files.
    """
    patches = []
    for path in paths:
        frames_db = log_mel(read_shot(path, spec.mel.rate_hz), spec.mel)
        onset_row, _ = find_onset(frames_db, spec)
        patches.append(cut_patch(frames_db, onset_row, spec))
    return make_bank(patches, [path.name for path in paths], spec, "given by the user as sound files")


def templates_from_raven(table: Path, audio: Path, spec: PatchSpec) -> TemplateBank:
    """One template per selection of a Raven table; the boxes are kept as the templates' extents.

    Parameters
    ----------
    table
        Selection table. Where it covers several files, ``File Offset (s)`` says where in its file a
        selection lies.
    audio
        The recording, or the folder that holds the recordings that the table names. For a recording
        only the selections of that file count; a table that names no files is taken to be about it.
    spec
        What is cut out.

    Raises
    ------
    TableError
        The table cannot be read, has no selection in the audio given, or names a file that is not there.
    AudioError
        A recording cannot be read, or is shorter than the table says.
    """
    shots = [
        (row, path) for row in read_raven(table) if (path := _recording_of(row, audio, table)) is not None
    ]
    if not shots:
        raise TableError(
            f"{table}: has no selection in {audio}; expected at least one; "
            "give the recording that it was made on"
        )
    patches = [_selected_patch(row, path, spec) for row, path in shots]
    bank = make_bank(
        patches,
        [f"{path.name} at {row.start_s} s" for row, path in shots],
        spec,
        f"given by the user as selections in {table.name}",
    )
    boxes = [_box_of(row) for row, _ in shots]
    measured = zip(bank.duration_s, bank.low_hz, bank.high_hz, strict=True)
    extents = np.array(
        [given if given is not None else own for given, own in zip(boxes, measured, strict=True)], np.float32
    )
    return replace(bank, duration_s=extents[:, 0], low_hz=extents[:, 1], high_hz=extents[:, 2])


def _recording_of(row: Row, audio: Path, table: Path) -> Path | None:
    """The file that a selection lies in; None if that is another than the one given."""
    name = PurePosixPath(row.file).name
    if not audio.is_dir():
        return audio if name.casefold() in ("", audio.name.casefold()) else None
    if not name:
        raise TableError(
            f"{table}: does not say which file it is about; give the recording, not the folder {audio}"
        )
    path = audio / name
    if not path.is_file():
        raise TableError(f"{table}: is about {name}, which is not in {audio}; give the folder that holds it")
    return path


def _selected_patch(row: Row, path: Path, spec: PatchSpec) -> Floats:
    """Patch around the strongest onset in a selection."""
    grid = spec.mel.grid
    search_s = max(row.start_s - _SEARCH_BEFORE_S, 0.0)
    # One second more on both sides, so that the onset finder sees what was before and the patch is whole.
    first_s = max(search_s - spec.before_s - 1.0, 0.0)
    samples = read_shot(
        path, grid.rate_hz, channel=row.channel, first_s=first_s, end_s=row.end_s + spec.after_s + 1.0
    )
    frames_db = log_mel(samples, spec.mel)
    first_row = grid.frames_in(search_s - first_s)
    end_row = max(grid.frames_in(row.end_s - first_s), first_row + 1)
    onset_row, _ = find_onset(frames_db, spec, first_row, end_row)
    return cut_patch(frames_db, onset_row, spec)


def _box_of(row: Row) -> tuple[float, float, float] | None:
    """Duration and frequencies of a selection; None when it does not state them."""
    if row.low_hz is None or row.high_hz is None or row.high_hz <= row.low_hz or row.end_s <= row.start_s:
        return None
    return row.end_s - row.start_s, row.low_hz, row.high_hz
