"""``ndoki simulate`` from the command line."""

import csv

import soundfile
from click.testing import CliRunner

from ndoki.cli.simulate import simulate


def test_writes_sound_truth_and_settings(tmp_path):
    out = tmp_path / "night.wav"
    arguments = [str(out), "--hours", "0.02", "--seed", "3", "--world", "test", "--hunts-per-hour", "300"]
    result = CliRunner().invoke(simulate, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.split() == [
        str(tmp_path / name) for name in ("night.wav", "night.truth.csv", "night.settings.json")
    ]
    assert soundfile.info(out).frames == 0.02 * 3600 * 8000
    with (tmp_path / "night.truth.csv").open(newline="") as table:
        assert "gunshot" in {row["label"] for row in csv.DictReader(table)}


def test_folders_of_sounds_are_walked(tmp_path, rng):
    (tmp_path / "deep").mkdir()
    soundfile.write(tmp_path / "deep" / "a.flac", 0.01 * rng.standard_normal(16_000), 8000)
    (tmp_path / "deep" / "notes.txt").write_text("no sound")
    out = tmp_path / "x.wav"
    arguments = [str(out), "--hours", "0.005", "--background", str(tmp_path / "deep")]
    assert CliRunner().invoke(simulate, arguments, catch_exceptions=False).exit_code == 0
    assert '"a.flac"' in out.with_suffix(".settings.json").read_text()
    assert "notes" not in out.with_suffix(".settings.json").read_text()


def test_nonsense_is_refused(tmp_path):
    assert CliRunner().invoke(simulate, [str(tmp_path / "x.wav"), "--hours", "0"]).exit_code == 2
    assert CliRunner().invoke(simulate, ["--world", "mars"]).exit_code == 2
