"""What is said of a recording: shots with extent, what to look at, what could not be used; and its tables."""

import csv

import numpy as np
import pytest
import soundfile

from ndoki.core.errors import AudioError
from ndoki.curation.refine import RefineRules
from ndoki.curation.refined_tables import write_clips_to_train_on, write_refined
from ndoki.curation.relabel import Relabeller
from ndoki.curation.windows import LooseLabel
from ndoki.datasets.manifest import read_manifest
from ndoki.tables.recognise import read_table

RATE_HZ = 8000


def labels(path, *spans) -> list[LooseLabel]:
    return [
        LooseLabel(file=str(path), first_s=first, end_s=end, origin=f"t.csv, line {i}")
        for i, (first, end) in enumerate(spans, 2)
    ]


@pytest.fixture
def day(tmp_path, forest):
    path = tmp_path / "sounds" / "R1_20180817_000000.wav"
    path.parent.mkdir()
    soundfile.write(path, forest(40.0, [8.0, 9.5, 25.0], RATE_HZ, 25.0), RATE_HZ)
    return path


@pytest.fixture
def done(day, told):
    """Two sure shots, one in doubt with a rival, a label without any, and one beyond the file."""
    scores = [(8.0, 0.99), (9.5, 0.99), (25.0, 0.01), (29.0, 0.02)]
    relabeller = Relabeller(detector=told(scores=scores))
    return relabeller.relabel(str(day), labels(day, (2.0, 14.0), (23.0, 35.0), (36.0, 48.0), (90.0, 102.0)))


def test_shots_have_an_extent_and_doubts_have_reasons(done):
    assert [shot.event.start_s for shot in done.shots] == [
        pytest.approx(at, abs=0.01) for at in (8.0, 9.5, 25.0)
    ]
    sure, second, doubt = done.shots
    assert 0.1 < sure.event.end_s - sure.event.start_s < 5
    assert 0 < sure.event.low_hz < sure.event.high_hz <= 2000
    assert sure.label.origin == "t.csv, line 2"
    assert second.label is None
    assert (sure.why, second.why) == ((), ())
    assert doubt.why[0] == "not sure"
    assert doubt.event.score < 0.9
    assert doubt.network_score == 0.01
    assert [one.origin for one in done.without_shot] == ["t.csv, line 4"]
    assert ["line 5" in str(one) for one in done.refused] == [True]
    assert "40 s long" in str(done.refused[0])


def test_what_is_left_out_is_listed_where_it_may_be_a_shot(day, told):
    relabeller = Relabeller(detector=told(scores=[(8.0, 0.9), (9.5, 0.002)]), rules=RefineRules(least=0.9))
    found = relabeller.relabel(str(day), labels(day, (6.0, 18.0)))
    (shot,), (other,) = found.shots, found.left_out
    assert 0.1 < other.event.score < 0.9
    assert other.why[0] == "left out, but may be a shot"
    assert other.label is None
    if shot.event.score < 0.9 and other.event.score >= shot.event.score / 2:
        assert any(f"{other.event.start_s:.2f} s" in reason for reason in shot.why)


def test_a_window_that_is_cut_is_told(day, told):
    relabeller = Relabeller(detector=told(scores=[(25.0, 0.99)]))
    (shot,) = relabeller.relabel(str(day), labels(day, (24.0, 48.0))).shots
    assert "the label's window goes beyond the recording" in shot.why


def test_a_shot_beside_its_box_is_told(day, told):
    relabeller = Relabeller(detector=told(scores=[(25.0, 0.99)]))
    (shot,) = relabeller.relabel(str(day), labels(day, (25.3, 27.0))).shots
    assert any(reason.endswith("s outside its label") for reason in shot.why)


def test_the_tables(tmp_path, done, day):
    out = tmp_path / "out"
    write_refined(out, [done], done.refused)
    refined = read_table(out / "refined.csv")
    assert [row.start_s for row in refined.rows] == [
        pytest.approx(shot.event.start_s, abs=1e-6) for shot in done.shots
    ]
    assert refined.rows[0].extra["from_label"] == "t.csv, line 2"
    assert float(refined.rows[0].extra["after_label_s"]) == pytest.approx(6.0, abs=0.01)
    raven = read_table(next((out / "raven").rglob("*.selections.txt")))
    assert [row.extra["Notes"] for row in raven.rows] == ["; ".join(shot.why) for shot in done.shots]
    assert {row.extra["Verdict"] for row in raven.rows} == {""}
    assert raven.rows[0].score == round(done.shots[0].event.score, 4)
    with (out / "review.csv").open(newline="") as table:
        review = list(csv.DictReader(table))
    assert [row["confidence"] for row in review] == sorted(row["confidence"] for row in review)
    assert review[0]["why"] == "nothing found in the window"
    assert review[0]["label"] == "t.csv, line 4"
    assert "line 5" in (out / "refused.csv").read_text()
    write_refined(out, [done], [])
    assert not (out / "refused.csv").exists()


def test_clips_are_a_manifest_without_doubt(tmp_path, done, day):
    out = tmp_path / "out"
    assert write_clips_to_train_on(out, [done]) == 1
    (clip,) = read_manifest(out / "clips.csv")
    assert (clip.kind, clip.split) == ("gunshot", "train")
    with (out / "clips.csv").open(newline="") as table:
        (row,) = csv.DictReader(table)
    onsets_s = [float(one) for one in row["onset_s"].split()]
    assert onsets_s == [pytest.approx(1.0, abs=0.001), pytest.approx(2.5, abs=0.02)]
    sound, rate_hz = soundfile.read(clip.path, dtype="int16")
    whole, _ = soundfile.read(day, dtype="int16")
    first = done.shots[0].event.first_sample - RATE_HZ
    np.testing.assert_array_equal(sound, whole[first : first + 4 * RATE_HZ])
    assert rate_hz == RATE_HZ


def test_clips_do_not_overlap(tmp_path, forest, told):
    path = tmp_path / "a.wav"
    shots_s = [5.0, 8.6, 10.5]
    soundfile.write(path, forest(20.0, shots_s, RATE_HZ, 25.0), RATE_HZ)
    relabeller = Relabeller(detector=told(scores=[(at, 0.99) for at in shots_s]))
    done = relabeller.relabel(str(path), labels(path, (2.0, 14.0)))
    assert len(done.shots) == 3
    write_clips_to_train_on(tmp_path / "out", [done])
    with (tmp_path / "out" / "clips.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [len(row["onset_s"].split()) for row in rows] == [1, 2]
    firsts_s = [float(row["path"].rsplit("_", 1)[1].removesuffix("s.wav")) for row in rows]
    assert firsts_s[1] >= firsts_s[0] + 4.0
    assert firsts_s[1] + float(rows[1]["onset_s"].split()[0]) == pytest.approx(8.6, abs=0.01)


def test_a_recording_that_cannot_be_heard_is_an_error(tmp_path, told):
    (tmp_path / "empty.wav").write_bytes(b"")
    with pytest.raises(AudioError, match="empty"):
        Relabeller(detector=told(scores=[])).relabel(str(tmp_path / "empty.wav"), labels("x", (0.0, 12.0)))


def test_a_channel_that_is_not_there_is_refused(day, told):
    relabeller = Relabeller(detector=told(scores=[]))
    found = relabeller.relabel(str(day), [LooseLabel(file=str(day), channel=3, origin="t.csv, line 2")])
    assert "channel 4" in str(found.refused[0])
    assert found.shots == ()
