"""``ndoki evaluate`` on tables made by hand: what it counts, what it says, and how it refuses."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ndoki.cli.main import main

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def ndoki(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run ``ndoki evaluate …`` in ``tmp_path``; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ndoki", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def sound(path: Path, seconds: float = 36.0) -> Path:
    """A silent recording: 36 s are a hundredth of an hour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * 8000)), 8000, subtype="PCM_16")
    return path


def csv(path: Path, rows: Sequence[Sequence[object]], columns: str = "file,start_s,end_s,score") -> Path:
    path.write_text("\n".join([columns, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def audacity(path: Path, onsets_s: Sequence[float], label: str = "gunshot") -> Path:
    path.write_text("".join(f"{t}\t{t + 1}\t{label}\n" for t in onsets_s), encoding="utf-8")
    return path


def report(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report.json").read_text(encoding="utf-8")))


EVENTS = [(10.0, 0.9), (20.1, 0.8), (30.0, 0.5), (30.4, 0.4)]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Two right events and one false alarm, reported twice, in 36 s."""
    source = sound(tmp_path / "cards" / "R1.wav")
    return csv(tmp_path / "detections.csv", [(source, t, t + 1, score) for t, score in EVENTS])


def test_labelled_sound_is_counted(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = audacity(tmp_path / "cards" / "R1.labels.txt", [10.0, 20.0, 25.0])
    code, out, err = ndoki(events, "--truth", truth, "--out", "deep/report")
    assert (code, err) == (0, "")
    assert "shots found                2 of 3" in out
    found = report(tmp_path / "deep/report")
    point = found["at_threshold"][0]
    assert (point["n_found"], point["n_truths"], point["n_false"], point["n_second"]) == (2, 3, 1, 0)
    assert point["false_alarms_per_hour"] == pytest.approx(100)
    assert found["background_hours"] == pytest.approx(0.01)
    assert not any("recognised by" in note for note in found["notes"])
    page = (tmp_path / "deep/report/report.html").read_text(encoding="utf-8")
    assert "detections.csv against R1.labels.txt" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_without_out_nothing_is_written(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = audacity(tmp_path / "cards" / "R1.labels.txt", [10.0])
    before = sorted(tmp_path.rglob("*"))
    assert ndoki(events, "--truth", truth)[0] == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_threshold_and_a_collar(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = audacity(tmp_path / "cards" / "R1.labels.txt", [10.0, 20.0])
    ndoki(events, "--truth", truth, "--threshold", 0.85, "--out", "a")
    assert report(tmp_path / "a")["at_threshold"][0]["n_found"] == 1
    ndoki(events, "--truth", truth, "--collar", 0.05, "--out", "b")
    point = report(tmp_path / "b")["at_threshold"][0]
    assert (point["n_found"], point["n_false"]) == (1, 2)


def test_recordings_are_recognised_by_name_and_that_is_said(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = csv(tmp_path / "truth.csv", [("D:/x/R1.wav", 10, 11)], "file,start_s,end_s")
    code, out, _ = ndoki(events, "--truth", truth)
    assert code == 0
    assert "1 recordings were recognised by their file's name" in out


def test_shot_free_sounds_give_the_hours(ndoki: Run, tmp_path: Path) -> None:
    free = [sound(tmp_path / "free" / f"{name}.wav", 18.0) for name in "ab"]
    rows = [
        ("R1.wav", 10.0, 11.0, 0.9),
        ("R1.wav", 15.0, 16.0, 0.9),
        (free[0], 3.0, 4.0, 0.7),
        ("x.wav", 1, 2, 0.6),
    ]
    detections = csv(tmp_path / "d.csv", rows)
    truth = csv(tmp_path / "t.csv", [("R1.wav", 10, 11), ("R1.wav", 20, 21)], "file,start_s,end_s")
    code, out, _ = ndoki(detections, "--truth", truth, "--shot-free", *free, "--out", "r")
    assert code == 0
    point = report(tmp_path / "r")["at_threshold"][0]
    assert (point["n_found"], point["n_truths"], point["n_false"], point["n_reported"]) == (1, 2, 1, 2)
    assert point["false_alarms_per_hour"] == pytest.approx(100)
    assert "1 events in 1 recordings that nothing is known about are left out: x.wav" in out
    assert ndoki(detections, "--truth", truth, "--shot-free", tmp_path / "free", "--out", "s")[0] == 0
    assert report(tmp_path / "s")["at_threshold"] == report(tmp_path / "r")["at_threshold"]


def test_background_hours_are_those_of_recordings_without_truth(ndoki: Run, tmp_path: Path) -> None:
    rows = [("R1.wav", 10.0, 11.0, 0.9), ("R1.wav", 15.0, 16.0, 0.9), ("b.wav", 3.0, 4.0, 0.7)]
    detections = csv(tmp_path / "d.csv", rows)
    truth = csv(tmp_path / "t.csv", [("R1.wav", 10, 11)], "file,start_s,end_s")
    assert ndoki(detections, "--truth", truth, "--background-hours", 4, "--out", "r")[0] == 0
    assert report(tmp_path / "r")["at_threshold"][0]["false_alarms_per_hour"] == 0.25
    more = csv(tmp_path / "more.csv", [*rows, ("c.wav", 3.0, 4.0, 0.7)])
    _, out, _ = ndoki(more, "--truth", truth, "--background-hours", 4, "--out", "s")
    assert "taken as 2 recordings of one length" in out
    assert report(tmp_path / "s")["background_hours"] == 4
    assert report(tmp_path / "s")["at_threshold"][0]["false_alarms_per_hour"] == 0.5
    alone = csv(tmp_path / "alone.csv", rows[:2])
    _, out, _ = ndoki(alone, "--truth", truth, "--background-hours", 4)
    assert "leave --background-hours out" in out


def test_hours_stand_in_for_sound_that_is_not_there(ndoki: Run, tmp_path: Path) -> None:
    detections = csv(tmp_path / "d.csv", [("R1.wav", 10.0, 11.0, 0.9), ("R1.wav", 15.0, 16.0, 0.9)])
    truth = csv(tmp_path / "t.csv", [("R1.wav", 10, 11)], "file,start_s,end_s")
    code, _, err = ndoki(detections, "--truth", truth)
    assert code == 2
    assert "the length of R1.wav cannot be told" in err
    assert "--hours" in err
    assert ndoki(detections, "--truth", truth, "--hours", 2, "--out", "r")[0] == 0
    assert report(tmp_path / "r")["at_threshold"][0]["false_alarms_per_hour"] == 0.5
    both = csv(tmp_path / "both.csv", [("R1.wav", 10, 11), ("R2.wav", 5, 6)], "file,start_s,end_s")
    assert ndoki(detections, "--truth", both, "--hours", 2, "--out", "s")[0] == 0
    assert report(tmp_path / "s")["background_hours"] == 2


def test_several_tables_follow_one_option(ndoki: Run, events: Path, tmp_path: Path) -> None:
    other = sound(tmp_path / "cards" / "R2.wav")
    more = csv(tmp_path / "more.csv", [(other, 5.0, 6.0, 0.7)])
    truths = [audacity(tmp_path / "cards" / f"R{i}.labels.txt", [10.0]) for i in (1, 2)]
    code, out, _ = ndoki(events, more, "--truth", *truths, "--out", "r")
    assert code == 0
    assert "detections.csv and 1 more against R1.labels.txt and 1 more" in out
    assert report(tmp_path / "r")["n_truths"] == 2
    assert report(tmp_path / "r")["background_hours"] == pytest.approx(0.02)


def test_an_empty_table_of_a_recording_says_that_it_has_no_shots(
    ndoki: Run, events: Path, tmp_path: Path
) -> None:
    sound(tmp_path / "cards" / "R2.wav")
    truths = [
        audacity(tmp_path / "cards" / "R1.labels.txt", [10.0]),
        audacity(tmp_path / "cards" / "R2.labels.txt", []),
    ]
    assert ndoki(events, "--truth", *truths, "--out", "r")[0] == 0
    assert report(tmp_path / "r")["background_hours"] == pytest.approx(0.02)


def test_no_events_is_a_result_not_a_failure(ndoki: Run, tmp_path: Path) -> None:
    sound(tmp_path / "R1.wav")
    truth = audacity(tmp_path / "R1.labels.txt", [10.0])
    code, out, _ = ndoki(csv(tmp_path / "d.csv", []), "--truth", truth, "--out", "r")
    assert code == 0
    assert report(tmp_path / "r")["at_threshold"][0]["recall"] == 0
    assert "1 recordings with shots have no event" in out


def test_other_labels_are_no_gunshots_but_say_so(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = tmp_path / "cards" / "R1.labels.txt"
    truth.write_text("10.0\t11\tGunshot\n30.0\t31\tthunder\n30.1\t31\tthunder\n", encoding="utf-8")
    code, out, _ = ndoki(events, "--truth", truth, "--out", "r")
    assert code == 0
    assert "truth rows of other labels do not count as gunshots: thunder 2" in out
    causes = {cause["name"]: cause["n_false"] for cause in report(tmp_path / "r")["false_alarms_by_cause"]}
    assert causes == {"nothing labelled": 1, "thunder": 1}
    code, _, err = ndoki(events, "--truth", truth, "--label", "shot")
    assert code == 2
    assert "found the labels thunder 2, Gunshot 1; say with --label" in err


def test_events_that_stand_in_two_tables_count_once(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = audacity(tmp_path / "cards" / "R1.labels.txt", [10.0])
    copy = tmp_path / "copy.csv"
    copy.write_bytes(events.read_bytes())
    _, out, _ = ndoki(events, copy, "--truth", truth, "--out", "r")
    assert "4 events stand more than once" in out
    assert report(tmp_path / "r")["at_threshold"][0]["n_reported"] == 4


def test_tables_without_scores_have_one_point(ndoki: Run, tmp_path: Path) -> None:
    sound(tmp_path / "R1.wav")
    truth = audacity(tmp_path / "R1.labels.txt", [10.0, 20.0])
    detections = csv(tmp_path / "d.csv", [("R1.wav", 10, 11), ("R1.wav", 30, 31)], "file,start_s,end_s")
    code, out, _ = ndoki(detections, "--truth", truth)
    assert code == 0
    assert "the detections have no scores" in out


def refused(ran: Ran, *told: str) -> None:
    code, _, err = ran
    assert code == 2
    assert "Traceback" not in err
    for words in told:
        assert words in err


def test_what_cannot_be_evaluated_is_refused(ndoki: Run, events: Path, tmp_path: Path) -> None:
    truth = audacity(tmp_path / "cards" / "R1.labels.txt", [10.0])
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ndoki,\n")
    columns = csv(tmp_path / "c.csv", [(1, 2)], "time,score")
    elsewhere = csv(tmp_path / "e.csv", [("other.wav", 1, 2)], "file,start_s,end_s")
    twins = csv(tmp_path / "w.csv", [("a/R1.wav", 1, 2), ("b/R1.wav", 1, 2)], "file,start_s,end_s")
    nothing = csv(tmp_path / "n.csv", [], "file,start_s,end_s")
    day = tmp_path / "x.truth.csv"
    day.write_text("onset_sample,onset_s,end_sample,label\n8000,1.0,9000,gunshot\n", encoding="utf-8")
    free = sound(tmp_path / "free.wav")
    refused(ndoki("gone.csv", "--truth", truth), "gone.csv: cannot be read")
    refused(ndoki(events, "--truth", "gone.csv"), "gone.csv: cannot be read")
    refused(ndoki(letter, "--truth", truth), "letter.txt: not a table")
    refused(ndoki(columns, "--truth", truth), "no column file, start_s, end_s; found time, score")
    refused(ndoki(events, "--truth", elsewhere), "no event lies in a recording of the truth", "other.wav")
    refused(ndoki(events, "--truth", twins), "a/R1.wav, b/R1.wav", "full paths")
    refused(ndoki(events, "--truth", nothing), "n.csv: no rows")
    refused(ndoki(day, "--truth", truth), "name it after --truth")
    refused(ndoki(events), "--truth")
    refused(ndoki("--truth", truth), "DETECTIONS")
    refused(ndoki(events, "--truth", truth, "--shot-free", free, "--background-hours", 1), "not both")
    refused(
        ndoki(events, "--truth", truth, "--shot-free", tmp_path / "cards/R1.wav"), "given as shot-free, but"
    )
    refused(ndoki(events, "--truth", truth, "--shot-free", "gone.wav"), "gone.wav")
    refused(ndoki(events, "--truth", truth, "--threshold", "nan"), "finite")
    refused(ndoki(events, "--truth", truth, "--hours", 0), "--hours")
    refused(ndoki(events, "--truth", truth, "--out", letter / "r"), "cannot be made")


def test_events_in_channels_that_nobody_labelled_are_left_out(ndoki: Run, tmp_path: Path) -> None:
    sound(tmp_path / "R1.wav")
    truth = csv(tmp_path / "t.csv", [("R1.wav", 10, 11, 1)], "file,start_s,end_s,channel")
    rows = [("R1.wav", 10, 11, 0.9, 1), ("R1.wav", 10, 11, 0.8, 2)]
    detections = csv(tmp_path / "d.csv", rows, "file,start_s,end_s,score,channel")
    _, out, _ = ndoki(detections, "--truth", truth, "--out", "r")
    assert "1 events lie in channels without any label" in out
    assert report(tmp_path / "r")["at_threshold"][0]["n_false"] == 0


def test_where_the_events_end_is_said(ndoki: Run, tmp_path: Path) -> None:
    detections = csv(tmp_path / "d.csv", [("R1.wav", 10.0, 11.0, 0.9), ("R1.wav", 15.0, 16.0, 0.6)])
    truth = csv(tmp_path / "t.csv", [("R1.wav", 10, 11)], "file,start_s,end_s")
    _, out, _ = ndoki(detections, "--truth", truth, "--hours", 1)
    assert "the events end at score 0.6 with 1 false alarms per hour" in out
    _, out, _ = ndoki(detections, "--truth", truth, "--hours", 0.05)
    assert "the events end" not in out
