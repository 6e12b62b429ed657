"""Who hears stretches, what is handed to them, and what they hand back."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ndoki.audio.reader import Samples
from ndoki.batch.ledger import Entry
from ndoki.core.errors import NdokiError
from ndoki.core.types import Recording
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.events.stitch import Thinned
from ndoki.scan import pick_stretches, scan_stretch

__all__ = ["Answers", "Failure", "Hands", "OpenFile", "Task", "Threads", "guarded", "hear_stretches"]

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be heard, and why."""

    source: str
    reason: str


@dataclass(slots=True, kw_only=True, eq=False)
class OpenFile:
    """A recording at work: its open samples are shared by its tasks.

    Attributes
    ----------
    place, entry, identity
        Its number among the sources, and what the ledger knows of it.
    n_left
        Tasks that are not finished.
    failed_at
        Number of the first of its tasks that failed; None as long as none has.
    """

    place: int
    entry: Entry
    identity: str
    recording: Recording
    samples: Samples
    n_left: int = 0
    failed_at: int | None = None

    def finish_one(self) -> None:
        """Say that a task is finished; with the last, the file is closed."""
        self.n_left -= 1
        if self.n_left == 0:
            self.samples.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Stretches of one channel, in order, as pairs of first and end frame. ``number`` counts in the file."""

    file: OpenFile
    number: int
    channel: int
    cuts: tuple[tuple[int, int], ...]


Answers = list[tuple[Thinned, int] | Failure]
"""Of each stretch what was found and its number of events; after the first failure nothing more."""


class Hands(Protocol):
    """Those who hear: threads of this process, or workers elsewhere."""

    @property
    def n_together(self) -> int:
        """Stretches that a task may hold."""

    @property
    def n_at_once(self) -> int:
        """Tasks that may be begun before the first of them is finished; may change."""

    def begin(self, task: Task) -> "Future[Answers]":
        """Have a task done."""

    def stop(self, *, is_patient: bool) -> None:
        """Drop what is not done; with patience, wait for what cannot be dropped any more."""


class Threads:
    """Threads of this process.

    Parameters
    ----------
    detector, picker
        Who listens, and for which lowest score.
    jobs
        Number of threads.
    """

    n_together = 1

    def __init__(self, detector: Detector, picker: Picker, jobs: int) -> None:
        self._detector, self._picker = detector, picker
        self._pool = ThreadPoolExecutor(jobs)
        self._n_at_once = 2 * jobs

    @property
    def n_at_once(self) -> int:
        """Two per thread: one is always ready."""
        return self._n_at_once

    def begin(self, task: Task) -> "Future[Answers]":
        """Have a task done, as soon as a thread is free."""
        return self._pool.submit(self._hear, task)

    def stop(self, *, is_patient: bool) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=is_patient, cancel_futures=True)

    def _hear(self, task: Task) -> Answers:
        file = task.file
        if file.failed_at is not None and file.failed_at < task.number:
            return []
        return self._answers(task)

    def _answers(self, task: Task) -> Answers:
        file = task.file
        return hear_stretches(
            file.samples, file.recording, task.channel, task.cuts, self._detector, self._picker
        )


def hear_stretches(
    samples: Samples,
    recording: Recording,
    channel: int,
    cuts: Sequence[tuple[int, int]],
    detector: Detector,
    picker: Picker,
) -> Answers:
    """Hear stretches of an open file, up to the first that fails."""
    answers: Answers = []
    for cut in cuts:

        def listen(cut: tuple[int, int] = cut) -> tuple[Thinned, int]:
            part = scan_stretch(samples, channel, cut, detector, picker)
            return part, len(pick_stretches([part], recording, channel, detector, picker))

        answers.append(answer := guarded(recording.source, listen))
        if isinstance(answer, Failure):
            break
    return answers


def guarded(source: str, work: Callable[[], T]) -> T | Failure:
    """The boundary of a unit of work: whatever one file does wrong stays with that file."""
    try:
        return work()
    except NdokiError as error:
        return Failure(source=source, reason=str(error))
    except Exception as error:
        _log.exception("unexpected failure while hearing %s", source)
        return Failure(source=source, reason=f"unexpected failure: {type(error).__name__}: {error}")
