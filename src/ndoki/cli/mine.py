"""``ndoki mine``: find false alarms and show them, then train on those that a person lets pass."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ndoki.cli.detect import SOME_FAILED
from ndoki.cli.training_options import go_on_option

if TYPE_CHECKING:
    from ndoki.batch.run import Heard
    from ndoki.curation.additions import Earlier
    from ndoki.curation.candidates import Mined
    from ndoki.curation.mining import Hearing
    from ndoki.curation.shot_free import ShotFree

__all__ = ["REFUSED", "mine"]

REFUSED = 4
_LOG = "mine.log"


@click.command(short_help="Learn from false alarms in shot-free sound.")
@click.argument("inputs", nargs=-1, metavar="[SHOT_FREE_SOUND...]")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder of this round."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("../shared/data/clips.csv"),
    show_default=True,
    help="Manifest of the labelled clips; what it keeps for validation is not mined.",
)
@click.option("--detector", default="gunshot", show_default=True, metavar="NAME|FILE", help="What listens.")
@click.option(
    "--folds-from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Networks of a cross-validation: each clip of the manifest is heard by the one that left it out.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.05,
    show_default=True,
    help="Lowest score of a false alarm.",
)
@click.option(
    "--keep", type=click.IntRange(min=1), default=200, show_default=True, help="At most so many clips."
)
@click.option(
    "--per-hour",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most so many of one hour.",
)
@click.option(
    "--earlier",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="clips.csv",
    help="An earlier round: what it holds is not new any more. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be kept; write nothing.")
@click.option(
    "--retrain",
    type=click.Path(path_type=Path),
    metavar="RECIPE.toml",
    help="Second step: train on the mined clips that the recipe names, compare, keep or refuse.",
)
@go_on_option(
    "With --retrain: the network to go on from and to compare with, of the recipe that RECIPE.toml "
    "continues. Its verifier is kept. Without it that network comes from --cache, or is trained."
)
@click.option(
    "--out-network",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where a network that is kept goes.",
)
@click.option(
    "--recall",
    "recalls",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Where false alarms are compared; may be repeated. By default 0.90, 0.95 and 0.98.",
)
@click.option("--cache", type=click.Path(path_type=Path), default=Path("build/train"), show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Cores to use; all by default.")
@click.pass_context
def mine(context: click.Context, /, inputs: tuple[str, ...], retrain: Path | None, **options: object) -> None:
    """Learn from what a detector wrongly reports in shot-free sound, in two steps.

    \b
    ndoki mine SHOT_FREE_SOUND... --out DIR
    ndoki mine --retrain RECIPE.toml --go-on NETWORK.onnx --out DIR --out-network FILE

    The first writes DIR/clips.csv with a clip for each false alarm that is worth learning from, and pictures
    of them. Look at these, and write "shot" into the column "verdict" where there is one. The second trains
    on the others, compares the new network with the one that it goes on from, on validation clips, and
    writes it to FILE unless it is worse: then the exit code is 4.

    SHOT_FREE_SOUND is a sound file, a folder, or a manifest, of which the training backgrounds are taken.
    """  # noqa: D301 -- click's own mark for lines that stay as they are
    # One thread per matrix product: several work side by side. Said before numpy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if retrain is not None and inputs:
        raise click.UsageError("--retrain takes no sound: it learns from the clips that its recipe names")
    if retrain is None and options["begun"] is not None:
        raise click.UsageError(
            "--go-on says what --retrain goes on from; what listens is named by --detector"
        )
    if retrain is None and not inputs:
        raise click.UsageError("name shot-free sound to find false alarms in, or --retrain RECIPE.toml")
    if retrain is None:
        context.exit(_find(inputs, **options))  # type: ignore[arg-type]
    context.exit(_retrain(retrain, **options))  # type: ignore[arg-type]


def _find(
    inputs: Sequence[str],
    *,
    out: Path,
    data: Path,
    detector: str,
    folds_from: Path | None,
    min_score: float,
    keep: int,
    per_hour: int,
    earlier: Sequence[Path],
    dry_run: bool,
    jobs: int | None,
    **_unused: object,
) -> int:
    """First step; returns the exit code."""
    from tempfile import TemporaryDirectory

    from ndoki.curation.additions import read_round
    from ndoki.curation.candidates import looks_of_clips, ranked
    from ndoki.curation.diversity import ChoiceRules
    from ndoki.curation.mining import false_alarms_in
    from ndoki.curation.shot_free import shot_free_sounds

    rounds = [read_round(path) for path in earlier]
    known = [vector for one in rounds for vector in looks_of_clips(one.clips)]
    sounds = [s for s in shot_free_sounds(inputs, data) if out.absolute() not in Path(s.source).parents]
    with TemporaryDirectory() as nowhere:
        folder = Path(nowhere) if dry_run else out
        hearings = _hearings(sounds, folder, detector, folds_from, min_score, jobs)
        heard, failures = _heard(hearings)
    alarms = false_alarms_in(heard, sounds)
    mined = ranked(alarms, ChoiceRules(n_keep=keep, n_per_hour=per_hour), known)
    hours = sum(one.recording.duration_s * one.recording.n_channels for one in heard) / 3600
    report = [
        f"heard {len(heard)} sounds, {hours:.2f} h, with "
        + ", ".join(f"{one.job.detector.id.name} {one.job.detector.id.digest[:12]}" for one in hearings),
        f"{len(alarms)} false alarms from score {min_score:g} on",
        *_counted(mined),
    ]
    if not dry_run:
        report += _written(out, mined, rounds)
    _tell(None if dry_run else out, report)
    return SOME_FAILED if failures else 0


def _hearings(
    sounds: "Sequence[ShotFree]",
    folder: Path,
    detector: str,
    folds_from: Path | None,
    min_score: float,
    jobs: int | None,
) -> "list[Hearing]":
    from ndoki.batch.run import Job
    from ndoki.curation.mining import Hearing, by_folds, load_folds
    from ndoki.detectors.registry import load_detector
    from ndoki.events.pick import Picker

    picker, n_jobs = Picker(threshold=min_score, completes_bursts=False), jobs or os.cpu_count() or 1
    if folds_from is not None:
        return by_folds(sounds, load_folds(folds_from), folder, picker, n_jobs)
    job = Job(detector=load_detector(detector), picker=picker, jobs=n_jobs)
    return [Hearing(folder=folder, job=job, sounds=tuple(sounds))]


def _heard(hearings: "Sequence[Hearing]") -> "tuple[list[Heard], int]":
    """What was heard, and how many files could not be; each of these is named."""
    from ndoki.batch.run import Failure
    from ndoki.cli.progress import listening
    from ndoki.curation.mining import hear

    heard: list[Heard] = []
    failures: list[Failure] = []
    with listening([source for one in hearings for source in one.sources]) as bar:
        for one in hearings:
            for result in hear(one, heard):
                bar.finished(result)
                if isinstance(result, Failure):
                    failures.append(result)
    for failure in failures:
        click.echo(f"ndoki: {failure.reason}", err=True)
    return heard, len(failures)


def _counted(mined: "Sequence[Mined]") -> list[str]:
    from collections import Counter

    from ndoki.curation.diversity import KEPT

    why = Counter(one.choice.why for one in mined)
    groups = {one.alarm.group for one in mined if one.choice.rank}
    left_out = ", ".join(f"{n} ({reason})" for reason, n in why.most_common() if reason != KEPT)
    return [f"{why[KEPT]} kept, of {len(groups)} groups; left out: {left_out or 'none'}"]


def _written(out: Path, mined: "Sequence[Mined]", rounds: "Sequence[Earlier]") -> list[str]:
    """Write what a person looks at and what training reads; returns what to do next."""
    from datetime import UTC, datetime

    from ndoki.curation.additions import read_round, write_clips, write_ranking
    from ndoki.curation.contact_sheet import Thumbnail, write_sheets

    table = out / "clips.csv"
    kept = [one for one in mined if one.choice.rank]
    verdicts = read_round(table).verdicts if table.exists() else {}
    number = 1 + max((one.number for one in rounds), default=0)
    clips = write_clips(out, kept, number=number, mined_at=datetime.now(UTC), verdicts=verdicts)
    write_ranking(out / "mined.csv", mined)
    thumbnails = [
        Thumbnail(
            path=path,
            onset_s=one.onset_in_clip_s,
            title=f"{one.choice.rank}   score {one.alarm.event.score:.2f}   novelty {one.choice.novelty:.2f}",
        )
        for path, one in zip(clips, kept, strict=True)
    ]
    sheets = write_sheets(out, thumbnails)
    if not kept:
        return [f"no false alarm to learn from; {table} holds its header alone"]
    return [
        f"pictures: {', '.join(map(str, sheets))}",
        f'look at them, and write "shot" (or "unsure") into the column verdict of {table} where there is one',
        "then: ndoki mine --retrain recipes/gunshot-mined.toml --go-on NETWORK.onnx "
        f"--out {out} --out-network FILE",
    ]


def _retrain(
    recipe: Path,
    *,
    out: Path,
    data: Path,
    begun: Path | None,
    out_network: Path | None,
    recalls: Sequence[float],
    cache: Path,
    jobs: int | None,
    **_unused: object,
) -> int:
    """Second step; returns the exit code."""
    import json

    from ndoki.cli.train import require_training
    from ndoki.tables.atomic import write_bytes, write_text

    require_training()
    from ndoki.curation.retraining import retrain
    from ndoki.curation.verdict import RECALLS
    from ndoki.training.recipe import read_recipe
    from ndoki.training.run import Start, Workplace

    settings = read_recipe(recipe)
    start = None if begun is None else Start.read(begun, settings)
    place = Workplace(manifest=data, cache=cache, n_processes=jobs or os.cpu_count() or 1)
    with _logged_in(out / _LOG):
        result = retrain(settings, place, out, recalls or RECALLS, start=start)
    write_text(out / "verdict.json", json.dumps(result.verdict.to_dict(), indent=2) + "\n")
    click.echo(result.verdict.sentence)
    if not result.verdict.is_kept:
        return REFUSED
    if out_network is not None:
        write_bytes(out_network, result.network.read_bytes())
        again = f"ndoki train {recipe}" if begun is None else f"ndoki train {recipe} --go-on {begun}"
        click.echo(
            f"wrote {out_network}; its scores are not calibrated and it has no operating points: "
            f"`{again} --folds-from DIR` gives it both"
        )
    return 0


@contextmanager
def _logged_in(path: Path) -> Iterator[None]:
    """What training says goes to the terminal and to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form, time_form = "%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"
    logging.basicConfig(format=form, datefmt=time_form)
    log, handler = logging.getLogger("ndoki"), logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(form, time_form))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


def _tell(out: Path | None, lines: Sequence[str]) -> None:
    """To the terminal and, with its time, to the log of the round."""
    for line in lines:
        click.echo(line)
    if out is not None:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        with (out / _LOG).open("a", encoding="utf-8") as log:
            log.writelines(f"{now} {line}\n" for line in lines)
