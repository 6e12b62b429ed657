"""``ndoki refine``: loose labels → the exact onset, end and band of every shot."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ndoki.cli.detect import SOME_FAILED

if TYPE_CHECKING:
    from ndoki.core.errors import InputError
    from ndoki.curation.relabel import Relabelled, Relabeller
    from ndoki.curation.windows import LooseLabel

__all__ = ["refine"]


@click.command(short_help="Place shots exactly, from labels that are not.")
@click.argument("tables", nargs=-1, required=True, metavar="LABELS...", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results."
)
@click.option(
    "--recordings",
    multiple=True,
    metavar="FOLDER",
    help="Where the sounds lie, if the tables name files only; may be repeated.",
)
@click.option(
    "--window-s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="A shot begins within S of its label's time; 12 unless the table has boxes.",
)
@click.option(
    "--slack-s",
    type=click.FloatRange(min=0),
    default=0.5,
    show_default=True,
    metavar="S",
    help="How far a shot may begin outside its window.",
)
@click.option(
    "--label",
    "names",
    multiple=True,
    default=("gunshot",),
    show_default=True,
    help="What a gunshot is called in the tables; may be repeated. A blank label is a gunshot too.",
)
@click.option(
    "--least-confidence",
    "least",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.3,
    show_default=True,
    metavar="X",
    help="From which confidence on something beside the labels' own shots is taken for one.",
)
@click.option("--detector", default="gunshot", show_default=True, metavar="NAME|FILE", help="What listens.")
@click.option("--clips", is_flag=True, help="Also 4 s clips of sure shots, with a clips.csv to train on.")
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that come without one: Africa/Libreville, +01:00."
)
@click.option("--deployments", metavar="FILE.csv", help="Table of recorders, places and time zones.")
@click.pass_context
def refine(context: click.Context, /, **options: object) -> None:
    """Place every shot exactly, from labels that say only roughly where one is.

    LABELS are tables: a CSV with the columns file and offset_s (a shot within 12 s from there on), a CSV with
    the column file alone (a shot somewhere in it), Raven selection tables with boxes however sloppy,
    detections.csv or .jsonl, or Audacity labels. Every row means one shot at least.

    Writes refined.csv and Raven selection tables, and review.csv: what a person should look at, the least
    sure first. Exit code 3 means that some rows or recordings could not be used; refused.csv says which
    and why.
    """
    context.exit(_run(**options))  # type: ignore[arg-type]


def _run(
    tables: Sequence[Path],
    out: Path,
    recordings: Sequence[str],
    window_s: float | None,
    slack_s: float,
    names: Sequence[str],
    least: float,
    detector: str,
    clips: bool,
    timezone: str | None,
    deployments: str | None,
) -> int:
    """What the command does; returns its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.audio.storage import find_recordings
    from ndoki.core.deployments import read_deployments
    from ndoki.core.zones import parse_zone
    from ndoki.curation.refine import RefineRules
    from ndoki.curation.refined_tables import write_clips_to_train_on, write_refined
    from ndoki.curation.relabel import Relabeller
    from ndoki.detectors.registry import load_detector

    relabeller = Relabeller(
        detector=load_detector(detector),
        rules=RefineRules(least=least),
        slack_s=slack_s,
        timezone=parse_zone(timezone) if timezone else None,
        deployments=read_deployments(deployments) if deployments else None,
    )
    sounds = find_recordings([_absolute(one) for one in recordings]) if recordings else []
    by_source, refused = _read(tables, sounds, window_s, names)
    done = _relabelled(by_source, relabeller, refused)
    refused += [one for result in done for one in result.refused]
    write_refined(out, done, refused)
    n_clips = write_clips_to_train_on(out, done) if clips else None
    _tell(out, done, refused, n_clips)
    return SOME_FAILED if refused else 0


def _read(
    tables: Sequence[Path], sounds: Sequence[str], window_s: float | None, names: Sequence[str]
) -> "tuple[dict[str, list[LooseLabel]], list[InputError]]":
    """Labels by recording, and what could not be used."""
    from ndoki.core.errors import InputError, LabelError, TableError
    from ndoki.curation.labels import located, read_labels

    by_source: dict[str, list[LooseLabel]] = {}
    refused: list[InputError] = []
    n_others = 0
    for path in tables:
        try:
            table = read_labels(path, window_s=window_s, names=names)
        except TableError as problem:
            refused.append(problem)
            continue
        found, lost = located(table.labels, path.absolute().parent, sounds)
        refused += [*table.refused, *lost]
        n_others += table.n_others
        for label in found:
            by_source.setdefault(label.file, []).append(label)
    if n_others:
        click.echo(f"{n_others} rows label something else than {' or '.join(names)}, and are left out")
    if not by_source:
        said = "\n".join(str(one) for one in refused) or "the tables have no rows that label a gunshot"
        raise LabelError(f"no label can be used:\n{said}")
    return by_source, refused


def _relabelled(
    by_source: "dict[str, list[LooseLabel]]", relabeller: "Relabeller", refused: "list[InputError]"
) -> "list[Relabelled]":
    from rich.console import Console
    from rich.progress import track

    from ndoki.audio.storage import in_order
    from ndoki.core.errors import AudioError

    console = Console(stderr=True)
    done = []
    for source in track(
        in_order(by_source),
        "Listening",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        try:
            done.append(relabeller.relabel(source, by_source[source]))
        except AudioError as problem:
            refused.append(problem)
    return done


def _tell(
    out: Path, done: "Sequence[Relabelled]", refused: "Sequence[InputError]", n_clips: int | None
) -> None:
    from ndoki.cli.progress import show_tables
    from ndoki.curation.relabel import SURE
    from ndoki.tables.summary import TextTable

    shots = [shot for one in done for shot in one.shots]
    n_sure = sum(shot.event.score >= SURE for shot in shots)
    rows = [
        ("recordings", str(len(done))),
        ("shots placed", str(len(shots))),
        (f"with a confidence of {SURE:g} or more", str(n_sure)),
        ("labels without anything in their window", str(sum(len(one.without_shot) for one in done))),
        ("to look at", str(_n_to_look_at(done))),
        ("rows and recordings that could not be used", str(len(refused))),
    ]
    if n_clips is not None:
        rows.append(("clips to train on", str(n_clips)))
    show_tables([TextTable(title="Refined", columns=("what", "number"), rows=tuple(rows))])
    for one in refused:
        click.echo(f"ndoki: {one}", err=True)
    click.echo(f"Results are in {out}")


def _n_to_look_at(done: "Sequence[Relabelled]") -> int:
    return sum(
        len(one.without_shot) + sum(bool(shot.why) for shot in (*one.shots, *one.left_out)) for one in done
    )


def _absolute(source: str) -> str:
    """Raven opens a table's sounds by path, from whatever folder it was started in."""
    return source if "://" in source else os.path.abspath(source)  # noqa: PTH100
