import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from ndoki.core.errors import OutputError
from ndoki.core.types import Burst, Event, Recording
from ndoki.tables.bursts import BURST_COLUMNS, write_bursts

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]


def written(folder: Path, events: list[Event]) -> list[dict[str, str]]:
    path = folder / "bursts.csv"
    write_bursts(path, events)
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_burst_by_hand(tmp_path: Path, make_event: Make) -> None:
    shots = [
        make_event(),
        # The longest shot is neither the last one nor the best one.
        make_event(first_sample=196_800, end_sample=208_000, score=0.95004, shot_index=1),
        make_event(first_sample=197_600, end_sample=204_800, score=0.5, shot_index=3),
    ]
    assert written(tmp_path, shots) == [
        {
            "file": "cards/nn03a_20180817_000000.wav",
            "site": "nn03a",
            "channel": "1",
            "label": "gunshot",
            "burst": "nn03a-5e1c08-ch1-00012",
            "start_utc": "2018-08-16T23:00:24.500Z",
            "start_local": "2018-08-17T00:00:24.500+01:00",
            "start_s": "24.500500",
            "end_s": "26.000000",
            "n_shots": "3",
            "rounds_per_minute": "612.2",
            "weapon": "automatic",
            "weapon_score": "0.9322",
            "max_score": "0.9500",
        }
    ]


def test_the_order_of_the_shots_does_not_matter(tmp_path: Path, make_event: Make) -> None:
    shots = [make_event(first_sample=first, end_sample=first + 9) for first in (8000, 8800, 9600)]
    (row,) = written(tmp_path, shots)
    assert (row["start_s"], row["end_s"]) == ("1.000000", "1.201125")
    assert written(tmp_path, shots[::-1]) == [row]


def test_bursts_follow_their_first_shots(tmp_path: Path, make_event: Make) -> None:
    bursts = [Burst(id=name, n_shots=1) for name in "zay"]
    events = [make_event(burst=burst, first_sample=8000 * i) for i, burst in enumerate(bursts)]
    rows = written(tmp_path, [*events, make_event(burst=bursts[0], first_sample=1)])
    assert [row["burst"] for row in rows] == ["z", "a", "y"]
    assert {(row["rounds_per_minute"], row["weapon"], row["weapon_score"]) for row in rows} == {
        ("", "unknown", "0.0000")
    }


def test_equal_ids_of_two_recordings_are_two_bursts(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    events = [make_event(recording=make_recording(source=f"{name}/R.wav")) for name in "ab"]
    assert [row["file"] for row in written(tmp_path, events)] == ["a/R.wav", "b/R.wav"]


@pytest.mark.parametrize("grouped", [True, False])
def test_nothing_to_tell_is_the_header_alone(tmp_path: Path, make_event: Make, grouped: bool) -> None:
    assert written(tmp_path, [] if grouped else [make_event(burst=None, shot_index=None)]) == []
    assert (tmp_path / "bursts.csv").read_bytes() == (",".join(BURST_COLUMNS) + "\n").encode()


def test_names_are_quoted_where_they_must_be(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording(source='a,"b".wav', site="Mbéli, Süd")
    (row,) = written(tmp_path, [make_event(recording=recording)])
    assert (row["file"], row["site"]) == ('a,"b".wav', "Mbéli, Süd")


def test_a_place_that_takes_nothing_is_an_output_error(tmp_path: Path, make_event: Make) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bursts(tmp_path / "out" / "bursts.csv", [make_event()])
