"""Results that go to a server: the same as on a disk, all or nothing, and known to other computers."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from places import Place, Reach
from ranged_http import RangedFiles, serving

from ndoki.audio.access import Access, reached_by
from ndoki.audio.remote_file import is_there
from ndoki.audio.storage import open_binary
from ndoki.batch.outlet import Outlet, announce, fetch_ledger, outlet, publish
from ndoki.batch.session import ledger_path
from ndoki.cli.detect import run
from ndoki.cli.merge import run as merge
from ndoki.cli.status import status
from ndoki.core.errors import ConfigError, OutputError

OPTIONS = {"detector": "template", "threshold": 0.3, "formats": "csv,raven", "unit_s": 9.92}


@pytest.fixture(params=["s3", "azure"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this computer keeps what it works at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "computer"))
    return tmp_path / "computer"


def content(url: str) -> bytes:
    with open_binary(url) as file:
        return file.read()


def test_what_is_on_the_server_is_what_would_be_in_the_folder(
    place: Place, card: Path, reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    url = f"{reach(place, place.port)}-results/a run/{tmp_path.name}"
    assert run([str(card / "kp2" / "deep")], tmp_path / "out", **OPTIONS) == 0  # type: ignore[arg-type]
    assert run([str(card / "kp2" / "deep")], f"{url}/", **OPTIONS) == 0  # type: ignore[arg-type]
    assert f"Copied to {url}\n" in capsys.readouterr().out
    names = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")]
    assert {"detections.csv", "bursts.csv", "summary.json", "raven"} > {
        name.partition("/")[0] for name in names if not name.startswith(".ndoki")
    } - {"summary.json"}
    for name in names:
        if name != "summary.json" and not name.startswith(".ndoki"):
            assert content(f"{url}/{name}") == (tmp_path / "out" / name).read_bytes()
    assert not is_there(f"{url}/none.csv")
    assert b'"folder"' in content(f"{url}/.ndoki/run.json")
    # Another computer, which has not heard anything, knows the run.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    there = outlet(url)
    fetch_ledger(there)
    assert ledger_path(there.folder).read_bytes() == content(f"{url}/.ndoki/ledger.sqlite")
    assert content(f"{url}/summary.json").startswith(b"{")


def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_heard(
    s3: Place, card: Path, reach: Reach, tmp_path: Path
) -> None:
    reach(s3, s3.port)
    with (
        reached_by(Access(attempts=2)),
        pytest.raises(OutputError, match=r"s3://nowhere/out: cannot be written to: .* in .*computer"),
    ):
        run([str(card)], "s3://nowhere/out", **OPTIONS)  # type: ignore[arg-type]
    for url in ("https://example.org/out", "http://127.0.0.1/out", "sftp://host/out"):
        with pytest.raises(ConfigError, match="results cannot be written there"):
            outlet(url)


def test_what_a_server_does_not_take_stays_here(s3: Place, reach: Reach) -> None:
    reach(s3, s3.port)
    place = outlet("s3://forest/results")
    announce(place)
    (place.folder / ".ndoki").mkdir(parents=True)
    for name in (".ndoki/ledger.sqlite", "detections.csv", "summary.json", ".ndoki-1.part"):
        (place.folder / name).write_text(name)
    with serving(RangedFiles) as closed:
        pass
    reach(s3, closed)
    with reached_by(Access(attempts=1)), pytest.raises(OutputError, match="the same command goes on"):
        publish(place)
    reach(s3, s3.port)
    publish(place)
    assert content("s3://forest/results/detections.csv") == b"detections.csv"
    assert not is_there("s3://forest/results/.ndoki-1.part")
    fetch_ledger(place)
    assert ledger_path(place.folder).read_text() == ".ndoki/ledger.sqlite", "a ledger that is here stays"


@pytest.mark.parametrize(
    ("source", "is_result"),
    [
        ("/cards/out/clips/a.wav", True),
        ("/cards/out.before-1/clips/a.wav", True),
        ("/cards/out.before-1.wav", False),
        ("/cards/outer/a.wav", False),
        ("/cards/a.wav", False),
        ("s3://b/out/clips/a.wav", False),
    ],
)
def test_results_are_no_recordings(source: str, is_result: bool) -> None:
    assert Outlet(folder=Path("/cards/out")).holds(source) is is_result
    moved = source.replace("/cards", "s3://b") if source.startswith("/") else source
    assert outlet("s3://b/out/").holds(moved) is (is_result or source.startswith("s3"))


def test_parts_on_a_server_become_the_whole(
    s3: Place, reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two computers with nothing in common but the bucket, and a third that joins their parts."""
    sound = f"{reach(s3, s3.port)}/kp2"
    parts = [f"s3://forest/part{i}" for i in (1, 2)]
    codes = []
    for i, part in enumerate(parts, 1):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"computer{i}"))
        codes.append(run([sound], part, shard=f"{i}/2", **OPTIONS))  # type: ignore[arg-type]
    assert sorted(codes) == [0, 3], "the broken file is in one of them"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "computer3"))
    assert merge("s3://forest/whole", parts, **OPTIONS) == 3  # type: ignore[arg-type]
    assert run([sound], tmp_path / "out", **OPTIONS) == 3  # type: ignore[arg-type]
    for name in ("detections.csv", "bursts.csv"):
        assert content(f"s3://forest/whole/{name}") == (tmp_path / "out" / name).read_bytes()
    done = CliRunner().invoke(status, ["s3://forest/part1"])
    assert done.exit_code == 0
    assert "done" in done.output
