"""Other processes of this computer that hear what they are sent; `ndoki.batch.process_main` is their side.

Light to import, so that a run can have its processes begin before it loads anything itself.
"""

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ndoki.batch.order import Errand, Order, Told

__all__ = ["READY", "HearingProcess", "Processes", "hearing_processes"]

READY = "ready"
"""What a process says once it has taken its order."""

_GONE = (EOFError, OSError, pickle.PickleError, ValueError)
"""What reading from a process that died, or writing to it, may raise."""
_MOST = 3
_WORTH_BYTES = 1 << 28
"""A process takes a second to begin: so much sound (five hours of most recorders) is worth it."""
_MOST_LOOKED_AT = 10_000
"""Where so many files are less than that, they are small, and opening them is most of the work."""
_ENTERED_ANYWHERE = (".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".flac")
_log = logging.getLogger(__name__)


class HearingProcess:
    """A process that hears; two threads must not ask it at the same time.

    Raises
    ------
    OSError
        The system does not let another process begin.
    """

    def __init__(self) -> None:
        # Ctrl-C in a terminal goes to all processes of a group; the one that began the run has to hear it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ndoki.batch.process_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    @property
    def pid(self) -> int:
        """The system's number of it."""
        return self._process.pid

    def take(self, order: "Order") -> bool:
        """Give it the order; says, once it is, whether it is ready."""
        return bool(self._asked(order) == READY)

    def hear(self, errand: "Errand") -> "Told | None":
        """What it heard; None if it died."""
        told: Told | None = self._asked(errand)
        return told

    def end(self) -> None:
        """End it, whatever it does; it holds nothing that could be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _asked(self, question: object) -> Any:
        """Its answer; None if it died."""
        questions, answers = self._process.stdin, self._process.stdout
        if questions is None or answers is None:
            return None
        with suppress(*_GONE):
            pickle.dump(question, questions)
            questions.flush()
            return pickle.load(answers)  # noqa: S301 -- from the process that was started above
        return None


class Processes:
    """Processes that hear, from when they are ready until they end or die. Any number of threads may ask.

    Parameters
    ----------
    begun
        None at all may be.
    """

    def __init__(self, begun: Sequence[HearingProcess] = ()) -> None:
        self._begun = begun
        self._idle: SimpleQueue[HearingProcess] = SimpleQueue()
        self._greeters: list[Thread] = []
        self._is_over = False

    def __len__(self) -> int:
        return len(self._begun)

    def take(self, order: "Order", *, wait: bool = False) -> None:
        """Give all of them an order; each hears once it has taken it, and some may do so while others do not.

        Parameters
        ----------
        wait
            Until all have taken it.
        """
        for process in self._begun:
            self._greeters.append(Thread(target=self._greet, args=(process, order), daemon=True))
            self._greeters[-1].start()
        for greeter in self._greeters if wait else ():
            greeter.join()

    def hear(self, errand: "Errand") -> "Told | None":
        """What one of them heard; None where none is free, or where it died."""
        try:
            process = self._idle.get_nowait()
        except Empty:
            return None
        told = process.hear(errand)
        if told is not None:
            self._idle.put(process)
        elif not self._is_over:
            _log.warning("process %d, which heard, is gone; the run goes on without it", process.pid)
        return told

    def end(self) -> None:
        """End all of them; who waits for one is told None."""
        self._is_over = True
        for process in self._begun:
            process.end()

    def _greet(self, process: HearingProcess, order: "Order") -> None:
        if process.take(order):
            self._idle.put(process)
        elif not self._is_over:
            _log.warning("process %d does not begin to hear; the run goes on without it", process.pid)


@contextmanager
def hearing_processes(inputs: Iterable[str], jobs: int) -> Iterator[Processes]:
    """Processes for a run over files and folders with so many jobs, until the block ends.

    There are none where they are not worth it, and never more than a few, as each takes memory; the other
    jobs are threads. Files on servers are left to threads, that wait for most of the time, and so are those
    that cannot be entered in the middle.
    """
    n_wanted = min(jobs - 1, _MOST)
    begun: list[HearingProcess] = []
    processes = Processes(begun)
    try:
        if n_wanted > 0 and _are_long(inputs):
            with suppress(OSError):
                while len(begun) < n_wanted:
                    begun.append(HearingProcess())
        yield processes
    finally:
        processes.end()


def _are_long(inputs: Iterable[str]) -> bool:
    n_bytes = 0
    for path in islice((one for given in inputs for one in _files(given)), _MOST_LOOKED_AT):
        if path.lower().endswith(_ENTERED_ANYWHERE):
            with suppress(OSError):
                n_bytes += os.stat(path).st_size  # noqa: PTH116 -- a name for each of so many is enough
        if n_bytes >= _WORTH_BYTES:
            return True
    return False


def _files(path: str) -> Iterator[str]:
    if os.path.isfile(path):  # noqa: PTH113 -- as above
        yield path
    for folder, _, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118 -- as above
