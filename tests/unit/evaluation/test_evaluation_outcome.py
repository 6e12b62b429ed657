"""All figures at once, on material small enough to count by hand."""

import json
import math

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.evaluation.material import Material, beside_shots
from ndoki.evaluation.outcome import Outcome, burst_errors, measure, outcome_json, outcome_tables
from ndoki.evaluation.points import poisson
from ndoki.evaluation.stretches import drawn_groups

NONE = np.empty(0)
NO_KEYS = np.empty(0, np.str_)
NO_LOOKALIKES = Truths(recording=NO_KEYS, onset_s=NONE, tags={"label": NO_KEYS})
# A burst of three 0.1 s apart of which two are found, a single shot found twice over, one never found.
SHOTS = Truths(
    recording=np.array(["r#0"] * 5),
    onset_s=np.array([100.0, 100.1, 100.2, 700.0, 1300.0]),
    end_s=np.array([100.05, 100.15, 100.25, 701.0, 1301.0]),
    tags={
        "burst": np.array(["1", "1", "1", "2", "3"]),
        "snr_db": np.array([10.0, 10.0, 10.0, 2.0, np.nan]),
        "distance_m": np.array([400.0, 400.0, 400.0, 900.0, 2500.0]),
        "weapon": np.array(["automatic"] * 3 + ["rifle", ""]),
    },
)
EVENTS = Detections(
    recording=np.array(["r#0"] * 7),
    onset_s=np.array([100.0, 100.11, 700.0, 700.2, 20.0, 20.5, 900.0]),
    score=np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]),
    end_s=np.array([100.05, 100.15, 701.0, 701.0, 21.0, 21.0, 901.0]),
)


def material(events: Detections = EVENTS, *, is_complete: bool = True, hours: float = 0.5) -> Material:
    return Material(
        detections=events,
        truths=SHOTS,
        background=beside_shots(events, SHOTS),
        hours_by_recording={"r#0": hours},
        is_complete=is_complete,
        lookalikes=NO_LOOKALIKES,
    )


def measured(**thresholds: float) -> Outcome:
    return measure(material(), title="t", thresholds=thresholds or {"all": 0.3}, facts={"a": "b"})


def test_a_threshold_is_counted_by_hand() -> None:
    low, high = measured(low=0.3, high=0.65).points
    assert (low.n_found, low.n_truths, low.recall) == (3, 5, 0.6)
    assert (low.n_reported, low.n_second, low.n_false) == (7, 1, 2)
    assert low.false_alarms_per_hour == 4.0
    assert (high.n_found, high.n_reported, high.n_second, high.n_false) == (3, 3, 0, 0)
    assert (high.per_hour_low, high.per_hour_high) == pytest.approx((0.0, 2 * 3.689), abs=1e-3)


def test_parts_hold_each_shot_once_at_each_threshold() -> None:
    parts = measured(low=0.3, high=0.75).report.parts
    assert set(parts) == {
        f"{n}, {t}" for n in ("SNR (dB)", "distance (km)", "weapon") for t in ("low", "high")
    }
    snr = {part.name: (part.n_found, part.n_truths) for part in parts["SNR (dB), low"]}
    assert snr == {"0 to 3": (1, 1), "10 to 15": (2, 3), "unknown": (0, 1)}
    far = {part.name: (part.n_found, part.n_truths) for part in parts["distance (km), high"]}
    assert far == {"0.3 to 0.6": (2, 3), "0.6 to 1": (0, 1), "≥ 2": (0, 1)}
    assert [part.name for part in parts["weapon, low"]] == ["automatic", "rifle", "unknown"]
    assert "SNR (dB)" in measured().report.parts


def test_counts_per_burst_by_spacing() -> None:
    errors = burst_errors(EVENTS, SHOTS, 0.3)
    assert set(errors) == {"0.06 to 0.15 s apart", "all, single shots too"}
    assert errors["0.06 to 0.15 s apart"].bias == pytest.approx(-1 / 3)
    assert (errors["all, single shots too"].n_true, errors["all, single shots too"].n_reported) == (5, 4)
    without = Truths(recording=SHOTS.recording, onset_s=SHOTS.onset_s)
    assert burst_errors(EVENTS, without, 0.3) == {}


def test_precision_needs_labels_to_the_end() -> None:
    report = measured().report
    assert report.precision is not None
    assert report.overlap is not None
    assert report.reliability is not None
    part = measure(material(is_complete=False), title="t", thresholds={"all": 0.3}, facts={}).report
    assert (part.precision, part.overlap, part.reliability, part.causes) == (None, None, None, ())
    assert "shot-free" in part.facts["false alarms"]


def test_scores_beyond_one_have_no_reliability() -> None:
    loud = Detections(recording=EVENTS.recording, onset_s=EVENTS.onset_s, score=EVENTS.score * 10)
    report = measure(material(loud), title="t", thresholds={"all": 3.0}, facts={}).report
    assert (report.reliability, report.overlap) == (None, None)
    assert report.curve.n_found[-1] == 3


def test_nothing_reported_is_a_result() -> None:
    silent = EVENTS.select(np.zeros(7, np.bool_))
    outcome = measure(material(silent), title="t", thresholds={"all": 1.0}, facts={})
    assert (outcome.points[0].n_found, outcome.points[0].n_false) == (0, 0)
    assert set(outcome.prices.values()) == {None}
    assert json.loads(outcome_json(outcome))["recall_at_false_alarms_per_hour"][0]["recall"] == 0


def test_no_shots_is_an_error() -> None:
    empty = Material(
        detections=EVENTS,
        truths=Truths(recording=NO_KEYS, onset_s=NONE),
        background=EVENTS,
        hours_by_recording={"r#0": 1.0},
        is_complete=True,
        lookalikes=NO_LOOKALIKES,
    )
    with pytest.raises(LabelError, match="no shots"):
        measure(empty, title="t", thresholds={"all": 0.3}, facts={})


def test_the_json_holds_the_points_the_prices_and_the_notes() -> None:
    content = json.loads(outcome_json(measured(), ["one note"]))
    assert content["at_threshold"][0]["n_found"] == 3
    assert content["notes"] == ["one note"]
    prices = {row["recall"]: row["false_alarms_per_day"] for row in content["false_alarms_per_day_at_recall"]}
    assert prices[0.5] == 0.0
    assert prices[0.8] is None
    assert content["facts"]["a"] == "b"
    assert content["false_alarms_by_cause"] == [
        {"name": "nothing labelled", "n_false": 2, "hours": 0.5, "per_hour": 4.0}
    ]


def test_tables_are_whole_and_first_comes_the_threshold() -> None:
    tables = outcome_tables(measured(low=0.3, high=0.65))
    assert tables[0].columns == ("", "low", "high")
    cells = {line[0].strip(): line[1:] for line in tables[0].rows}
    assert cells["shots found"] == ("3 of 5", "3 of 5")
    assert cells["per hour"] == ("4.00", "0.00")
    assert tables[-1].rows[0] == ("50%", "0")
    assert all(len(line) == len(table.columns) for table in tables for line in table.rows)


@pytest.mark.parametrize(("n", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904)])
def test_poisson_intervals_are_those_of_the_tables(n: int, low: float, high: float) -> None:
    assert poisson(n, 1.0) == pytest.approx((low, high), abs=1e-4)
    assert poisson(n, 2.0) == pytest.approx((low / 2, high / 2), abs=1e-4)


def found_score(n: int) -> np.ndarray:
    return np.full(n, 0.5)


def test_few_recordings_are_drawn_in_stretches_of_ten_minutes() -> None:
    drawn = drawn_groups(material(hours=0.4), found_score(5), false_alarms(material().background))
    assert "stretches of 10 min" in drawn.told
    assert drawn.groups.found_group.tolist() == [0, 0, 0, 1, 2]
    assert drawn.groups.background_hours.sum() == pytest.approx(0.4)
    assert sorted(drawn.groups.background_hours.tolist()) == pytest.approx([4 / 60, 1 / 6, 1 / 6])
    # The events at 20 s and at 900 s lie in the first and in the second stretch.
    assert sorted(drawn.groups.background_hours[drawn.groups.false_group].tolist()) == pytest.approx(
        [1 / 6] * 2
    )
    assert len(set(drawn.groups.false_group.tolist())) == 2


def test_many_recordings_are_drawn_whole() -> None:
    keys = np.array([f"r{i}#0" for i in range(10)])
    shots = Truths(recording=keys, onset_s=np.full(10, 5.0))
    nothing = EVENTS.select(np.zeros(7, np.bool_))
    many = Material(
        detections=nothing,
        truths=shots,
        background=nothing,
        hours_by_recording=dict.fromkeys(keys.tolist(), 24.0),
        is_complete=True,
        lookalikes=NO_LOOKALIKES,
    )
    drawn = drawn_groups(many, found_score(10), false_alarms(nothing))
    assert "whole recordings (10 with shots, 10 for false alarms)" in drawn.told
    assert drawn.groups.background_hours.tolist() == [24.0] * 10


def test_an_event_behind_the_end_counts_without_hours() -> None:
    late = drawn_groups(material(hours=0.1), found_score(5), false_alarms(material().background))
    assert math.isclose(late.groups.background_hours.sum(), 0.1)
    assert len(late.groups.false_score) == 2
