"""Recordings as text and stretches' answers as bytes: what the ledger keeps."""

import json
import struct
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np

from ndoki.core.types import Evidence, Proposals, Recording
from ndoki.core.zones import parse_zone
from ndoki.events.stitch import COLUMNS, Thinned

__all__ = ["bytes_from_thinned", "recording_from_text", "text_from_recording", "thinned_from_bytes"]

_HEAD = struct.Struct("<?IIII")
_TYPES = {"frame": "<i8", "label": "<i2"}
_FLOAT = "<f4"


def text_from_recording(recording: Recording) -> str:
    """A recording as JSON, from which `recording_from_text` makes an equal one."""
    return json.dumps(
        {
            "source": recording.source,
            "rate_hz": recording.rate_hz,
            "n_samples": recording.n_samples,
            "n_channels": recording.n_channels,
            "started_at": recording.started_at.isoformat() if recording.started_at else None,
            "local_zone": _zone_text(recording.local_zone),
            "time_source": recording.time_source,
            "site": recording.site,
            "problems": recording.problems,
        }
    )


def recording_from_text(text: str) -> Recording:
    """The recording that `text_from_recording` wrote."""
    fields = json.loads(text)
    start, zone = fields["started_at"], fields["local_zone"]
    return Recording(
        **fields
        | {
            "started_at": datetime.fromisoformat(start) if start else None,
            "local_zone": parse_zone(zone) if zone else None,
            "problems": tuple(fields["problems"]),
        }
    )


def _zone_text(zone: tzinfo | None) -> str | None:
    """What `parse_zone` makes the same zone of."""
    if zone is None:
        return None
    if isinstance(zone, ZoneInfo):
        return zone.key
    minutes = (zone.utcoffset(None) or timedelta(0)) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}" if minutes else "UTC"


def bytes_from_thinned(part: Thinned) -> bytes:
    """A stretch's answer without its place: little-endian columns one behind the other."""
    boxes = part.proposals
    columns = [part.frame.astype("<i8"), part.score.astype(_FLOAT)]
    columns += [getattr(boxes, name).astype(_TYPES.get(name, _FLOAT)) for name in COLUMNS]
    columns += [part.evidence.frame.astype("<i8"), part.evidence.log_odds.astype(_FLOAT)]
    columns.append(np.array(part.lost, "<i8"))
    head = _HEAD.pack(part.has_track, len(part.frame), len(boxes), len(part.evidence), len(part.lost))
    return head + b"".join(column.tobytes() for column in columns)


def thinned_from_bytes(data: bytes, first_frame: int, end_frame: int) -> Thinned:
    """The answer that `bytes_from_thinned` wrote, of that stretch.

    Raises
    ------
    ValueError
        The bytes are not such an answer.
    """
    if len(data) < _HEAD.size:
        raise ValueError(f"{len(data)} bytes are too few for the answer of a stretch")
    has_track, n_frames, n_boxes, n_evidence, n_lost = _HEAD.unpack_from(data)
    layout = [("frame", "<i8", n_frames), ("score", _FLOAT, n_frames)]
    layout += [(name, _TYPES.get(name, _FLOAT), n_boxes) for name in COLUMNS]
    layout += [("frame", "<i8", n_evidence), ("log_odds", _FLOAT, n_evidence), ("lost", "<i8", 2 * n_lost)]
    at, columns = _HEAD.size, []
    for _, kind, n in layout:
        column = np.frombuffer(data, kind, n, at)
        columns.append(column.astype(column.dtype.newbyteorder("=")))
        at += column.nbytes
    if at != len(data):
        raise ValueError(f"{len(data)} bytes were found instead of {at}")
    return Thinned(
        first_frame=first_frame,
        end_frame=end_frame,
        has_track=has_track,
        frame=columns[0],
        score=columns[1],
        proposals=Proposals(**dict(zip(COLUMNS, columns[2:-3], strict=True))),
        evidence=Evidence(frame=columns[-3], log_odds=columns[-2]),
        lost=tuple((first, end) for first, end in columns[-1].reshape(-1, 2).tolist()),
    )
