"""``ndoki train``: from a recipe to a detector file."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ndoki.cli.training_options import cache_option, data_option, fold_option, go_on_option, jobs_option

__all__ = ["require_training", "train"]


@click.command(short_help="Train a detector from a recipe.")
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE.toml")
@data_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where the detector goes.")
@go_on_option(
    "Go on from this file's network, which is that of the recipe that RECIPE.toml continues. Its "
    "verifier is kept."
)
@fold_option
@click.option(
    "--folds-from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with the networks of all folds: scores are calibrated on what each has not heard.",
)
@cache_option
@jobs_option
def train(recipe: Path, data: Path, out: Path | None, **options: Any) -> None:
    """Train a detector from a recipe, and write it as one file: .onnx for networks, .npz for templates.

    A run that was stopped goes on from its last checkpoint in --cache.
    """
    # One thread per matrix product: several processes work side by side. Said before numpy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import logging

    from ndoki.core.config import read_toml

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if read_toml(recipe).get("detector") == "template":
        path = _templates(recipe, data, out)
    else:
        path = _network(recipe, data, out, **options)
    click.echo(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def _templates(recipe: Path, data: Path, out: Path | None) -> Path:
    from ndoki.datasets.manifest import manifest_digest
    from ndoki.detectors.template.bank import write_bank
    from ndoki.detectors.template.build import build_default
    from ndoki.detectors.template.recipe import read_recipe

    path, settings = out or Path("template.npz"), read_recipe(recipe)
    bank = build_default(data, settings.build)
    if manifest_digest(data) != settings.manifest_sha256:
        click.echo(f"ndoki: {data} is not the manifest that the recipe was written for", err=True)
    write_bank(bank, path)
    return path


def require_training() -> None:
    """Say which extra is missing, if torch is.

    Raises
    ------
    click.ClickException
        Torch or onnx is not installed.
    """
    missing = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"training needs {' and '.join(missing)}, not installed here; run: pip install 'ndoki[train]'"
        )


def _network(
    recipe: Path,
    data: Path,
    out: Path | None,
    begun: Path | None,
    fold: int | None,
    folds_from: Path | None,
    cache: Path,
    jobs: int | None,
) -> Path:
    require_training()
    from ndoki.detectors.network.detector import network_from
    from ndoki.tables.atomic import write_bytes
    from ndoki.training.finish import calibrated
    from ndoki.training.recipe import read_recipe
    from ndoki.training.run import Start, Workplace, made

    settings = read_recipe(recipe)
    place = Workplace(manifest=data, cache=cache, n_processes=jobs or os.cpu_count() or 1)
    start = None if begun is None else Start.read(begun, settings)
    content = made(settings, fold, place, start)
    if folds_from is not None:
        trained = network_from(content, "the network just trained")
        content = calibrated(content, data, folds_from, settings.n_folds, trained.card, trained.verifier)
    suffix = "" if fold is None else f"-fold{fold}"
    path = out or Path(f"{settings.name}{suffix}.onnx")
    write_bytes(path, content)
    return path
