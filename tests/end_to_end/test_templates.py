"""``ndoki templates``: an analyst's own examples become a detector, and it finds shots."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from ndoki.cli.main import main
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.detectors.registry import load_detector
from ndoki.detectors.template.bank import read_bank
from ndoki.tables.detections import read_detections
from ndoki.tables.raven import write_combined

Forest = Callable[..., np.ndarray]
Command = Callable[..., tuple[int, str, str]]
ONSETS_S = {"R1": (4.0, 13.0), "R2": (7.5,)}


@pytest.fixture
def ndoki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in ``tmp_path``; exit code, and what it printed."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ndoki", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def table(tmp_path: Path, forest: Forest) -> Path:
    """Two recordings of different rates with three shots, boxed by an analyst in one Raven table."""
    events, recordings = [], []
    for (name, onsets_s), rate_hz in zip(ONSETS_S.items(), (8000, 16_000), strict=True):
        source = tmp_path / "cards" / f"{name}.wav"
        source.parent.mkdir(exist_ok=True)
        sound = forest(20.0, onsets_s, rate_hz)
        soundfile.write(source, np.stack([0.1 * forest(20.0, (), rate_hz), sound], axis=1), rate_hz)
        recording = Recording(source=str(source), rate_hz=rate_hz, n_samples=len(sound), n_channels=2)
        recordings.append(recording)
        events += [boxed(recording, onset_s) for onset_s in onsets_s]
    write_combined(tmp_path / "shots.txt", events, recordings)
    return tmp_path / "shots.txt"


def boxed(recording: Recording, onset_s: float, label: str = "gunshot") -> Event:
    first, end = (round((onset_s + more_s) * recording.rate_hz) for more_s in (-0.3, 1.2))
    return Event(
        recording=recording, channel=1, first_sample=first, end_sample=end, peak_sample=first, label=label,
        score=1.0, low_hz=30.0, high_hz=1200.0, detector=DetectorId(name="analyst", digest=""),
    )  # fmt: skip


def clips(folder: Path, forest: Forest, onsets_s: Sequence[float]) -> Path:
    folder.mkdir()
    for onset_s in onsets_s:
        soundfile.write(folder / f"shot at {onset_s} s.wav", forest(4.0, (onset_s,)), 8000)
    return folder


def found_s(folder: Path) -> list[float]:
    return [row.start_s for row in read_detections(folder / "detections.csv")]


def test_selections_become_a_detector_that_finds_other_shots(
    ndoki: Command, table: Path, forest: Forest, tmp_path: Path
) -> None:
    code, out, err = ndoki("templates", str(table), "--out", "my.npz", "--image", "my.png")
    assert (code, err) == (0, "")
    assert "3 template(s)" in out
    shown = re.findall(r"(R\d)\.wav +([\d.]+) +[\d.]+ +30–1200 ", out)
    assert [name for name, _ in shown] == ["R1", "R1", "R2"]
    assert [float(start_s) for _, start_s in shown] == pytest.approx([4.0, 13.0, 7.5], abs=0.05)
    assert out.splitlines()[-1] == "The detector my is in my.npz"
    bank = read_bank(tmp_path / "my.npz")
    assert bank.names == ("R1.wav at 3.7 s", "R1.wav at 12.7 s", "R2.wav at 7.2 s")
    np.testing.assert_allclose(bank.duration_s, 1.2, atol=0.05)
    assert str(tmp_path) not in bank.provenance
    with Image.open(tmp_path / "my.png") as image:
        assert image.width > 3 * 300
    onsets_s = (5.0, 11.3, 24.0)
    soundfile.write(tmp_path / "night.wav", forest(30.0, onsets_s), 8000)
    code, _, err = ndoki("detect", "night.wav", "--detector", "my.npz", "--out", "results")
    assert (code, err) == (0, "")
    assert found_s(tmp_path / "results") == pytest.approx(onsets_s, abs=0.1)
    rows = read_detections(tmp_path / "results" / "detections.csv")
    assert {row.detector for row in rows} == {"my"}
    assert {(row.low_hz, row.high_hz) for row in rows} == {(30.0, 1200.0)}


def test_sound_files_become_a_detector(ndoki: Command, forest: Forest, tmp_path: Path) -> None:
    clips(tmp_path / "clips", forest, (1.0, 1.5, 2.0))
    code, out, err = ndoki(
        "templates", "clips", "--out", "new/own.npz", "--name", "Mbeli 2026", "--choose", "2"
    )
    assert (code, err) == (0, "")
    assert "2 template(s), chosen from 3" in out
    detector = load_detector("new/own.npz")
    assert detector.id.name == "Mbeli 2026"
    soundfile.write(tmp_path / "night.wav", forest(12.0, (8.0,)), 8000)
    assert ndoki("detect", "night.wav", "--detector", "new/own.npz", "--out", "results")[0] == 0
    assert found_s(tmp_path / "results") == pytest.approx([8.0], abs=0.1)


def test_the_same_examples_give_the_same_bytes(ndoki: Command, table: Path, tmp_path: Path) -> None:
    ndoki("templates", str(table), "--out", "a.npz", "--name", "x")
    ndoki("templates", str(table), "--out", "b.npz", "--name", "x")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_tables_that_travelled_find_their_sounds_under_audio(
    ndoki: Command, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "cards").rename(tmp_path / "moved")
    code, _, err = ndoki("templates", str(table), "--out", "my.npz")
    assert code == 2
    assert err.count("neither there nor beside the table; give its folder with --audio") == 2
    assert not (tmp_path / "my.npz").exists()
    code, out, err = ndoki("templates", str(table), "--out", "my.npz", "--audio", "moved")
    assert (code, err) == (0, "")
    assert "3 template(s)" in out


def test_one_bad_example_is_named_and_costs_no_other(
    ndoki: Command, table: Path, forest: Forest, tmp_path: Path
) -> None:
    clips(tmp_path / "clips", forest, (1.0,))
    (tmp_path / "clips" / "broken.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "clips" / "forest.wav", forest(4.0), 8000)
    (tmp_path / "cards" / "R2.wav").unlink()
    code, out, err = ndoki("templates", str(table), "clips", "gone.wav", "--out", "my.npz")
    assert code == 3
    assert "3 template(s)" in out
    for words in ("shots.txt, 1 selection(s): is about", "broken.wav: ", "forest.wav: no shot", "gone.wav: "):
        assert words in err
    assert err.count("ndoki: skipped ") == err.count("\n") == 4
    assert ndoki("detect", "clips", "--detector", "my.npz", "--out", "results")[0] == 3


def test_labels_choose_and_several_are_told(ndoki: Command, forest: Forest, tmp_path: Path) -> None:
    soundfile.write("night.wav", forest(20.0, (4.0, 13.0)), 8000)
    recording = Recording(source="night.wav", rate_hz=8000, n_samples=160_000)
    events = [
        *(boxed(recording, onset_s) for onset_s in (4.0, 4.0)),
        boxed(recording, 13.0, "thunder"),
    ]
    write_combined(tmp_path / "t.txt", [replace(event, channel=0) for event in events], [recording])
    _, out, _ = ndoki("templates", "t.txt", "--out", "all.npz")
    assert "2 template(s)" in out
    assert "The examples have several labels: gunshot (1), thunder (1); --label takes only some" in out
    assert "1 example(s) show a shot that was taken already, and count once" in out
    _, out, _ = ndoki("templates", "t.txt", "--out", "shots.npz", "--label", "Gunshot")
    assert "1 template(s)" in out
    assert "several labels" not in out


REFUSED = {
    "ending": (("clips", "--out", "my.bank"), "my.bank: expected a name that ends in .npz"),
    "picture's ending": (
        ("clips", "--out", "my.npz", "--image", "my.gif"),
        "expected a name that ends in .png",
    ),
    "there already": (
        ("clips", "--out", "old.npz"),
        "old.npz is there already; give another name, or --overwrite",
    ),
    "picture there already": (("clips", "--out", "my.npz", "--image", "old.png"), "old.png is there already"),
    "a folder": (("clips", "--out", "dir.npz", "--overwrite"), "dir.npz is there already"),
    "name": (("clips", "--out", "my.npz", "--name", " "), "--name ' ': expected some text"),
    "column alone": (("clips", "--out", "my.npz", "--column", "Tag 1"), "say with --label which one to take"),
    "more than there are": (
        ("clips", "--out", "my.npz", "--choose", "2"),
        "cannot choose 2 templates from 1",
    ),
    "no such folder": (("clips", "--out", "my.npz", "--audio", "gone"), "no file or folder gone"),
    "no channel": (("clips", "--out", "my.npz", "--channel", "2"), "nothing is written"),
    "cannot be written": (("clips", "--out", "old.png/my.npz"), "cannot be written"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    case: str, ndoki: Command, forest: Forest, tmp_path: Path
) -> None:
    clips(tmp_path / "clips", forest, (1.0,))
    for name in ("old.npz", "old.png"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "dir.npz").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    arguments, words = REFUSED[case]
    code, out, err = ndoki("templates", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_there_is_replaced_when_asked(ndoki: Command, forest: Forest, tmp_path: Path) -> None:
    clips(tmp_path / "clips", forest, (1.0,))
    (tmp_path / "old.npz").write_text("mine")
    assert ndoki("templates", "clips", "--out", "old.npz", "--overwrite")[0] == 0
    assert load_detector("old.npz").id.name == "old"
