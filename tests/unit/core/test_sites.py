from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.sites import Deployment, Deployments

LIBREVILLE = ZoneInfo("Africa/Libreville")
SERIAL = "24F3190361DA1234"


def _table(*rows):
    numbered = (Deployment(row=number, **row) for number, row in enumerate(rows, start=2))
    return Deployments(path="table.csv", rows=tuple(numbered))


def _site(table, source="/card/file.wav", **traits):
    answer = table.find(source=source, **traits)
    return answer.deployment.site if answer.deployment else None


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"recorder": "24f3190361da1234"}, True),
        ({"recorder": "24F3*"}, True),
        ({"recorder": "24F3"}, False),
        ({"prefix": "kp0?"}, True),
        ({"prefix": "KP01"}, True),
        ({"prefix": "kp02"}, False),
        ({"folder": "Korup"}, True),
        ({"folder": "Korup/2013/"}, True),
        ({"folder": "korup*"}, True),
        ({"folder": "2013/Korup"}, False),
        ({"folder": "rup"}, False),
        ({"file": "kp01_*.wav"}, True),
        ({"file": "2013/kp01_20130621_000000.wav"}, True),
        ({"file": "/data/Korup/2013/kp01_20130621_000000.wav"}, True),
        ({"file": "01_20130621_000000.wav"}, False),
        ({"recorder": SERIAL, "folder": "Korup"}, True),
        ({"recorder": SERIAL, "folder": "elsewhere"}, False),
        ({}, False),  # the site's own name is neither prefix nor folder
    ],
)
def test_what_recognises_a_recording(keys, fits):
    found = _site(
        _table({"site": "here", **keys}),
        source="/data/Korup/2013/kp01_20130621_000000.wav",
        prefix="kp01",
        recorders=("", SERIAL),
    )
    assert (found == "here") is fits


def test_site_alone_is_prefix_or_folder():
    table = _table({"site": "kp01"}, {"site": "Camp 3"})
    assert _site(table, prefix="KP01") == "kp01"
    assert _site(table, source="/card/camp 3/20200101/x.wav") == "Camp 3"
    assert _site(table, source="C:\\card\\Camp 3\\x.wav") == "Camp 3"


def test_most_telling_key_wins():
    table = _table(
        {"site": "folder", "folder": "card"}, {"site": "recorder", "recorder": SERIAL}, {"site": "card"}
    )
    assert _site(table, recorders=(SERIAL,)) == "recorder"
    assert _site(table) == "folder"


def test_period_tells_two_deployments_of_one_recorder_apart():
    table = _table(
        {"site": "first", "recorder": SERIAL, "start": datetime(2018, 1, 1), "end": datetime(2018, 6, 1)},
        {"site": "second", "recorder": SERIAL, "start": datetime(2018, 6, 1)},
    )
    assert _site(table, recorders=(SERIAL,), when=datetime(2018, 5, 31, 23, 59, 59)) == "first"
    assert _site(table, recorders=(SERIAL,), when=datetime(2018, 6, 1)) == "second"
    before = table.find(source="x.wav", recorders=(SERIAL,), when=datetime(2017, 12, 31, 23))
    assert before.deployment is None
    assert (
        before.problem
        == "Row 2 of table.csv (site first) fits, but its period does not hold 2017-12-31 23:00."
    )
    timeless = table.find(source="x.wav", recorders=(SERIAL,))
    assert timeless.deployment is None
    assert "Rows 2, 3 of table.csv all fit and say different things" in timeless.problem


def test_one_fitting_row_answers_for_a_recording_without_time():
    assert _site(_table({"site": "kp01", "start": datetime(2018, 1, 1)}), prefix="kp01") == "kp01"


def test_rows_that_say_the_same_do_not_quarrel():
    table = _table(
        {"site": "kp01", "recorder": "A*", "zone": LIBREVILLE},
        {"site": "kp01", "recorder": "*1", "zone": LIBREVILLE},
    )
    assert _site(table, recorders=("A1",)) == "kp01"


def test_no_row_is_no_problem():
    answer = _table({"site": "kp01"}).find(source="/card/x.wav", prefix="kp02")
    assert (answer.deployment, answer.problem) == (None, "")


def test_period_is_in_local_time_and_the_recorder_may_run_in_utc():
    row = Deployment(row=2, site="kp01", zone=LIBREVILLE, clock_zone=UTC, start=datetime(2018, 8, 17))
    assert row.covers(datetime(2018, 8, 16, 23))  # midnight in Libreville
    assert not row.covers(datetime(2018, 8, 16, 22, 59))
    assert row.covers(datetime(2018, 8, 16, 23, tzinfo=UTC))
    assert not row.covers(datetime(2018, 8, 16, 22, 59, tzinfo=UTC))


def test_period_in_the_fallback_zone_and_without_any():
    row = Deployment(row=2, site="kp01", start=datetime(2018, 8, 17))
    plus_one = timezone(timedelta(hours=1))
    assert row.covers(datetime(2018, 8, 16, 23, tzinfo=UTC), plus_one)
    assert row.covers(datetime(2018, 8, 17))
    assert row.covers(datetime(2018, 8, 17, tzinfo=UTC))  # readings are compared where nothing gives a zone


@given(
    st.lists(
        st.builds(
            Deployment,
            row=st.integers(2, 9),
            site=st.sampled_from(["a", "b"]),
            recorder=st.sampled_from(["", "r*", "r1"]),
            folder=st.sampled_from(["", "card", "other"]),
            zone=st.sampled_from([None, LIBREVILLE]),
        ),
        max_size=4,
    )
)
def test_an_answer_does_not_depend_on_the_order_of_rows(rows):
    def ask(ordered):
        answer = Deployments(path="t.csv", rows=tuple(ordered)).find(
            source="/card/a_1.wav", prefix="a", recorders=("r1",), when=datetime(2020, 1, 1)
        )
        found = answer.deployment
        return (found.site, found.zone) if found else bool(answer.problem)

    assert ask(rows) == ask(rows[::-1])
