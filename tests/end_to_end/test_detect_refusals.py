"""Bad input to ``ndoki detect``: exit code 2, one clear sentence, and no results folder."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.cli.main import main
from ndoki.detectors.registry import load_detector, operating_points

GOOD = ("in.wav", "--out", "results")


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good recording in the folder in which the command runs."""
    # The command sets this for its process; here it must not outlive the test.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", np.zeros(800), 8000)


def outcome(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ndoki", "detect", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_the_good_command_is_good(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the others change one thing of."""
    assert outcome(monkeypatch, *GOOD) == 0
    assert (tmp_path / "results" / "summary.json").is_file()


REFUSED = {
    "no such folder": (("card7", "--out", "results"), "there is no file or folder", "card7"),
    "empty folder": (("empty", "--out", "results"), "holds no recording", "empty"),
    "format": ((*GOOD, "--format", "csv,ravenn"), "--format: found 'ravenn'", "did you mean 'raven'?"),
    "zone": ((*GOOD, "--timezone", "Africa/Librevile"), "Africa/Librevile", "Africa/Libreville"),
    "offset": ((*GOOD, "--timezone", "+25:00"), "+25.00 h", "ahead of UTC"),
    "detector": ((*GOOD, "--detector", "gunshoot"), "'gunshoot' is neither", "did you mean 'gunshot'?"),
    "detector file": ((*GOOD, "--detector", "none.onnx"), "none.onnx", "cannot be read"),
    "not a detector": ((*GOOD, "--detector", "in.wav"), "'in.wav' is neither", ".onnx or .npz"),
    "threshold and point": (
        (*GOOD, "--threshold", "0.3", "--operating-point", "review"),
        "give one of",
        "",
    ),
    "template's point": (
        (*GOOD, "--detector", "template", "--operating-point", "alert"),
        "this detector has no operating point 'alert'",
        "--threshold",
    ),
    "deployments": ((*GOOD, "--deployments", "none.csv"), "none.csv", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_in_one_sentence(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    arguments, *said = REFUSED[case]
    assert outcome(monkeypatch, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("ndoki: ")
    assert printed.err.count("\n") == 1
    for words in said:
        assert words in printed.err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "results"), "INPUT"),
        (("in.wav",), "--out"),
        ((*GOOD, "--threshold", "1.5"), "--threshold"),
        ((*GOOD, "--threshold", "0"), "--threshold"),
        ((*GOOD, "--threshold", "loud"), "--threshold"),
        ((*GOOD, "--operating-point", "nearly"), "--operating-point"),
        ((*GOOD, "--channel", "0"), "--channel"),
        ((*GOOD, "--jobs", "0"), "--jobs"),
        ((*GOOD, "--colour", "red"), "--colour"),
    ],
)
def test_a_wrong_option_is_refused_with_its_name(
    arguments: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert outcome(monkeypatch, *arguments) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "Usage: ndoki detect" in printed
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("out", ["in.wav", "in.wav/results"])
def test_a_place_that_cannot_take_results_is_refused(
    out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file stands where the folder should go: it fails for every user, unlike missing rights for root."""
    before = (tmp_path / "in.wav").read_bytes()
    assert outcome(monkeypatch, "in.wav", "--out", out) == 2
    printed = capsys.readouterr()
    assert f"ndoki: {out}: the folder for the results cannot be made" in printed.err
    assert "Traceback" not in printed.err
    assert (tmp_path / "in.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_table_that_cannot_be_written_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "results" / "detections.csv").mkdir(parents=True)
    assert outcome(monkeypatch, *GOOD, "--format", "csv") == 2
    assert "detections.csv" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"detections.csv", ".ndoki"}


def test_operating_points_are_the_networks_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    points = operating_points(load_detector("gunshot"))
    assert set(points) == {"review", "balanced", "alert"}
    for name in ("review", "balanced", "alert", None):
        extra = () if name is None else ("--operating-point", name)
        assert outcome(monkeypatch, *GOOD, "--format", "csv", *extra) == 0
        summary = json.loads((tmp_path / "results" / "summary.json").read_text())
        assert summary["threshold"] == points[name or "review"]
