"""Detectors by name. A new one is a file, and a line here."""

import difflib
from collections.abc import Callable
from pathlib import Path

from ndoki.core.errors import ModelError
from ndoki.detectors.protocol import Detector

__all__ = ["DETECTORS", "gated_for", "load_detector", "operating_points"]


def _network(path: Path | None) -> Detector:
    from ndoki.detectors.network.detector import load_network

    return load_network(path)


def _template(path: Path | None) -> Detector:
    from ndoki.detectors.template.detector import load

    return load(path)


DETECTORS: dict[str, tuple[str, Callable[[Path | None], Detector]]] = {
    "gunshot": (".onnx", _network),
    "template": (".npz", _template),
}
"""Name → ending of its files, and what opens one (None: the one that comes with Ndoki)."""


def load_detector(name_or_file: str = "gunshot") -> Detector:
    """Open a detector by its name, or from a file that was trained or built.

    Raises
    ------
    ModelError
        There is no such detector or file, or the file is not one of Ndoki's.
    """
    if name_or_file in DETECTORS:
        return DETECTORS[name_or_file][1](None)
    path = Path(name_or_file)
    for ending, opened in DETECTORS.values():
        if path.suffix.lower() == ending:
            return opened(path)
    close = difflib.get_close_matches(name_or_file, DETECTORS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(DETECTORS)}"
    endings = " or ".join(ending for ending, _ in DETECTORS.values())
    raise ModelError(f"{name_or_file!r} is neither a detector's name nor a file ending in {endings}; {hint}")


def operating_points(detector: Detector) -> dict[str, float]:
    """Thresholds by name that were chosen for this very detector; empty when it has none."""
    card = getattr(detector, "card", None)
    return dict(card.operating_points) if card is not None else {}


def gated_for(detector: Detector, least_score: float) -> Detector:
    """The detector behind its gate, if it has one that was tuned for events as faint as ``least_score``.

    Otherwise the detector itself, which listens to everything.
    """
    gate = getattr(detector, "gate", None)
    if gate is None or least_score < gate.least_score:
        return detector
    behind: Detector = detector.gated()  # type: ignore[attr-defined]
    return behind
