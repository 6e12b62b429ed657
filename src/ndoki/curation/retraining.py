"""A round's second half: train on the mined clips, and let the validation split say what that was worth."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ndoki.core.errors import ConfigError
from ndoki.curation.verdict import RECALLS, Verdict, compare
from ndoki.datasets.manifest import field_clips, read_manifest
from ndoki.detectors.network.detector import NetworkDetector, load_network
from ndoki.tables.atomic import write_bytes
from ndoki.training.export import with_card
from ndoki.training.heldout import heldout_once
from ndoki.training.recipe import Recipe
from ndoki.training.run import Start, Workplace, made

__all__ = ["CANDIDATE", "PREVIOUS", "Round", "retrain"]

PREVIOUS, CANDIDATE = "previous.onnx", "candidate.onnx"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of a round: the new network's file, and the verdict on it."""

    network: Path
    verdict: Verdict


def retrain(
    recipe: Recipe,
    place: Workplace,
    out: Path,
    recalls: Sequence[float] = RECALLS,
    *,
    start: Start | None = None,
) -> Round:
    """Train the stage of a recipe, and compare it with the network that it goes on from.

    Both networks are written to ``out``, uncalibrated, as `PREVIOUS` and `CANDIDATE`: calibration changes
    no ranking, and so no false alarm at equal recall. A run that was stopped goes on from its checkpoint.

    Parameters
    ----------
    start
        The network to go on from, both networks then with its verifier; without it that network is read
        from the cache, or trained, and neither has one.

    Raises
    ------
    ConfigError
        The recipe continues no other, or names no mined clips.
    LabelError
        Clips cannot be used, or too few shots are found to compare anything.
    """
    if recipe.base is None or not recipe.mined.clips:
        raise ConfigError(
            f"recipe {recipe.name!r} names no "
            f"{'network to go on from' if recipe.base is None else 'mined clips'}; a round needs "
            '`continues = "….toml"` and `[mined] clips = ["…/clips.csv"]`'
        )
    if start is None:
        before = made(recipe.base, None, place)
    else:
        before = with_card(start.content, start.detector.card.uncalibrated, start.detector.verifier)
    previous = _written(out / PREVIOUS, before)
    _log.info("training on %s", ", ".join(recipe.mined.clips))
    candidate = _written(out / CANDIDATE, made(recipe, None, place, start))
    shots, backgrounds = field_clips([c for c in read_manifest(place.manifest) if c.split == "val"])
    _log.info("comparing on %d clips with shots and %d without", len(shots), len(backgrounds))
    old, new = (heldout_once(one, shots + backgrounds) for one in (previous, candidate))
    verdict = compare(old, new, (previous.id, candidate.id), recalls)
    _log.info("%s", verdict.sentence)
    return Round(network=out / CANDIDATE, verdict=verdict)


def _written(path: Path, content: bytes) -> NetworkDetector:
    write_bytes(path, content)
    return load_network(path)
