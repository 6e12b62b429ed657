"""``ndoki inspect``: what recordings are, when they were made, and how good they are."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ndoki.cli.storage_options import storage_options

if TYPE_CHECKING:
    from ndoki.cli.inspection import Inspection

__all__ = ["inspect"]

_SOME_FAILED = 3


class _BadInput(click.ClickException):
    """What was asked for cannot be done; nothing was begun."""

    exit_code = 2


@click.command(short_help="Say what recordings are, when they were made, and how good they are.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that come without one: Africa/Libreville, +01:00."
)
@click.option("--deployments", metavar="FILE.csv", help="Table of recorders, places and time zones.")
@click.option(
    "--channel", type=click.IntRange(min=1), metavar="N", help="Listen to this channel only; counts from 1."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON Lines: one object per file, then gaps and overlaps."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Also write quality.csv, sites.csv and a picture per site there.",
)
@click.option("--quick", is_flag=True, help="Read headers only; do not listen.")
@storage_options
@click.pass_context
def inspect(
    context: click.Context,
    inputs: tuple[str, ...],
    timezone: str | None,
    deployments: str | None,
    channel: int | None,
    as_json: bool,
    out: Path | None,
    quick: bool,
) -> None:
    """Say what recordings are, when they were made, and how good they are.

    For each file: what its header claims and what is really there, start time and site and who says so, what
    the recorder says of itself, level, clipping and silence. Then the gaps and overlaps between the files of
    one recorder. With --out, microphones that died or got wet are looked for too, and each site gets a
    picture of its hours and days.

    INPUT is a sound file, or a folder that is walked to the bottom; on this computer, or at an address
    (az://, abfs://, s3://, gs://, https://). Exit code 3 means that some files could not be read.
    """
    from ndoki.audio.storage import find_recordings
    from ndoki.cli.inspection import inspect_one
    from ndoki.core.deployments import read_deployments
    from ndoki.core.errors import InputError
    from ndoki.core.zones import parse_zone

    try:
        zone = parse_zone(timezone) if timezone else None
        table = read_deployments(deployments) if deployments else None
        sources = find_recordings(inputs)
    except InputError as error:
        raise _BadInput(str(error)) from error
    done = (
        inspect_one(
            source,
            timezone=zone,
            deployments=table,
            channel=channel,
            is_quick=quick,
            with_levels=out is not None,
        )
        for source in sources
    )
    seen = _print_json(done) if as_json else _print_tables(done, len(sources))
    if out is not None:
        _write(out, seen)
    if any(inspection.failure for inspection in seen):
        context.exit(_SOME_FAILED)


def _write(out: Path, seen: "Sequence[Inspection]") -> None:
    from ndoki.cli.inspection_report import write_report

    sites = write_report(out, seen)
    n_pictures = sum(bool(site.coverage) for site in sites)
    click.echo(f"quality.csv, sites.csv and {n_pictures} picture(s) of sites are in {out}", err=True)


def _print_json(inspections: "Iterable[Inspection]") -> "list[Inspection]":
    from ndoki.cli.inspection import seams_of
    from ndoki.cli.inspection_json import file_object, seam_object

    seen = []
    for inspection in inspections:
        click.echo(json.dumps(file_object(inspection), ensure_ascii=False))
        sys.stdout.flush()
        seen.append(inspection)
    for seam in seams_of(seen):
        click.echo(json.dumps(seam_object(seam), ensure_ascii=False))
    return seen


def _print_tables(inspections: "Iterable[Inspection]", n_files: int) -> "list[Inspection]":
    from rich.console import Console
    from rich.progress import track

    from ndoki.cli.inspection import seams_of
    from ndoki.cli.inspection_text import tables

    progress_console = Console(stderr=True)
    seen = list(
        track(
            inspections,
            "Listening",
            total=n_files,
            console=progress_console,
            transient=True,
            disable=not progress_console.is_terminal,
        )
    )
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a file or a pipe has no edge at which names should break
    for table in tables(seen, seams_of(seen)):
        console.print(table)
    return seen
