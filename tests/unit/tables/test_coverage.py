from datetime import date, timedelta

import numpy as np
import pytest

from ndoki.tables.coverage import CoverageCell, coverage_image, write_coverage
from ndoki.tables.spectrogram import COLOURS

DAY = date(2018, 8, 17)
LEFT, UPPER, HEIGHT = 74, 66, 18


def _cell(hour=0, day=0, present=1.0, **options):
    return CoverageCell(day=DAY + timedelta(days=day), hour=hour, present_share=present, **options)


def _pixels(*cells, step=64):
    image = coverage_image(cells, title="nn03a", subtitle="24 h", clock="UTC+1")
    pixels = np.asarray(image)
    return lambda hour, day=0: pixels[
        UPPER + hour * HEIGHT : UPPER + hour * HEIGHT + HEIGHT - 1,
        LEFT + day * step : LEFT + (day + 1) * step - (step >= 6),
    ]


def _colours(pixels):
    return {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}


def test_loud_and_quiet_hours_have_the_ends_of_the_colours():
    at = _pixels(*(_cell(hour, level_db=-80.0 + hour) for hour in range(24)))
    assert _colours(at(0)) == {tuple(COLOURS[0].tolist())}
    assert _colours(at(23)) == {tuple(COLOURS[-1].tolist())}


def test_each_state_looks_different():
    at = _pixels(
        _cell(0, level_db=-60.0),
        _cell(1, present=1.0, silent_share=1.0),
        _cell(2, level_db=-90.0, mark="dead"),
        _cell(3, level_db=-60.0, mark="wet"),
        _cell(4),
    )
    looks = [_colours(at(hour)) for hour in range(6)]
    assert all(one != other for i, one in enumerate(looks) for other in looks[:i])
    # In grey, an hour without recording is told from any level by its pattern.
    assert [len(colours) for colours in looks] == [1, 2, 2, 2, 1, 2]


def test_dead_hours_do_not_use_up_the_colours():
    sound = [_cell(hour, level_db=-60.0 + hour) for hour in range(20)]
    dead = [_cell(hour, level_db=-120.0, mark="dead") for hour in range(20, 24)]
    one, other = _pixels(*sound), _pixels(*sound, *dead)
    assert all(np.array_equal(one(hour), other(hour)) for hour in range(20))


def test_a_part_of_an_hour_fills_a_part_of_its_cell():
    at = _pixels(_cell(0, present=0.5, level_db=-60.0), _cell(1, present=0.01, level_db=-60.0))
    colour = at(0)[0, 0]
    assert [int((at(hour) == colour).all(axis=2).all(axis=1).sum()) for hour in (0, 1, 2)] == [8, 1, 0]


@pytest.mark.parametrize(
    ("n_days", "size"), [(1, (900, 644)), (120, (1180, 644)), (365, (1195, 644)), (1000, (3100, 644))]
)
def test_from_a_day_to_years(n_days, size):
    cells = [_cell(5, day, level_db=-60.0) for day in (0, n_days - 1)]
    assert coverage_image(cells, title="", subtitle="", clock="UTC").size == size


def test_equal_cells_give_equal_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        write_coverage(tmp_path / name, coverage_image([_cell()], title="x", subtitle="y", clock="UTC"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
