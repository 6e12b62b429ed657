import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.datasets.augment import SPEEDS
from ndoki.datasets.canvas import Canvas, cut_off
from ndoki.datasets.example_spec import ExampleSpec, Onset

RATE = 8000
SHORT = ExampleSpec(short_share=1.0, cut_share=0.0)
CUT = ExampleSpec(short_share=0.0, cut_share=1.0)
ABRUPT = ExampleSpec(short_share=0.0, cut_share=0.0, abrupt_share=1.0)


def canvas(onsets=(), seconds=6.0, unsure=()) -> Canvas:
    """A ramp, so that every sample says where it came from."""
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    return Canvas(samples, RATE, [Onset(sample=o, exact=True) for o in onsets], list(unsure))


@given(st.integers(0, 2**40), st.lists(st.integers(0, 47_999), max_size=4))
def test_onsets_stay_on_their_samples(seed, onsets):
    for spec in (SHORT, CUT, ABRUPT):
        made = canvas(onsets, unsure=(100, 40_000))
        made.others = [7, 30_000]
        cut_off(made, spec, np.random.default_rng(seed))
        assert all(int(made.samples[other]) in (7, 30_000) for other in made.others)
        for onset in made.onsets:
            assert int(made.samples[onset.sample]) in onsets
        for unsure in made.unsure:
            assert unsure + int(made.samples[0]) in (100, 40_000)


@pytest.mark.parametrize("speed", SPEEDS)
def test_at_another_speed_onsets_stay_on_their_clicks(speed):
    made = canvas([8_000, 47_999], unsure=(16_000,))
    made.samples[:] = 0
    made.samples[[8_000, 16_000]] = 1
    made.play_at(speed)
    assert len(made.samples) == -(-48_000 * speed[0] // speed[1])
    first, last = (onset.sample for onset in made.onsets)
    assert abs(int(np.argmax(made.samples[: round(1.5 * first)])) - first) <= 1
    assert abs(int(np.argmax(made.samples[round(1.5 * first) :])) + round(1.5 * first) - made.unsure[0]) <= 1
    assert len(made.samples) - 2 <= last < len(made.samples)


@given(st.integers(0, 2**40))
def test_a_short_piece_is_short_and_mostly_holds_its_shot(seed):
    made = canvas([24_000])
    cut_off(made, SHORT, np.random.default_rng(seed))
    assert 0.4 * RATE <= len(made.samples) <= 2.0 * RATE


def test_four_of_five_short_pieces_hold_their_shot():
    held = 0
    for seed in range(300):
        made = canvas([24_000])
        cut_off(made, SHORT, np.random.default_rng(seed))
        held += len(made.onsets)
    assert 220 < held < 290


def test_a_cut_lies_soon_behind_a_shot_or_soon_before_it():
    before, behind = [], []
    for seed in range(200):
        made = canvas([24_000])
        cut_off(made, CUT, np.random.default_rng(seed))
        (onset,) = made.onsets
        (before if made.samples[0] > 0 else behind).append((onset.sample, len(made.samples) - onset.sample))
    assert len(before) > 50
    assert len(behind) > 80
    assert max(at for at, _ in before) <= 0.3 * RATE
    assert min(left for _, left in behind) >= 0.05 * RATE
    assert max(left for _, left in behind) <= 0.6 * RATE


@pytest.mark.parametrize("spec", [CUT, ABRUPT])
def test_nothing_is_cut_near_a_shot_that_is_not_there(spec):
    made = canvas()
    cut_off(made, spec, np.random.default_rng(1))
    assert len(made.samples) == 48_000


def test_an_abrupt_beginning_lies_less_than_250_ms_before_a_shot_or_a_look_alike():
    places = []
    for seed in range(300):
        made = canvas([12_000])
        made.others = [36_000]
        cut_off(made, ABRUPT, np.random.default_rng(seed))
        first = int(made.samples[0])
        place = 36_000 if first > 12_000 else 12_000
        assert 0 <= place - first <= 0.25 * RATE
        assert 0.5 * RATE <= len(made.samples) <= 5.0 * RATE
        places.append((place, place - first))
    assert 110 < sum(place == 12_000 for place, _ in places) < 190
    # The median is a quarter of the longest: a clip cut by hand begins right where it is loud.
    assert np.median([lead for _, lead in places]) == pytest.approx(0.25 * 0.25 * RATE, rel=0.4)


def test_abrupt_beginnings_take_none_of_the_other_cuts():
    with_them = ExampleSpec(short_share=0.1, cut_share=0.3, abrupt_share=0.2)
    without = ExampleSpec(short_share=0.1, cut_share=0.3)
    n_abrupt = 0
    for seed in range(500):
        one, other = canvas([24_000]), canvas([24_000])
        cut_off(one, with_them, np.random.default_rng(seed))
        cut_off(other, without, np.random.default_rng(seed))
        if len(other.samples) == 48_000:
            n_abrupt += len(one.samples) < 48_000
        else:
            np.testing.assert_array_equal(one.samples, other.samples)
    assert 70 < n_abrupt < 130


@pytest.mark.parametrize("seconds", [0.1, 0.4, 1.0])
def test_what_is_short_already_stays_within_itself(seconds):
    for seed in range(50):
        for spec in (SHORT, CUT, ABRUPT):
            made = canvas([10], seconds)
            cut_off(made, spec, np.random.default_rng(seed))
            assert 0 < len(made.samples) <= round(seconds * RATE)


def test_a_part_lands_with_the_wanted_ratio():
    rng = np.random.default_rng(3)
    noise = (0.01 * rng.standard_normal(5 * RATE)).astype(np.float32)
    part = rng.standard_normal(RATE).astype(np.float32)
    made = Canvas(noise.copy(), RATE)
    made.add(part, 20_000, 100, 20.0)
    added = made.samples - noise
    assert not added[: 20_000 - 100].any()
    ratio = np.std(added[20_000:20_800]) / np.std(noise[20_000 - 2240 : 20_000])
    assert 20 * np.log10(ratio) == pytest.approx(20.0, abs=1.0)
