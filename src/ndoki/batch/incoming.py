"""Recordings that are heard while others are still being looked for."""

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from ndoki.core.errors import NdokiError

__all__ = ["Incoming"]


_MOMENT_S = 0.05


class Incoming:
    """Names in the order in which they are found; a thread of its own finds them.

    Listing 100 000 objects of a bucket takes a minute. The first of them can be heard after a second.

    Parameters
    ----------
    found
        Names, some at a time.
    is_wanted
        Whether a name counts.

    Attributes
    ----------
    names
        What was found so far. To be read by any thread, and not to be changed.
    is_complete
        Whether that is all.
    failure
        Why it will never be, where a folder cannot be listed to its end.
    """

    def __init__(self, found: Iterator[list[str]], is_wanted: Callable[[str], bool]) -> None:
        self.names: list[str] = []
        self.is_complete = False
        self.failure: NdokiError | None = None
        self._queue: SimpleQueue[list[str] | None] = SimpleQueue()
        # A daemon: a listing that hangs must not hold up the end of the program.
        threading.Thread(target=self._find, args=(found, is_wanted), daemon=True).start()

    def __iter__(self) -> Iterator[str | None]:
        """Names as they come, and None whenever none has come for a moment."""
        while True:
            try:
                some = self._queue.get(timeout=_MOMENT_S)
            except Empty:
                yield None
                continue
            if some is None:
                return
            yield from some

    def _find(self, found: Iterator[list[str]], is_wanted: Callable[[str], bool]) -> None:
        try:
            for some in found:
                wanted = [name for name in some if is_wanted(name)]
                self.names += wanted
                self._queue.put(wanted)
            self.is_complete = True
        except NdokiError as error:
            self.failure = error
        finally:
            self._queue.put(None)
