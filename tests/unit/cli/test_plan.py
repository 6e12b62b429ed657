import json
import subprocess
import sys
import wave

import numpy as np
import pytest
from click.testing import CliRunner

from ndoki.cli.plan import plan
from ndoki.core.errors import ConfigError, InputError


@pytest.fixture
def card(tmp_path, monkeypatch, forest):
    sound = np.rint(forest(20.0, (5.0,)) * 32767).astype("<i2").tobytes()
    for minute in range(3):
        with wave.open(str(tmp_path / f"kp01_20130621_00{minute:02d}00.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(sound)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments):
    return CliRunner().invoke(plan, [str(one) for one in (*arguments, "--sample-s", 0.5)])


def test_everything_is_told_with_its_basis_and_nothing_is_written(card, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    before = sorted(card.iterdir())
    done = _run(card, "--workers", 4, "--cost-per-hour", 0.5)
    assert done.exit_code == 0, done.output
    for text in (
        "all headers",
        "hours of sound",
        "960 kB",
        "seconds per hour of sound",
        "stretches",
        "time on this machine",
        "time on 4 machines",
        "--shard gives one of them",
        "4 machine(s) until the last is done",
        "found for trial",
        "per event",
    ):
        assert text in done.stdout, text
    assert sorted(card.iterdir()) == before


def test_one_machine_without_a_price_has_no_such_rows(card):
    done = _run("kp01_20130621_000000.wav")
    assert "machines" not in done.stdout
    assert "cost" not in done.stdout


def test_json_has_intervals(card):
    found = json.loads(_run(".", "--json", "--workers", 2).stdout)
    assert (found["n_files"], found["n_files_seen"], found["n_workers"], found["cost"]) == (3, 3, 2, None)
    assert found["hours"]["likely"] == pytest.approx(60 / 3600)
    assert set(found["n_output_bytes"]) == {"low", "likely", "high"}
    assert found["n_output_bytes"]["low"] <= found["n_output_bytes"]["likely"]


def test_what_cannot_be_planned_is_said(card):
    assert isinstance(_run("nowhere").exception, InputError)
    assert isinstance(_run(".", "--channel", 2).exception, ConfigError)
    assert isinstance(_run(".", "--format", "xlsx").exception, ConfigError)
    assert CliRunner().invoke(plan, [".", "--sample-s", "31"]).exit_code == 2


def test_loading_the_command_loads_nothing_heavy():
    slow = "{'numpy', 'rich', 'soundfile', 'fsspec', 'onnxruntime'}"
    code = f"import sys, ndoki.cli.plan; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
