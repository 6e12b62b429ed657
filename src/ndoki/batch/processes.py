"""Threads of this process that have others hear for them, where they are.

Python's interpreter lets one thread of a process work at a time. Most of hearing happens outside of it, but
not all: two threads are 1.4 times as fast as one, two processes nearly twice. So threads hear by themselves
until processes are there, which takes a second, and from then on hand on what they have to hear; there is a
thread more than processes, that keeps this one at work too. A process that dies costs nothing: the thread
that waits for it hears instead.
"""

import logging
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from ndoki.batch.hands import Answers, Task, Threads
from ndoki.batch.order import Order, answers_from, errand_for
from ndoki.batch.process import HearingProcess
from ndoki.detectors.protocol import Detector

__all__ = ["Processes"]

_log = logging.getLogger(__name__)


class Processes(Threads):
    """Threads of this process, and other processes.

    Parameters
    ----------
    detector, order
        Who listens, and how other processes know it.
    jobs
        Number of threads.
    processes
        Fewer than threads. They are ended with this.
    """

    def __init__(
        self, detector: Detector, order: Order, jobs: int, processes: Sequence[HearingProcess]
    ) -> None:
        super().__init__(detector, order.picker, jobs)
        self._order, self._processes = order, processes
        self._idle: SimpleQueue[HearingProcess] = SimpleQueue()
        self._is_over = False
        for process in processes:
            Thread(target=self._greet, args=(process,), daemon=True).start()

    def stop(self, *, is_patient: bool) -> None:
        """Let threads and processes end."""
        if is_patient:
            super().stop(is_patient=True)
        self._is_over = True
        for process in self._processes:
            process.end()
        super().stop(is_patient=is_patient)

    def _greet(self, process: HearingProcess) -> None:
        if process.take(self._order):
            self._idle.put(process)
        elif not self._is_over:
            _log.warning("a second process does not begin; the run goes on without it")

    def _answers(self, task: Task) -> Answers:
        try:
            process = self._idle.get_nowait()
        except Empty:
            return super()._answers(task)
        told = process.hear(errand_for(task))
        if told is not None:
            self._idle.put(process)
            return answers_from(told, task.file.recording.source)
        if self._is_over:
            return []
        _log.warning("process %d, which heard, is gone; the run goes on without it", process.pid)
        return super()._answers(task)
