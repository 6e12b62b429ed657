"""The page that people read says what the code does."""

import re
from pathlib import Path

import pytest

from ndoki.core.deployments import COLUMNS, read_deployments
from ndoki.core.file_names import start_from_name

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "time-and-place.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAME_ROWS = re.findall(
    r"^\| [^|]+ \| `([^`]+)`[^|]* \| (no zone|with offset|UTC) \| ([^|]+) \|$", TEXT, re.MULTILINE
)


def test_example_table_is_read(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(re.findall(r"```csv\n(.*?)```", TEXT, re.DOTALL)[0])
    rows = read_deployments(path).rows
    assert [row.site for row in rows] == ["Mbeli", "Wali", "kp01"]
    assert not any(row.extra for row in rows)
    assert rows[1].clock_fast_s == 42


def test_the_page_lists_names():
    assert len(NAME_ROWS) >= 10


@pytest.mark.parametrize(("name", "start", "site"), NAME_ROWS)
def test_example_names_are_understood_as_the_page_says(name, start, site):
    said = start_from_name(name)
    assert said is not None
    assert (said.when.tzinfo is None) == (start == "no zone")
    assert said.site == ("" if site == "folder" else site.strip("`"))


def test_every_column_of_the_page_is_known():
    known = {header for headers in COLUMNS.values() for header in headers}
    section = TEXT.partition("## The deployment table")[2]
    cells = re.findall(r"^\| (`[^|]+) \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE)
    names = [name for row in cells for cell in row for name in re.findall(r"`([^`]+)`", cell)]
    assert len(names) > 25
    assert {re.sub(r"[^a-z0-9]", "", name.lower()) for name in names} <= known
