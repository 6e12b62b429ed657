"""Many spectrograms in one picture: where each lies, which way up, and what is marked."""

import numpy as np
import pytest
from PIL import Image

from ndoki.core.errors import OutputError
from ndoki.tables.tiles import Tile, tiled, write_tiles

N_FRAMES, N_BANDS = 20, 10


def tile(title="a", box=(5, 15, 2, 8)):
    levels_db = np.full((N_FRAMES, N_BANDS), -80.0, np.float32)
    levels_db[10:, :3] = -20.0  # loud in the second half, in the lowest bands
    return Tile(title=title, levels_db=levels_db, box=box)


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (4, 4, 1), (5, 4, 2)])
def test_four_lie_side_by_side(n, columns, rows):
    one = tiled([tile()])
    many = tiled([tile()] * n)
    gap_px = 16
    assert many.width - gap_px == columns * (one.width - gap_px)
    assert many.height - gap_px == rows * (one.height - gap_px)


def test_time_runs_right_and_frequency_up():
    grey = np.asarray(tiled([tile(box=(0, N_FRAMES, 0, N_BANDS))]).convert("L"), int)
    plot = grey[16 + 22 :, 16:][: N_BANDS * 4, : N_FRAMES * 3]
    loud, quiet = plot[30:38, 33:57], plot[2:26, 3:27]
    assert loud.min() > quiet.max() + 50


def test_the_box_is_where_it_says():
    pixels = np.asarray(tiled([tile(box=(5, 15, 2, 8))]))[16 + 22 :, 16:]
    rows, columns = np.nonzero((pixels == (255, 96, 88)).all(axis=2))
    assert (columns.min(), columns.max()) == (5 * 3, 15 * 3 - 1)
    assert (rows.min(), rows.max()) == ((N_BANDS - 8) * 4, (N_BANDS - 2) * 4 - 1)


def test_it_is_written_whole_or_not_at_all(tmp_path):
    write_tiles(tmp_path / "new" / "t.png", [tile("près"), tile("loin", (0, 99, 0, 99))])
    with Image.open(tmp_path / "new" / "t.png") as image:
        assert image.size == tiled([tile()] * 2).size
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_tiles(tmp_path / "file" / "t.png", [tile()])
