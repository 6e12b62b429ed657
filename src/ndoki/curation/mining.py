"""False alarms in shot-free sound: who hears what, and what fires.

A network has learned the very backgrounds that it is trained on, so on them it raises few false alarms and
none that tell of other forests. The networks of a cross-validation have each left some of them out: every
background is then heard by the one that does not know it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ndoki.batch.ledger import Ledger
from ndoki.batch.run import Failure, Heard, Job, Stretch, hear_all, heard_so_far
from ndoki.core.errors import ConfigError, ModelError
from ndoki.core.types import Event
from ndoki.curation.shot_free import ShotFree, group_of
from ndoki.datasets.manifest import fold_of
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import load_detector
from ndoki.evaluation.columns import detections_from_events
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.events.pick import Picker

__all__ = ["FalseAlarm", "Hearing", "by_folds", "false_alarms_in", "hear", "load_folds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarm:
    """A report in shot-free sound. ``group`` names what a clip of it must never be split from."""

    event: Event
    group: str
    sound: ShotFree


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Sounds that one detector hears, and the folder that keeps the ledger of it."""

    folder: Path
    job: Job
    sounds: tuple[ShotFree, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Paths or URLs, in order."""
        return tuple(sound.source for sound in self.sounds)


def load_folds(folder: Path) -> list[Detector]:
    """The networks of a cross-validation, ``NAME-fold0.onnx`` and so on, in order of their folds.

    Raises
    ------
    ModelError
        There are none, or one is missing or damaged.
    """
    paths = sorted(folder.glob("*-fold*.onnx"))
    names = {path.name.rpartition("-fold")[0] for path in paths}
    expected = [folder / f"{name}-fold{k}.onnx" for name in names for k in range(len(paths))]
    if len(paths) < 2 or len(names) != 1 or set(paths) != set(expected):
        raise ModelError(
            f"{folder} holds {', '.join(path.name for path in paths) or 'no networks'}; expected those of "
            "one cross-validation, NAME-fold0.onnx, NAME-fold1.onnx …, as `ndoki train --fold K` writes them"
        )
    return [load_detector(str(path)) for path in expected]


def by_folds(
    sounds: Sequence[ShotFree], folds: Sequence[Detector], out: Path, picker: Picker, n_jobs: int = 1
) -> list[Hearing]:
    """Each sound of a manifest to the network whose fold it is in: the one that has not learned from it.

    Raises
    ------
    ConfigError
        A sound is in no manifest, so that nobody knows which network left it out.
    """
    strangers = [sound.source for sound in sounds if sound.clip is None]
    if strangers:
        raise ConfigError(
            f"{strangers[0]} is in no manifest, so it belongs to no fold; leave out --folds-from: a "
            "recording that nothing was trained on is heard by the network itself"
        )
    return [
        Hearing(
            folder=out / ".ndoki" / f"fold{fold}",
            job=Job(detector=detector, picker=picker, jobs=n_jobs),
            sounds=own,
        )
        for fold, detector in enumerate(folds)
        if (own := tuple(s for s in sounds if s.clip and fold_of(s.clip.group, len(folds)) == fold))
    ]


def hear(hearing: Hearing, found: list[Heard]) -> Iterator[Stretch | Failure]:
    """Hear what the ledger does not hold yet; append recordings with their events when all is heard.

    Raises
    ------
    ConfigError
        The folder holds an unfinished run with other settings.
    OutputError
        The ledger cannot be written.
    """
    detector, picker = hearing.job.detector, hearing.job.picker
    settings = {
        "--detector": f"{detector.id.name} {detector.id.digest}",
        "--min-score": f"{picker.threshold:g}",
        "Ndoki's version": version("ndoki"),
    }
    with Ledger.begun(hearing.folder, settings, hearing.sources) as ledger:
        yield from hear_all(hearing.sources, hearing.job, ledger)
        found += heard_so_far(ledger, hearing.job)
        ledger.done()


def false_alarms_in(heard: Sequence[Heard], sounds: Sequence[ShotFree]) -> list[FalseAlarm]:
    """Events that count as false alarms of their own (see `ndoki.evaluation.false_alarms`), best first."""
    sound_of: Mapping[str, ShotFree] = {sound.source: sound for sound in sounds}
    events = [event for one in heard for event in one.events]
    alarms = [events[row] for row in false_alarms(detections_from_events(events)).event.tolist()]
    alarms.sort(key=lambda event: (-event.score, event.recording.source, event.channel, event.first_sample))
    return [
        FalseAlarm(
            event=event,
            sound=sound_of[event.recording.source],
            group=group_of(sound_of[event.recording.source], event.recording),
        )
        for event in alarms
    ]
