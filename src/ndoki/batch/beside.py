"""Threads of this process that have other processes hear for them, where those are free.

Python's interpreter lets one thread of a process work at a time. Most of hearing happens outside of it, but
not all: two threads are 1.4 times as fast as one, two processes nearly twice. So threads hear by themselves
until processes are ready, which takes a second, and from then on hand on what they have to hear; there is a
thread more than processes, that keeps this one at work too. A process that dies costs nothing: the thread
that waits for it hears instead.
"""

from ndoki.batch.hands import Answers, Task, Threads
from ndoki.batch.order import answers_from, errand_for
from ndoki.batch.processes import Processes
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker

__all__ = ["ThreadsAndProcesses"]


class ThreadsAndProcesses(Threads):
    """Threads of this process, and other processes, which are ended with them.

    Parameters
    ----------
    detector, picker
        Who listens, and for which lowest score.
    jobs
        Number of threads: more than processes.
    processes
        They were given an order to the same effect.
    """

    def __init__(self, detector: Detector, picker: Picker, jobs: int, processes: Processes) -> None:
        super().__init__(detector, picker, jobs)
        self._processes, self._is_over = processes, False

    def stop(self, *, is_patient: bool) -> None:
        """Let threads and processes end."""
        if is_patient:
            super().stop(is_patient=True)
        self._is_over = True
        self._processes.end()
        super().stop(is_patient=is_patient)

    def _answers(self, task: Task) -> Answers:
        file = task.file
        told = self._processes.hear(errand_for(file.recording, file.identity, task.channel, task.cuts))
        if self._is_over:
            return []
        # The reason that stands in the tables is what this process meets with, whoever met with it first.
        if told is None or told[1] is not None:
            return super()._answers(task)
        return answers_from(told, file.recording.source)
