"""``ndoki simulate``: a day of forest with shots, and the truth about it."""

from pathlib import Path

import click

__all__ = ["simulate"]

_SOUNDS = {".wav", ".flac", ".ogg", ".mp3", ".w64", ".rf64"}


@click.command(short_help="Write recordings with simulated shots and their truth.")
@click.argument("out_wav", type=click.Path(dir_okay=False, path_type=Path), default=Path("simulated.wav"))
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=24.0, show_default=True)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Equal seeds, equal bytes."
)
@click.option(
    "--rate", "rate_hz", type=click.IntRange(2000, 48000), default=8000, show_default=True, help="Hz."
)
@click.option(
    "--world",
    type=click.Choice(["train", "test"]),
    default="train",
    show_default=True,
    help="Which ranges to draw forests from; the two do not overlap.",
)
@click.option(
    "--near-shots",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Data folder whose near shots serve as sources beside the formulas (holds clips.csv).",
)
@click.option("--split", type=click.Choice(["train", "val"]), default="train", show_default=True)
@click.option(
    "--background",
    "backgrounds",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Recorded background, a file or a folder; may be repeated. Without it a synthetic forest sounds.",
)
@click.option(
    "--confuser",
    "confusers",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Recorded look-alike, a file or a folder; may be repeated.",
)
@click.option("--hunts-per-hour", type=click.FloatRange(min=0), default=8.0, show_default=True)
@click.option("--confusers-per-hour", type=click.FloatRange(min=0), default=40.0, show_default=True)
def simulate(
    out_wav: Path,
    hours: float,
    seed: int,
    rate_hz: int,
    world: str,
    near_shots: Path | None,
    split: str,
    backgrounds: tuple[Path, ...],
    confusers: tuple[Path, ...],
    hunts_per_hour: float,
    confusers_per_hour: float,
) -> None:
    """Write OUT_WAV, a simulated recording, with OUT_WAV's .truth.csv and .settings.json beside it.

    The truth table has one row per shot (onset, end, weapon, distance, burst, level over the background)
    and one per look-alike.
    """
    from rich.console import Console
    from rich.progress import Progress

    from ndoki.datasets.simulate.day import simulate_day
    from ndoki.datasets.simulate.measured import load_near_shots
    from ndoki.datasets.simulate.ranges import TEST, TRAIN
    from ndoki.datasets.simulate.schedule import Rates

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("simulating", total=1.0)
        files = simulate_day(
            out_wav,
            hours,
            seed,
            rate_hz,
            {"train": TRAIN, "test": TEST}[world],
            rates=Rates(hunts_per_hour=hunts_per_hour, confusers_per_hour=confusers_per_hour),
            near_shots=None if near_shots is None else load_near_shots(near_shots, split),
            backgrounds=_sounds(backgrounds),
            confuser_files=_sounds(confusers),
            on_progress=lambda share: bar.update(task, completed=share),
        )
    for path in (files.sound, files.truth, files.settings):
        click.echo(path)


def _sounds(places: tuple[Path, ...]) -> list[Path]:
    """The files given, and all sounds in and below the folders given, in a fixed order."""
    found: list[Path] = []
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        found += [path for path in inside if path.suffix.lower() in _SOUNDS or path == place]
    return found
