"""A data set of a few clips, for whatever reads a manifest."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.datasets.manifest import fold_of


@pytest.fixture(scope="session")
def data_set(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``clips.csv`` of a tiny data set: two shots and two backgrounds for each of 2 folds of both splits."""
    folder = tmp_path_factory.mktemp("data")
    rows: list[tuple[str, ...]] = []

    def add(samples: np.ndarray, kind: str, label: str, group: str, split: str, notes: str = "") -> None:
        path = f"{kind}_{label}_{group}.flac"
        soundfile.write(folder / path, samples, 8000, subtype="PCM_16")
        rows.append((path, kind, label, group, split, notes))

    for i in range(2 * 2 * 2):
        split, fold = ("train", "val")[i % 2], i // 2 % 2
        for kind, label in (("gunshot", "gunshot"), ("background", "tropical_forest")):
            names = (f"{kind}{i}_{k}" for k in range(100))
            group = next(name for name in names if fold_of(name, 2) == fold)
            samples = forest(4.0, [1.0 + 0.2 * i] if kind == "gunshot" else [])
            add(np.roll(samples, 200 * i), kind, label, group, split)
    add(forest(6.0), "background", "river", "r", "train")
    add(forest(3.0)[::-1], "confuser", "thunder", "t", "train")
    add(forest(1.0, [0.2], snr_db=60.0), "near_shot", "gunshot", "n", "train", "weapon: hunting_rifle")
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "kind", "label", "group", "split", "notes"))
        writer.writerows(rows)
    return folder / "clips.csv"


@pytest.fixture
def after_shipped(checkout: Path, tmp_path: Path) -> Path:
    """A recipe that goes on from the shipped network for one step, on a few examples of `data_set`."""
    shipped = checkout / "recipes" / "gunshot.toml"
    lines = [f'continues = "{shipped}"\n']
    for line in shipped.read_text().splitlines(keepends=True):
        name = line.split(" = ")[0]
        small = {"n_steps": 1, "n_examples": 16, "n_folds": 2}.get(name)
        if name != "continues":
            lines.append(line if small is None else f"{name} = {small}\n")
    path = tmp_path / "further.toml"
    path.write_text("".join(lines))
    return path
