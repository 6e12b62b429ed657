"""What ``ndoki refine`` writes: tables of placed shots, a list to look at, and clips to train on."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from ndoki.audio.reader import open_samples
from ndoki.core.errors import InputError
from ndoki.curation.relabel import SURE, PlacedShot, Relabelled
from ndoki.tables.atomic import write_bytes, write_lines
from ndoki.tables.clips import wav_bytes
from ndoki.tables.detections import csv_line, write_rows
from ndoki.tables.layout import mirrored_names
from ndoki.tables.raven import write_per_recording
from ndoki.tables.row import Row

__all__ = ["CLIP_S", "MANIFEST", "write_clips_to_train_on", "write_refined"]

MANIFEST = "clips.csv"
CLIP_S = 4.0
"""Length of a clip to train on."""

_LEAD_S = 1.0
_KEPT_FREE_S = 0.25
_REVIEW = (
    "confidence",
    "file",
    "channel",
    "start_s",
    "end_s",
    "why",
    "label",
    "window_first_s",
    "window_end_s",
)
_CLIPS = (
    "path",
    "kind",
    "label",
    "source",
    "licence",
    "attribution",
    "group",
    "split",
    "duration_s",
    "sample_rate_hz",
    "sha256",
    "notes",
    "onset_s",
)


def write_refined(out: Path, done: Sequence[Relabelled], refused: Sequence[InputError]) -> None:
    """Write ``refined.csv``, ``raven/``, ``review.csv`` and, where labels could not be used, ``refused.csv``.

    Parameters
    ----------
    out
        Folder; nothing is written anywhere else.
    done
        One per recording.
    refused
        All that could not be used; those of ``done`` included.

    Raises
    ------
    OutputError
        Something cannot be written.
    """
    shots = [shot for one in done for shot in one.shots]
    write_rows(out / "refined.csv", [_row(shot) for shot in shots])
    notes = {shot.event: "; ".join(shot.why) for shot in shots}
    events = [shot.event for shot in shots]
    write_per_recording(out / "raven", events, [one.recording for one in done], notes=notes)
    write_lines(out / "review.csv", [csv_line(_REVIEW), *map(csv_line, _review(done))])
    if refused:
        write_lines(out / "refused.csv", ["reason", *(csv_line([str(one)]) for one in refused)])
    else:
        (out / "refused.csv").unlink(missing_ok=True)


def _row(shot: PlacedShot) -> Row:
    extra = {
        "network_score": f"{shot.network_score:.4f}",
        "from_label": shot.label.origin if shot.label else "",
        "after_label_s": _seconds(shot.event.start_s - (shot.label.first_s or 0.0)) if shot.label else "",
        "why": "; ".join(shot.why),
    }
    return replace(Row.from_event(shot.event), extra=extra)


def _review(done: Sequence[Relabelled]) -> list[tuple[str, ...]]:
    """Rows of ``review.csv``, the least sure first."""
    rows: list[tuple[float, tuple[str, ...]]] = []
    for one in done:
        for label in one.without_shot:
            window = (_seconds(label.first_s), _seconds(label.end_s))
            cells = (one.recording.source, str(label.channel + 1), *window, "nothing found in the window")
            rows.append((0.0, ("0.0000", *cells, label.origin, *window)))
        doubtful = [shot for shot in (*one.shots, *one.left_out) if shot.why]
        rows += [(shot.event.score, _review_cells(shot)) for shot in doubtful]
    return [cells for _, cells in sorted(rows, key=lambda row: row[0])]


def _review_cells(shot: PlacedShot) -> tuple[str, ...]:
    event, label = shot.event, shot.label
    return (
        f"{event.score:.4f}",
        event.recording.source,
        str(event.channel + 1),
        _seconds(event.start_s),
        _seconds(event.end_s),
        "; ".join(shot.why),
        label.origin if label else "",
        _seconds(label.first_s) if label else "",
        _seconds(label.end_s) if label else "",
    )


def _seconds(time_s: float | None) -> str:
    return "" if time_s is None else f"{time_s:.6f}"


def write_clips_to_train_on(out: Path, done: Sequence[Relabelled], least: float = SURE) -> int:
    """Write ``clips/`` and ``clips.csv``: 4 s around each sure shot, as `read_manifest` reads them.

    A clip begins 1 s before its first shot; where another follows within it, that shot belongs to the same
    clip. Only clips without doubt are written: all their shots have a confidence of ``least``, and nothing in
    them may be a shot that was left out. All clips of a recording are one group, since they share their
    forest. Column ``onset_s`` holds the onsets from the start of the clip, separated by blanks.

    Returns
    -------
    int
        Number of clips.

    Raises
    ------
    AudioError
        A recording cannot be read any more.
    OutputError
        Something cannot be written.
    """
    rows = []
    names = mirrored_names([one.recording.source for one in done])
    for one, name in zip(done, names, strict=True):
        rows += _clips_of(out, one, name, least)
    write_lines(out / MANIFEST, [csv_line(_CLIPS), *map(csv_line, rows)])
    return len(rows)


def _clips_of(out: Path, one: Relabelled, name: PurePosixPath, least: float) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    rate_hz = one.recording.rate_hz
    with open_samples(one.recording.source) as samples:
        for channel in sorted({shot.event.channel for shot in one.shots}):
            for first, end, onsets in _cuts(one, channel, least):
                stem = f"{name.name}_{first / rate_hz:010.3f}s" + (f"_ch{channel + 1}" if channel else "")
                path = PurePosixPath("clips") / name.parent / f"{stem}.wav"
                content = wav_bytes(samples.read(first, end, channel), rate_hz)
                write_bytes(out / path, content)
                onset_s = " ".join(f"{(onset - first) / rate_hz:.6f}" for onset in onsets)
                length_s = f"{(end - first) / rate_hz:.6f}"
                digest = hashlib.sha256(content).hexdigest()
                cells = (str(path), "gunshot", "gunshot", one.recording.source, "", "", str(name), "train")
                rows.append((*cells, length_s, str(rate_hz), digest, "placed by ndoki refine", onset_s))
    return rows


def _cuts(one: Relabelled, channel: int, least: float) -> list[tuple[int, int, list[int]]]:
    """First and end sample of each clip, and the onsets in it; clips do not overlap."""
    recording = one.recording
    length, lead, free = (round(s * recording.rate_hz) for s in (CLIP_S, _LEAD_S, _KEPT_FREE_S))
    shots = sorted((s for s in one.shots if s.event.channel == channel), key=lambda s: s.event.first_sample)
    doubtful = [s.event.first_sample for s in one.left_out if s.event.channel == channel]
    groups: list[list[PlacedShot]] = []
    for shot in shots:
        first = groups[-1][0].event.first_sample if groups else 0
        if groups and shot.event.first_sample < first - lead + length:
            groups[-1].append(shot)
        else:
            groups.append([shot])
    firsts = [max(0, group[0].event.first_sample - lead) for group in groups]
    # What a shot before has left behind must not lie in the next clip: so it begins after that clip's end.
    for i, (before, _) in enumerate(pairwise(list(firsts)), 1):
        firsts[i] = max(firsts[i], before + length)
    cuts = []
    for group, first in zip(groups, firsts, strict=True):
        end = min(first + length, recording.n_samples)
        onsets = [shot.event.first_sample for shot in group]
        sure = all(shot.event.score >= least for shot in group) and not any(
            first <= d < end for d in doubtful
        )
        if sure and onsets[0] - first >= min(free, onsets[0]) and onsets[-1] < end:
            cuts.append((first, end, onsets))
    return cuts
