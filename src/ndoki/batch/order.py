"""What is asked of those who hear in other processes, and how they answer: in the ledger's own form."""

import os
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ndoki.audio.access import Access, reached_by
from ndoki.audio.header import read_header
from ndoki.audio.reader import Samples
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.hands import Answers, Failure, guarded, hear_stretches
from ndoki.batch.wire import bytes_from_thinned, recording_from_text, text_from_recording, thinned_from_bytes
from ndoki.core.errors import AudioError, ClusterError, RemoteError
from ndoki.core.types import Recording
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import DETECTORS, gated_for, load_detector
from ndoki.events.pick import Picker

__all__ = [
    "Errand",
    "Order",
    "Told",
    "answers_from",
    "detector_of",
    "do_errand",
    "errand_for",
    "order_for",
    "this_process",
]

Told = tuple[list[tuple[int, int, bytes, int]], str | None]
"""First and end frame of each stretch, what was found, number of events; and why the next one failed."""

Errand = tuple[str, str, str, int, tuple[tuple[int, int], ...]]
"""The file, what `content_identity` says of it where the run was begun, its recording by
`text_from_recording`, a channel, and first and end frame of each stretch."""

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


def errand_for(
    recording: Recording, identity: str, channel: int, cuts: tuple[tuple[int, int], ...]
) -> Errand:
    """What is to be heard, in a form that can be sent."""
    return recording.source, identity, text_from_recording(recording), channel, cuts


def do_errand(order: Order, errand: Errand) -> Told:
    """Hear stretches of a file.

    Raises
    ------
    ClusterError
        This process cannot do what the order wants, whatever the file.
    """
    source, identity, described, channel, cuts = errand
    recording, detector = recording_from_text(described), detector_of(order)
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


def answers_from(told: Told, source: str) -> Answers:
    """What `do_errand` answered of a file, as those answer who hear in this process."""
    parts, reason = told
    found: Answers = [
        (thinned_from_bytes(data, first, end), n_events) for first, end, data, n_events in parts
    ]
    return found + ([Failure(source=source, reason=reason)] if reason else [])


def detector_of(order: Order) -> Detector:
    """The detector that an order names, loaded once.

    Raises
    ------
    ClusterError
        This process has another one.
    """
    with _lock:
        if order.digest not in _detectors:
            detector = _loaded(order)
            if detector.id.digest != order.digest:
                raise ClusterError(
                    f"the detector {order.detector} of {this_process()} is not that of the run (digest "
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
                f"{this_process()} {error}; the computer that began the run can: workers must see recordings "
                "under the same path or address"
            ) from error
        # Computers differ in how exactly they tell the time of a change.
        if (own.split()[0], own.split()[-1]) != (identity.split()[0], identity.split()[-1]):
            raise AudioError(
                f"{source} is another file on {this_process()} than on the computer that began the run; "
                "workers must see recordings under the same path or address"
            )
        samples = Samples(read_header(source, file), file)
        closing.pop_all()
        return samples


def this_process() -> str:
    """Who says something, for messages."""
    return f"the worker on {socket.gethostname()} (process {os.getpid()})"
