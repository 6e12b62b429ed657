"""A false alarm is put down to what began last before it and still sounded."""

import numpy as np

from ndoki.evaluation.blame import AFTER_SHOT, AFTER_SHOT_S, causes_of
from ndoki.evaluation.breakdown import Cause
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.false_alarms import false_alarms


def truths(
    onsets_s: list[float], ends_s: list[float] | None = None, labels: list[str] | None = None
) -> Truths:
    return Truths(
        recording=np.array(["r"] * len(onsets_s), np.str_),
        onset_s=np.array(onsets_s, np.float64),
        end_s=None if ends_s is None else np.array(ends_s),
        tags={} if labels is None else {"label": np.array(labels, np.str_)},
    )


def blamed(onset_s: float, *, recording: str = "r", threshold: float = 0.1) -> tuple[Cause, ...]:
    background = Detections(
        recording=np.array([recording]), onset_s=np.array([onset_s]), score=np.array([0.5])
    )
    return causes_of(
        false_alarms(background),
        background,
        threshold=threshold,
        truths=truths([100.0]),
        lookalikes=truths([50.0, 101.0, 200.0], [60.0, 102.0, 201.0], ["thunder", "tick", "rain"]),
        collar_s=0.3,
        hours=2.0,
    )


def name(onset_s: float, recording: str = "r") -> str:
    (cause,) = blamed(onset_s, recording=recording)
    assert (cause.n_false, cause.hours, cause.per_hour) == (1, 2.0, 0.5)
    return cause.name


def test_what_sounds_is_blamed() -> None:
    assert name(55.0) == "thunder"
    assert name(49.8) == "thunder"
    assert name(60.2) == "thunder"
    assert name(200.5) == "rain"


def test_what_is_over_or_to_come_is_not() -> None:
    for onset_s in (49.6, 60.4, 150.0, 199.0):
        assert name(onset_s) == "nothing labelled"


def test_a_shot_sounds_on_and_what_began_later_goes_first() -> None:
    assert name(100.9) == "tick"
    assert name(100.5) == AFTER_SHOT
    assert name(103.0) == AFTER_SHOT
    assert name(100.0 + AFTER_SHOT_S + 0.5) == "nothing labelled"


def test_other_recordings_and_lower_scores_do_not_count() -> None:
    assert name(55.0, "other") == "nothing labelled"
    assert blamed(55.0, threshold=0.6) == ()


def test_the_most_frequent_comes_first() -> None:
    onsets_s = np.array([55.0, 10.0, 20.0, 30.0])
    background = Detections(recording=np.array(["r"] * 4), onset_s=onsets_s, score=np.full(4, 0.5))
    causes = causes_of(
        false_alarms(background),
        background,
        threshold=0.5,
        truths=truths([]),
        lookalikes=truths([50.0], [60.0], ["thunder"]),
        collar_s=0.3,
        hours=1.0,
    )
    assert [(cause.name, cause.n_false) for cause in causes] == [("nothing labelled", 3), ("thunder", 1)]
