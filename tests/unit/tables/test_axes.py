from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from ndoki.core.types import Event
from ndoki.tables.axes import Axes

AXES = Axes(offset_s=24, top_hz=2000.0)


def test_seconds_and_hertz_lie_within_the_plot() -> None:
    assert [AXES.x(seconds) for seconds in (0, 24, 30, 36, 99)] == [64, 64, 598, 1132, 1132]
    assert [AXES.y(hz) for hz in (-5, 0, 2000, 8000)] == [424, 424, 46, 46]


def test_frequency_ticks_are_round_and_apart() -> None:
    ticks = AXES.hertz_ticks()
    assert [hz for hz, _ in ticks] == [0, 100, 200, 300, 500, 700, 1000, 1500, 2000]
    crowded = Axes(offset_s=0, top_hz=24_000.0).hertz_ticks()
    ys = [y for _, y in crowded]
    assert all(lower - upper >= 18 for lower, upper in pairwise(ys))


def test_clock_ticks_stand_at_whole_even_seconds() -> None:
    ticks = list(AXES.clock_ticks(datetime(2018, 8, 17, 1, 0, 23, 250_000, tzinfo=UTC)))
    assert ticks[0] == (24.75, "01:00:24")
    assert ticks[-1] == (34.75, "01:00:34")
    assert len(ticks) == 6
    whole = list(AXES.clock_ticks(datetime(2018, 8, 17, 23, 59, 56, tzinfo=UTC)))
    assert whole[0] == (24.0, "23:59:56")
    assert whole[-1] == (36.0, "00:00:08")


def test_a_box_spans_its_event(make_event: Callable[..., Event]) -> None:
    box = AXES.box(make_event(first_sample=27 * 8000, end_sample=30 * 8000, low_hz=0, high_hz=2000))
    assert box == (331, 46, 598, 424)


def test_a_box_is_cut_to_the_plot_and_never_too_thin(make_event: Callable[..., Event]) -> None:
    left, upper, right, lower = AXES.box(
        make_event(first_sample=35 * 8000, end_sample=50 * 8000, low_hz=3000, high_hz=3500)
    )
    assert (right, lower - upper) == (1132, 4)
    assert left < right
    left, _, right, _ = AXES.box(make_event(first_sample=240_000, end_sample=240_001))
    assert right - left == 4


def test_tags_do_not_cover_each_other() -> None:
    placed: list[tuple[float, float, float, float]] = []
    for number in range(15):
        placed.append(AXES.tag_place((400 + number, 200, 420 + number, 400), 90, 19, placed))
    for number, one in enumerate(placed):
        assert one[1] >= AXES.upper_px
        assert one[3] <= AXES.lower_px
        assert all(one[3] <= other[1] or other[3] <= one[1] for other in placed[:number])
    assert placed[0] == (400, 179, 490, 198)


@pytest.mark.parametrize("upper", [46.0, 60.0])
def test_a_tag_without_room_above_stays_in_the_plot(upper: float) -> None:
    tag = AXES.tag_place((1120, upper, 1132, 424), 90, 19, [])
    assert tag == (1042, 47, 1132, 66)


def test_too_many_tags_still_have_a_place() -> None:
    full = [(0.0, 0.0, 2000.0, 1000.0)]
    assert AXES.tag_place((400, 200, 420, 400), 90, 19, full)[3] <= AXES.lower_px
