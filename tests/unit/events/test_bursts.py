from collections.abc import Sequence
from dataclasses import replace

import pytest

from ndoki.core.types import DetectorId, Event, Recording
from ndoki.events.bursts import BURST_GAP_S, split_at_gaps, with_bursts

RATE = 8000
RECORDING = Recording(source="cards/a/R1.wav", rate_hz=RATE, n_samples=RATE * 3600, n_channels=2)
DETECTOR = DetectorId(name="ndoki", digest="9f2c")


def shots(onsets_s: Sequence[float], recording: Recording = RECORDING, **changes: object) -> list[Event]:
    event = Event(
        recording=recording,
        channel=0,
        first_sample=0,
        end_sample=1,
        peak_sample=0,
        label="gunshot",
        score=0.9,
        low_hz=60.0,
        high_hz=900.0,
        detector=DETECTOR,
    )
    event = replace(event, **changes)  # type: ignore[arg-type]
    firsts = [round(onset_s * recording.rate_hz) for onset_s in onsets_s]
    return [replace(event, first_sample=first, end_sample=first + 4000) for first in firsts]


def numbers(events: Sequence[Event]) -> list[tuple[str, int, int]]:
    """Last part of each burst's id, place in it, and how many it has."""
    found = [(event.burst, event.shot_index) for event in with_bursts(events)]
    return [(burst.id[-5:], place, burst.n_shots) for burst, place in found if burst and place]


@pytest.mark.parametrize(
    ("onsets", "runs"),
    [
        ([], []),
        ([7], [range(1)]),
        ([0, 10, 20], [range(3)]),
        ([0, 10, 21], [range(2), range(2, 3)]),
        ([0, 11, 22], [range(1), range(1, 2), range(2, 3)]),
        ([5, 5, 5], [range(3)]),
    ],
)
def test_a_gap_longer_than_the_limit_cuts(onsets: list[int], runs: list[range]) -> None:
    assert split_at_gaps(onsets, 10) == runs


def test_the_limit_belongs_to_the_burst() -> None:
    gap = round(BURST_GAP_S * RATE)
    one, two = shots([0.0, 5.0])
    assert numbers([one, replace(two, first_sample=gap)]) == [("00001", 1, 2), ("00001", 2, 2)]
    assert numbers([one, replace(two, first_sample=gap + 1)]) == [("00001", 1, 1), ("00002", 1, 1)]
    assert [event.shot_index for event in with_bursts([one, two], gap_s=5.0)] == [1, 2]


def test_events_keep_their_order_and_their_contents() -> None:
    events = shots([9.0, 1.0, 9.5, 1.5])
    found = with_bursts(events)
    assert [replace(event, burst=None, shot_index=None) for event in found] == events
    assert numbers(events) == [("00002", 1, 2), ("00001", 1, 2), ("00002", 2, 2), ("00001", 2, 2)]


def test_recordings_channels_and_labels_stay_apart() -> None:
    other = replace(RECORDING, source="cards/b/R1.wav")
    events = [
        *shots([1.0]),
        *shots([1.1], channel=1),
        *shots([1.2], label="thunder"),
        *shots([1.3], recording=other),
    ]
    found = [event.burst for event in with_bursts(events)]
    assert [burst.n_shots for burst in found if burst] == [1, 1, 1, 1]
    assert len({burst.id for burst in found if burst}) == 4


def test_ids_tell_recording_and_channel_and_do_not_depend_on_the_rest() -> None:
    other = replace(RECORDING, source="cards/b/R1.wav")
    (first,) = with_bursts(shots([1.0], channel=1))
    assert first.burst
    assert first.burst.id == "R1-ea76d24aad-ch2-00001"
    together = with_bursts([*shots([1.0], recording=other), *shots([1.0, 3.0]), *shots([1.0], channel=1)])
    assert together[-1].burst == first.burst
    assert len({event.burst.id for event in together if event.burst}) == 4


@pytest.mark.parametrize("source", ["", "/", "a:b\t.wav", "s3://bucket/x/Mbéli ☂.wav", "b\udcff.wav"])
def test_ids_are_names_that_every_system_accepts(source: str) -> None:
    (event,) = with_bursts(shots([1.0], recording=replace(RECORDING, source=source)))
    assert event.burst
    assert event.burst.id.endswith("-ch1-00001")
    assert not set('<>:"/\\|?*\t\n') & set(event.burst.id)
    event.burst.id.encode("utf-8")


def test_a_burst_says_how_fast_and_what_fired() -> None:
    bursts = [event.burst for event in with_bursts(shots([5 + 0.1 * i for i in range(10)]))]
    assert len(set(bursts)) == 1
    (burst,) = {one for one in bursts if one}
    assert (burst.n_shots, burst.weapon) == (10, "automatic")
    assert burst.rounds_per_minute == pytest.approx(600.0)
    assert burst.weapon_score > 0.99


def test_two_shots_and_single_shots_stay_unknown() -> None:
    pair = [event.burst for event in with_bursts(shots([5.0, 5.3]))]
    assert [(one.weapon, one.weapon_score) for one in pair if one] == [("unknown", 0.0)] * 2
    assert pair[0]
    assert pair[0].rounds_per_minute == pytest.approx(200.0)
    (alone,) = with_bursts(shots([5.0]))
    assert alone.burst
    assert (alone.burst.rounds_per_minute, alone.burst.weapon, alone.shot_index) == (None, "unknown", 1)


def test_echoes_are_kept_and_counted() -> None:
    # Each shot 0.28 s before its echo: nothing is dropped, nothing is called automatic.
    assert numbers(shots([5.0, 5.28])) == [("00001", 1, 2), ("00001", 2, 2)]
    (burst,) = {event.burst for event in with_bursts(shots([5.0, 5.28, 5.9, 6.18]))}
    assert burst
    assert (burst.n_shots, burst.weapon) == (4, "unknown")


def test_grouping_twice_is_grouping_once() -> None:
    once = with_bursts(shots([1.0, 1.1, 1.2, 8.0]))
    assert with_bursts(once) == once
    # What was said before is replaced, not added to.
    assert with_bursts(once[1:])[0].shot_index == 1
