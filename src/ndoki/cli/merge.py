"""``ndoki merge``: the parts of a run, made by ``ndoki detect --shard``, become one."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ndoki.cli.detect import detect

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
@click.argument("out", type=click.Path(path_type=Path), metavar="OUT")
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.pass_context
def merge(context: click.Context, /, **options: Any) -> None:
    """Join the parts of a run.

    DIR are the --out folders of `ndoki detect --shard 1/n` to `n/n`, OUT is the folder for the tables of
    the whole, which equal those of an undivided run. Give the same options as there. Recordings are not
    opened.
    """
    context.exit(run(**options))


def run(out: Path, shards: Sequence[Path], **options: Any) -> int:
    """What the command does; returns its exit code. ``options`` are those of `ndoki.cli.detect.job_of`."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.audio.storage import in_order
    from ndoki.batch.ledger import Ledger
    from ndoki.batch.shards import SHARD, check_shards, merge_shards
    from ndoki.cli.detect import SOME_FAILED, job_of, settings_of
    from ndoki.cli.results import write_results
    from ndoki.core.errors import ConfigError

    job, wanted = job_of(**options)
    if out.resolve() in [one.resolve() for one in shards]:
        raise ConfigError(f"{out} is one of the parts; give another folder for the whole")
    settings = settings_of(job)
    sources = in_order(check_shards(shards, settings))
    # Under a setting of its own, so that an unfinished run in OUT is refused instead of overwritten.
    with Ledger.begun(out, settings | {SHARD: "to be merged"}, sources) as ledger:
        merge_shards(ledger, shards, sources)
        n_failed = write_results(out, ledger, job, wanted, is_whole=True)
        ledger.done()
        ledger.set(SHARD, "1/1")
    return SOME_FAILED if n_failed else 0
