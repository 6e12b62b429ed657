"""How many bytes results take: measured by writing a few, for these very recordings and names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ndoki.audio.reader import open_samples
from ndoki.batch.survey import Look
from ndoki.batch.wire import text_from_recording
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.events.bursts import with_bursts
from ndoki.tables.bursts import write_bursts
from ndoki.tables.clips import write_clips
from ndoki.tables.images import write_images
from ndoki.tables.layout import mirrored_names
from ndoki.tables.registry import TableFormat

__all__ = ["Footprint", "measure_footprint"]

_N_RECORDINGS = 20
_N_SOUNDS = 3
# SQLite's own share per row, and what pages leave free.
_LEDGER_ROW_BYTES = 60
_EVENT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bytes of results.

    Attributes
    ----------
    per_event
        In all tables together, and of pictures and clips where they are wanted.
    per_recording
        Tables of a recording without events, and its row in the ledger.
    per_unit
        A stretch's row in the ledger, what was found in it not counted.
    """

    per_event: float
    per_recording: float
    per_unit: float


def measure_footprint(
    looks: Sequence[Look],
    detector: DetectorId,
    tables: Sequence[TableFormat],
    *,
    images: bool = False,
    clips: bool = False,
) -> Footprint:
    """Write an event in each of a few recordings to a folder that is removed again, and weigh it.

    Raises
    ------
    OutputError
        The folder for temporary files cannot take it.
    AudioError
        For pictures and clips, a sound cannot be read.
    """
    recordings = [one.recording for one in looks[:_N_RECORDINGS]]
    events = [_event(one, detector) for one in recordings]
    n = len(recordings)
    with TemporaryDirectory(prefix="ndoki-plan-") as folder:
        root = Path(folder)
        empty, one = (
            _weight(root / "e", [], recordings, tables),
            _weight(root / "o", [], recordings[:1], tables),
        )
        full = _weight(root / "f", events, recordings, tables)
        sounds = _sounds(root / "s", recordings[:_N_SOUNDS], detector, images=images, clips=clips)
    described = sum(len(text_from_recording(each).encode()) for each in recordings) / n
    return Footprint(
        per_event=(full - empty) / n + sounds,
        per_recording=((empty - one) / (n - 1) if n > 1 else empty) + described + _LEDGER_ROW_BYTES,
        per_unit=float(_LEDGER_ROW_BYTES),
    )


def _event(recording: Recording, detector: DetectorId) -> Event:
    """An event as ordinary ones are, in the middle of a recording."""
    first = recording.n_samples // 2
    return Event(
        recording=recording,
        channel=0,
        first_sample=first,
        end_sample=min(recording.n_samples, first + round(_EVENT_S * recording.rate_hz)),
        peak_sample=first,
        label="gunshot",
        score=0.5,
        low_hz=60.0,
        high_hz=min(1500.0, recording.rate_hz / 2),
        detector=detector,
    )


def _weight(
    folder: Path, events: Sequence[Event], recordings: Sequence[Recording], tables: Sequence[TableFormat]
) -> int:
    known = with_bursts(events)
    for table in tables:
        table.write(folder, known, recordings)
        if table.name == "csv":
            write_bursts(folder / "bursts.csv", known)
    return _size(folder)


def _sounds(
    folder: Path, recordings: Sequence[Recording], detector: DetectorId, *, images: bool, clips: bool
) -> float:
    """Bytes of the pictures and clips of an event. Events that share a picture make it less."""
    if not images and not clips:
        return 0.0
    names = mirrored_names([one.source for one in recordings])
    for recording, name in zip(recordings, names, strict=True):
        events = [_event(recording, detector)]
        with open_samples(recording.source) as samples:
            if images:
                write_images(folder / "images", name, recording, events, samples.read)
            if clips:
                write_clips(folder / "clips", name, recording, events, samples.read)
    return _size(folder) / len(recordings)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
