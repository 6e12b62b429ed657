import json
import re
import subprocess
import sys
import wave

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from ndoki.cli.inspect import inspect

RATE_HZ = 8000


def _write(path, *, seconds=10, n_channels=1, samples=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    if samples is None:
        shape = (int(seconds * RATE_HZ), n_channels)
        samples = np.random.default_rng(0).normal(0, 300, shape)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def _run(*arguments):
    return CliRunner().invoke(inspect, [str(argument) for argument in arguments])


def _objects(*arguments):
    result = _run(*arguments, "--json")
    return result, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def card(tmp_path):
    """Three files of one recorder: a gap of 50 s, then an overlap of 5 s."""
    for time in ("000000", "000100", "000105"):
        _write(tmp_path / "kp01" / f"kp01_20130621_{time}.wav")
    return tmp_path / "kp01"


def test_one_object_per_file_then_the_seams(card):
    result, objects = _objects(card, "--timezone", "Africa/Douala")
    assert result.exit_code == 0
    assert [item["kind"] for item in objects] == ["file"] * 3 + ["gap", "overlap"]
    first = objects[0]
    assert first["start_utc"] == "2013-06-20T23:00:00Z"
    assert first["start_local"] == "2013-06-21T00:00:00+01:00"
    assert (first["time_source"], first["site"]) == ("filename-zone", "kp01")
    assert (first["n_samples"], first["n_samples_claimed"], first["duration_s"]) == (80000, 80000, 10.0)
    assert first["channels"][0]["level_dbfs"] == pytest.approx(20 * np.log10(300 / 32768), abs=0.1)
    gap, overlap = objects[3:]
    assert (gap["start_utc"], gap["length_s"]) == ("2013-06-20T23:00:10Z", 50.0)
    assert (overlap["start_utc"], overlap["length_s"]) == ("2013-06-20T23:01:05Z", 5.0)


def test_what_cannot_be_decoded_is_said_once_it_was_listened_to(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(9).normal(0, 0.01, 10 * RATE_HZ), RATE_HZ)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 500] = bytes(500)
    path.write_bytes(content)
    (listened,), (quick,) = (_objects(path, *options)[1] for options in ((), ("--quick",)))
    (said,) = set(listened["problems"]) - set(quick["problems"])
    assert re.fullmatch(r"[01]\.\d s of the sound, at 0:00:0[45], cannot be decoded: .*", said)


def test_clipping_and_silence_are_found(tmp_path):
    samples = np.random.default_rng(0).normal(0, 300, 10 * RATE_HZ)
    samples[:100] = 32767
    samples[3 * RATE_HZ : 5 * RATE_HZ] = 0
    _, (found,) = _objects(_write(tmp_path / "x.wav", samples=samples))
    (channel,) = found["channels"]
    assert channel["clipped_share"] == 100 / 80000
    assert channel["longest_clip_s"] == 100 / RATE_HZ
    assert channel["silences"] == [{"start_s": 3.0, "end_s": 5.0}]


def test_each_channel_or_one(tmp_path):
    path = _write(tmp_path / "x.wav", n_channels=2)
    assert [channel["channel"] for channel in _objects(path)[1][0]["channels"]] == [1, 2]
    assert [channel["channel"] for channel in _objects(path, "--channel", 2)[1][0]["channels"]] == [2]
    result, (failed,) = _objects(path, "--channel", 3)
    assert result.exit_code == 3
    assert failed == {
        "kind": "failed",
        "file": str(path),
        "reason": "Channel 3 was asked for; the file has 2.",
    }


def test_quick_does_not_listen(card):
    assert _objects(card, "--quick")[1][0]["channels"] == []


def test_bad_file_is_named_and_costs_no_other(card):
    (card / "empty.wav").touch()
    (card / "text.wav").write_text("no sound " * 100)
    result, objects = _objects(card)
    assert result.exit_code == 3
    failed = [item for item in objects if item["kind"] == "failed"]
    assert [item["file"].rpartition("/")[2] for item in failed] == ["empty.wav", "text.wav"]
    assert all(item["reason"] for item in failed)
    assert sum(item["kind"] == "file" for item in objects) == 3


def test_cut_file_is_salvaged(tmp_path):
    path = _write(tmp_path / "x.wav")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 4 * RATE_HZ])
    result, (found,) = _objects(path)
    assert result.exit_code == 0
    assert (found["duration_s"], found["n_samples_claimed"]) == (4.0, 80000)
    assert found["problems"]


def test_deployment_table(card, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("prefix,site,timezone\nkp01,Korup bai,Africa/Douala\n")
    found = _objects(card, "--deployments", table)[1][0]
    assert (found["site"], found["start_utc"]) == ("Korup bai", "2013-06-20T23:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.wav"], "nowhere.wav"),
        ([".", "--timezone", "Africa/Duala"], "Africa/Douala"),
        ([".", "--deployments", "nowhere.csv"], "the deployment table cannot be read"),
        ([".", "--channel", "0"], "--channel"),
        ([], "INPUT"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(card, monkeypatch, arguments, message):
    monkeypatch.chdir(card)
    result = _run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_detail_of_few_files(card):
    result = _run(card / "kp01_20130621_000000.wav", "--timezone", "+01:00")
    assert result.exit_code == 0
    for text in (
        "WAV PCM_16, claims 80000 samples",
        "8 kHz, 1 ch, 10.0 s",
        "2013-06-20 23:00:00 UTC (filename-zone)",
        "2013-06-21 00:00:00 UTC+1",
        "kp01",
        "nowhere",
        "1 file(s), 10.0 s of sound.",
    ):
        assert text in result.stdout


def test_table_of_many_files(card):
    _write(card / "notes.wav")
    (card / "empty.wav").touch()
    result = _run(card, "--timezone", "UTC")
    assert result.exit_code == 3
    assert "5 files" in result.stdout
    assert "Problems" in result.stdout
    assert "Nothing says when the recording began" in result.stdout
    assert "Gaps and overlaps" in result.stdout
    assert "4 file(s), 40.0 s of sound; 1 without a start time; 1 failed." in result.stdout


def test_schedule_is_counted_and_not_listed(tmp_path):
    for minute in range(0, 50, 10):
        _write(tmp_path / f"kp01_20130621_00{minute:02d}00.wav", seconds=1)
    result = _run(tmp_path, "--timezone", "UTC", "--quick")
    assert "4 gaps of a regular schedule" in result.stdout
    assert "Gaps and overlaps" not in result.stdout


def test_names_with_brackets_are_shown_as_they_are(tmp_path):
    path = _write(tmp_path / "20200102T030405+0100_camp [-1.5+13.2].wav", seconds=1)
    assert "camp [-1.5+13.2].wav" in _run(path).stdout


def test_loading_the_command_loads_neither_numpy_nor_rich():
    slow = "{'numpy', 'rich', 'soundfile', 'fsspec'}"
    code = f"import sys, ndoki.cli.inspect; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
