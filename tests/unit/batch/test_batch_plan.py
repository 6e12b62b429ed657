"""Plans of small folders, measured in an instant; what is said of time is never held against a clock."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from ndoki.batch.footprint import measure_footprint
from ndoki.batch.plan import make_plan
from ndoki.batch.run import Job
from ndoki.batch.shards import shard_of
from ndoki.batch.survey import look
from ndoki.batch.trial import n_units, try_out
from ndoki.core.errors import ConfigError
from ndoki.detectors.registry import load_detector
from ndoki.events.bursts import with_bursts
from ndoki.events.pick import Picker
from ndoki.tables.bursts import write_bursts
from ndoki.tables.registry import FORMATS, table_format

TABLES = (table_format("csv"), table_format("raven"))
INSTANT_S = 0.05


def _write(path, samples, rate_hz=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.rint(np.asarray(samples) * 32767).astype("<i2").tobytes())
    return str(path)


@pytest.fixture(scope="module")
def job():
    return Job(detector=load_detector("gunshot"), picker=Picker(threshold=0.5), unit_s=10.0, jobs=2)


@pytest.fixture
def folder(tmp_path, forest):
    """Twelve files of 20 s with two shots each."""
    sound = forest(20.0, (5.0, 14.0))
    return [_write(tmp_path / "card" / f"kp01_20130621_00{i:02d}00.wav", sound) for i in range(12)]


def test_all_headers_are_read_if_there_is_time(folder, job):
    survey = look(folder, job, most_s=600)
    assert sorted(one.recording.source for one in survey.looks) == sorted(folder)
    assert (survey.n_files, survey.n_seen, survey.failures) == (12, 12, ())


def test_one_at_least_and_always_the_same(folder, job):
    first, again = (look(folder, job, most_s=0) for _ in range(2))
    assert first.n_seen == 1
    assert first.looks == again.looks


def test_bad_files_are_counted(folder, job, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"")
    survey = look([*folder, str(tmp_path / "bad.wav")], job, most_s=600)
    ((source, reason),) = survey.failures
    assert source.endswith("bad.wav")
    assert reason


def test_each_stretch_is_heard_once(folder, job):
    survey = look(folder, job, most_s=600)
    trials = try_out(survey.looks, job, most_s=600)
    assert [n_units(one, job) for one in survey.looks] == [2] * 12
    assert len(trials.heard) == 24
    assert sum(one.sound_s for one in trials.heard) == pytest.approx(12 * 20, abs=12 * 0.1)
    assert sum(len(one.events) for one in trials.heard) >= 20
    assert all(one.work_s > 0 and one.n_ledger_bytes > 0 for one in trials.heard)


def test_however_short_the_time_something_is_heard(folder, job):
    survey = look(folder, job, most_s=600)
    assert 1 <= len(try_out(survey.looks, job, most_s=0).heard) < 24


def test_a_file_that_breaks_off_costs_no_other(folder, job):
    survey = look(folder, job, most_s=600)
    os.truncate(folder[3], 44)
    trials = try_out(survey.looks, job, most_s=600)
    assert {source for source, _ in trials.failures} == {folder[3]}
    assert len(trials.heard) == 22


def test_nothing_to_hear_is_said(folder, job):
    survey = look(folder, job, most_s=600)
    for source in folder:
        os.truncate(source, 44)
    with pytest.raises(ConfigError, match="nothing could be heard for trial: cannot read samples"):
        try_out(survey.looks, job, most_s=1)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_per_event_are_those_of_the_tables(folder, job, tmp_path, name):
    looks = look(folder, job, most_s=600).looks
    found = measure_footprint(looks, job.detector.id, [table_format(name)])
    events = with_bursts([event for trial in try_out(looks, job, most_s=600).heard for event in trial.events])
    sizes = []
    for part, shown in (("with", events), ("without", [])):
        table_format(name).write(tmp_path / part, shown, [one.recording for one in looks])
        if name == "csv":
            write_bursts(tmp_path / part / "bursts.csv", shown)
        sizes.append(sum(path.stat().st_size for path in (tmp_path / part).rglob("*") if path.is_file()))
    assert (sizes[0] - sizes[1]) / len(events) == pytest.approx(found.per_event, rel=0.05)


def test_pictures_and_clips_weigh_more_than_rows(folder, job):
    looks = look(folder, job, most_s=600).looks
    rows, clips, pictures = (
        measure_footprint(looks, job.detector.id, TABLES, **wanted).per_event
        for wanted in ({}, {"clips": True}, {"images": True})
    )
    assert clips - rows == pytest.approx(5 * 8000 * 2, rel=0.02)
    assert pictures - rows > 50_000


def test_what_is_counted_is_exact_and_what_is_sampled_is_not(folder, job):
    plan = make_plan(folder, job, TABLES, most_s=600)
    assert plan.hours.low == plan.hours.likely == plan.hours.high == pytest.approx(12 * 20 / 3600)
    assert plan.n_bytes.likely == sum(Path(source).stat().st_size for source in folder)
    assert plan.seconds_here.low < plan.seconds_here.likely < plan.seconds_here.high
    assert plan.n_events.low <= plan.n_trial_events <= plan.n_events.high
    assert plan.seconds_on_workers == plan.seconds_here
    assert plan.cost is None


def test_a_sample_of_the_headers_gives_an_interval(folder, job, tmp_path):
    short = [_write(tmp_path / "short" / f"{i}.wav", np.zeros(8000)) for i in range(12)]
    plan = make_plan([*folder, *short], job, TABLES, most_s=INSTANT_S)
    assert plan.n_files_seen <= 24
    assert plan.hours.low <= plan.hours.likely <= plan.hours.high


def test_the_slowest_worker_decides(folder, job):
    plan = make_plan(folder, job, TABLES, most_s=600, n_workers=4, cost_per_hour=2.0)
    shards = [shard_of(source, 4) for source in folder]
    assert plan.largest_shard_share == pytest.approx(max(map(shards.count, shards)) / 12)
    assert plan.seconds_on_workers.likely == pytest.approx(
        plan.seconds_here.likely * plan.largest_shard_share
    )
    assert plan.cost is not None
    assert plan.cost.likely == pytest.approx(plan.seconds_on_workers.likely / 3600 * 4 * 2.0)


def test_output_is_weighed_with_the_ledger(folder, job):
    plan = make_plan(folder, job, TABLES, most_s=600)
    rows = plan.n_events.likely * plan.bytes_per_event + 12 * plan.bytes_per_file
    assert rows < plan.n_output_bytes.likely < rows + 100_000


def test_only_bad_files_are_said(tmp_path, job):
    (tmp_path / "bad.wav").write_bytes(b"")
    with pytest.raises(ConfigError, match="none of 1 files looked into can be heard"):
        make_plan([str(tmp_path / "bad.wav")], job, TABLES, most_s=1)
