"""Rows of ``quality.csv`` out of what is known of files, alone and together."""

from collections.abc import Iterator, Sequence

import numpy as np

from ndoki.audio.hours import Piece
from ndoki.audio.microphone import DEAD, STILL, WET, Spell
from ndoki.audio.quality import Quality
from ndoki.cli.inspection import Inspection, recorder_of
from ndoki.cli.inspection_together import Microphone, Together, channels_of
from ndoki.cli.quality_reasons import reasons_of
from ndoki.core.types import Floats, Recording
from ndoki.tables.quality import QualityRow
from ndoki.tables.row import source_in_files

__all__ = ["quality_rows"]

_HOUR_S = 3600
_BANDS = ("wind_db", "shot_db", "middle_db", "high_db")


def quality_rows(inspections: Sequence[Inspection], together: Together) -> Iterator[QualityRow]:
    """A row per channel of each recording; one for each file that failed."""
    before = {seam.after: seam.gap_s for seam in together.seams if not seam.is_regular}
    for one in inspections:
        if one.recording is None or one.failure:
            yield QualityRow(file=source_in_files(one.source), verdict="failed", reasons=one.failure)
            continue
        for channel, quality, levels in channels_of(one):
            gap_s = before.get(one.source, 0.0)
            yield _row(one, one.recording, channel, quality, levels, gap_s, together)


def _row(
    one: Inspection,
    recording: Recording,
    channel: int,
    quality: Quality | None,
    levels: Floats,
    gap_s: float,
    together: Together,
) -> QualityRow:
    pieces = together.pieces.get((one.source, channel), ())
    microphone = together.microphones.get((one.source, channel))
    reset = together.resets.get(one.source, "")
    expected_s = together.expected_s[one.source]
    start, zone = recording.started_at, recording.local_zone
    reasons = reasons_of(
        recording,
        quality,
        expected_s=expected_s,
        gap_s=gap_s,
        reset=reset,
        spells=_spells_of(pieces, microphone),
    )
    return QualityRow(
        file=source_in_files(one.source),
        site=recording.site,
        recorder=recorder_of(one),
        channel=channel + 1 if quality else None,
        start_utc=start,
        start_local=start.astimezone(zone) if start and zone else None,
        time_source=recording.time_source,
        clock="reset" if reset else "ok" if start else "unknown",
        rate_hz=recording.rate_hz,
        expected_hours=expected_s / _HOUR_S,
        present_hours=recording.duration_s / _HOUR_S,
        gap_before_s=max(gap_s, 0.0),
        overlap_before_s=max(-gap_s, 0.0),
        stop_reason=one.notes.stop_reason if one.notes else "",
        battery=one.notes.battery if one.notes else "",
        temperature_c=one.notes.temperature_c if one.notes else None,
        level_dbfs=quality.level_dbfs if quality else None,
        clipped_share=quality.clipped_share if quality else None,
        longest_clip_s=quality.longest_clip_samples / recording.rate_hz if quality else None,
        silent_s=quality.silent_s if quality else None,
        dead_hours=_hours_in(pieces, microphone, (DEAD, STILL)),
        wet_hours=_hours_in(pieces, microphone, (WET,)),
        verdict="doubtful" if reasons else "ok",
        reasons=" ".join(reasons),
        **dict(zip(_BANDS, _middle(levels), strict=True)),
    )


def _middle(levels: Floats) -> list[float | None]:
    """Median of each band's known minutes; None where there are none."""
    columns = (column[np.isfinite(column)] for column in levels.T)
    return [float(np.median(column)) if len(column) else None for column in columns]


def _spells_of(pieces: Sequence[Piece], microphone: Microphone | None) -> list[Spell]:
    hours = {piece.began_at for piece in pieces}
    return [spell for spell in microphone.spells if spell.hours & hours] if microphone else []


def _hours_in(pieces: Sequence[Piece], microphone: Microphone | None, kinds: tuple[str, ...]) -> float | None:
    """Hours of a recording in spells of these kinds; None where no hour could be judged."""
    if microphone is None or all(piece.began_at in microphone.unjudged for piece in pieces):
        return None
    spells = (spell for spell in microphone.spells if spell.kind in kinds)
    inside = {hour for spell in spells for hour in spell.hours}
    return sum(piece.end_s - piece.first_s for piece in pieces if piece.began_at in inside) / _HOUR_S
