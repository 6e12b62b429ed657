"""``ndoki verifier``: fit a second opinion to a network."""

import os
from pathlib import Path

import click

from ndoki.cli.training_options import cache_option, data_option, fold_option, jobs_option

__all__ = ["verifier"]


@click.command(short_help="Fit a second opinion to a network.")
@click.argument("network", type=click.Path(path_type=Path), metavar="NETWORK.onnx")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    default=Path("recipes/verifier.toml"),
    show_default=True,
    metavar="RECIPE.toml",
)
@data_option
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="NETWORK by default.")
@click.option(
    "--heard-by",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    help="Folder with the networks of all folds, without verifiers, or the file of one that never heard the "
    "field: they say which places to learn. NETWORK.onnx itself by default.",
)
@click.option(
    "--go-on",
    is_flag=True,
    help="Go on from the verifier in NETWORK.onnx, which is that of the recipe that RECIPE.toml continues.",
)
@fold_option
@click.option(
    "--folds-from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with the networks of all folds and their verifiers: scores are calibrated on what each has "
    "not heard.",
)
@cache_option
@jobs_option
def verifier(
    network: Path,
    recipe: Path,
    data: Path,
    out: Path | None,
    heard_by: Path | None,
    go_on: bool,
    fold: int | None,
    folds_from: Path | None,
    cache: Path,
    jobs: int | None,
) -> None:
    """Fit a verifier to NETWORK.onnx and write both as one file.

    A verifier looks closely at the places where the network scores high, and corrects its scores. A gate
    in the file is dropped, and so is its calibration unless --folds-from is given: fit them again. A run
    that was stopped goes on from its last checkpoint in --cache.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import logging

    from ndoki.cli.train import require_training

    require_training()
    from ndoki.detectors.network.detector import load_network
    from ndoki.tables.atomic import write_bytes
    from ndoki.training.export import with_card
    from ndoki.training.finish import calibrated
    from ndoki.training.heldout import fold_path
    from ndoki.training.run import Workplace
    from ndoki.training.verifier_fit import card_with, fit_verifier
    from ndoki.training.verifier_recipe import read_verifier_recipe

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    settings, detector = read_verifier_recipe(recipe), load_network(network)
    place = Workplace(manifest=data, cache=cache, n_processes=jobs or os.cpu_count() or 1)
    name, n_folds = settings.examples_of.name, settings.examples_of.n_folds
    heard = [detector]
    if heard_by is not None and heard_by.is_file():
        heard = [load_network(heard_by)]
    elif heard_by is not None:
        heard = [load_network(fold_path(heard_by, name, each)) for each in range(n_folds)]
    found = fit_verifier(settings, heard, fold, place, start=detector if go_on else None)
    card, content = card_with(detector.card, settings), network.read_bytes()
    if folds_from is None:
        content = with_card(content, card, found)
    else:
        content = calibrated(content, data, folds_from, n_folds, card, found)
    path = out or network
    write_bytes(path, content)
    click.echo(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
