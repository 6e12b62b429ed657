"""Many recordings on this machine. One bad file never costs another."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from typing import TypeVar

from ndoki.audio.recording import describe
from ndoki.core.deployments import Deployments
from ndoki.core.errors import NdokiError
from ndoki.core.types import Event, Recording
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.scan import scan

__all__ = ["Failure", "Heard", "Job", "hear_all"]

_log = logging.getLogger(__name__)
_LONG_S = 600.0
"""From this length on a recording is worth several workers by itself; shorter ones share them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is wanted of every recording. ``channel`` counts from 0; None takes all."""

    detector: Detector
    picker: Picker
    timezone: tzinfo | None = None
    deployments: Deployments | None = None
    channel: int | None = None
    block_s: float = 240.0
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


Progress = Callable[[float], None]
Result = Heard | Failure
T = TypeVar("T")


def hear_all(sources: Sequence[str], job: Job, progress: Progress | None = None) -> Iterator[Result]:
    """Results in the order of the sources, each as soon as it and all before it are done.

    Parameters
    ----------
    progress
        Told of seconds of sound as they are finished, from any thread.
    """
    with ThreadPoolExecutor(job.jobs) as workers:
        waiting: deque[Future[Result]] = deque()
        for source in sources:
            described = _guarded(source, partial(_described, source, job))
            if isinstance(described, Failure):
                waiting.append(_done(described))
            elif described.duration_s >= _LONG_S or job.jobs == 1:
                yield from _drained(waiting)
                yield _heard(described, job, job.jobs, progress)
            else:
                waiting.append(workers.submit(_heard, described, job, 1, progress))
            while len(waiting) > 4 * job.jobs:
                yield waiting.popleft().result()
        yield from _drained(waiting)


def _drained(waiting: "deque[Future[Result]]") -> Iterator[Result]:
    while waiting:
        yield waiting.popleft().result()


def _done(failure: Failure) -> "Future[Result]":
    future: Future[Result] = Future()
    future.set_result(failure)
    return future


def _described(source: str, job: Job) -> Recording:
    return describe(source, timezone=job.timezone, deployments=job.deployments)


def _heard(recording: Recording, job: Job, jobs: int, progress: Progress | None) -> Result:
    def listen() -> Heard:
        events = scan(
            recording,
            job.detector,
            job.picker,
            block_s=job.block_s,
            channel=job.channel,
            jobs=jobs,
            progress=progress,
        )
        return Heard(recording=recording, events=tuple(events))

    return _guarded(recording.source, listen)


def _guarded(source: str, work: Callable[[], T]) -> T | Failure:
    """The boundary of a unit of work: whatever one file does wrong stays with that file."""
    try:
        return work()
    except NdokiError as error:
        return Failure(source=source, reason=str(error))
    except Exception as error:
        _log.exception("unexpected failure while hearing %s", source)
        return Failure(source=source, reason=f"unexpected failure: {type(error).__name__}: {error}")
