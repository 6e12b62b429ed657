"""``ndoki gate``: fit a gate to a network, so that it listens only where something could be."""

import os
from pathlib import Path

import click

from ndoki.cli.training_options import data_option

__all__ = ["gate"]


@click.command(short_help="Fit a gate to a network, which makes it fast.")
@click.argument("network", type=click.Path(path_type=Path), metavar="NETWORK.onnx")
@data_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Where it goes; NETWORK by default."
)
@click.option("--cache", type=click.Path(path_type=Path), default=Path("build/gate"), show_default=True)
@click.option(
    "--hours", type=click.FloatRange(min=0), default=10.0, show_default=True, help="Of simulated sound."
)
@click.option("--steps", type=click.IntRange(min=1), default=4000, show_default=True)
def gate(network: Path, data: Path, out: Path | None, cache: Path, hours: float, steps: int) -> None:
    """Fit a gate to NETWORK.onnx, tune it on training sound, and write both as one file.

    The gate learns to foretell the network's scores on the clips of split ``train`` and on simulated
    forests of the training world. An older gate in the file is replaced. `make gate` says what it loses.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import logging

    from ndoki.detectors.network.detector import load_network
    from ndoki.tables.atomic import write_bytes
    from ndoki.training.export import with_gate
    from ndoki.training.gate_fit import GateFit, events_lost, fit_gate, least_score_for
    from ndoki.training.gate_sound import listened, training_sounds

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    detector = load_network(network)
    fit = GateFit(n_steps=steps, least_score=least_score_for(detector.card.operating_points))
    sound, held_out = (
        listened(detector, training_sounds(data, cache, hours, is_held_out=is_held_out), fit.spec.cell_frames)
        for is_held_out in (False, True)
    )
    found = fit_gate(sound, held_out, fit)
    for score in (0.05, fit.least_score, detector.card.operating_points.get("review", 0.5)):
        lost, n_events = events_lost(found, held_out, score)
        click.echo(f"training sound that was held out: {lost} of {n_events} events of {score:g} or more lost")
    path = out or network
    write_bytes(path, with_gate(network.read_bytes(), detector.card, found, detector.verifier))
    click.echo(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")
