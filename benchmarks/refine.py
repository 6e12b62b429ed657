"""Share of simulated onsets that `ndoki refine` places within 30 ms, from labels up to 12 s early.

Days of 10 minutes, every one another forest, recorder and background, as in `make forests`: preset
TEST, near shots and look-alikes of split ``val``, backgrounds in turn. Shots are at −5 to 30 dB, as
`ndoki simulate` draws them; ``snr_db`` is the shot alone over the background, so that 0 dB reads as 3 dB in a
recording. What else sounds at the same time, and the tails of earlier shots, are not in it.

Labels say where a shot is to within 12 s: each begins 0 to 12 s before its shot. Either every shot has a
label of its own, or only the first of each burst or series has one. One onset answers for one shot.

``--fit`` prints weights for `ndoki.curation.plausibility.Weights`, fitted to the preset TRAIN and the split
``train``, with other seeds than those reported on.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from forest_days import CROWDED, Sources, sources_of
from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.cli.progress import show_tables
from ndoki.curation.plausibility import CUES, Cues, Weights
from ndoki.curation.refine import Candidate, RefineRules, refine_channel
from ndoki.curation.windows import LooseLabel, window_of
from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.ranges import TEST, TRAIN, SimulationRanges
from ndoki.datasets.simulate.schedule import Rates
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import load_detector
from ndoki.evaluation.bootstrap import interval_of
from ndoki.evaluation.match import match_onsets
from ndoki.tables.recognise import read_table
from ndoki.tables.row import Row
from ndoki.tables.summary import TextTable

EARLY_S = 12.0
WITHIN_S = 0.03
AUDIBLE_DB = 6.0
SURE = 0.9
HERE = Path(__file__).resolve().parent
RATES = Rates(hunts_per_hour=40.0)
SLACK_S = 0.5
FIT_SEED = 400_000
RIDGE = 1e-5
CONFIDENCES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.01)
EDGES_DB = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0)

Booleans = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One day: its shots, and what was placed.

    Attributes
    ----------
    snr_db, is_first, error_s
        Per shot: level, whether it opens a burst, placed minus true onset (NaN where none is within 30 ms).
    candidates
        In order of onset.
    is_right
        Per candidate: whether it is the closest to a shot, within 30 ms.
    is_matched
        Per placed candidate: whether it answers for a shot.
    """

    snr_db: Doubles
    is_first: Booleans
    error_s: Doubles
    candidates: tuple[Candidate, ...]
    is_right: Booleans
    is_matched: Booleans


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """From what days are made."""

    sources: Sources
    ranges: SimulationRanges
    seed: int
    n_days: int
    work: Path


def days(world: World) -> Iterator[tuple[Path, list[Row], np.random.Generator]]:
    """Sound, true shots, and chance for the labels, of each day."""
    kinds = list(world.sources.backgrounds)
    for index in range(world.n_days):
        files = simulate_day(
            world.work / f"day_{index:03}.wav",
            CROWDED.hours,
            world.seed + index,
            ranges=world.ranges,
            rates=RATES,
            near_shots=world.sources.near_shots,
            backgrounds=world.sources.backgrounds[kinds[index % len(kinds)]],
            confuser_files=list(world.sources.confusers),
        )
        shots = [row for row in read_table(files.truth).rows if row.label == "gunshot"]
        yield files.sound, shots, np.random.default_rng([world.seed, index])


def refine_day(
    sound: Path,
    shots: Sequence[Row],
    labelled: Booleans,
    rng: np.random.Generator,
    detector: Detector,
    rules: RefineRules,
) -> Outcome:
    """Draw labels, refine them, compare."""
    true_s = np.array([row.start_s for row in shots])
    first_s = true_s[labelled] - rng.uniform(0.0, EARLY_S, int(labelled.sum()))
    recording = describe(str(sound))
    labels = [LooseLabel(file=str(sound), first_s=one, end_s=one + EARLY_S) for one in first_s.tolist()]
    windows = [window_of(label, recording, SLACK_S) for label in labels]
    with open_samples(str(sound)) as samples:
        found = refine_channel(samples, recording, 0, windows, detector, rules)
    onset_s = np.array([one.first_sample / recording.rate_hz for one in found])
    placed = np.array([one.is_shot for one in found], np.bool_)
    event, truth = match_onsets(onset_s[placed], true_s, WITHIN_S)
    error_s = np.full(len(true_s), np.nan)
    error_s[truth] = onset_s[placed][event] - true_s[truth]
    matched = np.zeros(int(placed.sum()), np.bool_)
    matched[event] = True
    right = np.zeros(len(found), np.bool_)
    right[match_onsets(onset_s, true_s, WITHIN_S)[0]] = True
    return Outcome(
        snr_db=np.array([float(row.extra["snr_db"]) for row in shots]),
        is_first=np.array([row.extra["shot_index"] == "1" for row in shots]),
        error_s=error_s,
        candidates=tuple(found),
        is_right=right,
        is_matched=matched,
    )


def share(parts: Sequence[Booleans], seed: int = 0) -> str:
    """Share of true values with its 95 % interval, by drawing whole recordings 1000 times."""
    n = np.array([len(part) for part in parts], np.float64)
    hits = np.array([part.sum() for part in parts], np.float64)
    if not n.sum():
        return "–"
    weight = np.random.default_rng(seed).multinomial(len(n), np.full(len(n), 1 / len(n)), size=1000)
    total = weight @ n
    drawn = np.divide(weight @ hits, total, out=np.full(len(total), np.nan), where=total > 0)
    found = interval_of(float(hits.sum() / n.sum()), drawn)
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] of {int(n.sum())}"


def placed_rows(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Shares of shots placed within 30 ms, all and by level; and how many of those placed are right."""
    every = [np.ones(len(o.snr_db), np.bool_) for o in outcomes]
    audible = [o.snr_db >= AUDIBLE_DB for o in outcomes]
    first = [o.is_first for o in outcomes]
    parts = {
        "all shots": every,
        f"shots ≥ {AUDIBLE_DB:g} dB": audible,
        "first shots": first,
        f"first shots ≥ {AUDIBLE_DB:g} dB": [one & other for one, other in zip(audible, first, strict=True)],
    }
    for low, high in pairwise((-np.inf, *EDGES_DB, np.inf)):
        here = [(o.snr_db >= low) & (o.snr_db < high) for o in outcomes]
        name = f"{low:g} to {high:g} dB" if np.isfinite(low + high) else f"≥ {low:g} dB"
        parts[name if np.isfinite(low) else f"< {high:g} dB"] = here
    rows = {
        name: share([np.isfinite(o.error_s[keep]) for o, keep in zip(outcomes, kept, strict=True)])
        for name, kept in parts.items()
    }
    sure = [
        np.array([one.confidence >= SURE for one in o.candidates if one.is_shot], np.bool_) for o in outcomes
    ]
    rows["right of those placed"] = share([o.is_matched for o in outcomes])
    right = [o.is_matched[keep] for o, keep in zip(outcomes, sure, strict=True)]
    rows[f"right of those with confidence ≥ {SURE:g}"] = share(right)
    return rows | _errors(outcomes)


def _errors(outcomes: Sequence[Outcome]) -> dict[str, str]:
    error_ms = 1000 * np.concatenate([o.error_s[np.isfinite(o.error_s)] for o in outcomes])
    half, most = np.quantile(np.abs(error_ms), [0.5, 0.9])
    return {
        "error of those right: median, 90 %": f"{half:.1f} ms, {most:.1f} ms",
        "their bias (median, late is positive)": f"{np.median(error_ms):+.1f} ms",
    }


def reliability_rows(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What confidence says of candidates against how many are right, by range of confidence."""
    confidence = np.array([one.confidence for o in outcomes for one in o.candidates])
    right = np.concatenate([o.is_right for o in outcomes])
    rows = {}
    for low, high in pairwise(CONFIDENCES):
        here = (confidence >= low) & (confidence < high)
        if here.any():
            told, found = confidence[here].mean(), right[here].mean()
            rows[f"{low:g} to {min(high, 1):g}"] = f"{told:.2f}: {found:.2f} of {here.sum()}"
    return rows


def measured(world: World, detector: Detector, rules: RefineRules) -> dict[str, list[Outcome]]:
    """Outcomes for both ways to label."""
    found: dict[str, list[Outcome]] = {"a label per shot": [], "a label per burst": []}
    for sound, shots, rng in days(world):
        if shots:
            first = np.array([row.extra["shot_index"] == "1" for row in shots])
            for name, labelled in zip(found, (np.ones_like(first), first), strict=True):
                found[name].append(refine_day(sound, shots, labelled, rng, detector, rules))
    return found


def cue_of(candidate: Candidate, name: str) -> float:
    """A cue's value."""
    if name == "is_meant":
        return float(candidate.meant_by is not None)
    return float(candidate.event.score if name == "score" else getattr(candidate, name))


def fitted(world: World, detector: Detector, rules: RefineRules) -> Weights:
    """Weights of greatest likelihood; fitted three times, because cues depend on which shots are likely."""
    for turn in range(3):
        outcomes = [one for part in measured(world, detector, rules).values() for one in part]
        found = [one for outcome in outcomes for one in outcome.candidates]
        design = Cues(**{name: np.array([cue_of(one, name) for one in found]) for name in CUES}).design()
        right = np.concatenate([o.is_right for o in outcomes]).astype(np.float64)

        def loss(weights: Doubles, design: Doubles = design, right: Doubles = right) -> float:
            linear = design @ weights
            # What no shot of these days has would else be ruled out for ever.
            spread = RIDGE * float(np.square(weights).sum())
            return float(np.mean(np.logaddexp(0.0, linear) - right * linear)) + spread

        best = minimize(loss, rules.weights.column()).x
        weights = Weights(**dict(zip((*CUES, "offset"), best.tolist(), strict=True)))
        rules = replace(rules, weights=weights)
        print(f"fit {turn + 1}: {len(right)} candidates, {right.sum():.0f} right: {weights}")
    return rules.weights


def main() -> None:
    """Simulate, label, refine, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", default="gunshot", help="name or file")
    parser.add_argument("--hours", type=float, default=6.0, help="of sound, in days of 10 minutes")
    parser.add_argument("--seed", type=int, default=90_000)
    parser.add_argument("--fit", action="store_true", help="fit weights instead")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/refine")
    options = parser.parse_args()
    detector, rules = load_detector(options.detector), RefineRules()
    world = World(
        sources=sources_of(options.data, "train" if options.fit else "val"),
        ranges=TRAIN if options.fit else TEST,
        seed=FIT_SEED if options.fit else options.seed,
        n_days=max(1, round(options.hours / CROWDED.hours)),
        work=options.work,
    )
    if options.fit:
        fitted(world, detector, rules)
        return
    began = time.perf_counter()
    found = measured(world, detector, rules)
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {time.perf_counter() - began:.0f} s; "
        f"detector {detector.id.name} {detector.id.digest[:12]}; "
        f"{world.n_days} days of 10 min, seeds from {world.seed}"
    )
    show_tables(
        [
            beside("Onsets placed within 30 ms [95 %], from labels 0 to 12 s early", found, placed_rows),
            beside("Mean confidence of candidates: how many are right", found, reliability_rows),
        ]
    )


def beside(
    title: str,
    found: dict[str, list[Outcome]],
    rows_of: Callable[[Sequence[Outcome]], dict[str, str]],
) -> TextTable:
    """One column for each way to label."""
    columns = [rows_of(outcomes) for outcomes in found.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = tuple((name, *(column.get(name, "–") for column in columns)) for name in names)
    return TextTable(title=title, columns=("", *found), rows=rows)


if __name__ == "__main__":
    main()
