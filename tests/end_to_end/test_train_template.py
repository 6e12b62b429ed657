"""``ndoki train recipes/template.toml`` makes the shipped templates again, to the byte."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.mark.parametrize("kernels", [{}, {"OPENBLAS_CORETYPE": "Nehalem"}], ids=["own", "old processor"])
def test_the_recipe_makes_the_shipped_file(
    tmp_path: Path, checkout: Path, shared_data: Path, kernels: dict[str, str]
) -> None:
    """Also with the matrix products of another processor, which add up in another order."""
    out = tmp_path / "made" / "template.npz"
    command = [sys.executable, "-c", "from ndoki.cli.main import main; main()", "train"]
    options = ["--data", str(shared_data / "clips.csv"), "--out", str(out)]
    subprocess.run(
        [*command, str(checkout / "recipes/template.toml"), *options],
        check=True,
        capture_output=True,
        env=os.environ | kernels,
    )
    made, shipped = out.read_bytes(), (checkout / "src/ndoki/models/template.npz").read_bytes()
    # Compared by digest: pytest takes minutes to explain how fifty thousand bytes differ.
    assert hashlib.sha256(made).digest() == hashlib.sha256(shipped).digest()


def test_other_clips_than_the_recipe_s_are_told(
    tmp_path: Path, checkout: Path, forest: Callable[..., np.ndarray]
) -> None:
    soundfile.write(tmp_path / "shot.flac", forest(4.0, (1.0,)), 8000)
    header = "path,kind,source,licence,attribution,group,split\n"
    (tmp_path / "clips.csv").write_text(f"{header}shot.flac,gunshot,own,CC0,me,1,train\n")
    recipe = (checkout / "recipes/template.toml").read_text(encoding="utf-8")
    for old, new in (("Belize (Katsis et al. 2022)", "own"), ("n_templates = 7", "n_templates = 1")):
        assert old in recipe
        recipe = recipe.replace(old, new)
    (tmp_path / "own.toml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-c", "from ndoki.cli.main import main; main()", "train", "own.toml"]
    done = subprocess.run(
        [*command, "--data", "clips.csv"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert "clips.csv is not the manifest that the recipe was written for" in done.stderr
    assert (tmp_path / "template.npz").is_file()
