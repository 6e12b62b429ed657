"""Inspecting one recording: header, metadata, time and place, and a pass over its samples."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from ndoki.audio.continuity import Seam, find_seams
from ndoki.audio.header import read_header
from ndoki.audio.layout import Header
from ndoki.audio.metadata import RecorderNotes, read_metadata
from ndoki.audio.quality import Quality, measure
from ndoki.audio.reader import Samples, open_samples
from ndoki.audio.recording import describe
from ndoki.core.deployments import Deployments
from ndoki.core.errors import AudioError
from ndoki.core.file_names import start_from_name
from ndoki.core.types import Floats, Recording

__all__ = ["Inspection", "inspect_one", "seams_of"]

_BLOCK_S = 60
# Greatest value that an encoding can hold, where that is less than in 16 bits.
_FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ALAW": 32256 / 32768, "ULAW": 32124 / 32768}
_FULL_SCALE_16_BIT = 32767 / 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that is known of one file; of one that cannot be read, why.

    ``qualities`` holds a measurement for each channel that was listened to, by its number from 0.
    """

    source: str
    failure: str = ""
    header: Header | None = None
    recording: Recording | None = None
    notes: RecorderNotes | None = None
    qualities: tuple[tuple[int, Quality], ...] = ()


def inspect_one(
    source: str,
    *,
    timezone: tzinfo | None = None,
    deployments: Deployments | None = None,
    channel: int | None = None,
    is_quick: bool = False,
) -> Inspection:
    """Inspect one file; never raises for a bad one.

    Parameters
    ----------
    source
        Path or URL.
    timezone, deployments
        As for `describe`.
    channel
        Listen to this one only, counted from 1; None listens to all.
    is_quick
        Do not listen at all.
    """
    try:
        header = read_header(source)
        recording = describe(source, header=header, timezone=timezone, deployments=deployments)
        if channel is not None and channel > header.n_channels:
            return Inspection(
                source=source,
                failure=f"Channel {channel} was asked for; the file has {header.n_channels}.",
                header=header,
                recording=recording,
            )
        channels = range(header.n_channels) if channel is None else [channel - 1]
        return Inspection(
            source=source,
            header=header,
            recording=recording,
            notes=read_metadata(header.metadata),
            qualities=() if is_quick else _listened(source, header, channels),
        )
    except AudioError as error:
        return Inspection(source=source, failure=str(error))


def _listened(source: str, header: Header, channels: Iterable[int]) -> tuple[tuple[int, Quality], ...]:
    full_scale = _FULL_SCALE.get(header.encoding, _FULL_SCALE_16_BIT)
    with open_samples(source, header) as samples:
        return tuple(
            (channel, measure(_blocks(samples, header, channel), header.rate_hz, full_scale=full_scale))
            for channel in channels
        )


def _blocks(samples: Samples, header: Header, channel: int) -> Iterator[Floats]:
    step = _BLOCK_S * header.rate_hz
    for first_sample in range(0, header.n_samples, step):
        yield samples.read(first_sample, min(first_sample + step, header.n_samples), channel)


def seams_of(inspections: Iterable[Inspection]) -> list[Seam]:
    """Gaps and overlaps between consecutive files of one recorder at one site."""
    return find_seams(
        ((recording.site, _recorder(inspection)), recording)
        for inspection in inspections
        if (recording := inspection.recording) is not None
    )


def _recorder(inspection: Inspection) -> str:
    named = start_from_name(inspection.source)
    return (inspection.notes.recorder if inspection.notes else "") or (named.recorder if named else "")
