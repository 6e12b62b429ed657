from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.audio.hours import hours_of, pieces_of
from ndoki.audio.quality import Stretch
from ndoki.core.types import Recording

RATE_HZ = 10
WAT = timezone(timedelta(hours=1))


def _recording(start, seconds, zone=WAT):
    n_samples = round(seconds * RATE_HZ)
    return Recording(source="x", rate_hz=RATE_HZ, n_samples=n_samples, started_at=start, local_zone=zone)


def _levels(seconds):
    """Each minute's level is its number."""
    return np.repeat(np.arange(-(-seconds // 60), dtype=np.float32)[:, None], 4, axis=1)


def _pieces(start, seconds, silences=(), **options):
    return list(pieces_of(_recording(start, seconds, **options), silences, _levels(seconds)))


def test_a_recording_is_cut_at_full_hours_of_the_local_clock():
    pieces = _pieces(datetime(2018, 8, 16, 22, 50, tzinfo=UTC), 4500)
    assert [(piece.began_at.isoformat(), piece.first_s, piece.end_s) for piece in pieces] == [
        ("2018-08-16T23:00:00+01:00", 3000, 3600),
        ("2018-08-17T00:00:00+01:00", 0, 3600),
        ("2018-08-17T01:00:00+01:00", 0, 300),
    ]
    assert [piece.levels[:, 0].tolist() for piece in pieces] == [
        list(range(10)),
        list(range(10, 70)),
        list(range(70, 75)),
    ]


def test_half_hour_zones_have_full_hours_too():
    zone = timezone(timedelta(hours=5, minutes=30))
    first, second = _pieces(datetime(2018, 8, 17, tzinfo=UTC), 3600, zone=zone)
    assert (first.began_at.isoformat(), first.first_s, second.end_s) == (
        "2018-08-17T05:00:00+05:30",
        1800,
        1800,
    )


def test_an_unknown_zone_is_utc_and_an_unknown_start_has_no_hours():
    (piece,) = _pieces(datetime(2018, 8, 17, 5, tzinfo=UTC), 60, zone=None)
    assert piece.began_at == datetime(2018, 8, 17, 5, tzinfo=UTC)
    assert _pieces(None, 60) == []


def test_silence_is_counted_in_its_hour():
    silence = Stretch(first_sample=590 * RATE_HZ, end_sample=630 * RATE_HZ)
    first, second = _pieces(datetime(2018, 8, 17, 0, 50, tzinfo=UTC), 900, [silence])
    assert (first.silent_s, second.silent_s) == (10, 30)


@given(st.integers(0, 7200), st.integers(1, 20_000))
def test_every_second_and_every_minute_is_in_one_piece(offset_s, seconds):
    pieces = _pieces(datetime(2018, 8, 17, tzinfo=UTC) + timedelta(seconds=offset_s), seconds)
    assert sum(piece.end_s - piece.first_s for piece in pieces) == pytest.approx(seconds)
    assert np.array_equal(np.concatenate([piece.levels for piece in pieces]), _levels(seconds))
    assert all(0 <= piece.first_s < piece.end_s <= 3600 for piece in pieces)


def test_overlaps_count_once_and_pieces_of_an_hour_are_joined():
    midnight = datetime(2018, 8, 17, tzinfo=UTC)
    parts = [(0, 600), (300, 600), (1800, 60)]
    (hour,) = hours_of(
        piece for at_s, long_s in parts for piece in _pieces(midnight + timedelta(seconds=at_s), long_s)
    )
    assert hour.present_s == 960
    assert hour.levels_db[0] == np.median([*range(10), *range(10), 0])
    assert hour.spread_db[0] == pytest.approx(
        np.diff(np.percentile([*range(10), *range(10), 0], [10, 90]))[0]
    )


def test_few_minutes_have_no_spread_and_unheard_ones_no_level():
    start = datetime(2018, 8, 17, tzinfo=UTC)
    (hour,) = hours_of(_pieces(start, 540))
    assert np.isfinite(hour.levels_db).all()
    assert np.isnan(hour.spread_db).all()
    (unheard,) = hours_of(pieces_of(_recording(start, 540), (), np.empty((0, 4), np.float32)))
    assert unheard.present_s == 540
    assert np.isnan(unheard.levels_db).all()
