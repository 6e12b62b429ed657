"""The fast curves equal the slow reference exactly, on many random scenes."""

import numpy as np
import pytest

from ndoki.evaluation import reference
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.curves import Curve, operating_curve, recall_at
from ndoki.evaluation.match import match_onsets

RATE_HZ = 8000


def _scene(
    seed: int, *, n_recordings: int, n_events: int, n_truths: int
) -> tuple[Detections, Truths, Detections]:
    """Dense recordings with many ties in score, onsets on the sample grid and often right at the limits."""
    rng = np.random.default_rng(seed)

    def onsets_s(n: int) -> np.ndarray:
        coarse = rng.integers(0, 60, n) * (RATE_HZ // 10)
        fine = rng.integers(0, 6 * RATE_HZ, n)
        return np.where(rng.random(n) < 0.5, coarse, fine) / RATE_HZ

    def detections() -> Detections:
        score = (rng.integers(1, 30, n_events) / 30).astype(np.float32)
        return Detections(
            recording=rng.integers(0, n_recordings, n_events), onset_s=onsets_s(n_events), score=score
        )

    truths = Truths(recording=rng.integers(0, n_recordings, n_truths), onset_s=onsets_s(n_truths))
    return detections(), truths, detections()


def _curve_and_points(
    seed: int, collar_s: float, merge_s: float, **sizes: int
) -> tuple[Curve, list[tuple[float, int, int]]]:
    detections, truths, background = _scene(seed, **sizes)
    curve = operating_curve(
        detections, truths, background=background, background_hours=0.7, collar_s=collar_s, merge_s=merge_s
    )
    points = reference.operating_points(detections, truths, background, collar_s=collar_s, merge_s=merge_s)
    return curve, points


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("collar_s", "merge_s"), [(0.3, 1.0), (0.1, 0.3), (0.0, 2.0)])
def test_counts_at_every_threshold_equal_the_reference(seed: int, collar_s: float, merge_s: float) -> None:
    curve, points = _curve_and_points(seed, collar_s, merge_s, n_recordings=3, n_events=60, n_truths=25)
    for threshold, n_found, n_false in points:
        point = curve.at(threshold)
        assert point.recall == n_found / 25
        assert point.false_alarms_per_hour == n_false / 0.7
    changes = {threshold for threshold, *_ in points}
    assert set(curve.threshold[1:].tolist()) <= changes


@pytest.mark.parametrize("seed", range(12))
def test_recall_at_a_rate_equals_the_reference(seed: int) -> None:
    curve, points = _curve_and_points(seed, 0.3, 1.0, n_recordings=3, n_events=60, n_truths=25)
    for per_hour in (0.0, 1.0, 1 / 0.7, 2 / 0.7, 5.0, 10.0, 20.0, 1000.0):
        expected = reference.recall_at_rate(points, n_truths=25, background_hours=0.7, per_hour=per_hour)
        assert recall_at(curve, per_hour).recall == expected


@pytest.mark.parametrize("seed", range(20))
def test_matches_are_as_many_as_in_the_reference(seed: int) -> None:
    detections, truths, _ = _scene(seed, n_recordings=1, n_events=40, n_truths=30)
    event, truth = match_onsets(detections.onset_s, truths.onset_s, 0.3)
    assert len(event) == len(truth) == reference.n_found(detections.onset_s, truths.onset_s, 0.3)


def test_the_reference_on_an_example_counted_by_hand() -> None:
    assert reference.n_found(np.array([0.8, 1.0]), np.array([1.0, 1.3]), 0.3) == 2
    assert reference.n_found(np.array([1.0]), np.array([1.0, 1.3]), 0.3) == 1
    assert reference.n_found(np.empty(0), np.array([1.0]), 0.3) == 0
    assert reference.n_false_alarms(np.array([1.2, 0.0, 0.6]), 1.0) == 2
    points = [(0.9, 1, 0), (0.5, 2, 3)]
    assert reference.recall_at_rate(points, n_truths=4, background_hours=1.0, per_hour=2.0) == 0.25
    assert reference.recall_at_rate(points, n_truths=4, background_hours=1.0, per_hour=3.0) == 0.5
