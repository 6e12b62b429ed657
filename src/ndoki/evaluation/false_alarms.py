"""How often a detector reports something in shot-free sound, for every threshold at once.

Reports less than ``merge_s`` apart count once, by this rule: in order of time, a report opens a new false
alarm if it begins at least ``merge_s`` after the report that opened the current one. Thus a false alarm
is never longer than ``merge_s``, a detector that fires without pause is not let off with one, and the
number of false alarms is the largest number of reports that lie pairwise ``merge_s`` apart, so it
never falls as the threshold is lowered. (If instead each report prolonged the current false alarm,
one more report between two false alarms could make them one.)
"""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass

import numpy as np

from ndoki.core.errors import ConfigError
from ndoki.evaluation.columns import Column, Detections, Doubles, Integers, joined, rows_of_recordings
from ndoki.evaluation.match import ROUNDING_S

__all__ = ["MERGE_S", "FalseAlarms", "false_alarms"]

MERGE_S = 1.0
"""Reports in shot-free sound that lie closer than this count as one false alarm, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FalseAlarms:
    """One row per false alarm at the lowest threshold; those of ``score`` ≥ t are the ones counted at t.

    Attributes
    ----------
    event
        int64, row of the event with which the false alarm is first counted.
    recording
        Key of its recording.
    score
        float64, that event's score: the highest threshold at which the false alarm is counted.
    """

    event: Integers
    recording: Column
    score: Doubles

    def __len__(self) -> int:
        """How many false alarms when everything is reported."""
        return len(self.event)


def false_alarms(background: Detections, merge_s: float = MERGE_S) -> FalseAlarms:
    """Count false alarms for all thresholds at once, by adding reports from the highest score down.

    Parameters
    ----------
    background
        What was reported in shot-free sound.
    merge_s
        Reports closer than this count once; 0 counts every report.

    Raises
    ------
    ConfigError
        If ``merge_s`` is negative or not finite.
    """
    if not 0 <= merge_s < np.inf:
        raise ConfigError(f"merging within {merge_s} s: expected a finite number of seconds, 0 or more")
    if merge_s <= ROUNDING_S:
        event = np.arange(len(background))
    else:
        openers = (_openers(background, rows, merge_s) for rows in rows_of_recordings(background.recording))
        event = joined(list(openers))
    return FalseAlarms(
        event=event,
        recording=background.recording[event],
        score=background.score[event].astype(np.float64),
    )


def _openers(background: Detections, rows: Integers, merge_s: float) -> Integers:
    """Those rows of one recording that raise its number of false alarms, from the highest score down."""
    rows = rows[np.lexsort((background.onset_s[rows], -background.score[rows]))]
    reported: list[float] = []
    opened: list[float] = []
    raises = [_add(onset_s, reported, opened, merge_s) for onset_s in background.onset_s[rows].tolist()]
    return rows[np.array(raises, np.bool_)]


def _add(onset_s: float, reported: list[float], opened: list[float], merge_s: float) -> bool:
    """Report one more onset; return whether there is one more false alarm.

    ``reported`` holds all onsets so far, ``opened`` those that open a false alarm, both rising.
    """
    insort(reported, onset_s)
    least_s = merge_s - ROUNDING_S
    kept = bisect_right(opened, onset_s)
    if kept and onset_s - opened[kept - 1] < least_s:
        return False
    # The new report opens a false alarm, which shifts those behind it until one opens where it did before.
    n_before, tail, old = len(opened), [onset_s], kept
    while True:
        after = _first_after(reported, tail[-1], least_s)
        if after == len(reported):
            opened[kept:] = tail
            break
        old = bisect_left(opened, reported[after], old)
        if old < len(opened) and opened[old] == reported[after]:
            opened[kept:old] = tail
            break
        tail.append(reported[after])
    return len(opened) > n_before


def _first_after(reported: list[float], opener_s: float, least_s: float) -> int:
    """Index of the first report that is at least ``least_s`` behind the opener."""
    return bisect_left(reported, least_s, key=lambda onset_s: onset_s - opener_s)
