"""THE path: a recording becomes stretches, stretches become scores, scores become events.

There is no second one. The validation inside training calls `scan`; the batch runner calls the two halves
of it, because a run that can die keeps the stretches. So the figures that are reported are those of what
users run.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ndoki.audio.blocks import read_block, stretches
from ndoki.audio.reader import Samples, open_samples
from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Event, Evidence, Recording
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import operating_points
from ndoki.events.pick import Picker, says_onsets
from ndoki.events.stitch import Thinned, islands, joined_evidence, stitch, thin
from ndoki.features.gabor import GABOR_GRID
from ndoki.firing.complete import HEARD_SCORE, Scored, completed
from ndoki.firing.hint import HINT_SCORE, hinted, reach_frames
from ndoki.firing.model import load_shot_model
from ndoki.firing.near import Listener, evidence_near

__all__ = ["channels_of", "pick_stretches", "scan", "scan_stretch"]

Frames = npt.NDArray[np.int64]

_GUNSHOT = "gunshot"
"""Only of events with this label it is asked whether they are bursts."""

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
    grid, events = detector.grid, []
    with open_samples(recording.source) as samples:
        cuts = stretches(samples.header.n_samples, samples.header.rate_hz, grid, block_s)
        for each in channels_of(recording, channel):
            parts = []
            for part in _scanned(samples, each, cuts, detector, picker, jobs):
                parts.append(part)
                if progress is not None:
                    progress((part.end_frame - part.first_frame) * grid.hop_s)
            events += pick_stretches(parts, recording, each, detector, picker)
    return events


def scan_stretch(
    samples: Samples, channel: int, cut: tuple[int, int], detector: Detector, picker: Picker
) -> Thinned:
    """Score one stretch of one channel, and keep what can become an event, with the evidence around it.

    Parameters
    ----------
    samples
        The open file; several threads may read it at the same time.
    channel
        Counted from 0.
    cut
        First and end frame of the detector's grid; see `ndoki.audio.blocks.stretches`. The context that the
        detector wants is read from the neighbours.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    completes = _completes(detector, picker)
    least_score = min(picker.threshold, HINT_SCORE) if completes else picker.threshold
    column = picker.column_of(detector.labels)
    part = _scored(samples, channel, cut, detector, column, least_score)
    part = replace(part, lost=_lost(samples, detector.grid, cut))
    if not completes:
        return part
    sure = part.frame[part.score >= picker.sure_score]
    worth = sure[hinted(sure, _hints(samples, channel, detector, column, part, sure), detector.grid)]
    return replace(part, evidence=_evidence(samples, channel, detector.grid, worth))


def _completes(detector: Detector, picker: Picker) -> bool:
    """Whether bursts are completed: scores have to be chances, and frames about onsets of gunshots."""
    label = detector.labels[picker.column_of(detector.labels)]
    is_asked = picker.completes_bursts and label == _GUNSHOT
    return is_asked and says_onsets(detector.grid) and bool(operating_points(detector))


def _scored(
    samples: Samples, channel: int, cut: tuple[int, int], detector: Detector, column: int, least_score: float
) -> Thinned:
    first_frame, end_frame = cut
    block = read_block(
        samples,
        channel,
        grid=detector.grid,
        before_frames=detector.context_before_frames,
        after_frames=detector.context_after_frames,
        first_frame=first_frame,
        end_frame=end_frame,
    )
    return thin(detector.analyse(block), first_frame, end_frame, column=column, least_score=least_score)


def _lost(samples: Samples, grid: FrameGrid, cut: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """What of a stretch could not be decoded, once it was read; the last goes up to the end of the file."""
    rate_hz, is_last = samples.header.rate_hz, cut[1] == _n_frames(samples, grid)
    end = samples.header.n_samples if is_last else grid.first_sample(cut[1], rate_hz)
    return tuple(samples.lost(grid.first_sample(cut[0], rate_hz), end))


def _n_frames(samples: Samples, grid: FrameGrid) -> int:
    return grid.n_frames(grid.n_samples(samples.header.n_samples, samples.header.rate_hz))


def _hints(
    samples: Samples, channel: int, detector: Detector, column: int, part: Thinned, sure: Frames
) -> Frames:
    """Frames that may hint at other shots, also those beyond a stretch near whose end something was found."""
    grid, frames = detector.grid, [part.frame]
    n_frames = _n_frames(samples, grid)
    before, after = reach_frames(grid)
    beyond = []
    if len(sure):
        beyond.append((max(0, min(part.first_frame, int(sure[0]) - before)), part.first_frame))
        beyond.append((part.end_frame, min(n_frames, max(part.end_frame, int(sure[-1]) + after + 1))))
    frames += [
        _scored(samples, channel, cut, detector, column, HINT_SCORE).frame
        for cut in beyond
        if cut[0] < cut[1]
    ]
    return np.sort(np.concatenate(frames))


def _evidence(samples: Samples, channel: int, grid: FrameGrid, frames: Frames) -> Evidence:
    """What the sound says of single shots around some frames."""
    if not len(frames):
        return Evidence()
    listener = Listener(samples, samples.header.n_samples, samples.header.rate_hz, channel)
    places = {grid.centre_sample(int(frame), GABOR_GRID.rate_hz) for frame in frames}
    return evidence_near(listener, load_shot_model(), places)


def pick_stretches(
    parts: Sequence[Thinned], recording: Recording, channel: int, detector: Detector, picker: Picker
) -> list[Event]:
    """Events of one channel from its stretches, in order of onset, bursts complete and echoes left out.

    Parameters
    ----------
    parts
        In order; what is missing holds no event. ``picker`` is the one they were scored for.
    """
    column, events = picker.column_of(detector.labels), []
    for island in islands(parts, picker.reach_frames(detector.grid)):
        whole = stitch(island, grid=detector.grid, labels=detector.labels, column=column)
        events += picker.pick(whole, recording, channel, detector.id)
    evidence = joined_evidence(parts)
    if not len(evidence):
        return events
    score = np.concatenate([part.score for part in parts])
    is_heard, rate_hz = score >= HEARD_SCORE, GABOR_GRID.rate_hz
    heard = np.concatenate([part.frame for part in parts])[is_heard].tolist()
    frames = [GABOR_GRID.frame_at(detector.grid.centre_sample(one, rate_hz), rate_hz) for one in heard]
    scored = Scored(frames=np.array(frames, np.int64), scores=score[is_heard].astype(np.float64))
    events = completed(events, evidence, recording, scored=scored, sure_score=picker.sure_score)
    return [one for one in events if one.score >= picker.threshold]


def channels_of(recording: Recording, channel: int | None) -> Sequence[int]:
    """That channel, or all for None.

    Raises
    ------
    ConfigError
        The recording has no such channel.
    """
    if channel is None:
        return range(recording.n_channels)
    if not 0 <= channel < recording.n_channels:
        raise ConfigError(
            f"{recording.source} has {recording.n_channels} channel(s), so there is no channel {channel + 1}"
        )
    return (channel,)


def _scanned(
    samples: Samples,
    channel: int,
    cuts: Sequence[tuple[int, int]],
    detector: Detector,
    picker: Picker,
    jobs: int,
) -> Iterator[Thinned]:
    """Stretches in order; with several jobs, at most two per job are held."""
    if jobs <= 1:
        for cut in cuts:
            yield scan_stretch(samples, channel, cut, detector, picker)
        return
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[Thinned]] = deque()
        for cut in cuts:
            waiting.append(pool.submit(scan_stretch, samples, channel, cut, detector, picker))
            if len(waiting) >= 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _CallableModule(ModuleType):
    """Lets ``ndoki.scan(...)`` work although a package's attribute of that name is this module."""

    def __call__(self, *args: Any, **options: Any) -> list[Event]:
        return scan(*args, **options)


sys.modules[__name__].__class__ = _CallableModule
