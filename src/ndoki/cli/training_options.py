"""Options that the commands which train have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["cache_option", "data_option", "fold_option", "go_on_option", "jobs_option"]

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("../shared/data/clips.csv"),
    show_default=True,
    help="Manifest of the labelled clips.",
)
fold_option = click.option(
    "--fold", type=click.IntRange(min=0), metavar="K", help="Leave out fold K, for cross-validation."
)
jobs_option = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes that make examples; all cores by default."
)
cache_option = click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("build/train"), show_default=True
)


def go_on_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--go-on NETWORK.onnx``, which a command takes as ``begun``; ``text`` says what it goes on with."""
    return click.option(
        "--go-on", "begun", type=click.Path(path_type=Path), metavar="NETWORK.onnx", help=text
    )
