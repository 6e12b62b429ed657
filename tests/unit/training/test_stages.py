"""The stages of `make folds` and `make network` fit one to the other, and end at what ships.

They take many hours; here each command is only written down, and judged by the recipes that it names.
"""

import os
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ndoki.cli.verifier import verifier
from ndoki.core.config import from_table
from ndoki.detectors.network.detector import load_network
from ndoki.training.recipe import Recipe, read_recipe
from ndoki.training.verifier_recipe import VerifierRecipe, read_verifier_recipe

N_FOLDS = 5


@dataclass(frozen=True)
class Made:
    """What a file holds by then."""

    network: Recipe
    verifier: VerifierRecipe | None = None


@pytest.fixture(scope="module")
def commands(checkout, tmp_path_factory):
    """Arguments of each command of both targets, in order, and where they lead."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "bin").mkdir()
    told = folder / "told.txt"
    told.touch()
    tool = folder / "bin" / "ndoki"
    tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{told}"\n')
    tool.chmod(0o755)
    run = ["make", "-o", f"{folder}/.test", "folds", "network", f"VENV={folder}"]
    # What a `make test` around this one was told is not for it.
    told_to_make = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in told_to_make}
    subprocess.run(run, cwd=checkout, env=environment, check=True, capture_output=True)
    return [shlex.split(line) for line in told.read_text().splitlines()]


def option(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


def heard(files: dict[str, Made], where: str) -> list[Made]:
    """Networks that say what a verifier looks at: of a file, or of all folds."""
    if where.endswith(".onnx"):
        return [files[where]]
    return [files[f"{where}/gunshot-fold{fold}.onnx"] for fold in range(N_FOLDS)]


def trained(files: dict[str, Made], words: list[str], checkout: Path) -> Made:
    recipe, start = read_recipe(checkout / words[1]), option(words, "--go-on")
    if start is None:
        return Made(recipe)
    assert files[start].network == recipe.base, f"{shlex.join(words)}: not what the recipe continues"
    return Made(recipe, files[start].verifier)


def verified(files: dict[str, Made], words: list[str], checkout: Path) -> Made:
    default = next(one.default for one in verifier.params if one.name == "recipe")
    recipe = read_verifier_recipe(checkout / (option(words, "--recipe") or default))
    before = files[words[1]]
    if "--go-on" in words:
        assert before.verifier == recipe.base, f"{shlex.join(words)}: not what the recipe continues"
    for one in heard(files, option(words, "--heard-by") or words[1]):
        frames = (one.network.mel, one.network.floor)
        assert frames == (recipe.examples_of.mel, recipe.examples_of.floor), shlex.join(words)
    return replace(before, verifier=recipe)


@pytest.fixture(scope="module")
def files(commands, checkout):
    """What each file that the commands write holds in the end."""
    found: dict[str, Made] = {}
    for words in commands:
        if words[0] == "gate":
            assert found[words[1]].verifier is not None, "the gate comes last"
            continue
        make = {"train": trained, "verifier": verified}[words[0]]
        out = option(words, "--out")
        assert out
        found[out] = make(found, words, checkout)
        folds = option(words, "--folds-from")
        if folds:
            assert all(one == found[out] for one in heard(found, folds)), "calibrated on others than it is"
    return found


def test_each_stage_goes_on_from_what_its_recipe_continues(files):
    """That is asserted where the files are followed; here, that all of them were."""
    assert len(files) > 10 * (N_FOLDS + 1)


@pytest.mark.parametrize(
    "path",
    ["src/ndoki/models/gunshot.onnx", "benchmarks/folds/gunshot-simulated.onnx"]
    + [f"benchmarks/folds/gunshot-fold{fold}.onnx" for fold in range(N_FOLDS)],
)
def test_the_last_stage_makes_what_lies_in_the_checkout(files, checkout, path):
    made, told = files[path], load_network(checkout / path).card.provenance
    # Read as recipes: what there was not yet when the file was written is off.
    assert from_table(Recipe, told["recipe"], path) == made.network
    assert from_table(VerifierRecipe, told["verifier"], path) == made.verifier
