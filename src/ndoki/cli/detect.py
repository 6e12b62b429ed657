"""``ndoki detect``: find gunshots in recordings, and write what analysts open."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ndoki.cli.storage_options import storage_options

if TYPE_CHECKING:
    from ndoki.batch.hands import Hands
    from ndoki.batch.incoming import Incoming
    from ndoki.batch.ledger import Ledger
    from ndoki.batch.order import Order
    from ndoki.batch.processes import Processes
    from ndoki.batch.run import Job
    from ndoki.cli.results import Wanted

__all__ = ["INTERRUPTED", "SOME_FAILED", "detect", "job_of", "order_of", "run", "settings_of"]

SOME_FAILED, INTERRUPTED = 3, 130


@click.command(short_help="Find gunshots in recordings.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", required=True, metavar="DIR", help="Folder for the results.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True), metavar="X", help="Lowest score of an event."
)
@click.option(
    "--operating-point",
    type=click.Choice(["review", "balanced", "alert"]),
    help="Threshold by how many false alarms per hour of look-alikes are bearable: 10, 1 or next to none.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="X",
    help="Also list events below the threshold, from this score on.",
)
@click.option(
    "--exhaustive",
    is_flag=True,
    help="Let the network listen to everything, also where its gate hears nothing begin.",
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
    "--weapons",
    metavar="LIST",
    help="Which are carried there, by comma: automatic, rifle, shotgun; all three by default.",
)
@click.option(
    "--timezone", metavar="ZONE", help="Zone of times that come without one: Africa/Libreville, +01:00."
)
@click.option("--deployments", metavar="FILE.csv", help="Table of recorders, places and time zones.")
@click.option("--channel", type=click.IntRange(min=1), metavar="N", help="Only this channel; counts from 1.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Cores to use; all by default.")
@click.option(
    "--cluster",
    metavar="WHERE",
    help="Hear on a Dask cluster: tcp://HOST:PORT, local[:N], or a file that says where it is.",
)
@click.option(
    "--shard",
    default="1/1",
    metavar="I/N",
    help="Hear only part I of N, on one of N machines; join them by `ndoki merge`.",
)
@click.option(
    "--restart", is_flag=True, help="Begin anew; the results in --out are moved aside, to DIR.before-1."
)
@click.option("--unit-s", type=click.FloatRange(0, min_open=True), hidden=True)
@storage_options
@click.pass_context
def detect(context: click.Context, /, **options: Any) -> None:
    """Find gunshots in recordings.

    INPUT is a sound file, or a folder that is walked to the bottom; on this computer, or at an address
    (az://, abfs://, s3://, gs://, https://), as --out may be. Results go to the folder --out:
    detections.csv, bursts.csv, Raven selection tables, summary.json and what else was asked for. Exit code
    3 means that some files could not be heard; the others' results are there.

    A run that was stopped or killed goes on where it was when the same command is given again.
    """
    context.exit(run(**options))


def run(inputs: Sequence[str], out: str | Path, *, cluster: str | None = None, **options: Any) -> int:
    """What the command does; returns its exit code. ``options`` are those of `_run` and `job_of`."""
    # A block per core is faster than several cores per matrix product; said before numpy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ndoki.batch.processes import hearing_processes

    jobs = options.get("jobs") or os.cpu_count() or 1
    # Others begin while this process does.
    with hearing_processes(() if cluster else inputs, jobs) as processes:
        return _run(inputs, out, cluster, processes, **options)


def _run(
    inputs: Sequence[str],
    out: str | Path,
    cluster: str | None,
    processes: "Processes",
    *,
    shard: str = "1/1",
    restart: bool = False,
    **options: Any,
) -> int:
    from ndoki.batch.memory import keep_freed_memory
    from ndoki.batch.outlet import announce, fetch_ledger, outlet, publish
    from ndoki.batch.session import set_aside
    from ndoki.batch.shards import SHARD, parse_shard, shard_of

    keep_freed_memory()
    place = outlet(out)
    job, wanted = job_of(**options)
    hands = _hands(cluster, processes, options, job)
    part, n_parts = parse_shard(shard)
    sources = _sources(inputs, lambda one: not place.holds(one) and shard_of(one, n_parts) == part)
    if restart:
        set_aside(place.folder)
    else:
        fetch_ledger(place)
    _make_folder(place.folder)
    announce(place)
    settings = settings_of(job) | {SHARD: f"{part}/{n_parts}"}
    code = _listened(sources, place.folder, settings, job, wanted, hands)
    if code != INTERRUPTED:
        publish(place)
        if place.url:
            click.echo(f"Copied to {place.url}")
    return code


def _hands(
    cluster: str | None, processes: "Processes", options: dict[str, Any], job: "Job"
) -> "AbstractContextManager[Hands | None]":
    """Who hears: workers of a cluster, once entered; this process and others; or None for this one alone."""
    from ndoki.batch.beside import ThreadsAndProcesses
    from ndoki.core.errors import ConfigError

    name_or_file = options.get("detector", "gunshot")
    if cluster is None:
        if not len(processes):
            return nullcontext()
        processes.take(order_of(job, name_or_file))
        return nullcontext(ThreadsAndProcesses(job.detector, job.picker, job.jobs, processes))
    if options.get("jobs"):
        raise ConfigError("give one of --jobs and --cluster, not both: a cluster has as many as its workers")
    try:
        from ndoki.batch.cluster import hands_of_cluster
    except ImportError as error:
        raise ConfigError(
            f"--cluster needs a package that is not installed ({error.name}): pip install 'ndoki[cluster]'"
        ) from error
    return hands_of_cluster(cluster, name_or_file, job)


def order_of(job: "Job", detector: str = "gunshot") -> "Order":
    """What other processes are told of a job, whose detector was opened from that name or file."""
    from ndoki.audio.access import access
    from ndoki.batch.order import order_for

    return order_for(detector, job.detector, job.picker, access())


def _sources(inputs: Sequence[str], is_wanted: Callable[[str], bool]) -> "list[str] | Incoming":
    """Recordings of a run: all at once where they lie on this computer, as they are found elsewhere."""
    from ndoki.audio.access import is_url
    from ndoki.audio.storage import stream_recordings
    from ndoki.batch.incoming import Incoming

    found = stream_recordings([_absolute(one) for one in inputs])
    if any(map(is_url, inputs)):
        return Incoming(found, is_wanted)
    return [one for some in found for one in some if is_wanted(one)]


def job_of(
    *,
    threshold: float | None = None,
    operating_point: str | None = None,
    min_score: float | None = None,
    detector: str = "gunshot",
    formats: str = "csv,raven",
    channel: int | None = None,
    unit_s: float | None = None,
    exhaustive: bool = False,
    images: bool = False,
    clips: bool = False,
    weapons: str | None = None,
    timezone: str | None = None,
    deployments: str | None = None,
    jobs: int | None = None,
) -> "tuple[Job, Wanted]":
    """What is wanted of each recording, and what is to be written, by the command's options.

    Raises
    ------
    NdokiError
        An option's value cannot be used.
    """
    from ndoki.batch.run import UNIT_S, Job
    from ndoki.cli.results import Wanted
    from ndoki.core.deployments import read_deployments
    from ndoki.core.zones import parse_zone
    from ndoki.detectors.registry import gated_for, load_detector
    from ndoki.events.pick import Picker
    from ndoki.events.weapon import WEAPONS, check_weapons
    from ndoki.tables.registry import table_format

    tables = tuple(table_format(name.strip()) for name in formats.split(",") if name.strip())
    listener = load_detector(detector)
    limit = _threshold(listener, threshold, operating_point)
    least = min(limit, min_score or limit)
    job = Job(
        detector=listener if exhaustive else gated_for(listener, least),
        picker=Picker(threshold=least, burst_threshold=limit),
        timezone=parse_zone(timezone) if timezone else None,
        deployments=read_deployments(deployments) if deployments else None,
        channel=None if channel is None else channel - 1,
        unit_s=unit_s or UNIT_S,
        jobs=jobs or os.cpu_count() or 1,
    )
    carried = check_weapons([one.strip() for one in weapons.split(",")] if weapons else WEAPONS)
    return job, Wanted(tables=tables, limit=limit, images=images, clips=clips, weapons=carried)


def _listened(
    sources: "list[str] | Incoming",
    out: Path,
    settings: dict[str, str],
    job: "Job",
    wanted: "Wanted",
    hands: "AbstractContextManager[Hands | None]",
) -> int:
    """Hear what is left to hear, and write what is known; returns the exit code."""
    from ndoki.batch.ledger import Ledger
    from ndoki.cli.results import write_results
    from ndoki.core.errors import ClusterError

    known = sources if isinstance(sources, list) else None
    with Ledger.begun(out, settings, known) as ledger:
        try:
            _listen(sources, job, ledger, hands)
        except (KeyboardInterrupt, ClusterError) as error:
            ledger.stopped()
            if isinstance(error, ClusterError):
                click.echo(f"ndoki: {error}", err=True)
            click.echo("ndoki: writing what was found so far (Ctrl-C leaves that out)", err=True)
            _put_in_order(sources, ledger)
            write_results(out, ledger, job, wanted.for_now(), is_whole=False)
            click.echo("ndoki: stopped; run the same command again to go on", err=True)
            return INTERRUPTED
        _put_in_order(sources, ledger)
        n_failed = write_results(out, ledger, job, wanted, is_whole=True)
        ledger.done()
    return SOME_FAILED if n_failed else 0


def _listen(
    sources: "list[str] | Incoming",
    job: "Job",
    ledger: "Ledger",
    hands: "AbstractContextManager[Hands | None]",
) -> None:
    from ndoki.batch.run import hear_all
    from ndoki.cli.progress import listening

    n_expected = 0
    with hands as hearing, listening(sources if isinstance(sources, list) else None) as bar:
        bar.advance(ledger.heard_s())
        for result in hear_all(sources, job, ledger, hearing):
            bar.finished(result)
            if not isinstance(sources, list) and n_expected != len(sources.names):
                n_expected = len(sources.names)
                ledger.expect(n_expected)
    if not isinstance(sources, list) and sources.failure is not None:
        raise sources.failure


def _put_in_order(sources: "list[str] | Incoming", ledger: "Ledger") -> None:
    """Recordings were heard in the order in which they were found; tables show them as people sort."""
    from ndoki.audio.storage import in_order

    if not isinstance(sources, list):
        names = sources.names if sources.is_complete else {*ledger.sources(), *sources.names}
        ledger.place(in_order(names))


def settings_of(job: "Job") -> dict[str, str]:
    """What changes what is found, by the name that a user knows it by."""
    from importlib.metadata import version

    return {
        "--detector": f"{job.detector.id.name} {job.detector.id.digest}",
        "the lowest score (--threshold, --operating-point or --min-score)": f"{job.picker.threshold:g}",
        "the score from which bursts are completed (--threshold or --operating-point)": (
            f"{job.picker.sure_score:g}"
        ),
        "--channel": "all" if job.channel is None else f"{job.channel + 1}",
        "the length of a stretch": f"{job.unit_s:g} s",
        "Ndoki's version": version("ndoki"),
    }


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
