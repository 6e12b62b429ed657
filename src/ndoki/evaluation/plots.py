"""Small SVG plots as text: a line plot and a bar plot. Pure, and the same bytes for the same numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ndoki.evaluation.columns import Doubles

__all__ = ["Bar", "Line", "bar_plot", "line_plot"]

_WIDTH_PX, _HEIGHT_PX = 460, 300
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 56, 14, 14, 46
_COLOURS = ("#1b6e53", "#b3541e", "#3b5b92", "#7a3b69")
_MAX_POINTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One line: its name, and float64 columns of equal length. Points that are not finite are left out."""

    name: str
    x: Doubles
    y: Doubles
    has_steps: bool = False
    has_marks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar from 0 to ``value``, with whiskers from ``low`` to ``high``."""

    name: str
    value: float
    low: float
    high: float
    note: str = ""


def line_plot(
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] = (0.0, 1.0),
    is_log: bool = False,
    has_diagonal: bool = False,
) -> str:
    """Draw lines over ``x_range``; y runs from 0 to 1.

    Parameters
    ----------
    lines
        At most four are told apart by colour.
    x_label, y_label
        Axis titles with units.
    x_range
        First and last x; what lies outside is cut off. Above 0 if ``is_log``.
    is_log
        Whether x is logarithmic; points at 0 or below are then drawn at the left edge.
    has_diagonal
        Whether to draw y = x for comparison.

    Returns
    -------
    svg
        One ``<svg>`` element.
    """
    to_px = _log_scale(*x_range) if is_log else _linear_scale(*x_range)
    ticks = _decades(*x_range) if is_log else np.linspace(*x_range, 6).tolist()
    parts = _axes([(to_px(tick), f"{tick:g}") for tick in ticks], x_label, y_label)
    if has_diagonal:
        (x0, y0), (x1, y1) = (to_px(x_range[0]), _y_px(0.0)), (to_px(x_range[1]), _y_px(1.0))
        parts.append(f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="#999" stroke-dasharray="4 4"/>')
    for row, line in enumerate(lines):
        parts += _line(line, to_px, x_range[0] if is_log else None, _COLOURS[row % len(_COLOURS)])
        if len(lines) > 1:
            colour, y_px = _COLOURS[row % len(_COLOURS)], _TOP_PX + 16 * (row + 1)
            parts.append(_text(_LEFT_PX + 10, y_px, line.name, anchor="start", colour=colour))
    return _svg(parts)


def bar_plot(bars: Sequence[Bar], *, y_label: str) -> str:
    """Draw bars with whiskers; y runs from 0 to 1. Returns one ``<svg>`` element."""
    room_px = (_WIDTH_PX - _LEFT_PX - _RIGHT_PX) / max(1, len(bars))
    centres = [_LEFT_PX + room_px * (i + 0.5) for i in range(len(bars))]
    parts = _axes([(x, bar.name) for x, bar in zip(centres, bars, strict=True)], "", y_label)
    for x, bar in zip(centres, bars, strict=True):
        half_px = min(24.0, 0.3 * room_px)
        top_px, foot_px = _y_px(bar.value), _y_px(0.0)
        parts.append(
            f'<rect x="{x - half_px:.1f}" y="{top_px:.1f}" width="{2 * half_px:.1f}" '
            f'height="{foot_px - top_px:.1f}" fill="{_COLOURS[0]}" fill-opacity="0.55"/>'
        )
        parts.append(f'<path d="M{x:.1f} {_y_px(bar.low):.1f}V{_y_px(bar.high):.1f}" stroke="#222"/>')
        parts.append(_text(x, _HEIGHT_PX - 14, bar.note, colour="#777"))
    return _svg(parts)


def _line(line: Line, to_px: Callable[[float], float], floor: float | None, colour: str) -> list[str]:
    """Path and marks of one line, thinned evenly to what a plot can show."""
    x = line.x if floor is None else np.maximum(line.x, floor)
    rows = np.flatnonzero(np.isfinite(x) & np.isfinite(line.y))
    if len(rows) > _MAX_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_POINTS).round().astype(np.int64)]
    points = [(to_px(float(x[row])), _y_px(float(line.y[row]))) for row in rows]
    if not points:
        return []
    moves = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    moves += [
        f"H{x_px:.1f}V{y_px:.1f}" if line.has_steps else f"L{x_px:.1f} {y_px:.1f}"
        for x_px, y_px in points[1:]
    ]
    parts = [f'<path d="{"".join(moves)}" fill="none" stroke="{colour}" stroke-width="2"/>']
    if line.has_marks:
        parts += [f'<circle cx="{x_px:.1f}" cy="{y_px:.1f}" r="3" fill="{colour}"/>' for x_px, y_px in points]
    return parts


def _axes(ticks: Sequence[tuple[float, str]], x_label: str, y_label: str) -> list[str]:
    """Grid, tick labels and titles."""
    right_px, foot_px = _WIDTH_PX - _RIGHT_PX, _HEIGHT_PX - _BOTTOM_PX
    parts = []
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(f'<path d="M{_LEFT_PX} {_y_px(share):.1f}H{right_px}" stroke="#ddd"/>')
        parts.append(_text(_LEFT_PX - 6, _y_px(share) + 4, f"{share:g}", anchor="end"))
    parts += [_text(x, foot_px + 16, name) for x, name in ticks]
    middle_px = (_TOP_PX + foot_px) / 2
    parts.append(_text((_LEFT_PX + right_px) / 2, _HEIGHT_PX - 10, x_label))
    parts.append(f'<g transform="rotate(-90 14 {middle_px:.1f})">{_text(14, middle_px, y_label)}</g>')
    return parts


def _text(x: float, y: float, words: str, *, anchor: str = "middle", colour: str = "#222") -> str:
    """Return one line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _svg(parts: Sequence[str]) -> str:
    """Wrap drawings into one element."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {_HEIGHT_PX}" width="{_WIDTH_PX}" '
        f'height="{_HEIGHT_PX}" font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _y_px(share: float) -> float:
    """Height of a share in [0, 1]; what lies outside is drawn at the edge."""
    room_px = _HEIGHT_PX - _TOP_PX - _BOTTOM_PX
    return _TOP_PX + room_px * (1 - min(1.0, max(0.0, share)))


def _linear_scale(first: float, last: float) -> Callable[[float], float]:
    """Map x to pixels; what lies outside is drawn at the edge."""
    room_px = _WIDTH_PX - _LEFT_PX - _RIGHT_PX
    return lambda x: _LEFT_PX + room_px * min(1.0, max(0.0, (x - first) / (last - first)))


def _log_scale(first: float, last: float) -> Callable[[float], float]:
    """Map x to pixels logarithmically."""
    linear = _linear_scale(float(np.log10(first)), float(np.log10(last)))
    return lambda x: linear(float(np.log10(x)))


def _decades(first: float, last: float) -> list[float]:
    """Powers of ten within a range."""
    powers = range(int(np.ceil(np.log10(first) - 1e-9)), int(np.floor(np.log10(last) + 1e-9)) + 1)
    return [float(10.0**power) for power in powers]
