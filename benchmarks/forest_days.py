"""Simulated recordings of forests never trained on, what a detector finds in them, and what is true.

Every recording is another forest, recorder and background, from the simulator's preset TEST with the near
shots of split ``val`` as sources and look-alikes of split ``val`` beside the synthetic ones. Backgrounds take
turns: a synthetic forest; recorded forest and river (``val``); and the Belize backgrounds (``val``), which
had already fooled an on-device trigger, so that false alarms there are those of look-alikes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ndoki.audio.recording import describe
from ndoki.core.types import Event
from ndoki.datasets.manifest import FIELD_LABEL, Clip, read_manifest
from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.measured import NearShots, load_near_shots
from ndoki.datasets.simulate.ranges import TEST, SimulationRanges
from ndoki.datasets.simulate.schedule import Rates
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import operating_points
from ndoki.evaluation.columns import recording_key
from ndoki.evaluation.material import Material, complete, rows_of_label
from ndoki.events.pick import Picker
from ndoki.scan import scan
from ndoki.tables.recognise import read_table
from ndoki.tables.row import Row

KINDS = ("synthetic forest", "recorded forest and river", "Belize look-alikes")
MIN_SCORE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated: the length of a recording, the world, and how much happens in it."""

    hours: float
    ranges: SimulationRanges
    rates: Rates
    seed: int


CROWDED = Scene(
    hours=1 / 6,
    ranges=replace(TEST, series_share=0.5, series_gap_s=(0.15, 0.7)),
    rates=Rates(hunts_per_hour=40.0, confusers_per_hour=60.0, snr_db=(-6.0, 24.0)),
    seed=7_000,
)
"""Every level and spacing in little sound: far more shots than in any forest, half of the aimed ones in
series."""

USUAL = Scene(hours=1.0, ranges=TEST, rates=Rates(hunts_per_hour=3.0), seed=11_000)
"""As ``ndoki simulate`` draws a day, with fewer hunts: minutes without a shot, 40 look-alikes an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One simulated recording: what was found in it, and what is true."""

    kind: str
    source: str
    hours: float
    events: tuple[Event, ...]
    truth: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a day is made of beside the simulator's own formulas."""

    near_shots: NearShots | None
    backgrounds: Mapping[str, Sequence[Path]]
    confusers: Mapping[Path, str]


def sources_of(data: Path, split: str = "val") -> Sources:
    """Recordings of a split; synthetic sound alone where the data are absent."""
    if not (data / "clips.csv").is_file():
        print(f"{data / 'clips.csv'} is not there: all forests, guns and look-alikes are synthetic")
        return Sources(near_shots=None, backgrounds={KINDS[0]: ()}, confusers={})
    clips = [clip for clip in read_manifest(data / "clips.csv") if clip.split == split]

    def paths(kind: str, is_field: bool = False) -> list[Path]:
        chosen: list[Clip] = [c for c in clips if c.kind == kind and (c.label == FIELD_LABEL) == is_field]
        return [clip.path for clip in chosen]

    return Sources(
        near_shots=load_near_shots(data, split),
        backgrounds={
            KINDS[0]: (),
            KINDS[1]: paths("background"),
            KINDS[2]: paths("background", is_field=True),
        },
        confusers={clip.path: clip.label for clip in clips if clip.kind == "confuser"},
    )


def make_day(index: int, sources: Sources, detector: Detector, work: Path, scene: Scene, jobs: int) -> Day:
    """Simulate a day, and search it."""
    kind = list(sources.backgrounds)[index % len(sources.backgrounds)]
    files = simulate_day(
        work / f"day_{index:03}.wav",
        scene.hours,
        scene.seed + index,
        ranges=scene.ranges,
        rates=scene.rates,
        near_shots=sources.near_shots,
        backgrounds=sources.backgrounds[kind],
        confuser_files=list(sources.confusers),
    )
    recording = describe(str(files.sound))
    review = operating_points(detector).get("review", MIN_SCORE)
    events = scan(recording, detector, Picker(threshold=MIN_SCORE, burst_threshold=review), jobs=jobs)
    heard_as = {path.stem: f"{label} (recorded)" for path, label in sources.confusers.items()}
    truth = tuple(
        replace(row, file=recording.source, label=heard_as.get(row.label, row.label))
        for row in read_table(files.truth).rows
    )
    hours = recording.duration_s / 3600
    return Day(kind=kind, source=recording.source, hours=hours, events=tuple(events), truth=truth)


def material_of(days: Sequence[Day]) -> Material:
    """What is counted in some days."""
    shots, others = rows_of_label([row for day in days for row in day.truth], ["gunshot"])
    return complete(
        [replace(Row.from_event(event), file=day.source) for day in days for event in day.events],
        shots,
        others,
        hours_by_recording={recording_key(day.source): day.hours for day in days},
    )
