from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ndoki.audio.continuity import expected_s, find_seams
from ndoki.core.types import Recording

MIDNIGHT = datetime(2018, 8, 17, tzinfo=UTC)


def _recording(start_s, length_s, source=None):
    started_at = None if start_s is None else MIDNIGHT + timedelta(seconds=start_s)
    name = source or f"at {start_s}"
    return Recording(source=name, rate_hz=8000, n_samples=round(length_s * 8000), started_at=started_at)


def _seams(*recordings):
    return [
        (seam.begins_at, seam.gap_s) for seam in find_seams(("kp01", recording) for recording in recordings)
    ]


def test_gap_and_overlap():
    seams = find_seams([("a", _recording(0, 60)), ("a", _recording(90, 60)), ("a", _recording(145, 60))])
    assert [(seam.before, seam.after, seam.begins_at, seam.gap_s) for seam in seams] == [
        ("at 0", "at 90", MIDNIGHT + timedelta(seconds=60), 30.0),
        ("at 90", "at 145", MIDNIGHT + timedelta(seconds=145), -5.0),
    ]


def test_order_of_files_does_not_matter():
    assert _seams(_recording(90, 60), _recording(0, 60)) == _seams(_recording(0, 60), _recording(90, 60))


def test_a_second_is_the_grain_of_a_clock():
    assert _seams(_recording(0, 60), _recording(61, 60), _recording(120, 60)) == []
    assert len(_seams(_recording(0, 60), _recording(61.5, 60))) == 1


def test_recorders_are_kept_apart_and_timeless_files_passed_over():
    assert (
        find_seams([("a", _recording(0, 60)), ("b", _recording(600, 60)), ("a", _recording(None, 60))]) == []
    )


def test_short_file_inside_a_long_one_ends_nothing():
    seams = _seams(_recording(0, 3600), _recording(100, 10), _recording(3600, 60))
    assert seams == [(MIDNIGHT + timedelta(seconds=100), -10.0)]


def test_the_same_file_twice_overlaps_whole():
    assert _seams(_recording(0, 60, "a/x.wav"), _recording(0, 60, "b/x.wav")) == [(MIDNIGHT, -60.0)]


def test_duty_cycle_is_marked_and_a_missing_file_is_not():
    starts = [start_s for start_s in range(0, 6000, 600) if start_s != 3000]
    seams = find_seams(("a", _recording(start_s, 60)) for start_s in starts)
    assert [seam.is_regular for seam in seams] == [True] * 4 + [False] + [True] * 3


def test_different_gaps_are_no_schedule():
    seams = find_seams(("a", _recording(start_s, 10)) for start_s in (0, 100, 300, 700, 1500))
    assert not any(seam.is_regular for seam in seams)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(2, 50)), min_size=1, max_size=12))
def test_gaps_are_the_silence_between_first_start_and_last_end(spans):
    """Compared with a slow reference: a second is quiet when no file sounds in it."""
    first, end = min(start for start, _ in spans), max(start + length for start, length in spans)
    sounding = {second for start, length in spans for second in range(start, start + length)}
    n_quiet = sum(second not in sounding for second in range(first, end))
    gaps = [
        gap_s
        for _, gap_s in _seams(
            *(_recording(start, length, str(i)) for i, (start, length) in enumerate(spans))
        )
    ]
    n_one_second_gaps = sum(
        second not in sounding and {second - 1, second + 1} <= sounding for second in range(first, end)
    )
    assert sum(gap_s for gap_s in gaps if gap_s > 0) == n_quiet - n_one_second_gaps


def _expected(*recordings, **claimed):
    return list(expected_s(recordings, claimed).values())


def test_a_file_shorter_than_the_others_is_too_short():
    days = [_recording(day * 86_400, 86_400) for day in range(3)]
    assert _expected(*days, _recording(3 * 86_400, 3600)) == [86_400] * 4


def test_the_next_recording_ends_what_was_expected():
    """The first day's file begins at noon, and the next one at midnight."""
    days = [_recording(day * 86_400, 86_400) for day in range(1, 4)]
    assert _expected(_recording(43_200, 43_200), *days) == [43_200, 86_400, 86_400, 86_400]


def test_a_longer_file_and_a_second_less_are_nothing_to_expect():
    files = [_recording(n * 1000, length_s) for n, length_s in enumerate((600, 600, 600, 599.2, 700))]
    assert _expected(*files) == [600, 600, 600, 599.2, 700]


def test_few_files_are_measured_by_their_headers():
    assert _expected(_recording(0, 600, "a"), _recording(None, 600, "b"), a=3600.0) == [3600, 600]


def test_no_start_leaves_the_usual_length():
    days = [_recording(day * 86_400, 86_400) for day in range(3)]
    assert _expected(*days, _recording(None, 60))[-1] == 86_400
