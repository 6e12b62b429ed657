"""One evaluation as a web page that needs nothing else, as JSON, and as tables for the terminal."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from ndoki.evaluation.bootstrap import Interval
from ndoki.evaluation.breakdown import Cause, Part
from ndoki.evaluation.calibrate import Reliability, calibration_error
from ndoki.evaluation.counts import CountError
from ndoki.evaluation.curves import Curve, recall_at
from ndoki.evaluation.plots import Bar, Line, bar_plot, line_plot
from ndoki.evaluation.precision import OverlapCurve, PrecisionCurve, average_precision

__all__ = ["Report", "ReportTable", "report_html", "report_json", "report_tables"]

_MAX_ROWS = 1000
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}"
    "th,td{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:right}"
    "th:first-child,td:first-child{text-align:left}"
    "figure{display:inline-block;margin:.5rem}"
    "svg{max-width:100%;height:auto}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured. What is None or empty does not appear.

    Attributes
    ----------
    title
        What was evaluated on what.
    facts
        What a reader must know to judge the numbers: detector, data, hours, how it was counted.
    curve
        Recall against false alarms per hour.
    recall_by_rate
        Recall with its interval for each number of false alarms per hour.
    precision, overlap, reliability
        The other curves.
    parts
        Recall by SNR, distance and so on, by the name of the tag.
    causes
        False alarms by cause.
    counts
        Errors of the number of shots per burst, by a name such as ``0.1 s apart``.
    """

    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    curve: Curve
    recall_by_rate: Mapping[float, Interval] = field(default_factory=dict)
    precision: PrecisionCurve | None = None
    overlap: OverlapCurve | None = None
    reliability: Reliability | None = None
    parts: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    causes: Sequence[Cause] = ()
    counts: Mapping[str, CountError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table as text, to be drawn by whoever shows it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def report_tables(report: Report) -> tuple[ReportTable, ...]:
    """Put every number that is not a curve into tables."""
    tables = [_rates_table(report)]
    tables += [
        ReportTable(
            title=f"Recall by {tag}",
            columns=(tag, "shots", "found", "recall", "95 %"),
            rows=tuple(
                (
                    part.name,
                    str(part.n_truths),
                    str(part.n_found),
                    _share(part.recall),
                    _range(part.low, part.high),
                )
                for part in parts
            ),
        )
        for tag, parts in report.parts.items()
    ]
    if report.causes:
        rows = ((c.name, str(c.n_false), f"{c.hours:.2f}", _number(c.per_hour)) for c in report.causes)
        columns = ("cause", "false alarms", "hours", "per hour")
        tables.append(ReportTable(title="False alarms by cause", columns=columns, rows=tuple(rows)))
    if report.counts:
        rows_of_counts = (
            (name, str(e.n_bursts), str(e.n_true), str(e.n_reported), f"{e.bias:+.1%}", _share(e.mean_error))
            for name, e in report.counts.items()
        )
        columns_of_counts = ("bursts", "number", "shots", "reported", "bias", "mean error")
        tables.append(
            ReportTable(title="Shots per burst", columns=columns_of_counts, rows=tuple(rows_of_counts))
        )
    return tuple(tables)


def report_json(report: Report) -> str:
    """All numbers as JSON; curves thinned to a thousand rows, what is not finite as null."""
    curve, precision, overlap, bins = report.curve, report.precision, report.overlap, report.reliability
    content: dict[str, Any] = {
        "title": report.title,
        "facts": dict(report.facts),
        "n_truths": curve.n_truths,
        "background_hours": curve.background_hours,
        "recall_at_false_alarms_per_hour": [
            {"false_alarms_per_hour": rate, "threshold": recall_at(curve, rate).threshold}
            | {"recall": interval.value, "low": interval.low, "high": interval.high}
            for rate, interval in report.recall_by_rate.items()
        ],
        "curve": _columns(curve, ("threshold", "recall", "false_alarms_per_hour")),
        "recall_by": {
            tag: [asdict(p) | {"recall": p.recall} for p in ps] for tag, ps in report.parts.items()
        },
        "false_alarms_by_cause": [asdict(cause) | {"per_hour": cause.per_hour} for cause in report.causes],
        "shots_per_burst": {name: asdict(error) for name, error in report.counts.items()},
    }
    if precision is not None:
        content["average_precision"] = average_precision(precision)
        content["precision"] = _columns(precision, ("threshold", "precision", "recall"))
    if overlap is not None:
        content["overlap"] = _columns(overlap, ("min_overlap", "precision", "recall", "average_precision"))
    if bins is not None:
        content["calibration_error"] = calibration_error(bins)
        content["reliability"] = _columns(bins, ("mean_score", "share_right", "n"))
    return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report_html(report: Report) -> str:
    """Write one page with its plots inside it: no script, no font, no picture from elsewhere."""
    facts = "".join(
        f"<dt><b>{escape(name)}</b></dt><dd>{escape(fact)}</dd>" for name, fact in report.facts.items()
    )
    figures = "".join(
        f"<figure>{svg}<figcaption>{escape(name)}</figcaption></figure>" for name, svg in _plots(report)
    )
    tables = "".join(_html_table(table) for table in report_tables(report))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(report.title)}</h1>\n<dl>{facts}</dl>\n"
        f"{tables}\n{figures}\n</body></html>\n"
    )


def _plots(report: Report) -> list[tuple[str, str]]:
    """Caption and SVG of every plot."""
    curve = report.curve
    line = Line(name="recall", x=curve.false_alarms_per_hour, y=curve.recall, has_steps=True)
    x_label = "false alarms per hour of shot-free sound"
    plots = [
        (
            "Recall against false alarms",
            line_plot([line], x_label=x_label, y_label="recall", x_range=(0.1, 1000.0), is_log=True),
        )
    ]
    if report.precision is not None:
        lines = [
            Line(name=name, x=report.precision.threshold, y=values)
            for name, values in (
                ("precision", report.precision.precision),
                ("recall", report.precision.recall),
            )
        ]
        plots.append(("Precision and recall", line_plot(lines, x_label="threshold", y_label="share")))
    if report.overlap is not None:
        lines = [
            Line(name=name, x=report.overlap.min_overlap, y=values, has_marks=True)
            for name, values in (("precision", report.overlap.precision), ("recall", report.overlap.recall))
        ]
        plots.append(
            ("The same by overlap", line_plot(lines, x_label="least overlap (IoU)", y_label="share"))
        )
    if report.reliability is not None:
        bins = report.reliability
        line = Line(name="share right", x=bins.mean_score, y=bins.share_right, has_marks=True)
        svg = line_plot([line], x_label="score", y_label="share right", has_diagonal=True)
        plots.append((f"Reliability; expected calibration error {calibration_error(bins):.3f}", svg))
    for tag, parts in report.parts.items():
        bars = [
            Bar(name=part.name, value=part.recall, low=part.low, high=part.high, note=f"n = {part.n_truths}")
            for part in parts
        ]
        plots.append((f"Recall by {tag}", bar_plot(bars, y_label="recall")))
    return plots


def _rates_table(report: Report) -> ReportTable:
    """Recall at each rate that was asked for."""
    rows = []
    for rate, interval in report.recall_by_rate.items():
        threshold = recall_at(report.curve, rate).threshold
        rows.append(
            (f"{rate:g}", _share(interval.value), _range(interval.low, interval.high), _number(threshold))
        )
    columns = ("false alarms per hour", "recall", "95 %", "threshold")
    return ReportTable(title="Recall at false alarms per hour", columns=columns, rows=tuple(rows))


def _html_table(table: ReportTable) -> str:
    """Draw one table; nothing if it has no rows."""
    if not table.rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{body}</table>"


def _columns(curve: object, names: Sequence[str]) -> dict[str, list[float]]:
    """Columns of a curve as lists, thinned evenly with both ends kept."""
    columns = {name: np.asarray(getattr(curve, name)) for name in names}
    n_rows = len(columns[names[0]])
    rows = np.unique(np.linspace(0, max(0, n_rows - 1), min(n_rows, _MAX_ROWS)).round().astype(np.int64))
    return {name: column[rows].tolist() for name, column in columns.items()}


def _finite(content: Any) -> Any:
    """Replace NaN and infinity, which JSON does not know, by null."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _share(value: float) -> str:
    """Format a share as a percentage; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.1%}"


def _range(low: float, high: float) -> str:
    """Format an interval of shares."""
    return f"{low:.1%} to {high:.1%}"


def _number(value: float) -> str:
    """Format a number with three digits; a dash for what is not finite."""
    return f"{value:.3g}" if math.isfinite(value) else "–"
