"""Many recordings, stretch by stretch. One bad file never costs another."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import tzinfo
from itertools import count
from queue import Empty, SimpleQueue

from ndoki.audio.access import is_url
from ndoki.audio.blocks import stretches
from ndoki.audio.header import read_header
from ndoki.audio.patience import abandon_requests, take_requests
from ndoki.audio.reader import Samples, joined_spans
from ndoki.audio.recording import describe, with_loss
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.hands import Answers, Failure, Hands, OpenFile, Task, Threads, guarded
from ndoki.batch.ledger import Ledger
from ndoki.batch.session import BEAT_S
from ndoki.core.deployments import Deployments
from ndoki.core.types import Event, Recording
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.scan import channels_of, pick_stretches

__all__ = ["UNIT_S", "Failure", "Heard", "Job", "Stretch", "hear_all", "heard_so_far"]

UNIT_S = 720.0
"""Length of a stretch: what a killed run hears again, and what a job holds in memory.

Short enough that an hour keeps four cores busy, long enough that context (34 s behind a gate), read by both
neighbours, is cheap.
"""

_LOOKED_AHEAD = 8


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
class Stretch:
    """A stretch that was heard: its length in seconds, and about how many events begin in it."""

    source: str
    length_s: float
    n_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file that was looked into, and stays open."""

    identity: str
    recording: Recording
    n_channels: int
    samples: Samples


_Waiting = dict["Future[Answers]", Task]
_Done = SimpleQueue["Future[Answers]"]


def hear_all(
    sources: Iterable[str | None], job: Job, ledger: Ledger, hands: Hands | None = None
) -> Iterator[Stretch | Failure]:
    """Hear what the ledger does not hold yet, and enter it there.

    Parameters
    ----------
    sources
        Taken one by one, in the order of the tables. None says that the next is not known yet, and that it is
        time for something else.
    hands
        Who hears; ``job.jobs`` threads of this process when None. They are stopped at the end.

    Yields
    ------
    What was just entered: a stretch, or a file that could not be heard.

    Raises
    ------
    OutputError
        The ledger cannot be written.
    ClusterError
        Those who hear are gone.
    """
    take_requests()
    hands = hands or Threads(job.detector, job.picker, job.jobs)
    lookers = ThreadPoolExecutor(_LOOKED_AHEAD)
    waiting: _Waiting = {}
    done: _Done = SimpleQueue()
    tasks = _tasks(sources, job, ledger, lookers, hands.n_together)
    is_patient = True
    try:
        for task in tasks:
            if task is None:
                yield from _entered(waiting, done, job, ledger)
                continue
            if isinstance(task, Failure):
                yield task
                continue
            begun = hands.begin(task)
            waiting[begun] = task
            begun.add_done_callback(done.put)
            while len(waiting) > hands.n_at_once:
                yield from _entered(waiting, done, job, ledger)
        while waiting:
            yield from _entered(waiting, done, job, ledger)
    except KeyboardInterrupt:
        # Who stops a run must not wait for a read that hangs.
        is_patient = False
        abandon_requests()
        raise
    finally:
        hands.stop(is_patient=is_patient)
        lookers.shutdown(wait=False, cancel_futures=not is_patient)
        if is_patient:
            tasks.close()
            for left in waiting.values():
                left.file.samples.close()


def heard_so_far(ledger: Ledger, job: Job) -> Iterator[Heard]:
    """Recordings in order, each with the events of the stretches that are done."""
    for recording_id, recording in ledger.recordings():
        events: list[Event] = []
        heard = ledger.stretches(recording_id)
        whole = with_loss(
            recording, joined_spans(span for parts in heard.values() for one in parts for span in one.lost)
        )
        for channel, parts in heard.items():
            events += pick_stretches(parts, whole, channel, job.detector, job.picker)
        yield Heard(recording=whole, events=tuple(events))


def _tasks(
    sources: Iterable[str | None], job: Job, ledger: Ledger, lookers: ThreadPoolExecutor, n_together: int
) -> Generator[Task | Failure | None, None, None]:
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
        file = OpenFile(
            place=place,
            entry=entry,
            identity=seen.identity,
            recording=seen.recording,
            samples=seen.samples,
        )
        tasks = _left(file, job, n_together)
        file.n_left = len(tasks)
        if not tasks:
            file.samples.close()
        try:
            for task in tasks:
                if file.failed_at is None:
                    yield task
                else:
                    file.finish_one()
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

    return guarded(source, look)


def _left(file: OpenFile, job: Job, n_together: int) -> list[Task]:
    recording, done = file.recording, file.entry.done
    cuts = stretches(recording.n_samples, recording.rate_hz, job.detector.grid, job.unit_s)
    several: list[tuple[int, tuple[tuple[int, int], ...]]] = []
    for channel in channels_of(recording, job.channel):
        left = [cut for cut in cuts if (channel, cut[0]) not in done]
        several += [(channel, tuple(left[i : i + n_together])) for i in range(0, len(left), n_together)]
    return [
        Task(file=file, number=number, channel=channel, cuts=some)
        for number, (channel, some) in enumerate(several)
    ]


def _entered(waiting: _Waiting, done: _Done, job: Job, ledger: Ledger) -> Iterator[Stretch | Failure]:
    """Enter the next answers that are there; nothing where none are waited for."""
    if not waiting:
        ledger.beat()
        return
    future = _next(done)
    while future is None:
        ledger.beat()
        future = _next(done)
    task = waiting.pop(future)
    file, source = task.file, task.file.recording.source
    try:
        for answer in future.result():
            if isinstance(answer, Failure):
                is_first = file.failed_at is None
                # Answers come in any order; the reason that stands is that of the earliest stretch.
                if file.failed_at is None or task.number < file.failed_at:
                    file.failed_at = task.number
                    ledger.failed(file.place, source, answer.reason)
                if is_first:
                    yield answer
                continue
            part, n_events = answer
            length_s = (part.end_frame - part.first_frame) * job.detector.grid.hop_s
            ledger.heard(file.entry, task.channel, part, length_s, n_events)
            yield Stretch(source=source, length_s=length_s, n_events=n_events)
    finally:
        file.finish_one()


def _next(done: _Done) -> "Future[Answers] | None":
    try:
        return done.get(timeout=BEAT_S)
    except Empty:
        return None
