"""Mined clips at a glance: pages of small spectrograms, so that a person can see a shot among them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ndoki.audio.reader import open_samples
from ndoki.core.types import Floats
from ndoki.curation.candidates import CLIP_S
from ndoki.tables.atomic import write_bytes
from ndoki.tables.spectrogram import coloured, mel_decibels, robust_range_db

__all__ = ["Thumbnail", "contact_sheet", "write_sheets"]

_COLUMNS, _ROWS = 6, 7
_PLOT_PX, _HEIGHT_PX = 240, 130
_GAP_PX, _TEXT_PX, _LINE_PX = 12, 11, 14
_CELL_PX = (_PLOT_PX + _GAP_PX, _HEIGHT_PX + 2 * _LINE_PX + _GAP_PX)
_TOP_HZ, _WIND_HZ = 2000.0, 60.0
_PAPER, _INK, _FAINT, _BLANK, _MARK = (
    (250, 250, 247),
    (24, 28, 36),
    (104, 110, 120),
    (222, 222, 219),
    (255, 96, 88),
)
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A clip and what is written over it. ``onset_s`` is within the clip."""

    path: Path
    onset_s: float
    title: str


@lru_cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=_TEXT_PX)


def _plot(samples: Floats, rate_hz: int, onset_s: float) -> Image.Image:
    """0 to 2 kHz on a mel axis, 6 s, a mark above and below the onset."""
    top_hz = min(_TOP_HZ, rate_hz / 2)
    decibels = mel_decibels(
        samples, rate_hz, top_hz=top_hz, n_rows=_HEIGHT_PX, n_columns=_PLOT_PX, seconds=CLIP_S
    )
    # Colours are spread over what lies above the wind.
    low_db, high_db = robust_range_db(decibels[: round(_HEIGHT_PX * (1 - _WIND_HZ / top_hz))])
    image = Image.fromarray(coloured(decibels, low_db, high_db, _BLANK))
    x = round(onset_s / CLIP_S * _PLOT_PX)
    draw = ImageDraw.Draw(image)
    draw.polygon([(x - 4, 0), (x + 4, 0), (x, 8)], _MARK)
    draw.polygon([(x - 4, _HEIGHT_PX), (x + 4, _HEIGHT_PX), (x, _HEIGHT_PX - 8)], _MARK)
    return image


def contact_sheet(thumbnails: Sequence[Thumbnail]) -> Image.Image:
    """One page.

    Parameters
    ----------
    thumbnails
        Up to 42, in rows of 6.

    Raises
    ------
    AudioError
        A clip cannot be read.
    """
    n_rows = -(-len(thumbnails) // _COLUMNS)
    size = (_COLUMNS * _CELL_PX[0] + _GAP_PX, n_rows * _CELL_PX[1] + _GAP_PX)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, one in enumerate(thumbnails):
        row, column = divmod(i, _COLUMNS)
        left, upper = _GAP_PX + column * _CELL_PX[0], _GAP_PX + row * _CELL_PX[1]
        with open_samples(str(one.path)) as samples:
            heard = samples.read(0, samples.header.n_samples, 0)
            plot = _plot(heard, samples.header.rate_hz, one.onset_s)
        draw.text((left, upper), one.title, _INK, _font())
        draw.text((left, upper + _LINE_PX), _shortened(one.path.stem), _FAINT, _font())
        sheet.paste(plot, (left, upper + 2 * _LINE_PX))
    return sheet


def _shortened(name: str) -> str:
    """The end of a name says when."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def write_sheets(folder: Path, thumbnails: Sequence[Thumbnail]) -> list[Path]:
    """Write ``contact-1.png`` and so on; pages of an earlier run that are not needed any more go.

    Raises
    ------
    AudioError
        A clip cannot be read.
    OutputError
        A page cannot be written.
    """
    per_page = _COLUMNS * _ROWS
    paths = []
    for number, first in enumerate(range(0, len(thumbnails), per_page), start=1):
        data = io.BytesIO()
        contact_sheet(thumbnails[first : first + per_page]).save(data, format="PNG")
        path = folder / f"contact-{number}.png"
        write_bytes(path, data.getvalue())
        paths.append(path)
    for path in set(folder.glob("contact-*.png")) - set(paths):
        path.unlink()
    return paths
