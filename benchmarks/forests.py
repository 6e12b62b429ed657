"""Recall by level and distance, false alarms per hour and burst counts in simulated forests never trained on.

The recordings are those of `forest_days`. By default they are crowded: 36 of 10 minutes, shots far more
often than in a real forest, half of the aimed ones in quick series, so that every level and spacing is met in
little sound. With ``--usual`` they are 48 of an hour as ``ndoki simulate`` draws them, minutes without a shot
and 40 look-alikes an hour.

False alarms that are echoes or tails of shots are told apart. Bursts are completed around what `review`
finds. ``snr_db`` is the shot alone over the background: 0 dB reads as 3 dB in a recording. The collar is
0.3 s.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from forest_days import CROWDED, USUAL, Day, make_day, material_of, sources_of
from ndoki.cli.progress import show_tables
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import load_detector, operating_points
from ndoki.evaluation.blame import AFTER_SHOT, causes_of
from ndoki.evaluation.breakdown import Part
from ndoki.evaluation.columns import Truths
from ndoki.evaluation.counts import BurstCounts, count_bursts
from ndoki.evaluation.curves import recall_at
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.evaluation.grouped import bias_interval, first_of_bursts, grouped_parts
from ndoki.evaluation.match import COLLAR_S, match_best_first, onset_pairs
from ndoki.evaluation.material import Material
from ndoki.evaluation.outcome import SPACINGS_S, Outcome, measure, outcome_json, outcome_tables
from ndoki.evaluation.report import report_html
from ndoki.tables.atomic import write_text
from ndoki.tables.summary import TextTable

HERE = Path(__file__).resolve().parent
AUDIBLE_DB, FAINT_DB = 6.0, 1.5
MOST_PER_HOUR = 0.5


def thresholds_of(detector: Detector, material: Material, facts: Mapping[str, str]) -> dict[str, float]:
    """The card's operating points, ``balanced`` first, and the threshold that keeps 0.5 per hour here."""
    points: Mapping[str, float] = dict(operating_points(detector))
    chosen = {name: points[name] for name in ("balanced", "review", "alert") if name in points} or {
        "default": 0.5
    }
    curve = measure(material, title="", thresholds=chosen, facts=facts).report.curve
    here = recall_at(curve, MOST_PER_HOUR).threshold
    return chosen | ({f"{MOST_PER_HOUR:g}/h here": here} if np.isfinite(here) else {})


def criteria(days: Sequence[Day], thresholds: Mapping[str, float]) -> list[dict[str, object]]:
    """Recall of audible and of 0 dB shots and false alarms per hour, by background and threshold."""
    rows: list[dict[str, object]] = []
    for kind in ("all", *dict.fromkeys(day.kind for day in days)):
        material = material_of([day for day in days if kind in ("all", day.kind)])
        outcome = measure(material, title=kind, thresholds=thresholds, facts={})
        for point in outcome.points:
            levels = level_parts(material, point.threshold)
            echoes = echoes_at(material, point.threshold)
            rows.append({"background": kind, "levels": levels, "echoes_per_hour": echoes, **asdict(point)})
    return rows


def level_parts(material: Material, threshold: float) -> dict[str, Part]:
    """Recall at 6 dB or more and at 0 ± 1.5 dB: of all shots, and of the first of each burst."""
    detections, truths = material.detections, material.truths
    found = match_best_first(onset_pairs(detections, truths), detections.score).found_score >= threshold
    snr_db, opens = truths.tags["snr_db"], first_of_bursts(truths)
    wanted = {
        "loud": snr_db >= AUDIBLE_DB,
        "faint": np.abs(snr_db) <= FAINT_DB,
        "loud, first": (snr_db >= AUDIBLE_DB) & opens,
        "faint, first": (np.abs(snr_db) <= FAINT_DB) & opens,
    }
    parts: dict[str, Part] = {}
    for name, chosen in wanted.items():
        names = [name if one else "" for one in chosen.tolist()]
        rng = np.random.default_rng(0)
        parts |= {part.name: part for part in grouped_parts(found, names, [name], truths.tags["burst"], rng)}
    return parts


def echoes_at(material: Material, threshold: float) -> float:
    """False alarms per hour that are echoes or tails of shots."""
    causes = causes_of(
        false_alarms(material.background),
        material.background,
        threshold=threshold,
        truths=material.truths,
        lookalikes=material.lookalikes,
        collar_s=COLLAR_S,
        hours=material.hours,
    )
    return sum(cause.per_hour for cause in causes if cause.name == AFTER_SHOT)


def audible(truths: Truths) -> Truths:
    """Shots of the bursts whose first shot is at 6 dB or more."""
    loud = truths.tags["burst"][first_of_bursts(truths) & (truths.tags["snr_db"] >= AUDIBLE_DB)]
    keep = np.isin(truths.tags["burst"], loud)
    return Truths(
        recording=truths.recording[keep],
        onset_s=truths.onset_s[keep],
        tags={name: column[keep] for name, column in truths.tags.items()},
    )


def count_rows(material: Material, thresholds: Mapping[str, float]) -> list[dict[str, object]]:
    """Error of the number of shots in audible bursts, by spacing and threshold."""
    rows: list[dict[str, object]] = []
    for name, threshold in thresholds.items():
        counts = count_bursts(material.detections, audible(material.truths), threshold=threshold)
        for low_s, high_s in SPACINGS_S:
            row = count_row(counts, low_s, high_s)
            if row:
                rows.append({"threshold": name, "spacing": f"{low_s:g} to {high_s:g} s", **row})
    return rows


def count_row(counts: BurstCounts, low_s: float, high_s: float) -> dict[str, object]:
    """Bias and mean error of bursts of one spacing; empty where there are none."""
    keep = (counts.spacing_s >= low_s) & (counts.spacing_s < high_s)
    n_true, n_reported = counts.n_true[keep], counts.n_reported[keep]
    if not len(n_true):
        return {}
    low, high = bias_interval(n_reported, n_true, np.random.default_rng(0))
    return {
        "n_bursts": len(n_true),
        "n_true": int(n_true.sum()),
        "n_reported": int(n_reported.sum()),
        "bias": float(n_reported.sum() / n_true.sum() - 1),
        "bias_low": low,
        "bias_high": high,
        "mean_error": float(np.mean(np.abs(n_reported - n_true) / n_true)),
    }


def criteria_table(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    """Criteria as text."""
    names = ("loud", "faint", "loud, first", "faint, first")
    titles = ("≥ 6 dB", "0 dB", "≥ 6 dB, first", "0 dB, first")
    cells = tuple(
        (
            row["background"],
            f"{row['name']} (≥ {row['threshold']:.3g})",
            *(share(row["levels"].get(name)) for name in names),
            f"{row['false_alarms_per_hour']:.2f} [{row['per_hour_low']:.2f}, {row['per_hour_high']:.2f}]",
            f"{row['echoes_per_hour']:.2f}",
        )
        for row in rows
    )
    columns = ("background", "threshold", *titles, "false alarms/h", "echoes/h")
    return TextTable(
        title="Recall by level (first: of its burst), and false alarms", columns=columns, rows=cells
    )


def share(part: Part | None) -> str:
    """Recall with its interval and number of shots."""
    return "–" if part is None else f"{part.recall:.1%} [{part.low:.1%}, {part.high:.1%}] of {part.n_truths}"


def counts_table(rows: Sequence[Mapping[str, Any]]) -> TextTable:
    """Burst counts as text."""
    cells = tuple(
        (
            row["spacing"],
            row["threshold"],
            str(row["n_bursts"]),
            str(row["n_true"]),
            str(row["n_reported"]),
            f"{row['bias']:+.1%} [{row['bias_low']:+.1%}, {row['bias_high']:+.1%}]",
            f"{row['mean_error']:.1%}",
        )
        for row in rows
    )
    columns = ("spacing", "threshold", "bursts", "shots", "reported", "bias", "mean error")
    return TextTable(
        title=f"Shots per burst whose first shot has ≥ {AUDIBLE_DB:g} dB", columns=columns, rows=cells
    )


def facts_of(tables: Sequence[TextTable]) -> dict[str, str]:
    """Rows of tables as facts, for the page."""
    return {
        f"{table.title}: {', '.join(row[:2])}": "; ".join(
            f"{name} {cell}" for name, cell in zip(table.columns[2:], row[2:], strict=True)
        )
        for table in tables
        for row in table.rows
    }


def write(out: Path, outcome: Outcome, tables: Sequence[TextTable], figures: Mapping[str, object]) -> None:
    """Page and JSON."""
    content = json.loads(outcome_json(outcome)) | dict(figures)
    plain = json.dumps(content, indent=1, ensure_ascii=False, default=asdict, allow_nan=False)
    write_text(out / "report.json", plain + "\n")
    report = replace(outcome.report, facts={**outcome.report.facts, **facts_of(tables)})
    write_text(out / "report.html", report_html(report))


def main() -> int:
    """Simulate, search, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", default="gunshot", help="name or file")
    parser.add_argument("--usual", action="store_true", help="as many shots as in a forest, not far more")
    parser.add_argument("--hours", type=float, help="of sound; 6, or 48 of usual days")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    scene, hours, folder = (USUAL, 48.0, "forests-usual") if options.usual else (CROWDED, 6.0, "forests")
    scene = scene if options.seed is None else replace(scene, seed=options.seed)
    out = options.out or HERE.parent / "build" / folder
    detector, sources = load_detector(options.detector), sources_of(options.data)
    began = time.perf_counter()
    n_days = max(len(sources.backgrounds), round((options.hours or hours) / scene.hours))
    days = [make_day(index, sources, detector, out / "days", scene, options.jobs) for index in range(n_days)]
    material = material_of(days)
    facts = {
        "detector": f"{detector.id.name} {detector.id.digest[:12]}",
        "data": f"{n_days} recordings of {60 * scene.hours:g} min, preset TEST, seeds from {scene.seed}",
        "levels": "the shot alone over the background, 80 to 1500 Hz; 0 dB reads as 3 dB in a recording",
    }
    thresholds = thresholds_of(detector, material, facts)
    outcome = measure(material, title="Simulated forests", thresholds=thresholds, facts=facts)
    judged, bursts = criteria(days, thresholds), count_rows(material, thresholds)
    tables = [criteria_table(judged), counts_table(bursts)]
    write(out, outcome, tables, {"criteria": judged, "burst_counts": bursts})
    print(f"{platform.machine()}, Python {platform.python_version()}, {time.perf_counter() - began:.0f} s")
    for name, fact in outcome.report.facts.items():
        print(f"{name}: {fact}")
    show_tables([TextTable(title=t.title, columns=t.columns, rows=t.rows) for t in outcome_tables(outcome)])
    show_tables(tables)
    print(f"\nThe report is {out / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
