"""What every table format must do, whichever it is. A new line in the registry is tested unasked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ndoki.core.errors import OutputError, TableError
from ndoki.core.types import Burst, DetectorId, Event, Recording
from ndoki.tables.registry import FORMATS, TableFormat
from ndoki.tables.row import Row

DETECTOR = DetectorId(name="ndoki", digest="9f2c41")
RECORDINGS = (
    Recording(
        source="cards/a/R1.WAV",
        rate_hz=48_000,
        n_samples=48_000 * 86_400,
        n_channels=2,
        started_at=datetime(2018, 8, 16, 23, 0, 0, 123_456, tzinfo=UTC),
        local_zone=ZoneInfo("Africa/Libreville"),
        time_source="guano",
        site="nn03a",
    ),
    Recording(source="cards/b/R1.WAV", rate_hz=8000, n_samples=12_345),
    Recording(
        source="cards/Mbéli/forêt ☂ 2018.flac",
        rate_hz=4000,
        n_samples=4000 * 3600,
        started_at=datetime(2018, 8, 17, tzinfo=timezone(timedelta(hours=-4))),
        time_source="name",
        site="Mbéli, “Süd”",
    ),
)


BURST = Burst(
    id="R1-9f2c-ch1-00001", n_shots=2, rounds_per_minute=604.28, weapon="automatic", weapon_score=0.98765
)
SINGLE = Burst(id="Mbéli ☂-ch1-00001", n_shots=1)


def shot(recording: Recording, first_sample: int, **changes: object) -> Event:
    fields: dict[str, object] = {
        "recording": recording,
        "channel": 0,
        "first_sample": first_sample,
        "end_sample": first_sample + recording.rate_hz // 3,
        "peak_sample": first_sample + 7,
        "label": "gunshot",
        "score": 0.98765,
        "low_hz": 61.27,
        "high_hz": 1300.0,
        "detector": DETECTOR,
    }
    return Event(**(fields | changes))  # type: ignore[arg-type]


EVENTS = (
    shot(RECORDINGS[0], 0, burst=BURST, shot_index=1),
    shot(RECORDINGS[0], 4_147_199_999, channel=1, label="hn", score=0.0),
    shot(RECORDINGS[1], 4321, score=1.0, low_hz=-5.0, high_hz=1e9, burst=SINGLE, shot_index=1),
    shot(RECORDINGS[2], 14_000_001, label="singe à queue"),
)


@pytest.fixture(params=FORMATS.values(), ids=FORMATS)
def table(request: pytest.FixtureRequest) -> TableFormat:
    form: TableFormat = request.param
    return form


def kept(table: TableFormat, rows: list[Row]) -> list[tuple[object, ...]]:
    """What must survive, in an order that does not depend on how the format spreads rows over files."""
    values = [tuple(getattr(row, name) for name in sorted(table.keeps)) for row in rows]
    return sorted(values, key=repr)


def read_all(table: TableFormat, paths: list[Path]) -> list[Row]:
    return [row for path in paths for row in table.read(path)]


def covering(table: TableFormat, paths: list[Path]) -> list[list[Path]]:
    """Sets of files that each hold every event once; Raven writes everything twice."""
    return [paths[:1], paths[1:]] if table.name == "raven" else [paths]


def test_what_was_written_is_what_is_read(table: TableFormat, tmp_path: Path) -> None:
    paths = table.write(tmp_path, EVENTS, RECORDINGS)
    for some in covering(table, paths):
        assert kept(table, read_all(table, some)) == kept(table, [Row.from_event(event) for event in EVENTS])


def test_nothing_found_is_a_valid_table(table: TableFormat, tmp_path: Path) -> None:
    for recordings in ((), RECORDINGS):
        paths = table.write(tmp_path / f"{len(recordings)}", (), recordings)
        assert all(path.is_file() for path in paths)
        assert read_all(table, paths) == []


def test_what_is_written_is_all_that_is_there(table: TableFormat, tmp_path: Path) -> None:
    paths = table.write(tmp_path, EVENTS, RECORDINGS)
    assert sorted(paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(set(paths)) == len(paths)


def test_a_second_run_changes_no_byte(table: TableFormat, tmp_path: Path) -> None:
    one = table.write(tmp_path / "1", EVENTS, RECORDINGS)
    two = table.write(tmp_path / "2", EVENTS, RECORDINGS)
    again = table.write(tmp_path / "1", EVENTS, RECORDINGS)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert again == one


def test_files_are_utf_8_with_line_feeds(table: TableFormat, tmp_path: Path) -> None:
    for path in table.write(tmp_path, EVENTS, RECORDINGS):
        data = path.read_bytes()
        assert b"\r" not in data
        assert not data or data.endswith(b"\n")
        data.decode("utf-8")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(table: TableFormat, tmp_path: Path) -> None:
    for path in table.write(tmp_path, EVENTS, RECORDINGS):
        plain = table.read(path)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        assert table.read(path) == plain


def _more_columns(name: str, text: str) -> str:
    lines = text.splitlines()
    if name == "jsonl":
        return "".join(line[:-1] + ', "calibre": ".458"}\n' for line in lines)
    mark = "," if name == "csv" else "\t"
    return "".join(f"{line}{mark}{'.458' if number else 'calibre'}\n" for number, line in enumerate(lines))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "audacity"])
def test_columns_that_nobody_knows_are_kept(name: str, tmp_path: Path) -> None:
    table = FORMATS[name]
    for path in table.write(tmp_path, EVENTS, RECORDINGS):
        before = table.read(path)
        path.write_text(_more_columns(name, path.read_text(encoding="utf-8")), encoding="utf-8")
        assert table.read(path) == [replace(row, extra={**row.extra, "calibre": ".458"}) for row in before]


def test_a_missing_file_is_a_table_error(table: TableFormat, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"absent\.txt: cannot be read \("):
        table.read(tmp_path / "absent.txt")


def test_sound_is_not_a_table(table: TableFormat, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(range(256)))
    with pytest.raises(TableError, match=r"x: (line|no column)"):
        table.read(tmp_path / "x")


def test_a_place_that_takes_nothing_is_an_output_error(table: TableFormat, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        table.write(tmp_path / "out", EVENTS, RECORDINGS)


def test_writers_take_any_number_type_that_numpy_gives(table: TableFormat, tmp_path: Path) -> None:
    whole = shot(
        RECORDINGS[1],
        np.int64(4321),
        end_sample=np.int64(5000),
        peak_sample=np.int64(4400),
        channel=np.int16(0),
        score=np.float32(0.5),
        low_hz=np.float32(60),
        high_hz=np.float32(900),
    )
    plain = shot(
        RECORDINGS[1], 4321, end_sample=5000, peak_sample=4400, score=0.5, low_hz=60.0, high_hz=900.0
    )
    one = table.write(tmp_path / "1", [whole], RECORDINGS)
    two = table.write(tmp_path / "2", [plain], RECORDINGS)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
