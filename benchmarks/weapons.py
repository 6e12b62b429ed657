"""Shots per burst, and automatic fire against shotguns, on simulated firings at 300 to 2000 m: `make weapons`

Each scene is one firing over 24 s of background, in a forest, a recorder and a gun of their own, from the
simulator's preset TEST with near shots of split ``val``; backgrounds take turns (synthetic; recorded forest
and river; Belize look-alikes; all ``val``). Its level is what the distance leaves of the gun's pressure, over
a background of 30 to 50 dB SPL (80 to 1500 Hz), at most 40 dB over it. Each is written as a WAV and heard by
the path that users run.

Kinds: automatic fire of 3 to 30 shots 0.1 s apart; aimed fire of 2 to 6 shots 0.5 s apart; automatic fire as
the simulator draws it (8 to 15 per second, from 2 shots on); single shots and series of shotguns; single
rifle shots; and, to tell what is missed for its level from what is missed for being a series, aimed fire with
gaps of all lengths, and single shots of the same guns. Events count from 0.3 s before the first to 0.3 s
behind the last shot. Intervals come from resampling scenes.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
import soundfile

from ndoki.audio.recording import describe
from ndoki.cli.progress import show_tables
from ndoki.core.types import Event, Floats
from ndoki.datasets.manifest import FIELD_LABEL, read_manifest
from ndoki.datasets.simulate.background import draw_forest_noise, forest_noise
from ndoki.datasets.simulate.measured import NearShots, load_near_shots
from ndoki.datasets.simulate.ranges import TEST, SimulationRanges
from ndoki.datasets.simulate.recorded import recorded_noise
from ndoki.datasets.simulate.solo import Solo, solo
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import load_detector, operating_points
from ndoki.evaluation.bootstrap import interval_of
from ndoki.events.bursts import with_bursts
from ndoki.events.pick import Picker
from ndoki.scan import scan
from ndoki.tables.summary import TextTable

HERE = Path(__file__).resolve().parent
RATE_HZ, LENGTH_S, MARGIN_S = 8000, 24.0, 0.3
DISTANCES_M = (300.0, 600.0, 1000.0, 1500.0, 2000.0)
BACKGROUND_SPL_DB, MOST_SNR_DB = (30.0, 50.0), 40.0
LEVELS_DB = ((-np.inf, 6.0), (6.0, 15.0), (15.0, 27.0), (27.0, np.inf))
QUICK, SLOW, AUTOMATIC, SHOTGUN, RIFLE, AIMED, SINGLE = (
    "0.1 s apart",
    "0.5 s apart",
    "automatic, any rate",
    "shotgun",
    "single rifle",
    "0.2 to 1 s apart",
    "single, any gun",
)
NEAREST_M, FARTHEST_M = 300, 2000
N_RESAMPLES = 1000
_AIMED = replace(TEST, weapon_shares=(0.0, 0.4, 0.4, 0.2), series_share=1.0, series_shots=(2.0, 6.0))
WORLDS = {
    QUICK: replace(
        TEST,
        weapon_shares=(1.0, 0.0, 0.0, 0.0),
        burst_shots=(3.0, 30.0),
        burst_rate_hz=(10.0, 10.0),
        steady_interval_s=(0.1, 0.1),
    ),
    SLOW: replace(_AIMED, series_gap_s=(0.5, 0.5)),
    AUTOMATIC: replace(TEST, weapon_shares=(1.0, 0.0, 0.0, 0.0)),
    SHOTGUN: replace(TEST, weapon_shares=(0.0, 0.0, 1.0, 0.0)),
    RIFLE: replace(TEST, weapon_shares=(0.0, 1.0, 0.0, 0.0), series_share=0.0),
    AIMED: replace(_AIMED, series_gap_s=(0.2, 1.0)),
    SINGLE: replace(_AIMED, series_share=0.0),
}
TWO_WEAPONS = ("automatic", "shotgun")

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A scene, and what was said of it.

    ``weapon`` is that of its largest burst, ``of_two`` the same where only automatic weapons and shotguns are
    carried; both are empty where nothing was found.
    """

    kind: str
    distance_m: float
    snr_db: float
    n_true: int
    n_found: int
    n_of_detector: int
    weapon: str
    of_two: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Recordings of split ``val``."""

    near_shots: NearShots
    backgrounds: tuple[tuple[Path, ...], ...]


def sources_of(data: Path) -> Sources:
    """What scenes are made of beside formulas."""
    grounds = [c for c in read_manifest(data / "clips.csv") if c.split == "val" and c.kind == "background"]
    return Sources(
        near_shots=load_near_shots(data, "val"),
        backgrounds=(
            tuple(clip.path for clip in grounds if clip.label != FIELD_LABEL),
            tuple(clip.path for clip in grounds if clip.label == FIELD_LABEL),
        ),
    )


def background(rng: np.random.Generator, sources: Sources, index: int) -> Floats:
    """Synthetic, recorded, look-alikes in turn."""
    n, kind = round(LENGTH_S * RATE_HZ), index % 3 - 1
    if kind < 0:
        return next(forest_noise(draw_forest_noise(rng, RATE_HZ, LENGTH_S), RATE_HZ, n))
    level, seed = 10 ** (rng.uniform(-55, -35) / 20), int(rng.integers(2**62))
    return next(recorded_noise(sources.backgrounds[kind], level, seed, RATE_HZ, n))


def scene(kind: str, distance_m: float, index: int, sources: Sources, seed: int) -> Solo:
    """One firing; the same arguments give the same sound."""
    place = [seed, list(WORLDS).index(kind), round(distance_m), index]
    under = background(np.random.default_rng(place), sources, index)

    def at_level(snr_db: float | None) -> Solo:
        rng = np.random.default_rng([*place, 1])
        spl_db = rng.uniform(*BACKGROUND_SPL_DB)
        world: SimulationRanges = WORLDS[kind]
        return solo(
            rng,
            world,
            under,
            RATE_HZ,
            distance_m=distance_m,
            near_shots=sources.near_shots,
            snr_db=snr_db,
            background_spl_db=spl_db,
        )

    made = at_level(None)
    return made if made.snr_db <= MOST_SNR_DB else at_level(MOST_SNR_DB)


def answer(kind: str, made: Solo, detector: Detector, threshold: float, work: Path) -> Answer:
    """What the path that users run says of a scene."""
    path = work / "scene.wav"
    soundfile.write(path, made.samples, made.rate_hz, subtype="PCM_16")
    recording = describe(str(path))
    events = scan(recording, detector, Picker(threshold=threshold))
    alone = scan(recording, detector, Picker(threshold=threshold, completes_bursts=False))
    first_s, last_s = (made.onset_samples[i] / made.rate_hz for i in (0, -1))

    def here(event: Event) -> bool:
        return first_s - MARGIN_S <= event.start_s <= last_s + MARGIN_S

    return Answer(
        kind=kind,
        distance_m=made.distance_m,
        snr_db=made.snr_db,
        n_true=len(made.onset_samples),
        n_found=sum(map(here, events)),
        n_of_detector=sum(map(here, alone)),
        weapon=verdict([one for one in with_bursts(events) if here(one)]),
        of_two=verdict([one for one in with_bursts(events, weapons=TWO_WEAPONS) if here(one)]),
    )


def verdict(events: Sequence[Event]) -> str:
    """Weapon of the largest burst."""
    bursts = [event.burst for event in events if event.burst]
    return max(bursts, key=lambda burst: burst.n_shots).weapon if bursts else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """Of each firing, whether its weapon was told, and rightly so."""

    right: npt.NDArray[np.bool_]
    told: npt.NDArray[np.bool_]

    def of_told(self, chosen: npt.NDArray[np.int64]) -> float:
        """Share that is right among those not rejected."""
        return float(self.right[chosen].sum() / max(1, self.told[chosen].sum()))

    def rejected(self, chosen: npt.NDArray[np.int64]) -> float:
        """Share that is rejected."""
        return float(1 - self.told[chosen].mean())


def counted(answers: Sequence[Answer], within: float) -> list[str]:
    """Cells on counting: scenes, shots, reported by the detector alone and in the end, bias, share within."""
    n_true, n_found, n_alone = (
        np.array([getattr(one, name) for one in answers], np.float64)
        for name in ("n_true", "n_found", "n_of_detector")
    )
    off = np.abs(n_found - n_true) / n_true
    cells = [str(len(answers)), f"{n_true.sum():.0f}", f"{n_alone.sum():.0f}", f"{n_found.sum():.0f}"]
    cells.append(interval(len(answers), lambda i: float(n_found[i].sum() / n_true[i].sum() - 1), "+.1%"))
    cells.append(interval(len(answers), lambda i: float(np.mean(off[i] <= within + 1e-9)), ".0%"))
    return [*cells, f"{np.mean(off):.1%}"]


def interval(n: int, measure: Callable[[npt.NDArray[np.int64]], float], form: str) -> str:
    """A measure of n scenes, given as their numbers, with its 95 % interval; a dash of none."""
    if not n:
        return "–"
    rng = np.random.default_rng(0)
    drawn = np.array([measure(rng.integers(0, n, n)) for _ in range(N_RESAMPLES)])
    found = interval_of(measure(np.arange(n)), drawn)
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]".replace("%", "")


def count_table(answers: Sequence[Answer], kind: str, within: float, *, heard: bool) -> TextTable:
    """How far counts of one kind are off: in all, by distance, by level."""
    chosen = [one for one in answers if one.kind == kind and (one.n_found > 0 or not heard)]
    parts = {"all": chosen}
    parts |= {f"{d:.0f} m": [one for one in chosen if one.distance_m == d] for d in DISTANCES_M}
    for low, high in LEVELS_DB:
        name = f"{low:g} to {high:g} dB"
        parts[name] = [one for one in chosen if low <= one.snr_db < high]
    columns = ("", "scenes", "shots", "alone", "reported", "bias %", f"within ±{within:.0%}, %", "mean error")
    rows = tuple((name, *counted(part, within)) for name, part in parts.items() if part)
    which = "of which anything was found" if heard else "all"
    return TextTable(title=f"Shots {kind}, scenes: {which}", columns=columns, rows=rows)


def missed_table(answers: Sequence[Answer]) -> TextTable:
    """Firings of which nothing was found, of how many, by kind and level."""
    levels = ((-np.inf, np.inf), *LEVELS_DB)
    rows = []
    for kind in WORLDS:
        cells = []
        for low, high in levels:
            here = [one for one in answers if one.kind == kind and low <= one.snr_db < high]
            cells.append(f"{sum(one.n_found == 0 for one in here)} of {len(here)}")
        rows.append((kind, *cells))
    columns = ("", "all levels", *(f"{low:g} to {high:g} dB" for low, high in LEVELS_DB))
    return TextTable(title="Firings missed altogether", columns=columns, rows=tuple(rows))


def share_of(answer: str, said: Sequence[str]) -> str:
    """Share of answers that are this one; a dash where nothing was said."""
    return f"{said.count(answer) / len(said):.1%}" if said else "–"


def weapon_table(answers: Sequence[Answer]) -> TextTable:
    """What the weapon was said to be, of firings that were found."""
    rows = []
    for kind in (AUTOMATIC, QUICK, SHOTGUN, RIFLE):
        chosen = [one for one in answers if one.kind == kind and one.n_found]
        said = [one.weapon for one in chosen]
        shares = [share_of(name, said) for name in ("automatic", "rifle", "shotgun", "unknown")]
        rows.append((kind, str(len(said)), *shares))
    columns = ("fired", "found", "automatic", "rifle", "shotgun", "unknown")
    return TextTable(title="Weapon, all three carried", columns=columns, rows=tuple(rows))


def two_table(answers: Sequence[Answer]) -> TextTable:
    """Automatic against shotgun where only these are carried: right among those not rejected, rejected."""
    fired = [one for one in answers if one.kind in (AUTOMATIC, SHOTGUN) and one.n_found]
    parts = {"all": fired} | {
        f"{d:.0f} m": [one for one in fired if one.distance_m == d] for d in DISTANCES_M
    }
    rows = []
    for name, part in parts.items():
        truth = np.array(["automatic" if one.kind == AUTOMATIC else "shotgun" for one in part])
        said = np.array([one.of_two for one in part])
        shares = Told(right=said == truth, told=said != "unknown")
        rows.append(
            (
                name,
                str(len(part)),
                interval(len(part), shares.of_told, ".1%"),
                interval(len(part), shares.rejected, ".1%"),
                *(share_of("unknown", list(said[truth == of])) for of in ("automatic", "shotgun")),
            )
        )
    columns = ("", "firings found", "right of told, %", "rejected, %", "of automatic", "of shotgun")
    return TextTable(title="Automatic against shotgun, these two carried", columns=columns, rows=tuple(rows))


def main() -> int:
    """Simulate, search, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", default="gunshot", help="name or file")
    parser.add_argument(
        "--threshold", type=float, help="score of an event; the detector's `review` by default"
    )
    parser.add_argument("--scenes", type=int, default=30, help="per kind and distance")
    parser.add_argument("--seed", type=int, default=300)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    options = parser.parse_args()
    detector, sources = load_detector(options.detector), sources_of(options.data)
    threshold = options.threshold or operating_points(detector).get("review", 0.5)
    began = time.perf_counter()
    answers = []
    with TemporaryDirectory() as work:
        for kind in WORLDS:
            for distance_m in DISTANCES_M:
                for index in range(options.scenes):
                    made = scene(kind, distance_m, index, sources, options.seed)
                    answers.append(answer(kind, made, detector, threshold, Path(work)))
    taken_s = time.perf_counter() - began
    print(f"{platform.machine()}, Python {platform.python_version()}, {len(answers)} scenes, {taken_s:.0f} s")
    print(f"detector {detector.id.name} {detector.id.digest[:12]}, events of score {threshold:g} and more")
    kinds = ((QUICK, 0.1), (SLOW, 0.02))
    show_tables([count_table(answers, *kind, heard=heard) for kind in kinds for heard in (False, True)])
    show_tables([count_table(answers, SINGLE, 0.0, heard=True)])
    show_tables([missed_table(answers), weapon_table(answers), two_table(answers)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
