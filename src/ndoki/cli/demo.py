"""``ndoki demo``: the whole path on a recording that it makes itself."""

import os
import shutil
from pathlib import Path

import click

__all__ = ["demo"]

_SEED = 11
_MINUTES = 20


@click.command(short_help="Make a recording with simulated shots and find them.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True)
def demo(out: Path) -> None:
    """Make a recording with simulated shots and find them.

    Writes 20 minutes of simulated forest with shots and look-alikes, searches them with the shipped
    detector, and shows what was found, what was missed, and a picture.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.cli.detect import run
    from ndoki.cli.progress import show_tables
    from ndoki.datasets.simulate.day import simulate_day
    from ndoki.datasets.simulate.ranges import TEST
    from ndoki.datasets.simulate.schedule import Rates
    from ndoki.tables.detections import read_detections
    from ndoki.tables.summary import TextTable

    sound = out / "demo_20260101_053000_+0100.wav"
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "results", ignore_errors=True)
    click.echo(f"Simulating {_MINUTES} minutes of forest in {sound}")
    rates = Rates(hunts_per_hour=36.0, confusers_per_hour=60.0, snr_db=(3.0, 30.0))
    files = simulate_day(sound, _MINUTES / 60, _SEED, ranges=TEST, rates=rates)
    click.echo("Listening to it with the shipped detector")
    run(inputs=[str(sound)], out=out / "results", images=True)
    rows = read_detections(out / "results" / "detections.csv")
    truths = _true_onsets_s(files.truth)
    found, verdicts = _judged([row.start_s for row in rows], truths)
    cells = tuple(
        (
            f"{row.start_local:%H:%M:%S}" if row.start_local else "",
            f"{row.start_s:.2f}",
            f"{row.score:.2f}",
            f"{row.low_hz:.0f}–{row.high_hz:.0f}",
            verdict,
        )
        for row, verdict in zip(rows, verdicts, strict=True)
    )
    columns = ("local time", "start (s)", "score", "band (Hz)", "truth")
    title = f"Detected shots: {found} of {len(truths)} simulated ones, {len(rows) - found} false"
    show_tables([TextTable(title=title, columns=columns, rows=cells)], most_rows=200)
    pictures = sorted((out / "results" / "images").rglob("*.png"))
    if pictures:
        click.echo(f"A picture: {pictures[len(pictures) // 2]}")


def _true_onsets_s(truth: Path) -> list[float]:
    import csv

    with truth.open(newline="", encoding="utf-8") as file:
        return [float(row["onset_s"]) for row in csv.DictReader(file) if row["label"] == "gunshot"]


def _judged(starts_s: list[float], truths_s: list[float]) -> tuple[int, list[str]]:
    """How many true shots were found, and for each event whether it is one."""
    import numpy as np

    from ndoki.evaluation.match import match_onsets

    events, _ = match_onsets(np.array(starts_s), np.array(truths_s))
    right = set(np.asarray(events).tolist())
    return len(right), ["shot" if i in right else "no shot" for i in range(len(starts_s))]
