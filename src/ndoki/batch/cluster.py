"""Stretches heard by the workers of a Dask cluster. The one who writes the ledger stays here."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

import distributed
from distributed.scheduler import KilledWorker

from ndoki.audio.access import access
from ndoki.batch.cluster_place import connected
from ndoki.batch.hands import Answers, Failure, Hands, Task
from ndoki.batch.order import Told, answers_from, errand_for, order_for
from ndoki.batch.run import Job
from ndoki.batch.worker import Orders, hear
from ndoki.core.errors import ClusterError, ConfigError, NdokiError

__all__ = ["hands_of_cluster"]

_PER_THREAD = 4
_FEWEST_AT_ONCE = 16
_LOOK_S = 3.0
_PATIENCE_S = 0.5
_GONE = (
    "the scheduler of the cluster is gone ({}); what was heard is kept: run the same command again to go on, "
    "once there is a scheduler"
)
_NO_WORKER = "the cluster has no worker now; the run goes on when one comes"
_log = logging.getLogger(__name__)


@contextmanager
def hands_of_cluster(where: str, name_or_file: str, job: Job) -> Iterator[Hands]:
    """Workers of a cluster, while they are needed.

    Parameters
    ----------
    where
        Address of a scheduler, ``local``, ``local:N``, or a file; see `ndoki.batch.cluster_place.connected`.
    name_or_file
        What ``job.detector`` was opened from.

    Raises
    ------
    ConfigError
        There is no such cluster, or its workers cannot do what is wanted.
    """
    with connected(where) as client:
        # A cache belongs to one computer.
        wanted = replace(access(), cache_folder=None)
        orders = Orders(order_for(name_or_file, job.detector, job.picker, wanted))
        hands = _Workers(client, _given(client, orders), orders.name)
        try:
            yield hands
        finally:
            hands.stop(is_patient=False)


def _given(client: distributed.Client, orders: Orders) -> int:
    """Give the order to the workers; returns how many threads they have."""
    try:
        client.register_plugin(orders)
        return sum(client.nthreads().values())
    except ImportError as error:
        raise ConfigError(
            f"a worker of the cluster lacks a package ({error.name or error}): install ndoki[cluster] "
            f"{orders.version} on all of them"
        ) from error
    except NdokiError as error:
        raise ConfigError(f"the cluster cannot be used: {error}") from error
    except OSError as error:
        raise ConfigError(f"the cluster gives no answer ({error})") from error


class _Workers:
    """Workers of a cluster, behind the `Hands` protocol.

    Dask tells of a finished task in a thread of its own. A second one, here, fetches answers, as many at a
    time as are there, and looks whether the scheduler lives: a scheduler that ends may say nothing.
    """

    n_together = 8
    """A stretch takes a twentieth of a second, and a task a thousandth of the scheduler's time."""

    def __init__(self, client: distributed.Client, n_threads: int, order: str) -> None:
        self._client, self._order = client, order
        self._n_threads, self._n_begun, self._looked_s = n_threads, 0, time.monotonic()
        if not n_threads:
            _log.warning(_NO_WORKER)
        self._begun: dict[str, tuple[distributed.Future, Future[Answers], str]] = {}
        self._finished: SimpleQueue[distributed.Future | None] = SimpleQueue()
        self._lost: ClusterError | None = None
        self._lock = threading.Lock()
        self._name = f"{order}-{time.time_ns():x}"
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()

    @property
    def n_at_once(self) -> int:
        """Some per thread of all workers: enough that none waits, few enough that memory stays small."""
        return max(_FEWEST_AT_ONCE, _PER_THREAD * self._n_threads)

    def begin(self, task: Task) -> "Future[Answers]":
        """Send a task to the scheduler."""
        file, answers = task.file, Future[Answers]()
        # Workers open files by themselves.
        file.samples.close()
        self._n_begun += 1
        source = file.recording.source
        with self._lock:
            if self._lost is None and self._client.status != "running":
                self._lost = ClusterError(_GONE.format("the connection is closed"))
            if self._lost is not None:
                answers.set_exception(self._lost)
                return answers
            future = self._client.submit(
                hear,
                self._order,
                errand_for(file.recording, file.identity, task.channel, task.cuts),
                key=f"hear-{self._name}-{self._n_begun}",
                pure=False,
            )
            self._begun[future.key] = (future, answers, source)
        future.add_done_callback(self._finished.put)
        return answers

    def stop(self, *, is_patient: bool) -> None:
        """Drop all tasks; those that run end by themselves, and nobody waits for them."""
        del is_patient
        self._finished.put(None)
        with self._lock:
            left = [future for future, _, _ in self._begun.values()]
            self._begun.clear()
        self._collector.join(_PATIENCE_S)
        if left and self._client.status == "running":
            with suppress(OSError, RuntimeError):
                self._client.cancel(left)

    def _collect(self) -> None:
        reason = "an error that nobody thought of"
        try:
            while True:
                several = self._take()
                if None in several:
                    return
                self._settle([future for future in several if future is not None])
                if time.monotonic() - self._looked_s > _LOOK_S:
                    self._look()
        except (OSError, RuntimeError, ValueError, CancelledError, asyncio.CancelledError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
        finally:
            # Whatever ends this thread, nobody must wait for what it would have brought.
            self._lose(ClusterError(_GONE.format(reason)))

    def _take(self) -> list[distributed.Future | None]:
        """What is finished by now; nothing after a while without any."""
        several: list[distributed.Future | None] = []
        with suppress(Empty):
            several.append(self._finished.get(timeout=_LOOK_S))
            while True:
                several.append(self._finished.get_nowait())
        return several

    def _settle(self, finished: Sequence[distributed.Future]) -> None:
        """Hand on what is known of tasks."""
        fetched = []
        for future in finished:
            if future.status == "finished":
                fetched.append(future)
            elif future.status == "error":
                self._hand_on_error(future, future.exception())
            elif future.status == "cancelled":
                raise ClusterError("it dropped the tasks")
            else:
                # The worker died with the answer; another one finds it again.
                future.add_done_callback(self._finished.put)
        try:
            told: list[Told] = self._client.gather(fetched) if fetched else []
        except KilledWorker:
            for future in fetched:
                future.add_done_callback(self._finished.put)
            return
        for future, one in zip(fetched, told, strict=True):
            answers, source = self._popped(future)
            if answers is not None:
                answers.set_result(answers_from(one, source))

    def _hand_on_error(self, future: distributed.Future, error: BaseException) -> None:
        answers, source = self._popped(future)
        if answers is None:
            return
        if isinstance(error, KilledWorker):
            n_deaths, last = error.allowed_failures + 1, error.last_worker.address
            reason = (
                f"each of the {n_deaths} worker(s) that heard it, or what was sent with it, died, the last "
                f"at {last}; out of memory, mostly: see that worker's log, give workers more memory, and run "
                "the same command again"
            )
            answers.set_result([Failure(source=source, reason=reason)])
        elif isinstance(error, ClusterError):
            answers.set_exception(error)
        else:
            answers.set_exception(
                ClusterError(f"a worker of the cluster cannot hear: {type(error).__name__}: {error}")
            )

    def _popped(self, future: distributed.Future) -> "tuple[Future[Answers] | None, str]":
        with self._lock:
            _, answers, source = self._begun.pop(future.key, (None, None, ""))
        return answers, source

    def _look(self) -> None:
        """See that the scheduler lives, and how many workers it has."""
        if self._client.status != "running":
            raise ClusterError("the connection is closed")
        n_before, self._n_threads = self._n_threads, sum(self._client.nthreads().values())
        if n_before and not self._n_threads:
            _log.warning(_NO_WORKER)
        self._looked_s = time.monotonic()

    def _lose(self, error: ClusterError) -> None:
        with self._lock:
            self._lost = error
            left = [answers for _, answers, _ in self._begun.values()]
            self._begun.clear()
        for answers in left:
            answers.set_exception(error)
