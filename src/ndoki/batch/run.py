"""Many recordings on this machine, stretch by stretch. One bad file never costs another."""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import tzinfo
from itertools import count
from typing import TypeVar

from ndoki.audio.access import is_url
from ndoki.audio.blocks import stretches
from ndoki.audio.header import read_header
from ndoki.audio.patience import abandon_requests, take_requests
from ndoki.audio.reader import Samples
from ndoki.audio.recording import describe
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.ledger import Entry, Ledger
from ndoki.batch.session import BEAT_S
from ndoki.core.deployments import Deployments
from ndoki.core.errors import NdokiError
from ndoki.core.types import Event, Recording
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.events.stitch import Thinned
from ndoki.scan import channels_of, pick_stretches, scan_stretch

__all__ = ["UNIT_S", "Failure", "Heard", "Job", "Stretch", "hear_all", "heard_so_far"]

UNIT_S = 240.0
"""Length of a stretch: what a killed run hears again, and what a job holds in memory.

Short enough that an hour keeps eight cores busy, long enough that context, read by both neighbours, is cheap.
"""

_LOOKED_AHEAD = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is wanted of every recording. ``channel`` counts from 0; None takes all."""

    detector: Detector
    picker: Picker
    timezone: tzinfo | None = None
    deployments: Deployments | None = None
    channel: int | None = None
    unit_s: float = UNIT_S
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A recording and its events."""

    recording: Recording
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be heard, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch that was heard: its length in seconds, and about how many events begin in it."""

    source: str
    length_s: float
    n_events: int


T = TypeVar("T")


class _File:
    """A recording at work: its open samples are shared by its stretches."""

    def __init__(self, place: int, entry: Entry, recording: Recording, samples: Samples) -> None:
        self.place, self.entry, self.recording, self.samples = place, entry, recording, samples
        self.n_left, self.has_failed = 0, False

    def finish_one(self) -> None:
        self.n_left -= 1
        if self.n_left == 0:
            self.samples.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file that was looked into, and stays open."""

    identity: str
    recording: Recording
    n_channels: int
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    file: _File
    channel: int
    cut: tuple[int, int]


_Answer = tuple[Thinned, int]
_Waiting = deque[tuple[_Unit, "Future[_Answer | Failure | None]"]]


def hear_all(sources: Iterable[str | None], job: Job, ledger: Ledger) -> Iterator[Stretch | Failure]:
    """Hear what the ledger does not hold yet, and enter it there.

    Parameters
    ----------
    sources
        Taken one by one, in the order of the tables. None says that the next is not known yet, and that it is
        time for something else.

    Yields
    ------
    What was just entered: a stretch, or a file that could not be heard.

    Raises
    ------
    OutputError
        The ledger cannot be written.
    """
    take_requests()
    pool, lookers = ThreadPoolExecutor(job.jobs), ThreadPoolExecutor(_LOOKED_AHEAD)
    waiting: _Waiting = deque()
    units = _units(sources, job, ledger, lookers)
    is_patient = True
    try:
        for unit in units:
            if unit is None:
                yield from _entered(waiting, job, ledger)
                continue
            if isinstance(unit, Failure):
                yield unit
                continue
            waiting.append((unit, pool.submit(_answer, unit, job)))
            while len(waiting) > 2 * job.jobs:
                yield from _entered(waiting, job, ledger)
        while waiting:
            yield from _entered(waiting, job, ledger)
    except KeyboardInterrupt:
        # Who stops a run must not wait for a read that hangs.
        is_patient = False
        abandon_requests()
        raise
    finally:
        pool.shutdown(wait=is_patient, cancel_futures=True)
        lookers.shutdown(wait=False, cancel_futures=not is_patient)
        if is_patient:
            units.close()
            for left, _ in waiting:
                left.file.samples.close()


def heard_so_far(ledger: Ledger, job: Job) -> Iterator[Heard]:
    """Recordings in order, each with the events of the stretches that are done."""
    for recording_id, recording in ledger.recordings():
        events: list[Event] = []
        for channel, parts in ledger.stretches(recording_id).items():
            events += pick_stretches(parts, recording, channel, job.detector, job.picker)
        yield Heard(recording=recording, events=tuple(events))


def _units(
    sources: Iterable[str | None], job: Job, ledger: Ledger, lookers: ThreadPoolExecutor
) -> Generator[_Unit | Failure | None, None, None]:
    """Stretches that are not done; of the next file only once those of the one before are taken."""
    for looked in _looked_into(sources, job, lookers):
        if looked is None:
            yield None
            continue
        place, source, seen = looked
        if isinstance(seen, Failure):
            ledger.failed(place, source, seen.reason)
            yield seen
            continue
        entry = ledger.recording(place, source, seen.identity, seen.recording, n_channels=seen.n_channels)
        file = _File(place, entry, seen.recording, seen.samples)
        units = _left(file, job)
        file.n_left = len(units)
        if not units:
            file.samples.close()
        try:
            for unit in units:
                if file.has_failed:
                    file.finish_one()
                else:
                    yield unit
        except GeneratorExit:
            file.samples.close()
            raise


_Looked = tuple[int, str, "_Seen | Failure"]
_Ahead = deque[tuple[int, str, "Future[_Seen | Failure]"]]


def _looked_into(
    sources: Iterable[str | None], job: Job, lookers: ThreadPoolExecutor
) -> Generator[_Looked | None, None, None]:
    """Files, opened and described, in order. Those on servers ahead of their turn: each costs round trips."""
    ahead: _Ahead = deque()
    places = count()
    try:
        for source in sources:
            if source is None:
                yield _first_of(ahead) if ahead else None
            elif is_url(source):
                ahead.append((next(places), source, lookers.submit(_look, source, job)))
                while len(ahead) > _LOOKED_AHEAD or (ahead and ahead[0][2].done()):
                    yield _first_of(ahead)
            else:
                while ahead:
                    yield _first_of(ahead)
                yield next(places), source, _look(source, job)
        while ahead:
            yield _first_of(ahead)
    except GeneratorExit:
        for _, _, look in ahead:
            look.cancel()
            look.add_done_callback(_close_unwanted)
        raise


def _first_of(ahead: _Ahead) -> _Looked:
    place, source, look = ahead[0]
    seen = look.result()
    ahead.popleft()
    return place, source, seen


def _close_unwanted(look: "Future[_Seen | Failure]") -> None:
    if not look.cancelled() and isinstance(seen := look.result(), _Seen):
        seen.samples.close()


def _look(source: str, job: Job) -> "_Seen | Failure":
    """Open and describe a file. Only what the file does wrong stays with the file."""

    def look() -> _Seen:
        with ExitStack() as closing:
            file = closing.enter_context(open_binary(source))
            identity, header = content_identity(source, file), read_header(source, file)
            recording = describe(source, header=header, timezone=job.timezone, deployments=job.deployments)
            seen = _Seen(
                identity=identity,
                recording=recording,
                n_channels=len(channels_of(recording, job.channel)),
                samples=Samples(header, file),
            )
            closing.pop_all()
            return seen

    return _guarded(source, look)


def _left(file: _File, job: Job) -> list[_Unit]:
    recording = file.recording
    cuts = stretches(recording.n_samples, recording.rate_hz, job.detector.grid, job.unit_s)
    return [
        _Unit(file=file, channel=channel, cut=cut)
        for channel in channels_of(recording, job.channel)
        for cut in cuts
        if (channel, cut[0]) not in file.entry.done
    ]


def _answer(unit: _Unit, job: Job) -> _Answer | Failure | None:
    """A stretch's answer and its number of events; None for a file that has failed elsewhere."""
    file = unit.file
    if file.has_failed:
        return None

    def listen() -> _Answer:
        part = scan_stretch(file.samples, unit.channel, unit.cut, job.detector, job.picker)
        events = pick_stretches([part], file.recording, unit.channel, job.detector, job.picker)
        return part, len(events)

    return _guarded(file.recording.source, listen)


def _entered(waiting: _Waiting, job: Job, ledger: Ledger) -> Iterator[Stretch | Failure]:
    """Enter the oldest answer once it is there; nothing where none is waited for."""
    if not waiting:
        ledger.beat()
        return
    unit, future = waiting[0]
    while not wait_for([future], BEAT_S).done:
        ledger.beat()
    waiting.popleft()
    file, answer = unit.file, future.result()
    source = file.recording.source
    try:
        if isinstance(answer, Failure) and not file.has_failed:
            file.has_failed = True
            ledger.failed(file.place, source, answer.reason)
            yield answer
        elif isinstance(answer, tuple):
            part, n_events = answer
            length_s = (part.end_frame - part.first_frame) * job.detector.grid.hop_s
            ledger.heard(file.entry, unit.channel, part, length_s, n_events)
            yield Stretch(source=source, length_s=length_s, n_events=n_events)
    finally:
        file.finish_one()


def _guarded(source: str, work: Callable[[], T]) -> T | Failure:
    """The boundary of a unit of work: whatever one file does wrong stays with that file."""
    try:
        return work()
    except NdokiError as error:
        return Failure(source=source, reason=str(error))
    except Exception as error:
        _log.exception("unexpected failure while hearing %s", source)
        return Failure(source=source, reason=f"unexpected failure: {type(error).__name__}: {error}")
