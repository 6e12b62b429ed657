"""Calibration and operating points, from what networks say of clips that they have not heard.

The networks of a cross-validation stand for the final one.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.detectors.network.card import Card
from ndoki.detectors.network.detector import load_network
from ndoki.detectors.network.verifier import Verifier
from ndoki.evaluation.calibrate import fit_isotonic
from ndoki.evaluation.curves import Curve, recall_at
from ndoki.evaluation.false_alarms import false_alarms
from ndoki.training.export import with_card
from ndoki.training.heldout import Heldout, fold_path, heldout
from ndoki.training.validation import background_detections, best_scores

__all__ = ["OPERATING_RATES", "calibrated", "operating_thresholds"]

OPERATING_RATES = {"review": 10.0, "balanced": 1.0, "alert": 0.1}
"""False alarms per hour of look-alikes that each operating point stands for."""


def operating_thresholds(curve: Curve) -> dict[str, float]:
    """Thresholds for `OPERATING_RATES`.

    Where the sound is too short to show a rate (less than one false alarm), the threshold is the lowest that
    none of its false alarms reaches. That promises no rate. A line drawn on beyond the loudest look-alike
    would promise one that nobody has measured, and may leave no shot above it.
    """
    thresholds = {name: recall_at(curve, rate).threshold for name, rate in OPERATING_RATES.items()}
    # A look-alike above every shot leaves nothing to report.
    return {name: min(float(threshold), 1.0) for name, threshold in thresholds.items()}


def _scored(result: Heldout) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Scores, and whether each was right: the best event per shot clip, every false alarm."""
    right = best_scores(result.shots)
    right = right[np.isfinite(right)]
    wrong = false_alarms(background_detections(result.backgrounds)).score
    scores = np.concatenate([right, wrong])
    return scores, np.concatenate([np.ones(len(right), bool), np.zeros(len(wrong), bool)])


def calibrated(
    content: bytes,
    manifest: Path,
    folds_from: Path,
    n_folds: int,
    card: Card,
    verifier: Verifier | None = None,
) -> bytes:
    """The same network with calibration and operating points in its card.

    Raises
    ------
    ModelError
        A fold's network is missing.
    """
    detectors = [load_network(fold_path(folds_from, card.name, fold)) for fold in range(n_folds)]
    result = heldout(detectors, manifest)
    calibration = fit_isotonic(*_scored(result))
    raw = operating_thresholds(result.curve)
    points = {name: round(float(calibration.apply(np.array([score]))[0]), 4) for name, score in raw.items()}
    knots = zip(calibration.score.tolist(), calibration.probability.tolist(), strict=True)
    return with_card(content, replace(card, calibration=tuple(knots), operating_points=points), verifier)
