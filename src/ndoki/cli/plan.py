"""``ndoki plan``: what a run will take, before it is begun."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ndoki.batch.estimate import Interval
    from ndoki.batch.plan import Plan

__all__ = ["plan"]

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@click.command(short_help="Say what a run will take, before it is begun.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Machines like this one that share the work.",
)
@click.option(
    "--cost-per-hour", type=click.FloatRange(min=0), metavar="X", help="Of one machine, in any currency."
)
@click.option(
    "--sample-s",
    type=click.FloatRange(0, 30, min_open=True),
    default=20.0,
    show_default=True,
    metavar="S",
    help="Seconds that measuring may take.",
)
@click.option("--detector", default="gunshot", show_default=True, metavar="NAME|FILE", help="As for detect.")
@click.option("--threshold", type=click.FloatRange(0, 1, min_open=True), metavar="X", help="As for detect.")
@click.option("--operating-point", type=click.Choice(["review", "balanced", "alert"]), help="As for detect.")
@click.option("--min-score", type=click.FloatRange(0, 1, min_open=True), metavar="X", help="As for detect.")
@click.option("--format", "formats", default="csv,raven", show_default=True, help="As for detect.")
@click.option("--images", is_flag=True, help="As for detect.")
@click.option("--clips", is_flag=True, help="As for detect.")
@click.option("--channel", type=click.IntRange(min=1), metavar="N", help="As for detect.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="As for detect.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(
    inputs: tuple[str, ...],
    workers: int,
    cost_per_hour: float | None,
    sample_s: float,
    detector: str,
    threshold: float | None,
    operating_point: str | None,
    min_score: float | None,
    formats: str,
    images: bool,
    clips: bool,
    channel: int | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Say what `ndoki detect` with the same options will take: time, cost and space.

    Headers of the files are read, and stretches drawn at random are heard, half a minute together at most.
    Nothing is written. What is not counted is an interval that holds 95 times of 100.

    INPUT is a sound file, or a folder that is walked to the bottom.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.audio.storage import find_recordings
    from ndoki.batch.memory import keep_freed_memory
    from ndoki.batch.plan import make_plan
    from ndoki.batch.processes import hearing_processes
    from ndoki.cli.detect import job_of, order_of
    from ndoki.cli.progress import show_tables
    from ndoki.tables.summary import TextTable

    keep_freed_memory()
    job, wanted = job_of(
        threshold=threshold,
        operating_point=operating_point,
        min_score=min_score,
        detector=detector,
        formats=formats,
        channel=channel,
        unit_s=None,
        jobs=jobs,
    )
    # Shards go by the whole path, which is what detect sees.
    named = [one if "://" in one else os.path.abspath(one) for one in inputs]  # noqa: PTH100
    with hearing_processes(named, job.jobs) as processes:
        processes.take(order_of(job, detector), wait=True)
        found = make_plan(
            find_recordings(named),
            job,
            wanted.tables,
            most_s=sample_s,
            n_workers=workers,
            cost_per_hour=cost_per_hour,
            images=images,
            clips=clips,
            processes=processes,
        )
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
        return
    table = TextTable(title="Plan", columns=("what", "expected", "basis"), rows=_rows(found))
    show_tables([table])


def _rows(found: "Plan") -> tuple[tuple[str, str, str], ...]:
    seen = "all headers" if found.n_files_seen == found.n_files else f"headers of {found.n_files_seen}"
    bad = f"; {found.n_files_bad} of them cannot be heard" if found.n_files_bad else ""
    trial = f"{found.n_trials} stretches, {found.trial_hours:.2f} h, heard in {found.trial_wall_s:.1f} s"
    unheard = f"; {found.n_trial_failures} others cannot be read" if found.n_trial_failures else ""
    pace = _span(found.seconds_per_hour, lambda value: f"{value:.2f}")
    rate = _span(found.events_per_hour, lambda value: f"{value:.3g}")
    rows = [
        ("files", f"{found.n_files}", seen + bad),
        ("hours of sound", _span(found.hours, lambda value: f"{value:.1f}"), seen),
        ("to read", _span(found.n_bytes, _bytes), seen),
        ("seconds per hour of sound", pace, f"{trial}, {found.jobs} jobs{unheard}"),
        ("time on this machine", _span(found.seconds_here, _time), f"reads {_bytes(found.bytes_per_s)}/s"),
    ]
    if found.n_workers > 1:
        together = _bytes(found.bytes_per_s * found.n_workers)
        basis = (
            f"--shard gives one of them {found.largest_shard_share:.1%} of the sound; storage has to deliver "
            f"{together}/s to all"
        )
        rows.append((f"time on {found.n_workers} machines", _span(found.seconds_on_workers, _time), basis))
    if found.cost is not None:
        basis = f"{found.n_workers} machine(s) until the last is done"
        rows.append(("cost", _span(found.cost, lambda value: f"{value:.2f}"), basis))
    in_trial = f"{found.n_trial_events} found for trial: {rate} per hour"
    rows.append(("events", _span(found.n_events, lambda value: f"{value:.0f}"), in_trial))
    basis = (
        f"{_bytes(found.bytes_per_event)} per event, {_bytes(found.bytes_per_file)} per file, and the ledger"
    )
    rows.append(("output", _span(found.n_output_bytes, _bytes), basis))
    return tuple(rows)


def _span(interval: "Interval", shown: Callable[[float], str]) -> str:
    low, likely, high = (shown(value) for value in (interval.low, interval.likely, interval.high))
    return likely if low == high else f"{likely} ({low} to {high})"


def _bytes(value: float) -> str:
    """Three digits and a unit of a power of 1000."""
    power = 0
    while value >= 999.5 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {_UNITS[power]}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"
