"""An inspection as objects for JSON Lines."""

from datetime import UTC, datetime, tzinfo
from typing import Any

from ndoki.audio.continuity import Seam
from ndoki.audio.quality import Quality
from ndoki.cli.inspection import Inspection
from ndoki.core.types import Recording

__all__ = ["NOTE_NAMES", "file_object", "seam_object"]

NOTE_NAMES = (
    "model", "recorder", "deployment", "firmware", "gain", "battery", "temperature_c", "filter", "stop_reason"
)  # fmt: skip
"""What a recorder says that is worth seeing: fields of `RecorderNotes`."""


def _utc(moment: datetime | None) -> str | None:
    """ISO 8601 with Z; fractions of a second only where there are any."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _local(moment: datetime | None, zone: tzinfo | None) -> str | None:
    return None if moment is None or zone is None else moment.astimezone(zone).isoformat()


def file_object(inspection: Inspection) -> dict[str, Any]:
    """One file as a JSON object; ``kind`` is ``file`` or ``failed``."""
    header, recording, notes = inspection.header, inspection.recording, inspection.notes
    if inspection.failure or header is None or recording is None or notes is None:
        return {"kind": "failed", "file": inspection.source, "reason": inspection.failure}
    return {
        "kind": "file",
        "file": inspection.source,
        "container": header.container,
        "encoding": header.encoding,
        "rate_hz": recording.rate_hz,
        "n_channels": recording.n_channels,
        "n_samples": recording.n_samples,
        "n_samples_claimed": header.n_samples_claimed,
        "duration_s": recording.duration_s,
        "size_bytes": header.size_bytes,
        "start_utc": _utc(recording.started_at),
        "start_local": _local(recording.started_at, recording.local_zone),
        "time_source": recording.time_source,
        "site": recording.site,
        "recorder": {name: getattr(notes, name) for name in NOTE_NAMES},
        "channels": [
            _quality_object(channel, quality, recording) for channel, quality in inspection.qualities
        ],
        "problems": list(recording.problems),
    }


def _quality_object(channel: int, quality: Quality, recording: Recording) -> dict[str, Any]:
    rate_hz = recording.rate_hz
    return {
        "channel": channel + 1,
        "level_dbfs": None if quality.level_dbfs is None else round(quality.level_dbfs, 2),
        "peak": round(quality.peak, 6),
        "dc_offset": round(quality.dc_offset, 7),
        "clipped_share": quality.clipped_share,
        "longest_clip_s": quality.longest_clip_samples / rate_hz,
        "silent_s": quality.silent_s,
        "starts_silent": quality.starts_silent,
        "ends_silent": quality.ends_silent,
        "silences": [
            {"start_s": stretch.first_sample / rate_hz, "end_s": stretch.end_sample / rate_hz}
            for stretch in quality.silences
        ],
    }


def seam_object(seam: Seam) -> dict[str, Any]:
    """A gap or an overlap as a JSON object."""
    return {
        "kind": "gap" if seam.gap_s > 0 else "overlap",
        "before": seam.before,
        "after": seam.after,
        "start_utc": _utc(seam.begins_at),
        "length_s": abs(seam.gap_s),
        "is_regular": seam.is_regular,
    }
