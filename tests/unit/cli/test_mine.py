"""The whole round by the command: find, strike out, retrain, keep or refuse."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from ndoki.cli.mine import REFUSED, mine
from ndoki.core.errors import ConfigError, LabelError
from ndoki.datasets.manifest import read_manifest
from ndoki.detectors.network.detector import load_network

BASE = """
name = "tiny"
n_folds = 2
[network]
front_channels = [2, 4]
width = 8
dilations = [1, 2]
[pool]
n_examples = 16
[examples]
length_s = [1.0, 2.0]
"""
LOOP = "[loop]\nn_steps = {}\nbatch_size = 4\nlearning_rate = {}\n"
MINED = 'continues = "base.toml"\n' + BASE + '[mined]\nclips = ["{}/clips.csv"]\n'


def run(*arguments: str | Path):
    return CliRunner().invoke(mine, [str(one) for one in arguments], catch_exceptions=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def card(forest, tmp_path_factory) -> Path:
    """A recording with two sounds that the shipped network takes for shots."""
    path = tmp_path_factory.mktemp("card") / "nn03a_20180817_060000.wav"
    soundfile.write(path, forest(16.0, [4.0, 11.0], snr_db=20.0), 8000, subtype="PCM_16")
    return path


def test_false_alarms_become_clips_a_table_and_pictures(card, data_set, tmp_path):
    out = tmp_path / "round"
    result = run(card, "--out", out, "--data", data_set, "--min-score", "0.5", "--jobs", "1")
    assert result.exit_code == 0
    assert "heard 1 sounds, 0.00 h, with gunshot " in result.output
    assert "2 kept, of 1 groups; left out: none" in result.output
    rows = rows_of(out / "clips.csv")
    assert sorted(round(float(row["first_sample"]) / 8000 + float(row["onset_s"])) for row in rows) == [4, 11]
    assert {row["detector_digest"] for row in rows} == {load_network().id.digest}
    assert len(read_manifest(out / "clips.csv")) == 2
    assert {path.name for path in out.iterdir()} >= {"clips.csv", "contact-1.png", "mine.log", "mined.csv"}
    assert "2 false alarms from score 0.5 on" in (out / "mine.log").read_text()


def test_a_second_run_hears_nothing_again_and_keeps_verdicts(card, data_set, tmp_path):
    """Also over the folder in which the results lie: earlier clips are no recordings."""
    (tmp_path / card.name).symlink_to(card)
    arguments = (tmp_path, "--out", tmp_path / "round", "--data", data_set, "--min-score", "0.5")
    run(*arguments)
    table = tmp_path / "round" / "clips.csv"
    before = table.read_text().replace(".wav,,", ".wav,shot,", 1)
    table.write_text(before)
    result = run(*arguments)
    assert "heard 1 sounds" in result.output
    assert table.read_text() == before


def test_a_later_round_looks_for_something_new(card, data_set, tmp_path):
    common = (card, "--data", data_set, "--min-score", "0.5")
    run(*common, "--out", tmp_path / "one")
    result = run(*common, "--out", tmp_path / "two", "--earlier", tmp_path / "one" / "clips.csv")
    assert "0 kept, of 0 groups; left out: 2 (near duplicate)" in result.output
    assert "no false alarm to learn from" in result.output
    assert rows_of(tmp_path / "two" / "clips.csv") == []


def test_a_dry_run_writes_nothing(card, data_set, tmp_path):
    result = run(card, "--out", tmp_path / "round", "--data", data_set, "--min-score", "0.5", "--dry-run")
    assert "2 kept" in result.output
    assert not list(tmp_path.iterdir())


def test_a_broken_file_is_named_and_costs_no_other(card, data_set, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    result = run(card, tmp_path / "broken.wav", "--out", tmp_path / "round", "--data", data_set)
    assert result.exit_code == 3
    assert "broken.wav" in result.stderr
    assert rows_of(tmp_path / "round" / "clips.csv")


def test_validation_clips_are_refused_before_anything_is_heard(data_set, tmp_path):
    val = next(c for c in read_manifest(data_set) if c.kind == "background" and c.split == "val")
    with pytest.raises(LabelError, match="on which networks are compared"):
        run(val.path, "--out", tmp_path / "round", "--data", data_set)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name shot-free sound"),
        (("a.wav", "--retrain", "b.toml"), "--retrain takes no sound"),
        (("a.wav", "--go-on", "b.onnx"), "what listens is named by --detector"),
    ],
)
def test_each_step_wants_its_own(arguments, message, tmp_path):
    result = run(*arguments, "--out", tmp_path)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.fixture
def mined(data_set, tmp_path, monkeypatch) -> Path:
    """A folder with a round of the shipped network on the training backgrounds, and the recipe before it."""
    monkeypatch.chdir(tmp_path)
    result = run(data_set, "--out", "round", "--data", data_set, "--min-score", "0.0001", "--keep", "4")
    assert result.exit_code == 0
    (tmp_path / "base.toml").write_text(BASE + LOOP.format(5, 0.003))
    return tmp_path


def retrained(mined: Path, data_set: Path, n_steps: int, rate: float):
    (mined / "mined.toml").write_text(MINED.format("round") + LOOP.format(n_steps, rate))
    return run(
        "--retrain", "mined.toml", "--out", "round", "--data", data_set, "--out-network", "kept.onnx",
        "--jobs", "1", "--cache", "cache", "--recall", "0.5",
    )  # fmt: skip


def test_a_network_that_is_not_worse_is_kept(mined, data_set):
    """No step at all leaves the network as it was."""
    assert {row["group"] for row in rows_of(mined / "round" / "clips.csv")}
    result = retrained(mined, data_set, 0, 0.001)
    assert result.exit_code == 0
    verdict = json.loads((mined / "round" / "verdict.json").read_text())
    assert verdict["is_kept"]
    assert verdict["mean"]["old"] == verdict["mean"]["new"]
    assert verdict["new"]["digest"] == load_network(mined / "kept.onnx").id.digest
    assert (mined / "kept.onnx").read_bytes() == (mined / "round" / "candidate.onnx").read_bytes()
    assert f"{verdict['sentence']}\n" in result.output
    assert verdict["sentence"] in (mined / "round" / "mine.log").read_text()
    provenance = load_network(mined / "kept.onnx").card.provenance
    assert len(provenance["mined_sha256"]) == 1
    assert provenance["recipe"]["mined"]["clips"] == ["round/clips.csv"]
    assert "mined_sha256" not in load_network(mined / "round" / "previous.onnx").card.provenance


def test_a_network_that_is_worse_is_refused(mined, data_set):
    """Steps as wide as these leave nothing of what was learned."""
    result = retrained(mined, data_set, 30, 1000.0)
    assert result.exit_code == REFUSED
    assert result.output.splitlines()[-1].startswith("Refused: on 4 clips with shots and 0.00 h without, ")
    assert not json.loads((mined / "round" / "verdict.json").read_text())["is_kept"]
    assert not (mined / "kept.onnx").exists()


def test_a_round_is_the_same_to_the_byte_when_it_is_run_again(mined, data_set):
    retrained(mined, data_set, 5, 0.003)
    first = (mined / "round" / "candidate.onnx").read_bytes()
    for path in (mined / "cache").iterdir():
        path.unlink()
    retrained(mined, data_set, 5, 0.003)
    assert (mined / "round" / "candidate.onnx").read_bytes() == first


def test_a_round_goes_on_from_a_file_and_both_networks_have_its_verifier(
    data_set, tmp_path, monkeypatch, checkout, after_shipped
):
    """Who has the shipped network needs neither its checkpoints nor those of its bases."""
    monkeypatch.chdir(tmp_path)
    run(data_set, "--out", "round", "--data", data_set, "--min-score", "0.0001", "--keep", "4")
    with after_shipped.open("a") as recipe:
        recipe.write('\n[mined]\nclips = ["round/clips.csv"]\n')
    shipped = checkout / "src/ndoki/models/gunshot.onnx"
    result = run(
        "--retrain", after_shipped, "--go-on", shipped, "--out", "round", "--data", data_set,
        "--jobs", "1", "--cache", "cache", "--recall", "0.5",
    )  # fmt: skip
    assert result.exit_code in {0, REFUSED}
    assert len(list(Path("cache").glob("pool-*"))) == 1, "its bases are not trained again"
    verdict = json.loads(Path("round/verdict.json").read_text())
    previous, candidate = (load_network(Path("round") / f"{name}.onnx") for name in ("previous", "candidate"))
    assert [verdict["old"]["digest"], verdict["new"]["digest"]] == [previous.id.digest, candidate.id.digest]
    before = load_network()
    for one in (previous, candidate):
        assert one.verifier is not None
        assert before.verifier is not None
        assert one.verifier.content == before.verifier.content
        assert (one.gate, one.card.operating_points) == (None, {})
    frames = np.random.default_rng(5).normal(0, 1, (180, 40)).astype(np.float32)
    np.testing.assert_array_equal(previous.outputs_alone(frames), before.outputs_alone(frames))
    assert np.abs(candidate.outputs_alone(frames) - before.outputs_alone(frames)).max() > 1e-6


def test_a_recipe_without_mined_clips_is_no_round(mined, data_set):
    with pytest.raises(ConfigError, match="recipe 'tiny' names no network to go on from; a round needs"):
        run("--retrain", "base.toml", "--out", "round", "--data", data_set)
    (mined / "second.toml").write_text('continues = "base.toml"\n' + BASE)
    with pytest.raises(ConfigError, match="recipe 'tiny' names no mined clips"):
        run("--retrain", "second.toml", "--out", "round", "--data", data_set)


def test_without_torch_only_the_second_step_is_refused(card, data_set, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "ndoki.cli.train.find_spec", lambda name: None if name == "torch" else find_spec(name)
    )
    assert run(card, "--out", tmp_path / "round", "--data", data_set).exit_code == 0
    result = run("--retrain", "x.toml", "--out", tmp_path / "round", "--data", data_set)
    assert result.exit_code == 1
    assert "pip install 'ndoki[train]'" in result.output
