"""Colour of simulated shots beside that of real ones: ``python benchmarks/spectra.py``

Of every shot, the 80 ms that stand highest over the background within half a second of its onset, band by
band: the frequency at which they stand highest, and how much lower they stand below 300 Hz and above 1300 Hz.
Real shots are those of Belize, their onset the strongest rise of the clip; simulated ones those of each
recipe, with nothing beside them. Shots that stand less than 8 dB high are left out. Quantiles, from the tenth
to the ninetieth per cent.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.core.types import Floats
from ndoki.datasets.examples import make_example
from ndoki.datasets.manifest import field_clips, load_sounds, read_manifest
from ndoki.features.mel import MelSpec
from ndoki.training.material import build_materials, found_shot
from ndoki.training.pool import frames_of
from ndoki.training.recipe import Recipe, read_recipe

HERE = Path(__file__).resolve().parent
RECIPES = ("gunshot-simulated.toml", "gunshot-forests.toml")
QUANTILES = (10, 25, 50, 75, 90)
LEAST_DB = 8.0
N_TOGETHER, BEFORE, AFTER = 5, 6, 31
LOW_HZ, HIGH_HZ = 300.0, 1300.0
SMOOTHED_BANDS = 4


def profile(above: Floats, onset_frame: int) -> npt.NDArray[np.float64] | None:
    """Level over the background in dB per band; None for what is too faint, or cut off by the sound's end."""
    around = 10.0 * above[max(0, onset_frame - BEFORE) : onset_frame + AFTER].astype(np.float64)
    if len(around) < AFTER:
        return None
    together = np.lib.stride_tricks.sliding_window_view(around, N_TOGETHER, axis=0).mean(axis=-1)
    found: npt.NDArray[np.float64] = together[int(together.mean(axis=1).argmax())]
    return found if smoothed(found).max() >= LEAST_DB else None


def smoothed(bands: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Over four bands: single ones stand out by chance."""
    return np.convolve(bands, np.full(SMOOTHED_BANDS, 1 / SMOOTHED_BANDS), "same")


def real(recipe: Recipe, data: Path) -> Iterator[npt.NDArray[np.float64] | None]:
    """Belize's shots."""
    shots, _ = field_clips(read_manifest(data))
    for sound in load_sounds(shots):
        above = frames_of(sound.samples, sound.rate_hz, recipe.mel, recipe.floor)
        onset = found_shot(sound, recipe).onset_sample
        yield profile(above, recipe.mel.grid.frame_at(onset, sound.rate_hz))


def simulated(recipe: Recipe, data: Path, n: int) -> Iterator[npt.NDArray[np.float64] | None]:
    """First shots of a recipe's simulated examples."""
    material = build_materials(recipe, data)[0]
    nothing_else = replace(recipe.examples, real=0.0, pushed=0.0, background=0.0, confuser=0.0)
    spec = replace(nothing_else, extra_confuser_share=0.0, sustained_share=0.0, short_share=0.0)
    for seed in range(n):
        example = make_example(material, spec, np.random.default_rng([5, seed]))
        above = frames_of(example.samples, example.rate_hz, recipe.mel, recipe.floor)
        for onset in example.onsets[:1]:
            yield profile(above, recipe.mel.grid.frame_at(onset.sample, example.rate_hz))


def row(name: str, profiles: Iterable[npt.NDArray[np.float64] | None], mel: MelSpec) -> str:
    """A line of the table."""
    kept = np.array([one for one in profiles if one is not None])
    centres_hz, smooth = mel.centres_hz, np.array([smoothed(one) for one in kept])
    highest = smooth.max(axis=1)
    parts = (
        centres_hz[smooth.argmax(axis=1)],
        kept[:, centres_hz < LOW_HZ].mean(axis=1) - highest,
        kept[:, centres_hz > HIGH_HZ].mean(axis=1) - highest,
    )
    cells = (" ".join(f"{value:5.0f}" for value in np.percentile(part, QUANTILES)) for part in parts)
    return f"{name:<24}{len(kept):>6}   " + "   ".join(cells)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data/clips.csv")
    parser.add_argument("-n", type=int, default=300, help="simulated examples per recipe")
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"{options.data} is not there: real shots are needed; give --data clips.csv")
    print(
        f"{'':<24}{'shots':>6}   {'stands highest at, Hz':<29}   {'below 300 Hz, dB':<29}   above 1300 Hz, dB"
    )
    recipes = [read_recipe(HERE.parent / "recipes" / name) for name in RECIPES]
    print(row("Belize", real(recipes[0], options.data), recipes[0].mel))
    for name, recipe in zip(RECIPES, recipes, strict=True):
        print(row(name, simulated(recipe, options.data, options.n), recipe.mel), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
