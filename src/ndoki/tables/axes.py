"""Where seconds, hertz and boxes lie on a segment's picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ndoki.core.types import Event
from ndoki.tables.row import SEGMENT_S
from ndoki.tables.spectrogram import hz_to_row

__all__ = ["Axes", "Box"]

Box = tuple[float, float, float, float]
"""Left, upper, right, lower in pixels of the picture."""

_TICKS_HZ = (0, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000)
_LEAST_GAP_PX = 18
_CLOCK_STEP_S = 2
_LEAST_BOX_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The plot's place in the picture and what its axes stand for.

    Attributes
    ----------
    offset_s
        Left end of the time axis, seconds from the start of the file; it spans 12 s.
    top_hz
        Upper end of the frequency axis, which is a mel axis from 0 Hz up.
    left_px, upper_px, right_px, lower_px
        The plot's edges.
    """

    offset_s: int
    top_hz: float
    left_px: int = 64
    upper_px: int = 46
    right_px: int = 1132
    lower_px: int = 424

    @property
    def width_px(self) -> int:
        """Width of the plot."""
        return self.right_px - self.left_px

    @property
    def height_px(self) -> int:
        """Height of the plot."""
        return self.lower_px - self.upper_px

    def x(self, seconds: float) -> float:
        """Where a time lies, in seconds from the start of the file; kept within the plot."""
        share = min(max((seconds - self.offset_s) / SEGMENT_S, 0.0), 1.0)
        return self.left_px + share * self.width_px

    def y(self, hz: float) -> float:
        """Where a frequency lies; kept within the plot."""
        return self.upper_px + hz_to_row(hz, self.top_hz, self.height_px)

    def hertz_ticks(self) -> list[tuple[int, float]]:
        """Round frequencies and where they lie, as many as can be told apart."""
        ticks: list[tuple[int, float]] = []
        for hz in _TICKS_HZ:
            if hz <= self.top_hz and (not ticks or ticks[-1][1] - self.y(hz) >= _LEAST_GAP_PX):
                ticks.append((hz, self.y(hz)))
        return ticks

    def clock_ticks(self, begins_at: datetime) -> Iterator[tuple[float, str]]:
        """Seconds from the start of the file and time of day, at whole even seconds of the clock."""
        until_whole = timedelta(microseconds=-begins_at.microsecond % 1_000_000)
        first = begins_at + until_whole
        for step in range(SEGMENT_S + 1):
            second = until_whole.total_seconds() + step
            shown = first + timedelta(seconds=step)
            if shown.second % _CLOCK_STEP_S == 0 and second <= SEGMENT_S:
                yield self.offset_s + second, shown.strftime("%H:%M:%S")

    def box(self, event: Event) -> Box:
        """An event's box, cut to the plot and never thinner than can be seen."""
        left, right = self.x(event.start_s), self.x(event.end_s)
        upper, lower = self.y(event.high_hz), self.y(event.low_hz)
        return left, min(upper, lower - _LEAST_BOX_PX), max(right, left + _LEAST_BOX_PX), lower

    def tag_place(self, box: Box, width: float, height: float, taken: Sequence[Box]) -> Box:
        """A place for a tag: above its box, else higher up, else from the top down, off other tags."""
        left = min(box[0], self.right_px - width)
        above = [box[1] - height - 2 - step * (height + 2) for step in range(self.height_px)]
        uppers = [upper for upper in above if upper >= self.upper_px]
        uppers += [
            self.upper_px + 1.0 + step * (height + 2) for step in range(int(self.height_px // (height + 2)))
        ]
        places = [(left, upper, left + width, upper + height) for upper in uppers]
        free = (place for place in places if not any(_overlap(place, other) for other in taken))
        return next(free, places[-1])


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
