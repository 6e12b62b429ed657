"""A picture per site: hours × days, coloured by level, with what is missing, silent, dead or wet."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ndoki.tables.atomic import write_bytes
from ndoki.tables.images import font
from ndoki.tables.spectrogram import COLOURS

__all__ = ["MARKS", "CoverageCell", "coverage_image", "write_coverage"]

_Pixels = npt.NDArray[np.uint8]
_Colour = tuple[int, int, int]

_PAPER, _INK, _FAINT = (250, 250, 247), (24, 28, 36), (104, 110, 120)
_EMPTY, _UNHEARD = (232, 232, 229), (150, 154, 166)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
# Okabe and Ito's vermilion and sky blue; the stripes say the same to those who do not see colours.
_DEAD, _WET = (213, 94, 0), (86, 180, 233)
_STRIPE_PX = 4

MARKS = ("", "dead", "wet")
"""What a cell can be marked as."""

_LEFT_PX, _UPPER_PX, _RIGHT_PX, _LOWER_PX = 74, 66, 26, 146
_CELL_HEIGHT_PX, _N_HOURS = 18, 24
_PLOT_PX, _MOST_CELL_PX, _LEAST_CELL_PX, _SPACED_CELL_PX = 1100, 64, 3, 6
_LEAST_WIDTH_PX = 900
_TEXT_PX, _TITLE_PX = 14, 17
_TICK_HOURS = 3
_TICK_DAYS = (1, 2, 5, 7, 14, 28, 56, 91, 182, 365)
_TICK_WIDTH_PX = 92
_BAR_WIDTH_PX, _KEY_PX = 220, 16
_QUIET_PERCENTILE, _LOUD_PERCENTILE, _LEAST_RANGE_DB = 5.0, 95.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCell:
    """One hour of one day.

    Attributes
    ----------
    day, hour
        As people at the site read the clock; hour from 0 to 23.
    present_share, silent_share
        Share of the hour, or of what a schedule records of it, that is there, and that is there as digital
        silence; in [0, 1].
    level_db
        What colours it; None where nobody listened.
    mark
        One of `MARKS`.
    """

    day: date
    hour: int
    present_share: float
    silent_share: float = 0.0
    level_db: float | None = None
    mark: str = ""


def coverage_image(cells: Sequence[CoverageCell], *, title: str, subtitle: str, clock: str) -> Image.Image:
    """Draw hours (down) × days (across).

    A cell is filled from the top by the share of the hour that was recorded; the rest stays dotted. Whatever
    is no level has a pattern, so that it can be told without colours too.

    Parameters
    ----------
    cells
        At least one, each day and hour at most once.
    title, subtitle
        The two lines above.
    clock
        Whose hours these are, e.g. ``UTC+1``.

    Returns
    -------
    PIL.Image.Image
        RGB, 644 pixels high, 900 or more wide: a day takes 3 to 64 pixels.
    """
    first = min(cell.day for cell in cells)
    n_days = (max(cell.day for cell in cells) - first).days + 1
    step = int(min(_MOST_CELL_PX, max(_LEAST_CELL_PX, _PLOT_PX // n_days)))
    width = max(_LEAST_WIDTH_PX, _LEFT_PX + n_days * step + _RIGHT_PX)
    low_db, high_db = _range_db(cells)
    image = Image.new("RGB", (width, _UPPER_PX + _N_HOURS * _CELL_HEIGHT_PX + _LOWER_PX), _PAPER)
    plot = _plot(cells, first, n_days, step, (low_db, high_db))
    image.paste(Image.fromarray(plot), (_LEFT_PX, _UPPER_PX))
    draw = ImageDraw.Draw(image)
    draw.text((_LEFT_PX, 26), title, _INK, font(_TITLE_PX), anchor="ls")
    draw.text((_LEFT_PX, 50), subtitle, _FAINT, font(_TEXT_PX), anchor="ls")
    _draw_hours(draw, clock)
    _draw_days(draw, first, n_days, step)
    _draw_key(image, draw, low_db, high_db)
    return image


def write_coverage(path: Path, image: Image.Image) -> None:
    """Write a picture as PNG.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    data = io.BytesIO()
    image.save(data, format="PNG", optimize=True)
    write_bytes(path, data.getvalue())


def _range_db(cells: Sequence[CoverageCell]) -> tuple[float, float]:
    """Quietest and loudest level to tell apart; what a dead or wet microphone hears does not count."""
    known = [cell.level_db for cell in cells if cell.level_db is not None and not cell.mark]
    if not known:
        return 0.0, _LEAST_RANGE_DB
    low_db, high_db = np.percentile(known, (_QUIET_PERCENTILE, _LOUD_PERCENTILE)).tolist()
    missing_db = max(0.0, _LEAST_RANGE_DB - (high_db - low_db))
    return low_db - missing_db / 2, high_db + missing_db / 2


def _plot(
    cells: Sequence[CoverageCell], first: date, n_days: int, step: int, range_db: tuple[float, float]
) -> _Pixels:
    """uint8, shape (24 · cell height, n_days · step, 3)."""
    shape = (_N_HOURS * _CELL_HEIGHT_PX, n_days * step)
    plot = _striped(shape, _EMPTY, _FAINT, "dots")
    silence = _striped(shape, _WHITE, _BLACK, "diagonal")
    gap = 1 if step >= _SPACED_CELL_PX else 0
    for cell in cells:
        upper, left = cell.hour * _CELL_HEIGHT_PX, (cell.day - first).days * step
        # What was recorded is seen, be it a minute; what is missing too.
        n_rows = _rows(cell.present_share)
        n_silent = min(n_rows, _rows(cell.silent_share))
        right, lower = left + step - gap, upper + n_rows
        plot[upper:lower, left:right] = _filling(cell, (n_rows, step - gap), range_db)
        plot[lower - n_silent : lower, left:right] = silence[lower - n_silent : lower, left:right]
    if gap:
        plot[:, step - 1 :: step] = _PAPER
    plot[_CELL_HEIGHT_PX - 1 :: _CELL_HEIGHT_PX] = _PAPER
    return plot


def _rows(share: float) -> int:
    inner = _CELL_HEIGHT_PX - 1
    return min(inner, max(1, round(share * inner))) if share > 0 else 0


def _filling(cell: CoverageCell, shape: tuple[int, int], range_db: tuple[float, float]) -> _Pixels:
    if cell.mark == "dead":
        return _striped(shape, _DEAD, _BLACK, "across")
    if cell.mark == "wet":
        return _striped(shape, _WET, _BLACK, "down")
    plain = np.empty((*shape, 3), np.uint8)
    plain[:] = _UNHEARD if cell.level_db is None else _level_colour(cell.level_db, range_db)
    return plain


def _level_colour(level_db: float, range_db: tuple[float, float]) -> _Pixels:
    low_db, high_db = range_db
    share = min(max((level_db - low_db) / (high_db - low_db), 0.0), 1.0)
    return np.asarray(COLOURS[round(share * 255)])


def _striped(shape: tuple[int, ...], ground: _Colour, stripe: _Colour, way: str) -> _Pixels:
    """uint8, shape (*shape, 3): a stripe of 1 pixel in every 4, or a dot where two would cross."""
    down, across = np.indices(shape)
    is_row, is_column = (down + 2) % _STRIPE_PX == 0, (across + 2) % _STRIPE_PX == 0
    pixels = np.empty((*shape, 3), np.uint8)
    pixels[:] = ground
    pixels[
        {
            "across": is_row,
            "down": is_column,
            "dots": is_row & is_column,
            "diagonal": (down + across) % _STRIPE_PX == 0,
        }[way]
    ] = stripe
    return pixels


def _draw_hours(draw: ImageDraw.ImageDraw, clock: str) -> None:
    for hour in range(0, _N_HOURS + 1, _TICK_HOURS):
        y = _UPPER_PX + hour * _CELL_HEIGHT_PX
        draw.line((_LEFT_PX - 6, y, _LEFT_PX - 1, y), _INK)
        draw.text((_LEFT_PX - 10, y), f"{hour:02d} h", _INK, font(_TEXT_PX), anchor="rm")
    draw.text((8, _UPPER_PX - 16), clock, _FAINT, font(_TEXT_PX), anchor="ls")


def _draw_days(draw: ImageDraw.ImageDraw, first: date, n_days: int, step: int) -> None:
    y = _UPPER_PX + _N_HOURS * _CELL_HEIGHT_PX
    every = next((days for days in _TICK_DAYS if days * step >= _TICK_WIDTH_PX), _TICK_DAYS[-1])
    for day in range(0, n_days, every):
        x = _LEFT_PX + day * step
        draw.line((x, y, x, y + 6), _INK)
        draw.text((x, y + 10), f"{first + timedelta(days=day)}", _INK, font(_TEXT_PX), anchor="lt")
    draw.text((_LEFT_PX - 10, y + 10), "day", _FAINT, font(_TEXT_PX), anchor="rt")


def _draw_key(image: Image.Image, draw: ImageDraw.ImageDraw, low_db: float, high_db: float) -> None:
    """Colour bar, and a patch for whatever is no level."""
    upper = _UPPER_PX + _N_HOURS * _CELL_HEIGHT_PX + 58
    ramp = Image.fromarray(COLOURS[None, :, :]).resize((_BAR_WIDTH_PX, _KEY_PX))
    image.paste(ramp, (_LEFT_PX, upper))
    middle = upper + _KEY_PX / 2
    draw.text((_LEFT_PX - 8, middle), f"{low_db:.0f}", _INK, font(_TEXT_PX), anchor="rm")
    text = f"{high_db:.0f} dB, level from 60 to 700 Hz (full scale 0 dB)"
    draw.text((_LEFT_PX + _BAR_WIDTH_PX + 8, middle), text, _INK, font(_TEXT_PX), anchor="lm")
    x, upper = float(_LEFT_PX), upper + 36
    for name, patch in _patches():
        image.paste(Image.fromarray(patch), (round(x), upper))
        draw.text((x + 2 * _KEY_PX + 8, upper + _KEY_PX / 2), name, _INK, font(_TEXT_PX), anchor="lm")
        x += 2 * _KEY_PX + 8 + draw.textlength(name, font(_TEXT_PX)) + 22


def _patches() -> tuple[tuple[str, _Pixels], ...]:
    shape = (_KEY_PX, 2 * _KEY_PX)
    return (
        ("no recording", _striped(shape, _EMPTY, _FAINT, "dots")),
        ("digital silence", _striped(shape, _WHITE, _BLACK, "diagonal")),
        ("microphone dead", _striped(shape, _DEAD, _BLACK, "across")),
        ("microphone wet", _striped(shape, _WET, _BLACK, "down")),
        ("not listened to", _striped(shape, _UNHEARD, _UNHEARD, "dots")),
    )
