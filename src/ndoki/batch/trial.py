"""How fast this machine hears given recordings, and how much it finds: stretches drawn at random."""

import random
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, chain

from ndoki.audio.blocks import stretches
from ndoki.audio.reader import open_samples
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.order import errand_for
from ndoki.batch.processes import Processes
from ndoki.batch.run import Job
from ndoki.batch.survey import Look
from ndoki.batch.wire import bytes_from_thinned, thinned_from_bytes
from ndoki.core.errors import ConfigError, NdokiError
from ndoki.core.types import Event
from ndoki.events.stitch import Thinned
from ndoki.scan import channels_of, pick_stretches, scan_stretch

__all__ = ["Trial", "Trials", "n_units", "try_out"]

_SEED = 20261122
_MOST_UNITS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A stretch that was heard for trial.

    Attributes
    ----------
    sound_s, work_s
        Seconds of sound, and of one job's time, opening the file included.
    events
        What was found in it.
    n_ledger_bytes
        What the ledger would keep of it.
    """

    sound_s: float
    work_s: float
    events: tuple[Event, ...]
    n_ledger_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """At least one stretch that was heard; source and reason of each that could not be; seconds of all."""

    heard: tuple[Trial, ...]
    failures: tuple[tuple[str, str], ...]
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    look: Look
    channel: int
    cut: tuple[int, int]


def n_units(look: Look, job: Job) -> int:
    """How many stretches a file has, all channels together."""
    return len(_cuts(look, job)) * look.n_channels


def try_out(looks: Sequence[Look], job: Job, *, most_s: float, processes: Processes | None = None) -> Trials:
    """Hear stretches drawn at random (always the same) with all jobs, as a run would, until the time is up.

    The first is heard twice and counted once: it pays for what is loaded once.

    Parameters
    ----------
    looks
        Files to draw from; a long one is drawn from more often.
    most_s
        Seconds after which no further stretch is begun.
    processes
        Others that hear too, as they would in a run.

    Raises
    ------
    ConfigError
        Nothing could be heard.
    """
    began_s = time.perf_counter()
    units = _drawn(looks, job)
    first = _warmed(units, job)
    heard: list[Trial] = []
    failures: list[tuple[str, str]] = []
    warm_s = time.perf_counter()
    for answer in _answers(chain([first], units), job, began_s + most_s, processes or Processes()):
        if isinstance(answer, Trial):
            heard.append(answer)
        else:
            failures.append(answer)
    return Trials(heard=tuple(heard), failures=tuple(failures), wall_s=time.perf_counter() - warm_s)


def _cuts(look: Look, job: Job) -> list[tuple[int, int]]:
    return stretches(look.header.n_samples, look.header.rate_hz, job.detector.grid, job.unit_s)


def _drawn(looks: Sequence[Look], job: Job) -> Iterator[_Unit]:
    """Stretches of all channels, each at most once."""
    ends = list(accumulate(n_units(one, job) for one in looks))
    n_all = ends[-1] if ends else 0
    for number in random.Random(_SEED).sample(range(n_all), min(n_all, _MOST_UNITS)):  # noqa: S311 -- no secret
        place = bisect_right(ends, number)
        look = looks[place]
        channel, cut = divmod(number - (ends[place - 1] if place else 0), len(_cuts(look, job)))
        channels = channels_of(look.recording, job.channel)
        yield _Unit(look=look, channel=channels[channel], cut=_cuts(look, job)[cut])


def _warmed(units: Iterable[_Unit], job: Job) -> _Unit:
    reason = "no sound was found"
    for unit in units:
        answer = _tried(unit, job, Processes())
        if isinstance(answer, Trial):
            return unit
        reason = answer[1]
    raise ConfigError(f"nothing could be heard for trial: {reason}; `ndoki inspect` says what the files are")


def _answers(
    units: Iterable[_Unit], job: Job, until_s: float, processes: Processes
) -> Iterator[Trial | tuple[str, str]]:
    """In order; at most two stretches per job are under way."""
    with ThreadPoolExecutor(job.jobs) as pool:
        waiting: deque[Future[Trial | tuple[str, str]]] = deque()
        for unit in units:
            waiting.append(pool.submit(_tried, unit, job, processes))
            if len(waiting) >= 2 * job.jobs:
                yield waiting.popleft().result()
            if time.perf_counter() >= until_s:
                break
        while waiting:
            yield waiting.popleft().result()


def _tried(unit: _Unit, job: Job, processes: Processes) -> Trial | tuple[str, str]:
    began_s = time.perf_counter()
    recording = unit.look.recording
    try:
        part = _heard_beside(unit, processes)
        if part is None:
            with open_samples(recording.source, unit.look.header) as samples:
                part = scan_stretch(samples, unit.channel, unit.cut, job.detector, job.picker)
    except NdokiError as error:
        return recording.source, str(error)
    events = pick_stretches([part], recording, unit.channel, job.detector, job.picker)
    return Trial(
        sound_s=(unit.cut[1] - unit.cut[0]) * job.detector.grid.hop_s,
        work_s=time.perf_counter() - began_s,
        events=tuple(events),
        n_ledger_bytes=len(bytes_from_thinned(part)),
    )


def _heard_beside(unit: _Unit, processes: Processes) -> Thinned | None:
    """What another process heard; None where none is free, or it could not."""
    recording = unit.look.recording
    if not len(processes):
        return None
    with open_binary(recording.source) as file:
        identity = content_identity(recording.source, file)
    told = processes.hear(errand_for(recording, identity, unit.channel, (unit.cut,)))
    if told is None or told[1] is not None:
        return None
    ((first_frame, end_frame, found, _),), _ = told
    return thinned_from_bytes(found, first_frame, end_frame)
