"""What lies in a folder, by the headers of all its files or of as many as the time allows."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ndoki.audio.header import Header, read_header
from ndoki.audio.recording import describe
from ndoki.batch.run import Job
from ndoki.core.errors import NdokiError
from ndoki.core.types import Recording
from ndoki.scan import channels_of

__all__ = ["Look", "Survey", "look"]

_SEED = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A file that was looked into: its header, who and when, and how many channels are to be heard."""

    header: Header
    recording: Recording
    n_channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Files, and what was seen of some of them or of all.

    Attributes
    ----------
    n_files
        All.
    looks
        Those looked into, drawn at random, or all.
    failures
        Source and reason of those looked into that cannot be heard.
    look_s
        Seconds that looking into one file took.
    """

    n_files: int
    looks: tuple[Look, ...]
    failures: tuple[tuple[str, str], ...]
    look_s: float

    @property
    def n_seen(self) -> int:
        """How many were looked into."""
        return len(self.looks) + len(self.failures)


def look(sources: Sequence[str], job: Job, *, most_s: float) -> Survey:
    """Look into files, in an order drawn at random (always the same), until the time is up.

    Parameters
    ----------
    sources
        At least one.
    most_s
        Seconds; at least one file is looked into.
    """
    began_s = time.perf_counter()
    looks, failures = [], []
    for source in random.Random(_SEED).sample(list(sources), len(sources)):  # noqa: S311 -- a sample, no secret
        try:
            header = read_header(source)
            recording = describe(source, header=header, timezone=job.timezone, deployments=job.deployments)
            n_channels = len(channels_of(recording, job.channel))
            looks.append(Look(header=header, recording=recording, n_channels=n_channels))
        except NdokiError as error:
            failures.append((source, str(error)))
        if time.perf_counter() - began_s > most_s:
            break
    taken_s = time.perf_counter() - began_s
    return Survey(
        n_files=len(sources),
        looks=tuple(looks),
        failures=tuple(failures),
        look_s=taken_s / (len(looks) + len(failures)),
    )
