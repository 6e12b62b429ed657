"""Inspecting one recording: header, metadata, time and place, and a pass over its samples."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from ndoki.audio.continuity import Seam, find_seams
from ndoki.audio.header import read_header
from ndoki.audio.layout import Header
from ndoki.audio.levels import MinuteLevels
from ndoki.audio.metadata import RecorderNotes, read_metadata
from ndoki.audio.quality import Quality, measure
from ndoki.audio.reader import Samples, open_samples
from ndoki.audio.recording import describe, with_loss
from ndoki.audio.resets import find_resets
from ndoki.core.deployments import Deployments
from ndoki.core.errors import AudioError
from ndoki.core.file_names import start_from_name
from ndoki.core.types import Floats, Recording

__all__ = ["Inspection", "inspect_one", "recorder_of", "resets_of", "seams_of"]

_BLOCK_S = 60  # what MinuteLevels takes at a time
# Greatest value that an encoding can hold, where that is less than in 16 bits.
_FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128, "ALAW": 32256 / 32768, "ULAW": 32124 / 32768}
_FULL_SCALE_16_BIT = 32767 / 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that is known of one file; of one that cannot be read, why.

    ``qualities`` holds a measurement for each channel that was listened to, by its number from 0, and
    ``levels`` what `MinuteLevels` says of each of them, where that was asked for.
    """

    source: str
    failure: str = ""
    header: Header | None = None
    recording: Recording | None = None
    notes: RecorderNotes | None = None
    qualities: tuple[tuple[int, Quality], ...] = ()
    levels: tuple[Floats, ...] = ()


def inspect_one(
    source: str,
    *,
    timezone: tzinfo | None = None,
    deployments: Deployments | None = None,
    channel: int | None = None,
    is_quick: bool = False,
    with_levels: bool = False,
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
    with_levels
        Measure levels by minute and band too.
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
        heard: list[_Heard] = []
        if not is_quick:
            with open_samples(source, header) as samples:
                heard = _listened(samples, channels, with_levels=with_levels)
                recording = with_loss(recording, samples.lost(0, header.n_samples))
        return Inspection(
            source=source,
            header=header,
            recording=recording,
            notes=read_metadata(header.metadata),
            qualities=tuple((channel, quality) for channel, quality, _ in heard),
            levels=tuple(levels for _, _, levels in heard if levels is not None),
        )
    except AudioError as error:
        return Inspection(source=source, failure=str(error))


_Heard = tuple[int, Quality, Floats | None]


def _listened(samples: Samples, channels: Iterable[int], *, with_levels: bool) -> list[_Heard]:
    header, heard = samples.header, []
    full_scale = _FULL_SCALE.get(header.encoding, _FULL_SCALE_16_BIT)
    for channel in channels:
        minutes = MinuteLevels(header.rate_hz) if with_levels else None
        quality = measure(_blocks(samples, channel, minutes), header.rate_hz, full_scale=full_scale)
        heard.append((channel, quality, None if minutes is None else minutes.levels()))
    return heard


def _blocks(samples: Samples, channel: int, minutes: MinuteLevels | None) -> Iterator[Floats]:
    """A channel in minutes; each is shown to ``minutes`` on its way, so that the sound is read once."""
    header = samples.header
    step = _BLOCK_S * header.rate_hz
    for first_sample in range(0, header.n_samples, step):
        block = samples.read(first_sample, min(first_sample + step, header.n_samples), channel)
        if minutes is not None:
            minutes.feed(block)
        yield block


def seams_of(inspections: Sequence[Inspection]) -> list[Seam]:
    """Gaps and overlaps between consecutive files of one recorder at one site.

    Recordings with a clock that was reset are left out: a gap of 18 years is none.
    """
    resets = resets_of(inspections)
    return find_seams((key, one) for key, one in _keyed(inspections) if one.source not in resets)


def resets_of(inspections: Sequence[Inspection]) -> dict[str, str]:
    """A sentence for each file whose recorder's clock was reset, by source."""
    return find_resets(_keyed(inspections))


def _keyed(inspections: Iterable[Inspection]) -> Iterator[tuple[tuple[str, str], Recording]]:
    for inspection in inspections:
        if inspection.recording is not None:
            yield (inspection.recording.site, recorder_of(inspection)), inspection.recording


def recorder_of(inspection: Inspection) -> str:
    """Serial number, as the recorder or the file's name says it; empty when neither does."""
    named = start_from_name(inspection.source)
    return (inspection.notes.recorder if inspection.notes else "") or (named.recorder if named else "")
