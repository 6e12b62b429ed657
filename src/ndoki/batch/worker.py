"""What a worker of a Dask cluster does: hear stretches, and answer in the ledger's own form."""

import hashlib
import os
import pickle
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from distributed import WorkerPlugin

from ndoki.audio.access import Access, reached_by
from ndoki.audio.header import read_header
from ndoki.audio.reader import Samples
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.hands import Failure, guarded, hear_stretches
from ndoki.batch.memory import keep_freed_memory
from ndoki.batch.wire import bytes_from_thinned, recording_from_text
from ndoki.core.errors import AudioError, ClusterError, RemoteError
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import DETECTORS, gated_for, load_detector
from ndoki.events.pick import Picker

__all__ = ["Order", "Orders", "Told", "hear", "order_for"]

Told = tuple[list[tuple[int, int, bytes, int]], str | None]
"""First and end frame of each stretch, what was found, number of events; and why the next one failed."""

_orders: "dict[str, Order]" = {}
_detectors: dict[str, Detector] = {}
_lock = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is the same for all stretches of a run.

    Attributes
    ----------
    detector, content
        Its name; or the ending of its file, and what is in it.
    digest
        The detector's own, to see that it is the same one.
    """

    detector: str
    content: bytes | None
    digest: str
    picker: Picker
    access: Access


class Orders(WorkerPlugin):  # type: ignore[misc]
    """Brings an order to every worker, also to those that come later.

    The order travels as bytes, so that another version of Ndoki refuses it before it tries to read it.
    """

    def __init__(self, order: Order) -> None:
        self.version = version("ndoki")
        self.content = pickle.dumps(order)
        self.name = f"ndoki-{hashlib.sha256(self.version.encode() + self.content).hexdigest()[:32]}"

    def setup(self, worker: object) -> None:
        """Take the order.

        Raises
        ------
        ClusterError
            This worker would hear something else than the one who gives the order.
        """
        del worker
        if self.version != version("ndoki"):
            raise ClusterError(
                f"{_here()} has Ndoki {version('ndoki')} instead of {self.version}; install the same version"
            )
        order = pickle.loads(self.content)  # noqa: S301 -- Dask itself runs whatever it is sent
        _detector(order)
        # Dask has its workers give back whatever is freed: twice the processor time for a stretch.
        keep_freed_memory()
        _orders[self.name] = order


def order_for(name_or_file: str, detector: Detector, picker: Picker, access: Access) -> Order:
    """The order to hear with a detector that was opened from that name or file."""
    path = None if name_or_file in DETECTORS else Path(name_or_file)
    return Order(
        detector=path.suffix.lower() if path else name_or_file,
        content=path.read_bytes() if path else None,
        digest=detector.id.digest,
        picker=picker,
        access=access,
    )


def hear(
    name: str, source: str, identity: str, described: str, channel: int, cuts: tuple[tuple[int, int], ...]
) -> Told:
    """Hear stretches of a file.

    Parameters
    ----------
    name
        The order, as `Orders` names it.
    source, identity
        The file, and what `content_identity` says of it where the run was begun.
    described
        Its recording, by `text_from_recording`.
    channel, cuts
        Counted from 0; first and end frame of each stretch.

    Raises
    ------
    ClusterError
        This worker cannot do what the order wants, whatever the file.
    """
    order = _orders.get(name)
    if order is None:
        raise ClusterError(
            f"{_here()} has Ndoki {version('ndoki')} and no order from this run; probably it has another "
            "version or another detector than the computer that began the run, see the worker's log"
        )
    recording, detector = recording_from_text(described), _detector(order)
    with reached_by(order.access):
        samples = guarded(source, lambda: _opened(source, identity))
        if isinstance(samples, Failure):
            return [], samples.reason
        with samples:
            answers = hear_stretches(samples, recording, channel, cuts, detector, order.picker)
    told, reason = [], None
    for answer in answers:
        if isinstance(answer, Failure):
            reason = answer.reason
        else:
            part, n_events = answer
            told.append((part.first_frame, part.end_frame, bytes_from_thinned(part), n_events))
    return told, reason


def _detector(order: Order) -> Detector:
    with _lock:
        if order.digest not in _detectors:
            detector = _loaded(order)
            if detector.id.digest != order.digest:
                raise ClusterError(
                    f"the detector {order.detector} of {_here()} is not that of the run (digest "
                    f"{detector.id.digest[:12]} instead of {order.digest[:12]}); install the same Ndoki"
                )
            _detectors[order.digest] = detector
        return _detectors[order.digest]


def _loaded(order: Order) -> Detector:
    """The order's detector; behind its gate where the run's is, which is known by the digest."""
    if order.content is None:
        detector = load_detector(order.detector)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"detector{order.detector}"
            path.write_bytes(order.content)
            detector = load_detector(str(path))
    gated = gated_for(detector, order.picker.threshold)
    return gated if gated.id.digest == order.digest else detector


def _opened(source: str, identity: str) -> Samples:
    """The file, if it is the one that was looked into where the run was begun."""
    with ExitStack() as closing:
        try:
            file = closing.enter_context(open_binary(source))
            own = content_identity(source, file)
        except RemoteError:
            raise
        except AudioError as error:
            raise AudioError(
                f"{_here()} {error}; the computer that began the run can: workers must see recordings under "
                "the same path or address"
            ) from error
        # Computers differ in how exactly they tell the time of a change.
        if (own.split()[0], own.split()[-1]) != (identity.split()[0], identity.split()[-1]):
            raise AudioError(
                f"{source} is another file on {_here()} than on the computer that began the run; workers "
                "must see recordings under the same path or address"
            )
        samples = Samples(read_header(source, file), file)
        closing.pop_all()
        return samples


def _here() -> str:
    return f"the worker on {socket.gethostname()} (process {os.getpid()})"
