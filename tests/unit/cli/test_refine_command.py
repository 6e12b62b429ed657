"""``ndoki refine`` from the command line, with the shipped network."""

import csv
import hashlib

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from ndoki.cli.refine import refine
from ndoki.core.errors import LabelError


@pytest.fixture
def card(tmp_path, forest):
    folder = tmp_path / "card"
    folder.mkdir()
    soundfile.write(folder / "R1.wav", forest(40.0, [8.25, 29.5], 8000, 25.0), 8000)
    soundfile.write(folder / "R2.wav", forest(16.0, [9.0], 8000, 25.0), 8000)
    (folder / "broken.wav").write_bytes(b"no sound")
    return folder


def run(*arguments: object):
    return CliRunner().invoke(refine, [str(one) for one in arguments], catch_exceptions=False)


def rows_of(path) -> list[dict[str, str]]:
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def test_a_noisy_spreadsheet_becomes_a_clean_one(tmp_path, card):
    table = tmp_path / "shots.csv"
    table.write_text("file,offset_s\nR1.wav,0\nR1.wav,24\nR2.wav,5\nR2.wav,never\nbroken.wav,0\n")
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in (*card.iterdir(), table)}
    out = tmp_path / "out"
    result = run(table, "--recordings", card, "--out", out, "--clips")
    assert result.exit_code == 3
    found = rows_of(out / "refined.csv")
    onsets = sorted((row["file"].rsplit("/", 1)[1], float(row["start_s"])) for row in found)
    for name, onset_s in (("R1.wav", 8.25), ("R1.wav", 29.5), ("R2.wav", 9.0)):
        assert any(one == name and abs(at - onset_s) < 0.03 for one, at in onsets)
    refused = (out / "refused.csv").read_text()
    assert "never" in refused
    assert "broken.wav" in refused
    assert "shots placed" in result.output
    assert (out / "review.csv").is_file()
    assert (out / "clips.csv").is_file()
    assert len(list((out / "raven").rglob("*.txt"))) == 2
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in before} == before


def test_whole_clips_exit_0(tmp_path, card, monkeypatch):
    monkeypatch.chdir(card)
    (card / "clips.csv").write_text("file\nR2.wav\n")
    assert run("clips.csv", "--out", tmp_path / "out").exit_code == 0
    found = [float(row["start_s"]) for row in rows_of(tmp_path / "out" / "refined.csv")]
    assert np.abs(np.array(found) - 9.0).min() < 0.03
    assert not (tmp_path / "out" / "clips.csv").exists()


def test_without_a_usable_label_nothing_is_written(tmp_path, card):
    table = tmp_path / "shots.csv"
    table.write_text("file,offset_s\nR9.wav,0\n")
    with pytest.raises(LabelError, match="R9"):
        run(table, "--recordings", card, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_labels_are_told(tmp_path, card):
    table = tmp_path / "shots.csv"
    table.write_text("file,offset_s,label\nR1.wav,0,Gunshot\nR1.wav,24,bird\n")
    result = run(table, "--recordings", card, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 rows label something else" in result.output
