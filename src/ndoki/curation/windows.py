"""Loose labels, and the candidates for their shots that a detector finds there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ndoki.audio.blocks import stretches
from ndoki.audio.reader import Samples
from ndoki.core.grid import FrameGrid, seconds_to_samples
from ndoki.core.types import Event, Recording
from ndoki.curation.plausibility import LEAST_SCORE
from ndoki.detectors.protocol import Detector
from ndoki.events.pick import Picker
from ndoki.scan import pick_stretches, scan_stretch

__all__ = ["LooseLabel", "Window", "find_candidates", "window_of"]

_BLOCK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseLabel:
    """Somebody's word that there is a shot, at least one, between two times of a recording.

    Attributes
    ----------
    file
        As the table names it.
    channel
        Counts from 0.
    first_s, end_s
        From the start of the file; None for its beginning or its end.
    origin
        Where it was read, e.g. ``shots.csv, row 3``.
    """

    file: str
    channel: int = 0
    first_s: float | None = None
    end_s: float | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where the onset that a label means may lie: samples ``[first_sample, end_sample)`` of the recording.

    ``is_cut`` says that the label's own span, without the slack, leaves the recording.
    """

    label: LooseLabel
    first_sample: int
    end_sample: int
    is_cut: bool

    def holds(self, sample: int) -> bool:
        """Whether a sample lies inside."""
        return self.first_sample <= sample < self.end_sample


def window_of(label: LooseLabel, recording: Recording, slack_s: float) -> Window:
    """Window of a label, wider by ``slack_s`` on both sides, within the recording."""
    rate_hz, n_samples = recording.rate_hz, recording.n_samples
    first_s = 0.0 if label.first_s is None else label.first_s
    end_s = recording.duration_s if label.end_s is None else label.end_s
    first = seconds_to_samples(first_s - slack_s, rate_hz)
    end = seconds_to_samples(end_s + slack_s, rate_hz) + 1
    return Window(
        label=label,
        first_sample=min(max(first, 0), n_samples),
        end_sample=max(min(end, n_samples), 0),
        is_cut=first_s < 0 or seconds_to_samples(end_s, rate_hz) > n_samples,
    )


def find_candidates(
    samples: Samples,
    recording: Recording,
    channel: int,
    windows: Sequence[Window],
    detector: Detector,
    *,
    beyond_s: float,
) -> list[Event]:
    """All that scores `LEAST_SCORE` in the windows and ``beyond_s`` behind them, in order of onset.

    Found on the path that ``ndoki detect`` takes: scores do not depend on where windows begin.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    picker = Picker(threshold=LEAST_SCORE, completes_bursts=False)
    parts = [
        scan_stretch(samples, channel, cut, detector, picker)
        for cut in _cuts(recording, windows, detector.grid, beyond_s)
    ]
    return pick_stretches(parts, recording, channel, detector, picker)


def _cuts(
    recording: Recording, windows: Sequence[Window], grid: FrameGrid, beyond_s: float
) -> Iterator[tuple[int, int]]:
    """Frames to be scored: none twice, in order, a minute at a time."""
    rate_hz = recording.rate_hz
    beyond = seconds_to_samples(beyond_s, rate_hz)
    for first_frame, end_frame in stretches(recording.n_samples, rate_hz, grid, _BLOCK_S):
        begin = first_frame
        for window in sorted(windows, key=lambda one: one.first_sample):
            first = max(begin, grid.frame_at(window.first_sample, rate_hz))
            end = min(end_frame, grid.frame_at(window.end_sample + beyond, rate_hz) + 1)
            if window.first_sample < window.end_sample and first < end:
                yield first, end
                begin = end
