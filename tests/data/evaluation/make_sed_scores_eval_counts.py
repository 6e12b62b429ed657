"""Write sed_scores_eval_counts.json: random scenes, and what sed_scores_eval counts in them.

Kept apart from the tests because sed_scores_eval needs older packages than Ndoki's tests. Run it in an
environment of its own: ``pip install sed_scores_eval==0.0.4 "pandas<3" "setuptools<81"``, then
``python tests/data/evaluation/make_sed_scores_eval_counts.py``.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

FRAME_S = 0.05
N_FRAMES = 120
FAR_S = 1e6  # a collar for the ends of events that never decides


def main() -> None:
    scenes = [_scene(seed, collar_s) for seed in range(4) for collar_s in (0.3, 0.1)]
    result = {
        "made_by": f"sed_scores_eval {version('sed_scores_eval')}",
        "frame_s": FRAME_S,
        "scenes": scenes,
    }
    Path(__file__).with_name("sed_scores_eval_counts.json").write_text(json.dumps(result) + "\n")


def _scene(seed: int, collar_s: float) -> dict[str, object]:
    """Scores per frame where every peak is one event (every second frame is 0), and dense true onsets."""
    rng = np.random.default_rng(seed)
    events: dict[str, list[tuple[int, float]]] = {}
    truths: dict[str, list[int]] = {}
    for recording in ("a", "b", "silent", "background"):
        peaks = 2 * np.sort(rng.choice(N_FRAMES // 2, 20, replace=False))
        scores = rng.integers(1, 15, 20) / 16
        events[recording] = (
            [] if recording == "silent" else list(zip(peaks.tolist(), scores.tolist(), strict=True))
        )
        n_truths = 0 if recording == "background" else 10
        truths[recording] = np.sort(rng.choice(N_FRAMES, n_truths, replace=False)).tolist()
    return {
        "collar_s": collar_s,
        "events": events,
        "truths": truths,
        "counts": _counts(events, truths, collar_s),
    }


def _counts(
    events: dict[str, list[tuple[int, float]]], truths: dict[str, list[int]], collar_s: float
) -> list[tuple[float, int, int]]:
    """Threshold, right and wrong events, as sed_scores_eval counts them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports use what newer packages deprecate
        from sed_scores_eval.base_modules.scores import create_score_dataframe
        from sed_scores_eval.collar_based import precision_recall_curve
    edges_s = np.round(np.arange(N_FRAMES + 1) * FRAME_S, 6)
    frames = {}
    for recording, rows in events.items():
        scores = np.zeros((N_FRAMES, 1))
        for frame, score in rows:
            scores[frame] = score
        frames[recording] = create_score_dataframe(scores, edges_s, ["gunshot"])
    shots = {
        recording: [(edges_s[first], edges_s[first] + 0.02, "gunshot") for first in rows]
        for recording, rows in truths.items()
    }
    _, _, thresholds, counts = precision_recall_curve(
        scores=frames, ground_truth=shots, onset_collar=collar_s, offset_collar=FAR_S
    )["gunshot"]
    rows = zip(thresholds.tolist(), counts["tps"].tolist(), counts["fps"].tolist(), strict=True)
    return [(threshold, int(right), int(wrong)) for threshold, right, wrong in rows if 0 < threshold < np.inf]


if __name__ == "__main__":
    main()
