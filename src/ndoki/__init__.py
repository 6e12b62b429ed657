"""Ndoki finds gunshots in forest sound.

>>> import ndoki
>>> detector = ndoki.load_detector()  # doctest: +SKIP
>>> recording = ndoki.describe("site_20260101_053000_+0100.wav")  # doctest: +SKIP
>>> for event in ndoki.scan(recording, detector, ndoki.Picker(threshold=0.5)):  # doctest: +SKIP
...     print(recording.time_of(event.first_sample), event.label, event.score)

The names below are the public ones; everything else may change.

================== ===========================================================================
`scan`             find events in one recording
`describe`         what a sound file is, when it began, and where
`find_recordings`  all sound files in folders
`load_detector`    open a detector by name or file
`Detector`         what a detector has to offer
`Picker`           the rules by which scores become events
`Recording`        a sound file as it really is
`Event`            something that was detected
`Label`            ground truth
`read_detections`  read ``detections.csv``
`write_detections` write it
`NdokiError`       the root of all errors raised on purpose; see `ndoki.core.errors`
================== ===========================================================================
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ndoki.audio.recording import describe
    from ndoki.audio.storage import find_recordings
    from ndoki.core.errors import NdokiError
    from ndoki.core.types import Event, Label, Recording
    from ndoki.detectors.protocol import Detector
    from ndoki.detectors.registry import load_detector
    from ndoki.events.pick import Picker
    from ndoki.scan import scan
    from ndoki.tables.detections import read_detections, write_detections

__all__ = [
    "Detector",
    "Event",
    "Label",
    "NdokiError",
    "Picker",
    "Recording",
    "describe",
    "find_recordings",
    "load_detector",
    "read_detections",
    "scan",
    "write_detections",
]

_HOMES = {
    "Detector": "ndoki.detectors.protocol",
    "Event": "ndoki.core.types",
    "Label": "ndoki.core.types",
    "NdokiError": "ndoki.core.errors",
    "Picker": "ndoki.events.pick",
    "Recording": "ndoki.core.types",
    "describe": "ndoki.audio.recording",
    "find_recordings": "ndoki.audio.storage",
    "load_detector": "ndoki.detectors.registry",
    "read_detections": "ndoki.tables.detections",
    "write_detections": "ndoki.tables.detections",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: ``ndoki --help`` must not wait for NumPy."""
    if name == "scan":
        # The module of that name can be called; see docs/adr/0010.
        return importlib.import_module("ndoki.scan")
    if name not in _HOMES:
        raise AttributeError(f"module 'ndoki' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
