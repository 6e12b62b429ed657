"""Laws of bursts, over onsets that nobody thought of."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.types import Burst, DetectorId, Event, Recording
from ndoki.events.bursts import split_at_gaps, with_bursts

RATE = 1000
LONG = 2**40
SOURCES = ("a/R.wav", "b/R.wav")


def event(source: str, channel: int, label: str, first_sample: int) -> Event:
    return Event(
        recording=Recording(source=source, rate_hz=RATE, n_samples=LONG, n_channels=2),
        channel=channel,
        first_sample=first_sample,
        end_sample=first_sample + 300,
        peak_sample=first_sample,
        label=label,
        score=0.5,
        low_hz=60.0,
        high_hz=400.0,
        detector=DetectorId(name="x", digest="y"),
    )


ONSETS = st.integers(0, 20_000)
EVENTS = st.lists(
    st.builds(
        event, st.sampled_from(SOURCES), st.integers(0, 1), st.sampled_from(["gunshot", "thunder"]), ONSETS
    ),
    max_size=30,
)


def burst_of(one: Event) -> Burst:
    assert one.burst is not None
    return one.burst


@given(st.lists(ONSETS, max_size=40).map(sorted), st.integers(0, 3000))
def test_runs_are_a_partition(onsets: list[int], most_gap: int) -> None:
    runs = split_at_gaps(onsets, most_gap)
    assert [i for run in runs for i in run] == list(range(len(onsets)))
    assert all(len(run) > 0 for run in runs)
    for one, two in pairwise(runs):
        assert onsets[two[0]] - onsets[one[-1]] > most_gap
    assert all(onsets[i + 1] - onsets[i] <= most_gap for run in runs for i in run[:-1])


@given(EVENTS)
def test_every_event_belongs_to_one_burst_and_none_is_lost(events: list[Event]) -> None:
    found = with_bursts(events)
    assert [replace(one, burst=None, shot_index=None) for one in found] == events
    sizes = Counter(burst_of(one).id for one in found)
    for one in found:
        assert burst_of(one).n_shots == sizes[burst_of(one).id]
    places = sorted((burst_of(one).id, one.shot_index or 0) for one in found)
    assert places == [(name, place) for name in sorted(sizes) for place in range(1, sizes[name] + 1)]


@given(EVENTS)
def test_a_burst_has_one_recording_one_channel_and_one_label(events: list[Event]) -> None:
    homes = {(burst_of(one).id, one.recording, one.channel, one.label) for one in with_bursts(events)}
    assert len(homes) == len({burst for burst, *_ in homes})


@given(EVENTS, st.integers(0, LONG // 2))
def test_shifting_all_onsets_changes_nothing(events: list[Event], by: int) -> None:
    later = [
        replace(one, first_sample=one.first_sample + by, end_sample=one.end_sample + by) for one in events
    ]
    assert [(burst_of(one), one.shot_index) for one in with_bursts(later)] == [
        (burst_of(one), one.shot_index) for one in with_bursts(events)
    ]


@given(EVENTS)
def test_each_channel_by_itself_gives_the_same(events: list[Event]) -> None:
    together = with_bursts(events)
    for source in SOURCES:
        for channel in (0, 1):

            def here(one: Event, source: str = source, channel: int = channel) -> bool:
                return (one.recording.source, one.channel) == (source, channel)

            assert with_bursts([one for one in events if here(one)]) == [one for one in together if here(one)]


@given(EVENTS, st.randoms())
def test_the_order_of_the_events_does_not_matter(events: list[Event], random: object) -> None:
    distinct = list(dict.fromkeys(events))
    mixed = list(distinct)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert {(burst_of(one), one.shot_index, one.first_sample) for one in with_bursts(mixed)} == {
        (burst_of(one), one.shot_index, one.first_sample) for one in with_bursts(distinct)
    }


@given(EVENTS, EVENTS.filter(len))
def test_one_more_event_never_lowers_the_count_of_shots(events: list[Event], more: list[Event]) -> None:
    def n_shots(some: list[Event]) -> int:
        return sum(burst.n_shots for burst in {burst_of(one) for one in with_bursts(some)})

    assert n_shots(events) == len(events)
    assert n_shots([*events, more[0]]) == n_shots(events) + 1
    # Nor does the burst that an event lies in become smaller.
    for before, after in zip(with_bursts(events), with_bursts([*events, more[0]]), strict=False):
        assert burst_of(after).n_shots >= burst_of(before).n_shots
