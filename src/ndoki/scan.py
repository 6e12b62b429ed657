"""THE path: a recording becomes blocks, blocks become scores, scores become events.

There is no second one. The command line, the batch runner and the validation inside training all call
`scan`, so the figures that are reported are those of what users run.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.core.errors import ConfigError
from ndoki.core.types import Analysis, Block, Event, Recording
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.events.stitch import stitch

__all__ = ["scan"]

Progress = Callable[[float], None]
"""Called with the seconds of sound that were just finished."""


def scan(
    recording: Recording,
    detector: Detector,
    picker: Picker,
    *,
    block_s: float = 60.0,
    channel: int | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Event]:
    """Find events in one recording. The result does not depend on ``block_s`` or ``jobs``.

    Parameters
    ----------
    recording
        What to listen to.
    detector, picker
        What scores the sound, and what makes events of the scores.
    block_s
        How much sound is held at a time (per job).
    channel
        Only this channel, counted from 0; every channel when None.
    jobs
        How many blocks are worked on at a time.
    progress
        Told of each finished block.

    Returns
    -------
    list of Event
        In order of channel and onset.

    Raises
    ------
    AudioError
        The sound cannot be read.
    ConfigError
        The recording has no such channel.
    """
    events: list[Event] = []
    with open_samples(recording.source) as samples:
        for each in _channels(recording, channel):
            blocks = read_blocks(
                samples,
                each,
                grid=detector.grid,
                before_frames=detector.context_before_frames,
                after_frames=detector.context_after_frames,
                block_s=block_s,
            )
            analysis = stitch(_analysed(blocks, detector, jobs, progress))
            events += picker.pick(analysis, recording, each, detector.id)
    return events


def _channels(recording: Recording, channel: int | None) -> Iterable[int]:
    if channel is None:
        return range(recording.n_channels)
    if not 0 <= channel < recording.n_channels:
        raise ConfigError(
            f"{recording.source} has {recording.n_channels} channel(s), so there is no channel {channel + 1}"
        )
    return (channel,)


def _analysed(
    blocks: Iterator[Block], detector: Detector, jobs: int, progress: Progress | None
) -> Iterator[Analysis]:
    """Analyses in the blocks' order; with several jobs, at most two blocks per job are held."""

    def report(block: Block) -> None:
        if progress is not None:
            progress((block.end_frame - block.first_frame) * detector.grid.hop_s)

    if jobs <= 1:
        for block in blocks:
            yield detector.analyse(block)
            report(block)
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[tuple[Block, Future[Analysis]]] = deque()
        for block in blocks:
            waiting.append((block, pool.submit(detector.analyse, block)))
            if len(waiting) >= 2 * jobs:
                oldest, answer = waiting.popleft()
                yield answer.result()
                report(oldest)
        for oldest, answer in waiting:
            yield answer.result()
            report(oldest)


class _CallableModule(ModuleType):
    """Lets ``ndoki.scan(...)`` work although a package's attribute of that name is this module."""

    def __call__(self, *args: Any, **options: Any) -> list[Event]:
        return scan(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
