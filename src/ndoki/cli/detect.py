"""``ndoki detect``: find gunshots in recordings, and write what analysts open."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ndoki.batch.run import Failure, Heard, Job
    from ndoki.core.types import Event
    from ndoki.tables.summary import Summary

__all__ = ["detect"]

SOME_FAILED = 3


@click.command(short_help="Find gunshots in recordings.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for the results."
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True), metavar="X", help="Lowest score of an event."
)
@click.option(
    "--operating-point",
    type=click.Choice(["review", "balanced", "alert"]),
    help="Threshold by how many false alarms per hour of look-alikes are bearable: 10, 1 or 0.1.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    help="Also list events below the threshold, from this score on.",
)
@click.option("--detector", default="gunshot", show_default=True, metavar="NAME|FILE", help="What listens.")
@click.option(
    "--format",
    "formats",
    default="csv,raven",
    show_default=True,
    help="csv, raven, audacity, jsonl: any, by comma.",
)
@click.option("--images", is_flag=True, help="A spectrogram for each 12 s segment with events.")
@click.option("--clips", is_flag=True, help="A WAV around each event.")
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that come without one: Africa/Libreville, +01:00."
)
@click.option("--deployments", metavar="FILE.csv", help="Table of recorders, places and time zones.")
@click.option("--channel", type=click.IntRange(min=1), metavar="N", help="Only this channel; counts from 1.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Cores to use; all by default.")
@click.pass_context
def detect(context: click.Context, /, **options: object) -> None:
    """Find gunshots in recordings.

    INPUT is a sound file, or a folder that is walked to the bottom. Results go to the folder --out:
    detections.csv, bursts.csv, Raven selection tables, summary.json and what else was asked for. Exit code
    3 means that some files could not be heard; the others' results are there.
    """
    context.exit(run(**options))  # type: ignore[arg-type]


def run(
    inputs: Sequence[str],
    out: Path,
    threshold: float | None = None,
    operating_point: str | None = None,
    min_score: float | None = None,
    detector: str = "gunshot",
    formats: str = "csv,raven",
    images: bool = False,
    clips: bool = False,
    timezone: str | None = None,
    deployments: str | None = None,
    channel: int | None = None,
    jobs: int | None = None,
) -> int:
    """What the command does; returns its exit code."""
    # A block per core is faster than several cores per matrix product; said before numpy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.audio.storage import find_recordings
    from ndoki.batch.run import Job
    from ndoki.core.deployments import read_deployments
    from ndoki.core.zones import parse_zone
    from ndoki.detectors.registry import load_detector
    from ndoki.events.bursts import with_bursts
    from ndoki.events.pick import Picker
    from ndoki.tables.bursts import write_bursts
    from ndoki.tables.registry import table_format

    wanted = [table_format(name.strip()) for name in formats.split(",") if name.strip()]
    listener = load_detector(detector)
    limit = _threshold(listener, threshold, operating_point)
    job = Job(
        detector=listener,
        picker=Picker(threshold=min(limit, min_score or limit)),
        timezone=parse_zone(timezone) if timezone else None,
        deployments=read_deployments(deployments) if deployments else None,
        channel=None if channel is None else channel - 1,
        jobs=jobs or os.cpu_count() or 1,
    )
    results = Path(_absolute(str(out)))
    # A second run over the same folder must not take the first one's clips for recordings.
    sources = [
        one for one in find_recordings([_absolute(one) for one in inputs]) if results not in Path(one).parents
    ]
    _make_folder(out)
    began = time.monotonic()
    heard, failed = _listen(sources, job)
    recordings = [one.recording for one in heard]
    found = [event for one in heard for event in one.events]
    sure = with_bursts([event for event in found if event.score >= limit])
    # Events between --min-score and the threshold stand in the tables and count nowhere else.
    in_order = iter(sure)
    events = [next(in_order) if event.score >= limit else event for event in found]
    for table in wanted:
        table.write(out, events, recordings)
        if table.name == "csv":
            write_bursts(out / "bursts.csv", sure)
    _write_sounds(out, heard, limit, images=images, clips=clips)
    summary = _summary(sure, heard, failed, job, limit, time.monotonic() - began)
    _close(out, summary)
    return SOME_FAILED if failed else 0


def _absolute(source: str) -> str:
    """Raven opens a table's sounds by path, from whatever folder it was started in."""
    return source if "://" in source else os.path.abspath(source)  # noqa: PTH100


def _threshold(detector: object, threshold: float | None, point: str | None) -> float:
    from ndoki.core.errors import ConfigError
    from ndoki.detectors.registry import operating_points

    if threshold is not None and point is not None:
        raise ConfigError("give one of --threshold and --operating-point, not both")
    if threshold is not None:
        return threshold
    points = operating_points(detector)  # type: ignore[arg-type]
    if point is not None and point not in points:
        raise ConfigError(
            f"this detector has no operating point {point!r} (it has {', '.join(points) or 'none'}); "
            "give --threshold instead"
        )
    return points.get(point or "review", 0.5)


def _make_folder(out: Path) -> None:
    from ndoki.core.errors import OutputError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: the folder for the results cannot be made ({error.strerror})") from error


def _listen(sources: Sequence[str], job: "Job") -> "tuple[list[Heard], list[Failure]]":
    from ndoki.batch.run import Failure, hear_all
    from ndoki.cli.progress import listening

    heard: list[Heard] = []
    failed: list[Failure] = []
    with listening(sources) as bar:
        for result in hear_all(sources, job, bar.advance):
            if isinstance(result, Failure):
                failed.append(result)
            else:
                heard.append(result)
            bar.finished(result)
    return heard, failed


def _write_sounds(out: Path, heard: "Sequence[Heard]", limit: float, *, images: bool, clips: bool) -> None:
    from ndoki.audio.reader import open_samples
    from ndoki.tables.clips import write_clips
    from ndoki.tables.images import write_images
    from ndoki.tables.layout import mirrored_names

    if not images and not clips:
        return
    names = mirrored_names([one.recording.source for one in heard])
    for one, name in zip(heard, names, strict=True):
        events = [event for event in one.events if event.score >= limit]
        if not events:
            continue
        with open_samples(one.recording.source) as samples:
            if images:
                write_images(out / "images", name, one.recording, events, samples.read)
            if clips:
                write_clips(out / "clips", name, one.recording, events, samples.read)


def _summary(
    events: "Sequence[Event]",
    heard: "Sequence[Heard]",
    failed: "Sequence[Failure]",
    job: "Job",
    limit: float,
    wall_s: float,
) -> "Summary":
    from importlib.metadata import version

    from ndoki.tables.summary import FailedFile, summarise

    return summarise(
        events,
        [one.recording for one in heard],
        detector=job.detector.id,
        threshold=limit,
        wall_s=wall_s,
        failed=[FailedFile(file=one.source, reason=one.reason) for one in failed],
        versions={
            "ndoki": version("ndoki"),
            "onnxruntime": version("onnxruntime"),
            "python": sys.version.split()[0],
        },
    )


def _close(out: Path, summary: "Summary") -> None:
    from ndoki.cli.progress import show_tables
    from ndoki.tables.summary import terminal_tables, write_summary

    write_summary(out / "summary.json", summary)
    show_tables(terminal_tables(summary))
    click.echo(f"Results are in {out}")
