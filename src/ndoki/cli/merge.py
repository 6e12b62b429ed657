"""``ndoki merge``: the parts of a run, made by ``ndoki detect --shard``, become one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ndoki.cli.detect import detect
from ndoki.cli.storage_options import storage_options

__all__ = ["merge"]

_SAME = (
    "threshold",
    "operating_point",
    "min_score",
    "exhaustive",
    "detector",
    "formats",
    "channel",
    "unit_s",
)
_SAME_OPTIONS = [one for one in detect.params if one.name in _SAME]


@click.command(short_help="Join the parts of a run.", params=_SAME_OPTIONS)
@click.argument("out", metavar="OUT")
@click.argument("shards", nargs=-1, required=True, metavar="DIR...")
@storage_options
@click.pass_context
def merge(context: click.Context, /, **options: Any) -> None:
    """Join the parts of a run.

    DIR are the --out folders of `ndoki detect --shard 1/n` to `n/n`, OUT is the folder for the tables of
    the whole, which equal those of an undivided run. Give the same options as there. Recordings are not
    opened.
    """
    context.exit(run(**options))


def run(out: str | Path, shards: Sequence[str | Path], **options: Any) -> int:
    """What the command does; returns its exit code. ``options`` are those of `ndoki.cli.detect.job_of`."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.audio.storage import in_order
    from ndoki.batch.ledger import Ledger
    from ndoki.batch.outlet import announce, fetch_ledger, outlet, publish
    from ndoki.batch.shards import SHARD, check_shards, merge_shards
    from ndoki.cli.detect import SOME_FAILED, job_of, settings_of
    from ndoki.cli.results import write_results
    from ndoki.core.errors import ConfigError

    job, wanted = job_of(**options)
    place, parts = outlet(out), [outlet(one) for one in shards]
    if place.folder.resolve() in [one.folder.resolve() for one in parts]:
        raise ConfigError(f"{out} is one of the parts; give another folder for the whole")
    for one in (place, *parts):
        fetch_ledger(one)
    settings, folders = settings_of(job), [one.folder for one in parts]
    sources = in_order(check_shards(folders, settings))
    announce(place)
    # Under a setting of its own, so that an unfinished run in OUT is refused instead of overwritten.
    with Ledger.begun(place.folder, settings | {SHARD: "to be merged"}, sources) as ledger:
        merge_shards(ledger, folders, sources)
        n_failed = write_results(place.folder, ledger, job, wanted, is_whole=True)
        ledger.done()
        ledger.set(SHARD, "1/1")
    publish(place)
    return SOME_FAILED if n_failed else 0
