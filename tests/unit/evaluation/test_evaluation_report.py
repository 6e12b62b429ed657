"""The report holds the numbers that were given, needs nothing from elsewhere, and is well-formed."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ndoki.evaluation.bootstrap import Interval
from ndoki.evaluation.breakdown import Cause, Part
from ndoki.evaluation.calibrate import reliability
from ndoki.evaluation.columns import Detections, Truths
from ndoki.evaluation.counts import CountError
from ndoki.evaluation.curves import curve_from_scores
from ndoki.evaluation.match import onset_pairs
from ndoki.evaluation.plots import Bar, Line, bar_plot, line_plot
from ndoki.evaluation.precision import OverlapCurve, precision_curve
from ndoki.evaluation.report import Report, report_html, report_json, report_tables


@pytest.fixture
def report() -> Report:
    keys = np.array(["a"] * 3)
    detections = Detections(
        recording=keys, onset_s=np.array([1.0, 5.0, 9.0]), score=np.array([0.9, 0.5, 0.3])
    )
    truths = Truths(recording=keys[:2], onset_s=np.array([1.0, 9.0]))
    return Report(
        title="Belize <b> & others",
        facts={"detector": "network <1>"},
        curve=curve_from_scores(np.array([0.9, 0.3, -np.inf]), np.array([0.8, 0.4]), 2.0),
        recall_by_rate={
            10.0: Interval(value=2 / 3, low=0.5, high=0.75),
            0.1: Interval(value=1 / 3, low=0.0, high=0.5),
        },
        precision=precision_curve(onset_pairs(detections, truths), detections.score),
        overlap=OverlapCurve(
            min_overlap=np.array([0.5]),
            precision=np.array([np.nan]),
            recall=np.array([0.25]),
            average_precision=np.array([0.125]),
        ),
        reliability=reliability(np.array([0.1, 0.9]), np.array([False, True])),
        parts={"SNR (dB)": [Part(name="[0, 6)", n_truths=8, n_found=6, low=0.4, high=0.9)]},
        causes=[Cause(name="rain & drops", n_false=3, hours=1.5), Cause(name="new", n_false=1, hours=0.0)],
        counts={"0.1 s": CountError(n_bursts=2, n_true=20, n_reported=22, bias=0.1, mean_error=0.15)},
    )


def test_tables_hold_the_numbers(report: Report) -> None:
    tables = {table.title: table for table in report_tables(report)}
    assert tables["Recall at false alarms per hour"].rows == (
        ("10", "66.7%", "50.0% to 75.0%", "0.3"),
        ("0.1", "33.3%", "0.0% to 50.0%", "0.9"),
    )
    assert tables["Recall by SNR (dB)"].rows == (("[0, 6)", "8", "6", "75.0%", "40.0% to 90.0%"),)
    assert tables["False alarms by cause"].rows == (
        ("rain & drops", "3", "1.50", "2"),
        ("new", "1", "0.00", "–"),
    )
    assert tables["Shots per burst"].rows == (("0.1 s", "2", "20", "22", "+10.0%", "15.0%"),)
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_json_is_strict_and_holds_the_numbers(report: Report) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    content = json.loads(report_json(report), parse_constant=refuse)
    assert content["n_truths"] == 3
    assert content["curve"]["threshold"] == [None, 0.9, 0.8, 0.4, 0.3]
    assert content["curve"]["recall"] == [0, 1 / 3, 1 / 3, 1 / 3, 2 / 3]
    assert content["curve"]["false_alarms_per_hour"] == [0, 0, 0.5, 1, 1]
    assert content["recall_at_false_alarms_per_hour"][0]["threshold"] == 0.3
    assert content["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert content["overlap"]["precision"] == [None]
    assert content["calibration_error"] == pytest.approx(0.1)
    assert content["recall_by"]["SNR (dB)"][0]["recall"] == 0.75
    assert content["false_alarms_by_cause"][0]["per_hour"] == 2.0
    assert content["shots_per_burst"]["0.1 s"]["n_reported"] == 22


def test_the_page_is_self_contained_and_escaped(report: Report) -> None:
    page = report_html(report)
    assert "Belize &lt;b&gt; &amp; others" in page
    assert "network &lt;1&gt;" in page
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s]+)""", page)
    assert links == []
    assert "<script" not in page
    assert set(re.findall(r"https?://[^\"'\s]+", page)) == {"http://www.w3.org/2000/svg"}
    assert page.count("<svg") == 5
    assert "66.7%" in page


def test_every_opened_tag_is_closed(report: Report) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open_tags: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                self.open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open_tags.pop() == tag

    balance = Balance()
    balance.feed(report_html(report))
    assert balance.open_tags == []


def test_a_report_of_only_a_curve(report: Report) -> None:
    bare = Report(title="bare", curve=report.curve)
    assert report_html(bare).count("<svg") == 1
    assert "<table" not in report_html(bare)
    assert json.loads(report_json(bare))["recall_by"] == {}


def test_a_long_curve_is_thinned_with_both_ends_kept() -> None:
    scores = np.arange(1, 5001) / 5001
    long = Report(title="long", curve=curve_from_scores(scores, scores[::2], 1.0))
    curve = json.loads(report_json(long))["curve"]
    assert len(curve["recall"]) == 1000
    assert (curve["recall"][0], curve["recall"][-1]) == (0.0, 1.0)
    assert len(report_html(long)) < 40_000


def _numbers(svg: str, tag: str, name: str) -> list[float]:
    root = ET.fromstring(svg)
    return [
        float(node.attrib[name])
        for node in root.iter(f"{{http://www.w3.org/2000/svg}}{tag}")
        if name in node.attrib
    ]


def test_points_lie_where_the_numbers_say() -> None:
    line = Line(
        name="a", x=np.array([0.0, 0.5, 1.0, np.nan]), y=np.array([0.0, 1.0, 0.5, 0.5]), has_marks=True
    )
    svg = line_plot([line], x_label="x", y_label="y")
    x, y = _numbers(svg, "circle", "cx"), _numbers(svg, "circle", "cy")
    assert len(x) == 3
    assert x[1] - x[0] == pytest.approx(x[2] - x[1])
    assert y[0] - y[1] == pytest.approx(2 * (y[2] - y[1]))


def test_a_logarithmic_axis_has_equal_decades_and_room_for_zero() -> None:
    line = Line(name="a", x=np.array([0.0, 0.1, 1.0, 10.0, 5000.0]), y=np.full(5, 0.5), has_marks=True)
    svg = line_plot([line, line], x_label="<x>", y_label="y", x_range=(0.1, 100.0), is_log=True)
    x = _numbers(svg, "circle", "cx")[:5]
    assert x[0] == x[1]
    assert x[2] - x[1] == pytest.approx(x[3] - x[2], abs=0.11)
    assert x[4] - x[3] == pytest.approx(x[3] - x[2], abs=0.11)
    assert "&lt;x&gt;" in svg
    assert all(f">{tick}<" in svg for tick in ("0.1", "1", "10", "100"))


def test_bars_are_as_high_as_their_values() -> None:
    bars = [
        Bar(name="near", value=1.0, low=0.9, high=1.0),
        Bar(name="far", value=0.25, low=0.1, high=0.5, note="n = 4"),
    ]
    svg = bar_plot(bars, y_label="recall")
    near_px, far_px = _numbers(svg, "rect", "height")
    assert near_px == pytest.approx(4 * far_px, abs=0.3)
    assert "n = 4" in svg
    ET.fromstring(bar_plot([], y_label="recall"))
