"""Many small spectrograms in one picture (PNG)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ndoki.core.types import Floats
from ndoki.tables.atomic import write_bytes
from ndoki.tables.spectrogram import coloured, robust_range_db

__all__ = ["Tile", "tiled", "write_tiles"]

_FRAME_PX, _BAND_PX, _GAP_PX, _TITLE_PX, _TEXT_PX = 3, 4, 16, 22, 13
_PAPER, _INK, _BOX, _BLANK = (250, 250, 247), (24, 28, 36), (255, 96, 88), (222, 222, 219)
_N_COLUMNS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """One of the spectrograms.

    Attributes
    ----------
    title
        What stands above it; cut off at its width.
    levels_db
        float, shape (n_frames, n_bands), lowest band first.
    box
        First and end frame, first and end band of what is marked.
    """

    title: str
    levels_db: Floats
    box: tuple[float, float, float, float]


def tiled(tiles: Sequence[Tile]) -> Image.Image:
    """Draw spectrograms of equal size side by side, each in its own range of levels.

    Parameters
    ----------
    tiles
        At least one.

    Returns
    -------
    PIL.Image.Image
        RGB, at most four tiles wide.
    """
    n_frames, n_bands = tiles[0].levels_db.shape
    width, height = n_frames * _FRAME_PX, n_bands * _BAND_PX
    n_columns = min(len(tiles), _N_COLUMNS)
    step_x, step_y = width + _GAP_PX, height + _TITLE_PX + _GAP_PX
    size = (_GAP_PX + n_columns * step_x, _GAP_PX + -(-len(tiles) // n_columns) * step_y)
    sheet = Image.new("RGB", size, _PAPER)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, n_columns)
        drawn = _drawn(tile, width, height)
        sheet.paste(drawn, (_GAP_PX + column * step_x, _GAP_PX + row * step_y))
    return sheet


def _drawn(tile: Tile, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, _TITLE_PX + height), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((0, 2), tile.title, _INK, ImageFont.load_default(size=_TEXT_PX))
    levels_db = np.asarray(tile.levels_db.T[::-1], np.float32)
    pixels = Image.fromarray(coloured(levels_db, *robust_range_db(levels_db), _BLANK))
    image.paste(pixels.resize((width, height), Image.Resampling.NEAREST), (0, _TITLE_PX))
    first_frame, end_frame, first_band, end_band = tile.box
    draw.rectangle(
        (
            round(first_frame * _FRAME_PX),
            _TITLE_PX + height - round(end_band * _BAND_PX),
            min(round(end_frame * _FRAME_PX), width) - 1,
            _TITLE_PX + height - round(first_band * _BAND_PX) - 1,
        ),
        outline=_BOX,
        width=2,
    )
    return image


def write_tiles(path: Path, tiles: Sequence[Tile]) -> None:
    """Write the picture, whole or not at all; raises what `write_bytes` raises."""
    data = io.BytesIO()
    tiled(tiles).save(data, format="PNG")
    write_bytes(path, data.getvalue())
