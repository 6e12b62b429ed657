"""All figures of an evaluation, from one material: curve, intervals, breakdowns, counts, causes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ndoki.evaluation.blame import causes_of
from ndoki.evaluation.bootstrap import bootstrap_recall_at
from ndoki.evaluation.breakdown import Part
from ndoki.evaluation.calibrate import Reliability, reliability
from ndoki.evaluation.columns import Detections, Doubles, Truths
from ndoki.evaluation.counts import CountError, count_bursts, count_error
from ndoki.evaluation.curves import Curve, curve_from_scores, false_alarms_at
from ndoki.evaluation.false_alarms import MERGE_S, false_alarms
from ndoki.evaluation.grouped import bin_names, grouped_parts
from ndoki.evaluation.match import COLLAR_S, match_best_first, onset_pairs
from ndoki.evaluation.material import Material
from ndoki.evaluation.points import AtThreshold, at_threshold, burst_groups, points_table, points_told
from ndoki.evaluation.precision import OverlapCurve, overlap_curve, precision_curve
from ndoki.evaluation.report import Report, ReportTable, report_json, report_tables
from ndoki.evaluation.stretches import drawn_groups

__all__ = [
    "RATES_PER_HOUR",
    "Outcome",
    "burst_errors",
    "measure",
    "outcome_json",
    "outcome_tables",
]

RATES_PER_HOUR = (10.0, 2.0, 1.0, 0.5, 0.1)
SPACINGS_S = ((0.06, 0.15), (0.15, 0.4), (0.4, 0.7))
_EDGES = {
    "snr_db": ("SNR (dB)", 1.0, (-3.0, 0.0, 3.0, 6.0, 10.0, 15.0)),
    "distance_m": ("distance (km)", 1000.0, (0.3, 0.6, 1.0, 1.5, 2.0)),
}
_NAMES = ("weapon", "recorder")
_RECALLS = (0.5, 0.8, 0.9, 0.95, 0.99)
_SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A report, and what it has no place for: figures at chosen thresholds, and the price of a recall.

    ``prices`` holds false alarms per 24 h by recall; None where no threshold reaches it.
    """

    report: Report
    points: tuple[AtThreshold, ...]
    prices: Mapping[float, float | None]


def measure(
    material: Material,
    *,
    title: str,
    thresholds: Mapping[str, float],
    facts: Mapping[str, str],
    rates_per_hour: Sequence[float] = RATES_PER_HOUR,
    collar_s: float = COLLAR_S,
    merge_s: float = MERGE_S,
) -> Outcome:
    """Count everything that the material allows.

    Parameters
    ----------
    material
        What was reported, and what is true.
    title, facts
        For the report; facts on counting are added.
    thresholds
        Thresholds by name, for breakdowns, counts and causes (causes at the first one).
    rates_per_hour
        False alarms per hour at which recall is told.
    collar_s, merge_s
        See `onset_pairs` and `false_alarms`.

    Raises
    ------
    LabelError
        There are no shots, or no hours of sound.
    ConfigError
        A collar, a rate or the hours are impossible.
    """
    pairs = onset_pairs(material.detections, material.truths, collar_s)
    matches = match_best_first(pairs, material.detections.score)
    alarms = false_alarms(material.background, merge_s)
    curve = curve_from_scores(matches.found_score, alarms.score, material.hours)
    drawn = drawn_groups(material, matches.found_score, alarms)
    rng = np.random.default_rng(_SEED)
    points = tuple(
        at_threshold(material, name, threshold, matches.found_score, alarms, np.unique(pairs.event), rng)
        for name, threshold in thresholds.items()
    )
    causes = causes_of(
        alarms,
        material.background,
        threshold=next(iter(thresholds.values())),
        truths=material.truths,
        lookalikes=material.lookalikes,
        collar_s=collar_s,
        hours=material.hours,
    )
    report = Report(
        title=title,
        facts={
            **facts,
            **_counting(material, collar_s, merge_s),
            "intervals": drawn.told,
            **points_told(points),
        },
        curve=curve,
        recall_by_rate=bootstrap_recall_at(drawn.groups, rates_per_hour=rates_per_hour, rng=rng),
        precision=precision_curve(pairs, material.detections.score) if material.is_complete else None,
        overlap=_overlap(material, points[0].threshold),
        reliability=_reliability(material, matches.truth_of_event >= 0),
        parts=_parts(material.truths, matches.found_score, thresholds, rng),
        causes=causes if material.is_complete else (),
        counts=_counts(material, thresholds),
    )
    return Outcome(report=report, points=points, prices=_prices(curve))


def burst_errors(detections: Detections, truths: Truths, threshold: float) -> dict[str, CountError]:
    """Errors of the number of shots per burst, by the spacing of its shots; empty without a tag ``burst``."""
    if "burst" not in truths.tags:
        return {}
    counts = count_bursts(detections, truths, threshold=threshold)
    errors = {
        f"{low:g} to {high:g} s apart": count_error(counts, min_spacing_s=low, max_spacing_s=high)
        for low, high in SPACINGS_S
    }
    errors["all, single shots too"] = count_error(counts)
    return {name: error for name, error in errors.items() if error.n_bursts}


def outcome_tables(outcome: Outcome) -> tuple[ReportTable, ...]:
    """Tables of the report, those of the thresholds first."""
    prices = ReportTable(
        title="Price of a recall",
        columns=("recall", "false alarms per 24 h"),
        rows=tuple(
            (f"{recall:.0%}", "not reached" if price is None else f"{price:.0f}")
            for recall, price in outcome.prices.items()
        ),
    )
    return (points_table(outcome.points), *report_tables(outcome.report), prices)


def outcome_json(outcome: Outcome, notes: Sequence[str] = ()) -> str:
    """The report's JSON, with ``at_threshold``, ``false_alarms_per_day_at_recall`` and ``notes``."""
    content = json.loads(report_json(outcome.report))
    content["at_threshold"] = [asdict(point) for point in outcome.points]
    content["false_alarms_per_day_at_recall"] = [
        {"recall": recall, "false_alarms_per_day": price} for recall, price in outcome.prices.items()
    ]
    content["notes"] = list(notes)
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _parts(
    truths: Truths, found_score: Doubles, thresholds: Mapping[str, float], rng: np.random.Generator
) -> dict[str, tuple[Part, ...]]:
    """Recall by every tag and at every threshold."""
    named = {
        title: bin_names(truths.tags[tag] / unit, edges)
        for tag, (title, unit, edges) in _EDGES.items()
        if tag in truths.tags
    }
    for tag in _NAMES:
        if tag in truths.tags:
            names = [str(name) or "unknown" for name in truths.tags[tag].tolist()]
            named[tag] = (names, tuple(sorted(set(names))))
    parts = {}
    for title, (names, order) in named.items():
        for name, threshold in thresholds.items():
            full = f"{title}, {name}" if len(thresholds) > 1 else title
            parts[full] = grouped_parts(found_score >= threshold, names, order, burst_groups(truths), rng)
    return parts


def _counts(material: Material, thresholds: Mapping[str, float]) -> dict[str, CountError]:
    return {
        f"{spacing}, {name}" if len(thresholds) > 1 else spacing: error
        for name, threshold in thresholds.items()
        for spacing, error in burst_errors(material.detections, material.truths, threshold).items()
    }


def _overlap(material: Material, threshold: float) -> OverlapCurve | None:
    """Figures by overlap, where every end is known and boxes have a length."""
    events, shots = material.detections, material.truths
    if not material.is_complete or events.end_s is None or shots.end_s is None or not len(events):
        return None
    has_length = (events.end_s > events.onset_s).all() and (shots.end_s > shots.onset_s).all()
    return overlap_curve(events, shots, threshold=threshold) if has_length else None


def _reliability(material: Material, right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Reliability | None:
    """How often scores are right, where they lie in [0, 1] and every shot is known."""
    scores = material.detections.score
    in_range = len(scores) > 0 and float(scores.min()) >= 0 and float(scores.max()) <= 1
    return reliability(scores, right) if material.is_complete and in_range else None


def _prices(curve: Curve) -> dict[float, float | None]:
    points = {recall: false_alarms_at(curve, recall) for recall in _RECALLS}
    return {recall: None if one is None else one.false_alarms_per_day for recall, one in points.items()}


def _counting(material: Material, collar_s: float, merge_s: float) -> dict[str, str]:
    where = "events within the collar of no shot" if material.is_complete else "events in shot-free sound"
    return {
        "shots": (
            f"{len(material.truths)}, found by an event whose onset lies within {collar_s:g} s, "
            "one event for one shot"
        ),
        "false alarms": f"{where}, those less than {merge_s:g} s apart once, in {material.hours:.4g} h",
    }
