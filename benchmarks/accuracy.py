"""Recall at 60, 10 and 2 false alarms per hour of hard negatives: the network, and the template baseline.

Three tests, each with 95 % intervals from resampling groups:

* validation split: the shipped detectors on the groups of split ``val``, which nothing was trained on;
* cross-validation: every clip scored by the network of its own fold (``benchmarks/folds``), which was
  trained without the clip's group. The templates come from the training split, so their cross-validation
  row is flattered: it holds clips that a template was cut from;
* one domain left out: every clip of Belize scored by a network that has never heard it, only simulated shots
  in open recordings and synthetic forests (``gunshot-simulated.toml`` and ``verifier-forests.toml``).

Hard negatives are the shot-free Belize clips, which had already fooled an on-device trigger.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

import numpy as np

from ndoki.datasets.manifest import field_clips, read_manifest
from ndoki.detectors.network.detector import load_network
from ndoki.detectors.protocol import Detector
from ndoki.detectors.registry import load_detector
from ndoki.evaluation.bootstrap import Interval, bootstrap_recall_at
from ndoki.training.heldout import Heldout, fold_path, heldout, heldout_once
from ndoki.training.validation import hours_of

HERE = Path(__file__).resolve().parent
RATES = (60.0, 10.0, 2.0)
N_FOLDS = 5
SIMULATED = "gunshot-simulated.onnx"


def intervals(result: Heldout) -> dict[float, Interval]:
    """Recall at each rate; a shot clip counts as found when any event lies in it."""
    return bootstrap_recall_at(result.groups(), rates_per_hour=RATES, rng=np.random.default_rng(0))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared/data/clips.csv")
    parser.add_argument("--folds", type=Path, default=HERE / "folds")
    parser.add_argument(
        "--detector", default="gunshot", help="name or file that is tested on the validation split"
    )
    parser.add_argument(
        "--loudest", type=int, default=0, help="name so many look-alikes of the cross-validation"
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"{options.data} is not there: the figures need the labelled clips; give --data clips.csv")
    clips = read_manifest(options.data)
    shots, backgrounds = field_clips([clip for clip in clips if clip.split == "val"])
    network, template = load_detector(options.detector), load_detector("template")
    folds: list[Detector] = [load_network(fold_path(options.folds, "gunshot", k)) for k in range(N_FOLDS)]
    unheard = load_network(options.folds / SIMULATED)
    all_shots, all_backgrounds = field_clips(clips)
    rows = {
        ("validation split", "network"): heldout_once(network, shots + backgrounds),
        ("validation split", "template"): heldout_once(template, shots + backgrounds),
        (f"{N_FOLDS}-fold cross-validation", "network"): heldout(folds, options.data),
        (f"{N_FOLDS}-fold cross-validation", "template"): heldout([template] * N_FOLDS, options.data),
        ("one domain left out", "network"): heldout_once(unheard, all_shots + all_backgrounds),
    }
    report(rows, options.json)
    for score, name in loudest(rows[f"{N_FOLDS}-fold cross-validation", "network"])[: options.loudest]:
        print(f"{score:.3f} {name}")
    return 0


def loudest(result: Heldout) -> list[tuple[float, str]]:
    """Score and name of each shot-free clip in which anything was found, the surest false alarm first."""
    best = ((max(event.score for event in one.events), one) for one in result.backgrounds if one.events)
    return sorted(((float(score), one.clip.path.stem) for score, one in best), reverse=True)


def report(rows: dict[tuple[str, str], Heldout], path: Path | None) -> None:
    """Print, and write as JSON if asked."""
    print(f"machine: {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(
        f"{'test':<26}{'detector':<10}{'shots':>6}{'hours':>7}"
        + "".join(f"{f'recall at {r:g}/h':>24}" for r in RATES)
    )
    figures = []
    for (test, name), result in rows.items():
        found = intervals(result)
        cells = "".join(f"{f'{i.value:.3f} [{i.low:.3f}, {i.high:.3f}]':>24}" for i in found.values())
        print(f"{test:<26}{name:<10}{len(result.shots):>6}{hours_of(result.backgrounds):>7.2f}{cells}")
        recall = {f"{rate:g}": [i.value, i.low, i.high] for rate, i in found.items()}
        figures.append({"test": test, "detector": name, "n_shots": len(result.shots), "recall": recall})
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
