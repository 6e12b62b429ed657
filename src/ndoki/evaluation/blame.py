"""What sounded where a false alarm was raised."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from ndoki.evaluation.breakdown import Cause
from ndoki.evaluation.columns import Detections, Doubles, Truths
from ndoki.evaluation.false_alarms import FalseAlarms

__all__ = ["AFTER_SHOT", "AFTER_SHOT_S", "causes_of"]

AFTER_SHOT_S = 4.0
"""A false alarm so soon behind a shot is put down to its echo or its tail."""

AFTER_SHOT = "echo or tail of a shot"
"""The cause of such a false alarm."""

_NOTHING = "nothing labelled"


def causes_of(
    alarms: FalseAlarms,
    background: Detections,
    *,
    threshold: float,
    truths: Truths,
    lookalikes: Truths,
    collar_s: float,
    hours: float,
) -> tuple[Cause, ...]:
    """Count false alarms by what began last before them and still sounded, the most frequent first.

    Parameters
    ----------
    alarms, background
        From `false_alarms`, and the events that it was given.
    threshold
        False alarms of score ≥ this are counted.
    truths, lookalikes
        Shots, which sound for `AFTER_SHOT_S`, and look-alikes, which sound from their onset to their end and
        have a tag ``label``.
    collar_s
        By how much an event may come before its cause, or behind the end of a look-alike.
    hours
        Length of the sound, in which every cause may occur.
    """
    n_false: Counter[str] = Counter()
    begun = _by_recording(truths, lookalikes)
    for event in alarms.event[alarms.score >= threshold].tolist():
        sounds = begun.get(background.recording[event])
        n_false[_cause(float(background.onset_s[event]), sounds, collar_s)] += 1
    return tuple(Cause(name=name, n_false=n, hours=hours) for name, n in n_false.most_common())


Sounds = tuple[Doubles, Doubles, list[str]]
"""Onsets (rising), ends, names of what sounds in one recording."""


def _by_recording(truths: Truths, lookalikes: Truths) -> Mapping[str, Sounds]:
    ends_s = lookalikes.onset_s if lookalikes.end_s is None else lookalikes.end_s
    key = np.concatenate([truths.recording, lookalikes.recording])
    onset_s = np.concatenate([truths.onset_s, lookalikes.onset_s])
    end_s = np.concatenate([truths.onset_s + AFTER_SHOT_S, ends_s])
    name = [AFTER_SHOT] * len(truths) + lookalikes.tags["label"].tolist()
    sounds = {}
    for one in np.unique(key).tolist():
        rows = np.flatnonzero(key == one)
        rows = rows[np.argsort(onset_s[rows], kind="stable")]
        sounds[one] = (onset_s[rows], end_s[rows], [name[row] for row in rows.tolist()])
    return sounds


def _cause(onset_s: float, sounds: Sounds | None, collar_s: float) -> str:
    """Name of the sound that began last, of those that sound at ``onset_s``."""
    if sounds is None:
        return _NOTHING
    begins_s, ends_s, names = sounds
    first_later = int(np.searchsorted(begins_s, onset_s + collar_s, "right"))
    sounding = np.flatnonzero(ends_s[:first_later] + collar_s >= onset_s)
    return names[int(sounding[-1])] if len(sounding) else _NOTHING
