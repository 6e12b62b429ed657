"""The same folder on a disk, on Azurite, on moto and behind a web server: the same tables, steady or not."""

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from places import Place, Reach
from unsteady import unsteady

from ndoki.audio.access import Access, reached_by
from ndoki.audio.block_cache import SMALLEST_BYTES
from ndoki.cli.detect import run

Ran = Callable[..., "subprocess.CompletedProcess[str]"]
OPTIONS = {"detector": "template", "threshold": 0.3, "formats": "csv,raven,jsonl", "unit_s": 9.92}
DIGEST_OF_PATH = re.compile("-[0-9a-f]{10}-ch")


def tables(out: Path, root: str) -> dict[str, object]:
    """All that a run wrote, with another folder's name for its root and without what the clock says."""
    found: dict[str, object] = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and ".ndoki" not in path.parts:
            text = path.read_text(encoding="utf-8").replace(root, "ROOT")
            text = DIGEST_OF_PATH.sub("-DIGEST-ch", text)
            found[path.relative_to(out).as_posix()] = text
    summary = json.loads(str(found["summary.json"]))
    del summary["wall_s"], summary["speed_x_realtime"]
    return found | {"summary.json": summary}


@pytest.fixture(scope="module")
def on_disk(card: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    out = tmp_path_factory.mktemp("disk") / "out"
    assert run([str(card)], out, **OPTIONS) == 3  # type: ignore[arg-type]
    found = tables(out, str(card))
    assert len(list(csv.DictReader(str(found["detections.csv"]).splitlines()))) > 80
    return found


@pytest.fixture(params=["http", "s3", "azure"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


def test_tables_are_those_of_a_disk(
    place: Place, on_disk: dict[str, object], ndoki: Ran, tmp_path: Path
) -> None:
    """As a user runs it."""
    url = place.url(place.port)
    given = [f"--{name}={value}" for name, value in OPTIONS.items()]
    given = [one.replace("_", "-").replace("formats", "format") for one in given]
    done = ndoki("detect", url, "--out", tmp_path / "out", *given, **place.environment(place.port))
    assert (done.returncode, done.stderr) == (3, "")
    assert tables(tmp_path / "out", url) == on_disk


def test_one_request_of_ten_fails(
    place: Place, on_disk: dict[str, object], reach: Reach, tmp_path: Path
) -> None:
    """With a cache, too, which stays within its bound."""
    wanted = Access(cache_folder=tmp_path / "cache", cache_bytes=SMALLEST_BYTES)
    with unsteady(place.port, 0.1) as (port, fates), reached_by(wanted):
        url = reach(place, port)
        assert run([url], tmp_path / "out", **OPTIONS) == 3  # type: ignore[arg-type]
    assert tables(tmp_path / "out", url) == on_disk
    assert fates.seen.total() - fates.seen["ok"] >= 3
    assert fates.seen["ok"] > 60
    cached = sum(path.stat().st_size for path in (tmp_path / "cache").iterdir())
    assert 1 << 20 < cached <= SMALLEST_BYTES
