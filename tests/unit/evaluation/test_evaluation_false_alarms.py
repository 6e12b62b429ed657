"""Reports less than a second apart count once, and a second is counted from the first of them."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError
from ndoki.evaluation.columns import Detections
from ndoki.evaluation.false_alarms import false_alarms


def _background(onsets_s: list[float], scores: list[float], recording: list[str] | None = None) -> Detections:
    keys = np.array(recording or ["a"] * len(onsets_s), np.str_)
    return Detections(recording=keys, onset_s=np.array(onsets_s, float), score=np.array(scores, float))


def _n(onsets_s: list[float], merge_s: float = 1.0) -> int:
    return len(false_alarms(_background(onsets_s, [0.5] * len(onsets_s)), merge_s))


@pytest.mark.parametrize(
    ("onsets_s", "n"),
    [
        ([], 0),
        ([3.0], 1),
        ([3.0, 3.0], 1),
        ([3.0, 3.999], 1),
        ([3.0, 4.0], 2),
        ([0.1, 1.1], 2),  # 1.1 − 0.1 is a little more than 1, and 4.3 − 3.3 a little less
        ([3.3, 4.3], 2),
        ([0.0, 0.6, 1.2], 2),  # the third is 1.2 s behind the first, which opened the false alarm
        ([0.0, 0.6, 1.2, 1.8, 2.4], 3),
        ([1.2, 0.0, 0.6], 2),
    ],
)
def test_a_second_is_counted_from_the_report_that_opened(onsets_s: list[float], n: int) -> None:
    assert _n(onsets_s) == n


def test_no_merging_counts_every_report() -> None:
    assert _n([1.0, 1.0, 1.5], 0.0) == 3


def test_recordings_are_kept_apart() -> None:
    alarms = false_alarms(_background([1.0, 1.1], [0.5, 0.6], ["b", "a"]))
    assert sorted(alarms.recording.tolist()) == ["a", "b"]


def test_each_false_alarm_has_the_score_from_which_it_counts() -> None:
    # At 0.9 one; at 0.8 still one (0.5 s behind); at 0.7 the report in front opens, and so does that at 1.5.
    background = _background([1.0, 1.5, 0.4], [0.9, 0.8, 0.7])
    alarms = false_alarms(background)
    assert alarms.score.tolist() == [0.9, 0.7]
    assert alarms.event.tolist() == [0, 2]


def test_a_new_report_in_front_may_shift_all_without_adding_one() -> None:
    # 0.5 and 1.5 open; then 0.0 comes: 0.0 and 1.5 open, 0.5 is part of the first. Still two.
    alarms = false_alarms(_background([0.5, 1.5, 0.0], [0.9, 0.8, 0.7]))
    assert alarms.score.tolist() == [0.9, 0.8]


def test_a_detector_that_never_stops_has_one_false_alarm_per_second() -> None:
    assert _n((np.arange(36_000) / 10).tolist()) == 3600


@pytest.mark.parametrize("merge_s", [-1.0, np.nan, np.inf])
def test_an_impossible_merging_time_is_refused(merge_s: float) -> None:
    with pytest.raises(ConfigError, match="merging within"):
        _n([1.0], merge_s)
