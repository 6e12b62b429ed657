"""What the network's gate loses, and how much sound it lets pass.

The same sound is searched twice, behind the gate and without it (``--exhaustive``): the labelled clips of
split ``val``, each as a file of its own, and a simulated day of the preset TEST with 3.5 h of rain, with near
shots and look-alikes of split ``val``. The gate was fitted to neither. An event is lost when nothing begins
at its sample behind the gate. Each lowest score is a run of its own, as users run it. More recordings may be
named.

The exit code is 1 when more than 0.5 % of the events at or above the ``review`` point are lost.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from ndoki.audio.blocks import read_block, stretches
from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.cli.progress import show_tables
from ndoki.core.types import Event
from ndoki.datasets.edition import EDITION
from ndoki.datasets.manifest import read_manifest
from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.measured import load_near_shots
from ndoki.datasets.simulate.ranges import TEST
from ndoki.datasets.simulate.schedule import Rates
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.detectors.network.gate import joined_runs
from ndoki.events.pick import Picker
from ndoki.scan import scan
from ndoki.tables.summary import TextTable

HERE = Path(__file__).resolve().parent
RAIN_SEED = 53
HUNTS_PER_HOUR = Rates().hunts_per_hour
BLOCK_S = 240.0
MOST_LOST = 0.005


@dataclass(slots=True)
class Count:
    """What was found in some sound, by lowest score, and how many frames passed the gate."""

    name: str
    hours: float = 0.0
    n_frames: int = 0
    n_passed: int = 0
    n_listened: int = 0
    whole: dict[float, list[Event]] = field(default_factory=lambda: defaultdict(list))
    gated: dict[float, list[Event]] = field(default_factory=lambda: defaultdict(list))

    def lost(self, score: float) -> tuple[int, int, int]:
        """Events of runs with that lowest score: all, lost behind the gate, and found only there."""
        here = {_place(event) for event in self.gated[score]}
        there = {_place(event) for event in self.whole[score]}
        return len(there), len(there - here), len(here - there)


def _place(event: Event) -> tuple[str, int, int]:
    return event.recording.source, event.channel, event.first_sample


def count(name: str, paths: Iterable[Path], detector: NetworkDetector, scores: Sequence[float]) -> Count:
    """Search each file twice for each lowest score: bursts are completed around what reaches it."""
    found, gated = Count(name), detector.gated()
    jobs = os.cpu_count() or 1
    for path in paths:
        recording = describe(str(path))
        found.hours += recording.duration_s / 3600
        for score in scores:
            picker = Picker(threshold=score)
            found.whole[score] += scan(recording, detector, picker, block_s=BLOCK_S, jobs=jobs)
            found.gated[score] += scan(recording, gated, picker, block_s=BLOCK_S, jobs=jobs)
        passing(path, gated, found)
    return found


def passing(path: Path, gated: NetworkDetector, found: Count) -> None:
    """Count frames that pass, and frames that the network is run on: those, and its context around them."""
    context = gated.card.before_frames + gated.card.after_frames
    with open_samples(str(path)) as samples:
        header = samples.header
        for first, end in stretches(header.n_samples, header.rate_hz, gated.grid, BLOCK_S):
            block = read_block(
                samples,
                0,
                grid=gated.grid,
                before_frames=gated.context_before_frames,
                after_frames=gated.context_after_frames,
                first_frame=first,
                end_frame=end,
            )
            heard = gated.heard(gated.levels_of(block))
            if heard is None:
                raise SystemExit("the detector has no gate")
            found.n_frames += end - first
            found.n_passed += int(heard.sum())
            found.n_listened += sum(b - a + context for a, b in joined_runs(heard, context))


def rainy_path(hours: float, work: Path, hunts_per_hour: float = HUNTS_PER_HOUR) -> Path:
    """Where that day lies."""
    hunts = "" if hunts_per_hour == HUNTS_PER_HOUR else f"_{hunts_per_hour:g}hunts"
    return work / f"rain_{hours:g}h_e{EDITION}{hunts}.wav"


def rainy_day(hours: float, data: Path, work: Path, hunts_per_hour: float = HUNTS_PER_HOUR) -> Path:
    """Simulated once, and kept."""
    path = rainy_path(hours, work, hunts_per_hour)
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        clips = read_manifest(data / "clips.csv") if (data / "clips.csv").is_file() else []
        simulate_day(
            path,
            hours,
            RAIN_SEED,
            ranges=TEST,
            rates=Rates(hunts_per_hour=hunts_per_hour),
            near_shots=load_near_shots(data, "val") if clips else None,
            confuser_files=[clip.path for clip in clips if (clip.kind, clip.split) == ("confuser", "val")],
        )
    return path


def show(counts: Sequence[Count], review: float, least: float) -> None:
    """Print the table."""
    rows = []
    for one in counts:
        cells = [one.name, f"{one.hours:.2f}"]
        for score in (review, least):
            n, lost, new = one.lost(score)
            cells += [str(n), str(lost), str(new)]
        rows.append((*cells, f"{one.n_passed / one.n_frames:.1%}", f"{one.n_listened / one.n_frames:.1%}"))
    columns = (
        *("sound", "hours", f"events ≥ {review:g}", "lost", "new"),
        *(f"≥ {least:g}", "lost", "new", "passes", "with context"),
    )
    show_tables([TextTable(title="The gate against --exhaustive", columns=columns, rows=tuple(rows))])


def main() -> int:
    """Search, count, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sounds", nargs="*", type=Path, help="more recordings")
    parser.add_argument("--network", type=Path, help="file; the shipped one by default")
    parser.add_argument("--hours", type=float, default=24.0, help="of the simulated day; 0 leaves it out")
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build/gate")
    options = parser.parse_args()
    detector = load_network(options.network)
    if detector.gate is None:
        sys.exit("this network has no gate; `ndoki gate FILE` fits one")
    least, review = detector.gate.least_score, detector.card.operating_points.get("review", 0.5)
    print(f"{detector.id.name} {detector.id.digest[:12]}; gate for events ≥ {least:g}")
    scores, counts = (review, least), []
    if (options.data / "clips.csv").is_file():
        clips = [clip for clip in read_manifest(options.data / "clips.csv") if clip.split == "val"]
        for kind in ("gunshot", "background", "confuser"):
            paths = [clip.path for clip in clips if clip.kind == kind]
            counts.append(count(f"val clips: {kind}", paths, detector, scores))
    if options.hours > 0:
        day = rainy_day(options.hours, options.data, options.work)
        counts.append(count("simulated day with rain", [day], detector, scores))
    counts += [count(path.name, [path], detector, scores) for path in options.sounds]
    show(counts, review, least)
    n, lost = (sum(column) for column in list(zip(*(one.lost(review) for one in counts), strict=True))[:2])
    print(f"{lost} of {n} events at or above review are lost")
    return int(lost > MOST_LOST * n)


if __name__ == "__main__":
    sys.exit(main())
