from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.layout import events_by_recording, mirrored_names, safe_name, unique_name


def names(*sources: str) -> list[str]:
    return [str(name) for name in mirrored_names(sources)]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("nn03a_20180817", "nn03a_20180817"),
        ("Mbéli bai", "Mbéli bai"),
        ('a<b>:"c|?*', "a_b___c___"),
        ("tab\there", "tab_here"),
        ("ends. ", "ends"),
        ("NUL", "_NUL"),
        ("com1.txt", "_com1.txt"),
        ("", "_"),
        ("..", "_"),
        ("b\udcff", "b_"),
        ("é" * 100, "é" * 60),
    ],
)
def test_names_that_every_system_takes(text: str, safe: str) -> None:
    assert safe_name(text) == safe


def test_a_taken_name_is_numbered_also_in_other_case() -> None:
    taken: set[str] = set()
    assert [unique_name(name, taken) for name in ("Shot", "shot", "shot-2", "SHOT")] == [
        "Shot",
        "shot-2",
        "shot-2-2",
        "SHOT-3",
    ]


def test_folders_are_mirrored_below_the_common_root() -> None:
    assert names("/cards/a/R1.wav", "/cards/b/R1.wav") == ["a/R1", "b/R1"]
    assert names("/cards/a/R1.wav") == ["R1"]
    assert names("R1.wav", "deep/er/R1.wav") == ["R1", "deep/er/R1"]
    assert names("s3://bucket/x/R1.wav", "s3://bucket/y/R2.flac") == ["x/R1", "y/R2"]


def test_nothing_leads_out_of_the_output_folder() -> None:
    assert names("../a.wav", "b.wav") == ["_up/a", "b"]
    assert names("/x/./y/../a.wav", "/x/z/a.wav") == ["a", "z/a"]


def test_recordings_of_the_same_name_keep_apart() -> None:
    assert names("c/R1.wav", "c/R1.flac", "c/R2.wav") == ["R1.wav", "R1.flac", "R2"]
    assert names("c/R1.wav", "c/r1.WAV") == ["R1.wav", "r1.WAV-2"]
    assert len(set(names("s3://c/R1.wav", "/c/R1.wav", "c/R1.wav"))) == 3


def test_no_recordings_no_names() -> None:
    assert names() == []


def test_a_name_is_a_relative_path() -> None:
    assert mirrored_names(["/", "."]) == [PurePosixPath("_"), PurePosixPath("_-2")]


def test_events_are_grouped_in_the_order_of_the_recordings(
    make_event: Callable[..., Event], make_recording: Callable[..., Recording]
) -> None:
    one, two, three = (make_recording(source=name) for name in ("1.wav", "2.wav", "3.wav"))
    late, early = make_event(recording=one, first_sample=9), make_event(recording=one, first_sample=5)
    other = make_event(recording=three)
    groups = events_by_recording([other, late, early], [one, two, three])
    assert list(groups.items()) == [(one, [late, early]), (two, []), (three, [other])]


def test_an_event_from_elsewhere_is_named(make_event: Callable[..., Event]) -> None:
    with pytest.raises(
        TableError, match=r"cards/nn03a_20180817_000000\.wav, which is not among the 0 recordings"
    ):
        events_by_recording([make_event()], [])
