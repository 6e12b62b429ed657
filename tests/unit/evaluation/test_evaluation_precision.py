"""Precision, average precision and counts per burst, against examples counted by hand."""

import numpy as np
import pytest

from ndoki.core.errors import ConfigError, LabelError
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.counts import count_bursts, count_error
from ndoki.evaluation.match import onset_pairs
from ndoki.evaluation.precision import average_precision, overlap_curve, precision_curve


def _detections(onsets_s: list[float], scores: list[float], recording: list[str] | None = None) -> Detections:
    keys = np.array(recording or ["a"] * len(onsets_s), np.str_)
    return Detections(recording=keys, onset_s=np.array(onsets_s, float), score=np.array(scores, float))


def test_precision_counted_by_hand() -> None:
    # Right, wrong, right (tied with a wrong one), right; the fourth shot is never found.
    detections = _detections([1.0, 9.0, 2.0, 9.5, 3.0], [0.9, 0.8, 0.7, 0.7, 0.6])
    truths = Truths(recording=np.array(["a"] * 4), onset_s=np.array([1.0, 2.0, 3.0, 30.0]))
    curve = precision_curve(onset_pairs(detections, truths), detections.score)
    assert curve.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.n_found.tolist() == [1, 1, 2, 3]
    assert curve.n_reported.tolist() == [1, 2, 4, 5]
    assert curve.precision.tolist() == [1, 1 / 2, 2 / 4, 3 / 5]
    assert curve.recall.tolist() == [1 / 4, 1 / 4, 2 / 4, 3 / 4]
    assert curve.f1.tolist() == pytest.approx([2 / 5, 2 / 6, 4 / 8, 6 / 9])
    assert average_precision(curve) == pytest.approx((1 + 2 / 4 + 3 / 5) / 4)


def test_a_second_event_on_one_shot_is_wrong() -> None:
    detections = _detections([1.0, 1.1], [0.9, 0.8])
    truths = Truths(recording=np.array(["a"]), onset_s=np.array([1.0]))
    assert precision_curve(onset_pairs(detections, truths), detections.score).precision.tolist() == [1.0, 0.5]


def test_nothing_reported_has_no_precision() -> None:
    detections = _detections([], [])
    truths = Truths(recording=np.array(["a"]), onset_s=np.array([1.0]))
    curve = precision_curve(onset_pairs(detections, truths), detections.score)
    assert len(curve.threshold) == 0
    assert average_precision(curve) == 0.0
    with pytest.raises(LabelError, match="no shots"):
        precision_curve(
            onset_pairs(detections, Truths(recording=np.empty(0), onset_s=np.empty(0))), np.empty(0)
        )


def test_precision_against_the_overlap_threshold() -> None:
    # Overlaps of 1, 0.5 and 0 with three shots; the last box is below the score threshold for precision.
    detections = Detections(
        recording=np.array(["a"] * 4),
        onset_s=np.array([0.0, 10.0, 25.0, 20.0]),
        end_s=np.array([2.0, 11.0, 26.0, 22.0]),
        score=np.array([0.9, 0.8, 0.7, 0.2]),
    )
    truths = Truths(
        recording=np.array(["a"] * 3), onset_s=np.array([0.0, 10.0, 20.0]), end_s=np.array([2.0, 12.0, 22.0])
    )
    curve = overlap_curve(detections, truths, threshold=0.5, min_overlaps=(0.25, 0.5, 0.75))
    assert curve.min_overlap.tolist() == [0.25, 0.5, 0.75]
    assert curve.precision.tolist() == [2 / 3, 2 / 3, 1 / 3]
    assert curve.recall.tolist() == [2 / 3, 2 / 3, 1 / 3]
    assert curve.average_precision.tolist() == pytest.approx([2.75 / 3, 2.75 / 3, 1.5 / 3])
    silent = overlap_curve(detections, truths, threshold=0.95, min_overlaps=(0.5,))
    assert np.isnan(silent.precision).all()
    assert silent.recall.tolist() == [0.0]


@pytest.fixture
def bursts() -> Truths:
    """Burst 1: three shots 0.1 s apart; burst 2: two, 0.5 s apart; burst 3: one."""
    return Truths(
        recording=np.array(["a", "a", "a", "a", "a", "b"]),
        onset_s=np.array([1.0, 1.1, 1.2, 10.0, 10.5, 1.0]),
        tags={"burst": np.array([1, 1, 1, 2, 2, 3])},
    )


def test_shots_per_burst(bursts: Truths) -> None:
    detections = _detections(
        [0.7, 1.1, 1.6, 9.8, 10.2, 10.8, 1.0, 1.1],
        [0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1],
        [*"aaaaaa", "b", "b"],
    )
    counts = count_bursts(detections, bursts, threshold=0.5)
    assert counts.burst.tolist() == [1, 2, 3]
    assert counts.n_true.tolist() == [3, 2, 1]
    assert counts.n_reported.tolist() == [2, 3, 1]
    np.testing.assert_allclose(counts.spacing_s, [0.1, 0.5, np.nan])
    whole = count_error(counts)
    assert (whole.n_bursts, whole.n_true, whole.n_reported, whole.bias) == (3, 6, 6, 0.0)
    assert whole.mean_error == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    fast = count_error(counts, max_spacing_s=0.2)
    assert (fast.n_bursts, fast.bias, fast.mean_error) == (1, pytest.approx(-1 / 3), pytest.approx(1 / 3))
    nothing = count_error(counts, min_spacing_s=5.0)
    assert nothing.n_bursts == 0
    assert np.isnan([nothing.bias, nothing.mean_error]).all()


def test_impossible_bursts_are_refused(bursts: Truths) -> None:
    detections = _detections([1.0], [0.9])
    with pytest.raises(LabelError, match="no tag 'salvo', only \\['burst'\\]"):
        count_bursts(detections, bursts, threshold=0.5, tag="salvo")
    with pytest.raises(ConfigError, match="margin of"):
        count_bursts(detections, bursts, threshold=0.5, margin_s=-1.0)
    torn = Truths(recording=np.array(["a", "b"]), onset_s=np.zeros(2), tags={"burst": np.array([1, 1])})
    with pytest.raises(LabelError, match="two recordings"):
        count_bursts(detections, torn, threshold=0.5)
