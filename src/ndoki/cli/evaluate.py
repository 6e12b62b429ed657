"""``ndoki evaluate``: how many shots are found, at how many false alarms per hour."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ndoki.cli.evaluation_input import Given, Understood
    from ndoki.evaluation.outcome import Outcome

__all__ = ["evaluate"]

_SEVERAL = ("--truth", "--shot-free")


class _SeveralValues(click.Command):
    """Lets an option take all values up to the next option, so that ``--truth *.csv`` means what it says."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        option = ""
        spread: list[str] = []
        for word in args:
            if word.startswith("-") and word != "-":
                option = word
                if word not in _SEVERAL:
                    spread.append(word)
            else:
                spread += [option, word] if option in _SEVERAL else [word]
        return super().parse_args(ctx, spread)


@click.command(cls=_SeveralValues, short_help="Count shots found and false alarms against the truth.")
@click.argument(
    "detections", nargs=-1, required=True, metavar="DETECTIONS...", type=click.Path(path_type=Path)
)
@click.option(
    "--truth",
    "truths",
    multiple=True,
    required=True,
    metavar="TRUTH...",
    type=click.Path(path_type=Path),
    help="Tables of the true shots.",
)
@click.option(
    "--shot-free", multiple=True, metavar="FILE...", help="Sounds without shots, or folders of them."
)
@click.option(
    "--background-hours",
    type=click.FloatRange(min=0, min_open=True),
    metavar="H",
    help="Recordings that no truth names are free of shots, and H hours long together.",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    metavar="H",
    help="Length of the labelled sound, where it cannot be read.",
)
@click.option(
    "--collar", "collar_s", type=click.FloatRange(min=0), default=0.3, show_default=True, metavar="S"
)
@click.option(
    "--threshold", type=float, metavar="X", help="Score for breakdowns; every event counts without it."
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    default=("gunshot",),
    show_default=True,
    help="What a gunshot is called in the tables; may be repeated. A blank label is a gunshot too.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for report.html and report.json."
)
def evaluate(
    detections: tuple[Path, ...],
    truths: tuple[Path, ...],
    shot_free: tuple[str, ...],
    background_hours: float | None,
    hours: float | None,
    collar_s: float,
    threshold: float | None,
    labels: tuple[str, ...],
    out: Path | None,
) -> None:
    """Count how many true shots DETECTIONS find, and at how many false alarms per hour.

    DETECTIONS and TRUTH are tables: detections.csv or .jsonl, Raven selection tables, Audacity labels, or
    the .truth.csv of a simulation.

    False alarms are counted in the recordings of the truth, which then must be labelled to the end; or, if
    they are not, in recordings without shots: name these with --shot-free, or tell their length with
    --background-hours.
    """
    from ndoki.audio.storage import find_recordings
    from ndoki.cli.evaluation_input import Given, understand

    given = Given(
        detections=detections,
        truths=truths,
        shot_free=tuple(find_recordings(shot_free)) if shot_free else None,
        background_hours=background_hours,
        hours=hours,
        labels=labels,
        collar_s=collar_s,
    )
    understood = understand(given)
    outcome = _outcome(given, understood, threshold)
    notes = [*understood.notes, *_limit(outcome)]
    told = {f"note {i}": note for i, note in enumerate(notes, 1)}
    report = replace(outcome.report, facts={**outcome.report.facts, **told})
    outcome = replace(outcome, report=report)
    _show(outcome)
    if out is not None:
        _write(out, outcome, notes)


def _outcome(given: "Given", understood: "Understood", threshold: float | None) -> "Outcome":
    from ndoki.core.errors import ConfigError
    from ndoki.evaluation.outcome import measure

    if threshold is not None and not math.isfinite(threshold):
        raise ConfigError(f"--threshold {threshold}: expected a finite number, on the scale of the scores")
    material = understood.material
    scores = [*material.detections.score.tolist(), *material.background.score.tolist()]
    lowest = min(scores, default=1.0)
    name = "everything reported" if threshold is None else "the threshold given"
    return measure(
        material,
        title=f"{_names(given.detections)} against {_names(given.truths)}",
        thresholds={name: lowest if threshold is None else threshold},
        facts={"detector": understood.detector},
        collar_s=given.collar_s,
    )


def _limit(outcome: "Outcome") -> list[str]:
    """Where the tables end: below their lowest score nothing is known."""
    curve, rates = outcome.report.curve, outcome.report.recall_by_rate
    reached = float(curve.false_alarms_per_hour[-1])
    if reached >= max(rates) or len(curve.threshold) == 1:
        return []
    return [
        f"the events end at score {curve.threshold[-1]:.3g} with {reached:.3g} false alarms per hour; recall "
        "at higher rates may be better than told: for whole curves detect with a lower threshold"
    ]


def _names(paths: Sequence[Path]) -> str:
    return paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"


def _show(outcome: "Outcome") -> None:
    from ndoki.cli.progress import show_tables
    from ndoki.evaluation.outcome import outcome_tables
    from ndoki.tables.summary import TextTable

    report = outcome.report
    click.echo(report.title)
    for name, fact in report.facts.items():
        click.echo(f"  {name}: {fact}")
    tables = outcome_tables(outcome)
    show_tables([TextTable(title=one.title, columns=one.columns, rows=one.rows) for one in tables])


def _write(out: Path, outcome: "Outcome", notes: Sequence[str]) -> None:
    from ndoki.core.errors import OutputError
    from ndoki.evaluation.outcome import outcome_json
    from ndoki.evaluation.report import report_html
    from ndoki.tables.atomic import write_text

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: the folder for the report cannot be made ({error.strerror})") from error
    write_text(out / "report.json", outcome_json(outcome, notes))
    write_text(out / "report.html", report_html(outcome.report))
    click.echo(f"\nThe report is {out / 'report.html'}")
