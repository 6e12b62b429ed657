"""The gate and ``--exhaustive``: the same events, and runs that are not mixed."""

from pathlib import Path

import pytest
import soundfile

from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Job, Stretch, hear_all
from ndoki.batch.shards import SHARD
from ndoki.cli.detect import job_of, run, settings_of
from ndoki.core.errors import ConfigError


@pytest.fixture
def sound(tmp_path: Path, forest) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, forest(40.0, (5.0, 17.3, 30.0)), 8000, subtype="PCM_16")
    return path


def rows(out: Path) -> list[list[str]]:
    """Events without the detector's digest, which says whether the gate was used."""
    lines = [line.split(",") for line in (out / "detections.csv").read_text().splitlines()]
    at = lines[0].index("detector_digest")
    return [line[:at] + line[at + 1 :] for line in lines]


def test_the_events_are_those_of_the_exhaustive_search(sound: Path, tmp_path: Path) -> None:
    assert run([str(sound)], tmp_path / "gated", formats="csv") == 0
    assert run([str(sound)], tmp_path / "all", formats="csv", exhaustive=True) == 0
    assert len(rows(tmp_path / "gated")) > 3
    assert rows(tmp_path / "gated") == rows(tmp_path / "all")


def wanted(**options) -> Job:
    values = {
        "threshold": None, "operating_point": None, "min_score": None, "detector": "gunshot",
        "formats": "csv", "channel": None, "unit_s": None,
    }  # fmt: skip
    return job_of(**values | options)[0]


def detector_of(**options) -> str:
    return settings_of(wanted(**options))["--detector"]


def test_the_gate_is_part_of_what_a_run_is_known_by() -> None:
    assert detector_of().endswith("-gated")
    assert f"{detector_of(exhaustive=True)}-gated" == detector_of()
    assert detector_of(detector="template", exhaustive=True) == detector_of(detector="template")


def test_events_fainter_than_the_gate_was_tuned_for_are_searched_for_everywhere() -> None:
    assert detector_of(min_score=0.01) == detector_of(exhaustive=True)
    assert detector_of(threshold=0.01) == detector_of(exhaustive=True)


def test_an_unfinished_run_is_not_finished_without_the_gate(sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    job = wanted(unit_s=10.0)
    with Ledger.begun(out, settings_of(job) | {SHARD: "1/1"}, [str(sound)]) as ledger:
        assert isinstance(next(hear_all([str(sound)], job, ledger)), Stretch)
        ledger.stopped()
    with pytest.raises(ConfigError, match=r"--detector was gunshot .*-gated and is now gunshot"):
        run([str(sound)], out, formats="csv", unit_s=10.0, exhaustive=True)
    assert run([str(sound)], out, formats="csv", unit_s=10.0) == 0
