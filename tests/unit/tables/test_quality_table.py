import csv
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ndoki.core.errors import OutputError
from ndoki.tables.quality import QualityRow, SiteRow, write_quality


def test_cells_are_as_exact_as_they_are_known(tmp_path):
    start = datetime(2018, 8, 17, 5, 0, 0, 400, tzinfo=UTC)
    row = QualityRow(
        file="a,b.wav",
        start_utc=start,
        start_local=start.astimezone(timezone(timedelta(hours=1))),
        expected_hours=24.0,
        clipped_share=1e-6,
        shot_db=-61.26,
        temperature_c=24.0,
        gap_before_s=0.5,
    )
    write_quality(tmp_path / "q.csv", QualityRow, [row])
    with (tmp_path / "q.csv").open(encoding="utf-8", newline="") as file:
        (cells,) = csv.DictReader(file)
    assert (
        cells
        | {
            "file": "a,b.wav",
            "start_utc": "2018-08-17T05:00:00Z",
            "start_local": "2018-08-17T06:00:00+01:00",
            "expected_hours": "24.0000",
            "clipped_share": "0.000001",
            "shot_db": "-61.3",
            "temperature_c": "24.0",
            "gap_before_s": "0.500",
            "level_dbfs": "",
            "channel": "",
        }
        == cells
    )


@pytest.mark.parametrize("kind", [QualityRow, SiteRow])
def test_without_rows_there_is_a_header(tmp_path, kind):
    write_quality(tmp_path / "q.csv", kind, [])
    names = ",".join(one.name for one in fields(kind))
    assert (tmp_path / "q.csv").read_text(encoding="utf-8") == names + "\n"


@pytest.mark.parametrize("kind", [QualityRow, SiteRow])
def test_every_column_stands_on_the_page(kind, checkout):
    page = (checkout / "docs/reference/quality.md").read_text(encoding="utf-8")
    assert not [one.name for one in fields(kind) if f"`{one.name}`" not in page]


def test_a_place_that_cannot_take_it_is_said(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_quality(tmp_path / "out" / "q.csv", QualityRow, [])
