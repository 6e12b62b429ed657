import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.jsonl import read_jsonl, write_jsonl
from ndoki.tables.row import COLUMNS


def test_an_event_is_one_object_with_exact_positions(
    tmp_path: Path, make_event: Callable[..., Event]
) -> None:
    path = tmp_path / "detections.jsonl"
    write_jsonl(path, [make_event(), make_event(channel=1)])
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first == {
        "file": "cards/nn03a_20180817_000000.wav",
        "site": "nn03a",
        "channel": 1,
        "label": "gunshot",
        "score": 0.8713,
        "offset_s": 24,
        "start_s": 24.5005,
        "end_s": 25.4005,
        "peak_s": 24.5375,
        "low_hz": 60.0,
        "high_hz": 912.5,
        "start_utc": "2018-08-16T23:00:24.500Z",
        "start_local": "2018-08-17T00:00:24.500+01:00",
        "time_source": "name",
        "detector": "ndoki",
        "detector_digest": "9f2c",
        "burst": "nn03a-5e1c08-ch1-00012",
        "shot_index": 2,
        "n_shots": 3,
        "rounds_per_minute": 612.2,
        "weapon": "automatic",
        "weapon_score": 0.9322,
        "rate_hz": 8000,
        "n_samples": 28_800_000,
        "first_sample": 196_004,
        "end_sample": 203_204,
        "peak_sample": 196_300,
    }
    assert next(iter(first)) == "file"
    assert second["channel"] == 2


def test_unknown_is_null_and_comes_back_unknown(
    tmp_path: Path, make_event: Callable[..., Event], make_recording: Callable[..., Recording]
) -> None:
    path = tmp_path / "detections.jsonl"
    event = make_event(recording=make_recording(started_at=None, site=""), burst=None, shot_index=None)
    write_jsonl(path, [event])
    fields = json.loads(path.read_text())
    assert fields["start_utc"] is None
    assert [fields[name] for name in COLUMNS[-6:]] == ["", None, None, None, "", None]
    assert fields["site"] == ""
    (row,) = read_jsonl(path)
    assert row.start_utc is None
    assert (row.burst, row.n_shots, row.weapon_score) == ("", None, None)
    assert dict(row.extra) == {
        "rate_hz": "8000",
        "n_samples": "28800000",
        "first_sample": "196004",
        "end_sample": "203204",
        "peak_sample": "196300",
    }


def test_nothing_found_is_an_empty_file(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "x.jsonl", [])
    assert (tmp_path / "x.jsonl").read_bytes() == b""
    assert read_jsonl(tmp_path / "x.jsonl") == []


def test_names_that_are_not_utf_8_come_back(
    tmp_path: Path, make_event: Callable[..., Event], make_recording: Callable[..., Recording]
) -> None:
    write_jsonl(tmp_path / "x.jsonl", [make_event(recording=make_recording(source="b\udcff\n.wav"))])
    assert read_jsonl(tmp_path / "x.jsonl")[0].file == "b\udcff\n.wav"


def test_nested_values_are_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('\n{"file": "a", "start_s": 1, "end_s": 2, "tags": ["é"], "sure": true, "no": null}\n')
    assert dict(read_jsonl(path)[0].extra) == {"tags": '["é"]', "sure": "true", "no": ""}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[1, 2]", r"line 2 holds '\[1, 2\]'; expected a JSON object"),
        ('{"start_s": "x", "end_s": 1}', "line 2, column 'start_s': found 'x', expected a number"),
        ('{"start_s": NaN, "end_s": 1}', "line 2, column 'start_s': found 'NaN', expected a number"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(TableError, match=rf"x\.jsonl: {said}"):
        read_jsonl(path)
