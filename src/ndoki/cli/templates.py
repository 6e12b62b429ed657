"""``ndoki templates``: a detector from one's own examples of shots."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ndoki.detectors.template.bank import TemplateBank
    from ndoki.detectors.template.cut import Template
    from ndoki.detectors.template.shots import Shot, Skipped

__all__ = ["templates"]

_SOME_SKIPPED = 3


@click.command(short_help="Make a detector from your own examples of shots.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Where the detector goes.",
)
@click.option("--name", metavar="NAME", help="What tables will call it; the file's name by default.")
@click.option(
    "--audio",
    metavar="FOLDER",
    help="Where the sounds of the tables lie; else beside them, or at Begin Path.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="TEXT",
    help="Take selections with this label; may be repeated.",
)
@click.option("--column", metavar="NAME", help="Column of the tables that --label means.  [default: Label]")
@click.option(
    "--channel",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Channel of the sound files; a table tells its own.",
)
@click.option(
    "--choose",
    "n_chosen",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep only the N shots that stand best for all.",
)
@click.option(
    "--image", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw the templates as well."
)
@click.option("--overwrite", is_flag=True, help="Replace what is there already.")
@click.pass_context
def templates(context: click.Context, /, **options: Any) -> None:
    """Make a detector from your own examples of shots.

    INPUT is a sound file with one shot in it, a folder of such files, or a Raven selection table (.txt) with
    a box around each shot. Then:

      ndoki detect FOLDER --detector FILE.npz --out RESULTS

    A score says how alike a sound is to the most similar template, from 0 to 1. It is no probability, and
    nobody has chosen a threshold for your templates: `detect` takes 0.5 unless you give --threshold. The more
    templates, the higher it has to be for as many false alarms. Choose it with `ndoki evaluate`, on a
    recording in which you know the shots.

    Exit code 3 means that some examples could not be taken; each is named, and the detector of the others is
    there.
    """
    context.exit(_run(**options))


def _run(
    inputs: Sequence[str],
    out: Path,
    name: str | None,
    audio: str | None,
    labels: Sequence[str],
    column: str | None,
    channel: int,
    n_chosen: int | None,
    image: Path | None,
    overwrite: bool,
) -> int:
    """What the command does; returns its exit code."""
    from ndoki.core.errors import ConfigError
    from ndoki.detectors.template.bank import write_bank
    from ndoki.detectors.template.cut import choose, make_bank, take_templates
    from ndoki.detectors.template.patches import PatchSpec
    from ndoki.detectors.template.shots import find_shots

    _check_places(out, image, overwrite)
    if column and not labels:
        raise ConfigError(f"--column {column} says where a label stands; say with --label which one to take")
    found = find_shots(inputs, audio=audio, column=column, labels=labels, channel=channel - 1)
    spec = PatchSpec()
    taken = take_templates(_with_bar(found.shots), spec)
    skipped = [*found.skipped, *taken.skipped]
    _tell_skipped(skipped)
    if not taken.templates:
        raise ConfigError("none of the examples can be taken, so nothing is written")
    kept = taken.templates if n_chosen is None else choose(taken.templates, n_chosen)
    bank = make_bank(kept, spec, name=_name(name, out), provenance=_provenance(inputs))
    write_bank(bank, out)
    _show(kept, len(taken.templates))
    _tell_labels(kept, labels)
    if taken.n_repeated:
        click.echo(f"{taken.n_repeated} example(s) show a shot that was taken already, and count once")
    if image is not None:
        _draw(bank, image)
    click.echo(f"The detector {bank.name} is in {out}")
    return _SOME_SKIPPED if skipped else 0


def _name(name: str | None, out: Path) -> str:
    from ndoki.core.errors import ConfigError

    chosen = (out.stem if name is None else name).strip()
    if not chosen or not chosen.isprintable():
        raise ConfigError(f"--name {name!r}: expected some text in one line")
    return chosen


def _check_places(out: Path, image: Path | None, overwrite: bool) -> None:
    """Before anything is read."""
    from ndoki.core.errors import ConfigError, OutputError

    for place, ending in ((out, ".npz"), (image, ".png")):
        if place is None:
            continue
        if place.suffix.lower() != ending:
            raise ConfigError(f"{place}: expected a name that ends in {ending}")
        if place.is_dir() or (place.exists() and not overwrite):
            raise OutputError(f"{place} is there already; give another name, or --overwrite to replace it")


def _provenance(inputs: Sequence[str]) -> str:
    """Names only: a path could say where a recorder hangs."""
    import json
    from importlib.metadata import version

    given = [Path(one).name for one in inputs]
    return json.dumps({"made_by": f"ndoki {version('ndoki')} templates", "given": given}, ensure_ascii=False)


def _with_bar(shots: "Sequence[Shot]") -> "Iterator[Shot]":
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(shots, "Listening", console=console, transient=True, disable=not console.is_terminal)


def _tell_skipped(skipped: "Sequence[Skipped]") -> None:
    for one in skipped:
        reason = one.reason.removeprefix(f"{one.what}: ")
        click.echo(f"ndoki: skipped {one.what}: {reason}", err=True)


def _tell_labels(kept: "Sequence[Template]", labels: Sequence[str]) -> None:
    """Thunder in the same table is no example of a shot."""
    counts = Counter(one.shot.label or "blank" for one in kept)
    if len(counts) > 1 and not labels:
        told = ", ".join(f"{label} ({n})" for label, n in counts.items())
        click.echo(f"The examples have several labels: {told}; --label takes only some")


def _show(kept: "Sequence[Template]", n_taken: int) -> None:
    from ndoki.cli.progress import show_tables
    from ndoki.detectors.template.cut import likenesses
    from ndoki.tables.summary import TextTable

    rows = tuple(
        (
            one.shot.source,
            f"{one.onset_s:.2f}",
            f"{one.duration_s:.2f}",
            f"{one.low_hz:.0f}–{one.high_hz:.0f}",
            f"{one.rise_db:.1f}",
            "" if likeness is None else f"{likeness:.2f}",
        )
        for one, likeness in zip(kept, likenesses(kept), strict=True)
    )
    columns = ("file", "start (s)", "duration (s)", "band (Hz)", "rise (dB)", "score by the others")
    chosen = f", chosen from {n_taken}" if n_taken > len(kept) else ""
    show_tables([TextTable(title=f"{len(kept)} template(s){chosen}", columns=columns, rows=rows)])


def _draw(bank: "TemplateBank", path: Path) -> None:
    import numpy as np

    from ndoki.tables.tiles import Tile, write_tiles

    bands_hz = bank.mel.centres_hz
    tiles = [
        Tile(
            title=name,
            levels_db=patch.astype(np.float32),
            box=(
                bank.onset_frame,
                bank.onset_frame + duration_s / bank.mel.grid.hop_s,
                float(np.searchsorted(bands_hz, low_hz)),
                float(np.searchsorted(bands_hz, high_hz)),
            ),
        )
        for name, patch, duration_s, low_hz, high_hz in zip(
            bank.names, bank.patches, bank.duration_s, bank.low_hz, bank.high_hz, strict=True
        )
    ]
    write_tiles(path, tiles)
    click.echo(f"A picture of the templates is {path}")
