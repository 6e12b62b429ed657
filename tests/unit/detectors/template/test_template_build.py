import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from ndoki.core.errors import AudioError, ConfigError, LabelError
from ndoki.core.types import Block
from ndoki.detectors.template.build import BuildSpec, build_default
from ndoki.detectors.template.detector import load
from ndoki.detectors.template.recipe import read_recipe

ROOT = Path(__file__).resolve().parents[4]
CLIPS = ROOT.parent / "shared" / "data" / "clips.csv"
RECIPE = ROOT / "recipes" / "template.toml"
COLUMNS = ("path", "kind", "label", "source", "licence", "attribution", "group", "split")
needs_data = pytest.mark.skipif(not CLIPS.is_file(), reason="the training clips are not beside this checkout")


def row(path, **changes):
    plain = {
        "path": path,
        "kind": "gunshot",
        "label": "gunshot",
        "source": "own",
        "licence": "CC0",
        "attribution": f"recorded by {path}",
        "group": path,
        "split": "train",
    }
    return plain | changes


def write_clip(path, onset_s, amplitude=0.1, seed=0):
    rng = np.random.default_rng(seed)
    sound = rng.normal(scale=1e-3, size=32_000)
    onset = round(onset_s * 8000)
    n = min(8000, 32_000 - onset)
    sound[onset : onset + n] += rng.normal(scale=amplitude, size=n) * np.exp(-np.arange(n) / 2000)
    soundfile.write(path, sound, 8000, subtype="PCM_16")


def manifest(folder, rows, columns=COLUMNS):
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder / "clips.csv"


@pytest.fixture
def folder(tmp_path):
    for number in range(4):
        write_clip(tmp_path / f"{number}.flac", 1.0 + 0.2 * number, seed=number)
    write_clip(tmp_path / "late.flac", 3.9)
    write_clip(tmp_path / "faint.flac", 1.0, amplitude=1e-3)
    return tmp_path


SPEC = BuildSpec(source="own", n_templates=2)


def test_only_whole_clear_shots_of_the_right_clips_count_and_each_group_once(folder):
    rows = [
        row("late.flac", group="0.flac"),  # the same shot as 0, cut off by the end of its clip
        row("0.flac"),
        row("1.flac"),
        row("2.flac", group="1.flac"),
        row("faint.flac"),
        row("3.flac", split="val"),
        row("3.flac", kind="background"),
        row("3.flac", source="other"),
    ]
    bank = build_default(manifest(folder, rows), SPEC)
    assert bank.names == ("0.flac", "1.flac")
    provenance = json.loads(bank.provenance)
    assert provenance["n_shots"] == 2
    assert provenance["attribution"] == ["recorded by 0.flac", "recorded by 1.flac"]
    assert provenance["licence"] == ["CC0"]
    assert provenance["recipe"]["n_templates"] == 2
    assert provenance["manifest_sha256"] == hashlib.sha256((folder / "clips.csv").read_bytes()).hexdigest()


def test_the_same_clips_give_the_same_bank(folder):
    clips = manifest(folder, [row(f"{number}.flac") for number in range(4)])
    once, again = build_default(clips, SPEC), build_default(clips, SPEC)
    assert once.digest == again.digest
    assert once.provenance == again.provenance


def test_too_few_shots(folder):
    clips = manifest(folder, [row("0.flac"), row("late.flac"), row("faint.flac")])
    with pytest.raises(ConfigError, match="cannot choose 2 templates from 1 shots"):
        build_default(clips, SPEC)
    with pytest.raises(ConfigError, match="cannot choose 2 templates from 0 shots"):
        build_default(manifest(folder, [row("late.flac")]), SPEC)


def test_manifests_that_cannot_serve(folder):
    with pytest.raises(LabelError, match="cannot be read"):
        build_default(folder / "none.csv", SPEC)
    with pytest.raises(LabelError, match=r"lacks the column\(s\) group, split"):
        build_default(manifest(folder, [row("0.flac")], COLUMNS[:-2]), SPEC)
    with pytest.raises(LabelError, match="names no clip of kind 'gunshot', split 'train' and source 'own'"):
        build_default(manifest(folder, [row("0.flac", split="val")]), SPEC)
    with pytest.raises(AudioError, match=r"gone\.flac"):
        build_default(manifest(folder, [row("gone.flac")]), SPEC)


@needs_data
def test_the_shipped_templates_come_from_the_recipe():
    recipe = read_recipe(RECIPE)
    if hashlib.sha256(CLIPS.read_bytes()).hexdigest() != recipe.manifest_sha256:
        pytest.skip("the clips beside this checkout are not those of the recipe")
    built, shipped = build_default(CLIPS, recipe.build), load().bank
    assert built.names == shipped.names
    assert json.loads(built.provenance) == json.loads(shipped.provenance)
    # Another processor may round a value of float16 the other way.
    np.testing.assert_allclose(built.patches, shipped.patches, atol=0.07)


@needs_data
def test_shots_score_above_backgrounds_that_the_templates_never_saw():
    detector = load()
    with CLIPS.open(newline="", encoding="utf-8") as file:
        val = [
            clip
            for clip in csv.DictReader(file)
            if clip["split"] == "val" and clip["path"].startswith("belize")
        ]
    best = {"gunshot": [], "background": []}
    for clip in val:
        if len(best[clip["kind"]]) < 50:
            sound, _ = soundfile.read(CLIPS.parent / clip["path"], dtype="float32")
            samples = resample_poly(sound, 1, 2)
            end_frame = detector.grid.n_frames(len(samples))
            block = Block(samples=samples, first_sample=0, first_frame=0, end_frame=end_frame)
            best[clip["kind"]].append(detector.analyse(block).track.scores.max())
    shots, backgrounds = np.array(best["gunshot"]), np.array(best["background"])
    # Chance that a random shot's clip scores above a random background's (area under the ROC curve).
    assert (shots[:, None] > backgrounds[None]).mean() > 0.8
