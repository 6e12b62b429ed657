"""``ndoki status``: how far a run is, from another terminal."""

from typing import TYPE_CHECKING

import click

from ndoki.cli.storage_options import storage_options

if TYPE_CHECKING:
    from ndoki.batch.status import Status

__all__ = ["status"]


@click.command(short_help="Say how far a run of detect is.")
@click.argument("out", metavar="DIR")
@storage_options
def status(out: str) -> None:
    """Say how far a run of `ndoki detect` is.

    DIR is the folder that was given as --out. The run goes on undisturbed.
    """
    from ndoki.batch.outlet import fetch_ledger, outlet
    from ndoki.batch.status import read_status
    from ndoki.cli.progress import show_tables
    from ndoki.tables.summary import TextTable

    place = outlet(out)
    fetch_ledger(place)
    said = read_status(place.folder)
    tables = [TextTable(title=f"Run in {out}", columns=("what", "value"), rows=_rows(said))]
    if said.failures:
        tables.append(
            TextTable(title="Files that failed", columns=("file", "reason"), rows=tuple(said.failures))
        )
    show_tables(tables)
    if said.state == "stopped":
        click.echo("Give the same command again to go on.")


def _rows(said: "Status") -> tuple[tuple[str, str], ...]:
    planned, speed = said.planned_s, said.speed_x_realtime
    return (
        ("state", f"running, process {said.pid} on {said.host}" if said.state == "running" else said.state),
        (
            "hours heard",
            f"{said.heard_s / 3600:.2f}" + (f" of {planned / 3600:.2f}" if planned is not None else ""),
        ),
        ("files opened", f"{said.n_opened} of {said.n_files}"),
        ("files failed", f"{said.n_failed}"),
        ("events so far", f"{said.n_events}"),
        ("speed", "not measured" if speed is None else f"{speed:.0f} × real time"),
        ("time left", "" if said.left_s is None else _duration(said.left_s)),
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
