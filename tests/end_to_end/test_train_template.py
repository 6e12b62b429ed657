"""``ndoki train recipes/template.toml`` makes the shipped templates again, to the byte."""

import subprocess
import sys
from pathlib import Path


def test_the_recipe_makes_the_shipped_file(tmp_path: Path, checkout: Path, shared_data: Path) -> None:
    out = tmp_path / "made" / "template.npz"
    command = [sys.executable, "-c", "from ndoki.cli.main import main; main()", "train"]
    options = ["--data", str(shared_data / "clips.csv"), "--out", str(out)]
    subprocess.run(
        [*command, str(checkout / "recipes/template.toml"), *options], check=True, capture_output=True
    )
    assert out.read_bytes() == (checkout / "src/ndoki/models/template.npz").read_bytes()
