"""Laws of the tables, over events that nobody thought of."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndoki.core.types import Burst, DetectorId, Event, Recording
from ndoki.tables.cells import one_line
from ndoki.tables.layout import mirrored_names, safe_name
from ndoki.tables.raven import write_combined
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.registry import FORMATS
from ndoki.tables.row import SEGMENT_S, Row

# Any text that UTF-8 can hold; what it cannot is tested by itself.
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NOT_IN_RAVEN = ("shot_index", "rounds_per_minute", "weapon_score")
ZONES = st.none() | st.integers(-56, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
STARTS = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))
# Windows paths are rewritten on purpose, and a name is not a path.
SOURCES = TEXT.map(lambda text: f"cards/{text}x.wav")


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    rate_hz = draw(st.sampled_from([2000, 4000, 8000, 11_025, 44_100, 48_000]))
    return Recording(
        source=draw(SOURCES),
        rate_hz=rate_hz,
        n_samples=draw(st.integers(1, rate_hz * 86_400)),
        n_channels=4,
        started_at=draw(STARTS),
        local_zone=draw(ZONES),
        time_source=draw(st.sampled_from(["guano", "name", "none"])),
        site=draw(TEXT),
    )


SCORES = st.floats(0, 1)
BURSTS = st.builds(
    Burst,
    id=TEXT,
    n_shots=st.integers(1, 10**6),
    rounds_per_minute=st.none() | st.floats(0.1, 2000),
    weapon=st.sampled_from(["automatic", "rifle", "shotgun", "unknown"]),
    weapon_score=SCORES,
)


@st.composite
def events(draw: st.DrawFn, recording: Recording) -> Event:
    first, end = sorted(draw(st.tuples(*[st.integers(0, recording.n_samples)] * 2)))
    hertz = st.floats(-10, 30_000)
    burst = draw(st.none() | BURSTS)
    return Event(
        recording=recording,
        channel=draw(st.integers(0, 3)),
        first_sample=first,
        end_sample=end + 1,
        peak_sample=draw(st.integers(first, end)),
        label=draw(TEXT),
        score=draw(SCORES),
        low_hz=draw(hertz),
        high_hz=draw(hertz),
        detector=DetectorId(name=draw(TEXT), digest=draw(TEXT)),
        burst=burst,
        shot_index=draw(st.integers(1, burst.n_shots)) if burst else None,
    )


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Recording], list[Event]]:
    """Recordings, and events in their order."""
    listed = draw(st.lists(recordings(), min_size=1, max_size=3, unique=True))
    found = [event for one in listed for event in draw(st.lists(events(one), max_size=3))]
    return listed, found


def on_one_line(row: Row) -> Row:
    """What a format that cannot quote makes of a row: every run of separators is one space."""
    names = ("file", "site", "label", "time_source", "detector", "detector_digest", "burst")
    return replace(row, **{name: one_line(getattr(row, name)) for name in names})


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@given(day=days())
@settings(max_examples=25)
def test_write_then_read_returns_the_rows(name: str, day: tuple[list[Recording], list[Event]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (path,) = FORMATS[name].write(Path(folder), day[1], day[0])
        rows = [replace(row, extra={}) for row in FORMATS[name].read(path)]
    assert rows == [Row.from_event(event) for event in day[1]]


@given(day=days())
@settings(max_examples=25)
def test_raven_returns_the_rows_from_both_kinds_of_table(day: tuple[list[Recording], list[Event]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        combined, *own = FORMATS["raven"].write(Path(folder), day[1], day[0])
        lost = dict.fromkeys(NOT_IN_RAVEN)
        expected = [replace(on_one_line(Row.from_event(event)), **lost) for event in day[1]]
        assert [replace(row, extra={}) for row in read_raven(combined)] == expected
        assert [replace(row, extra={}) for path in own for row in read_raven(path)] == expected


@given(day=days())
@settings(max_examples=25)
def test_audacity_returns_what_it_keeps(day: tuple[list[Recording], list[Event]]) -> None:
    form = FORMATS["audacity"]
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for path in form.write(Path(folder), day[1], day[0]) for row in form.read(path)]
    expected = [on_one_line(Row.from_event(event)) for event in day[1]]
    for name in form.keeps:
        assert [getattr(row, name) for row in rows] == [getattr(row, name) for row in expected]


@given(day=days())
@settings(max_examples=25)
def test_combined_times_are_within_a_microsecond_of_the_truth(
    day: tuple[list[Recording], list[Event]],
) -> None:
    listed, found = day
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "combined.selections.txt"
        write_combined(path, found, listed)
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:-1]]
    for event, cells in zip(found, lines, strict=True):
        before = listed[: listed.index(event.recording)]
        begin_s = sum((Fraction(one.n_samples, one.rate_hz) for one in before), Fraction(0))
        for sample, cell in ((event.first_sample, cells[3]), (event.end_sample, cells[4])):
            exact = begin_s + Fraction(sample, event.recording.rate_hz)
            assert abs(Fraction(cell) - exact) <= Fraction(3, 2_000_000)


@given(day=days())
@settings(max_examples=25)
def test_rows_are_sane(day: tuple[list[Recording], list[Event]]) -> None:
    for event in day[1]:
        row = Row.from_event(event)
        assert row.low_hz is not None
        assert row.high_hz is not None
        assert 0 <= row.low_hz < row.high_hz <= event.recording.rate_hz / 2
        assert row.start_s < row.end_s
        assert row.offset_s % SEGMENT_S == 0
        assert (
            row.offset_s <= Fraction(event.first_sample, event.recording.rate_hz) < row.offset_s + SEGMENT_S
        )
        assert round(row.start_s * event.recording.rate_hz) == event.first_sample
        if row.start_local is not None:
            assert row.start_local == row.start_utc


@given(st.lists(st.text(max_size=15), max_size=8))
def test_names_are_unique_safe_and_stay_inside(sources: list[str]) -> None:
    names = mirrored_names(sources)
    assert len(names) == len(sources)
    assert len({str(name).casefold() for name in names}) == len(names)
    for name in names:
        assert not name.is_absolute()
        assert ".." not in name.parts


@given(st.text(max_size=300))
def test_safe_names_are_stable_and_short(text: str) -> None:
    name = safe_name(text)
    assert safe_name(name) == name
    assert 0 < len(name.encode("utf-8")) <= 121
    assert not set('<>:"/\\|?*') & set(name)
    assert name[-1] not in ". "
