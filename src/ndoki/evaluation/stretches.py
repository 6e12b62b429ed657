"""What the bootstrap draws: recordings, or stretches of them where there are too few recordings."""

from dataclasses import dataclass

import numpy as np

from ndoki.evaluation.bootstrap import ScoredGroups, scored_groups
from ndoki.evaluation.columns import Column, Doubles
from ndoki.evaluation.false_alarms import FalseAlarms
from ndoki.evaluation.material import Material

__all__ = ["STRETCH_S", "Drawn", "drawn_groups"]

STRETCH_S = 600.0
"""Length of a stretch. A burst, and most of a hunt, lies in one."""

_FEW = 10
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Groups for the bootstrap, and in words what they are."""

    groups: ScoredGroups
    told: str


def drawn_groups(material: Material, found_score: Doubles, alarms: FalseAlarms) -> Drawn:
    """Groups of shots and of shot-free sound: recordings, or stretches of 10 minutes if there are under ten.

    Parameters
    ----------
    material
        What is counted.
    found_score
        Highest threshold at which each shot is found.
    alarms
        False alarms among ``material.background``.

    Raises
    ------
    LabelError
        There are no shots, or no hours.
    """
    shot_keys: Column = material.truths.recording
    alarm_keys: Column = alarms.recording
    hours = dict(material.hours_by_recording)
    told = []
    if len(set(shot_keys.tolist())) < _FEW:
        shot_keys = _in_stretches(shot_keys, material.truths.onset_s)
        told.append("the shots")
    if len(hours) < _FEW:
        alarm_keys = _in_stretches(alarm_keys, material.background.onset_s[alarms.event])
        # An event may lie behind the end that was given; it then is in a stretch of no length.
        hours = dict.fromkeys(alarm_keys.tolist(), 0.0) | _hours_of_stretches(hours)
        told.append("the false alarms")
    groups = scored_groups(
        found_score=found_score,
        truth_recording=shot_keys,
        alarms=FalseAlarms(event=alarms.event, recording=alarm_keys, score=alarms.score),
        hours_by_recording=hours,
    )
    return Drawn(groups=groups, told=_told(told, groups))


def _told(in_stretches: list[str], groups: ScoredGroups) -> str:
    n_found, n_false = len(np.unique(groups.found_group)), len(groups.background_hours)
    if not in_stretches:
        return f"95 %, 1000 resamples of whole recordings ({n_found} with shots, {n_false} for false alarms)"
    whose = " and ".join(in_stretches)
    return (
        f"95 %, 1000 resamples; fewer than {_FEW} recordings hold {whose}, so stretches of 10 min are drawn "
        f"({n_found} with shots, {n_false} for false alarms)"
    )


def _in_stretches(keys: Column, onset_s: Doubles) -> Column:
    """Keys of recordings with the number of the stretch behind them."""
    numbers = (np.maximum(onset_s, 0) // STRETCH_S).astype(np.int64).tolist()
    return np.array([f"{key} {i}" for key, i in zip(keys.tolist(), numbers, strict=True)], np.str_)


def _hours_of_stretches(hours: dict[str, float]) -> dict[str, float]:
    """Length of each stretch of each recording; the last one is shorter."""
    pieces = {}
    for key, length_h in hours.items():
        length_s = length_h * _HOUR_S
        for i in range(max(1, int(np.ceil(length_s / STRETCH_S - 1e-9)))):
            pieces[f"{key} {i}"] = min(STRETCH_S, length_s - i * STRETCH_S) / _HOUR_S
    return pieces
