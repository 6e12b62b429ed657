"""What fired a burst, as far as it can be told; `unknown` where it cannot. Pure."""

import math
from collections.abc import Collection
from typing import NamedTuple

from ndoki.core.errors import ConfigError
from ndoki.events.cadence import Cadence

__all__ = [
    "LEAST_INTERVALS",
    "LEAST_SCORE",
    "MECHANISM_ROUNDS_PER_MINUTE",
    "NOT_AUTOMATIC_SCORE",
    "SCORE_WEIGHTS",
    "UNKNOWN",
    "WEAPONS",
    "Verdict",
    "automatic_score",
    "check_weapons",
    "weapon_of",
]

MECHANISM_ROUNDS_PER_MINUTE = (450.0, 950.0)
"""Rates at which automatic rifles and machine guns fire; no finger pulls a trigger that fast."""

LEAST_INTERVALS = 2
"""Two shots are one gap: a quick finger, two barrels or an echo have that too."""

LEAST_SCORE = 0.8
"""Below it the weapon stays unknown. With it, at least 95 of 100 simulated verdicts are right."""

SCORE_WEIGHTS = (0.7, 2.8, -16.8)
"""Of 1, ln n and irregularity · ln n in `automatic_score`; a test fits them again from simulation."""


WEAPONS = ("automatic", "rifle", "shotgun")
"""What a burst may be ascribed to."""

NOT_AUTOMATIC_SCORE = 0.85
"""Score of the one other weapon that is carried, where no mechanism is heard. It leaves room for an automatic
weapon that fires single shots about one time in six, and is an assumption: no data tell how often they do."""

_SLOWEST_MECHANISM_S = 0.15


class Verdict(NamedTuple):
    """``automatic``, ``rifle``, ``shotgun`` or ``unknown``, and how sure that is in [0, 1]."""

    weapon: str
    score: float


UNKNOWN = Verdict("unknown", 0.0)


def automatic_score(cadence: Cadence) -> float:
    """How likely it is a mechanism that keeps this cadence, in [0, 1].

    0 with fewer than three shots, or outside 450 to 950 rounds per minute. Inside, a logistic function of
    a + (b + c · irregularity) · ln n over n intervals: it falls with irregularity, and grows with the number
    of shots as long as they are regular (below 0.17).

    Fitted to, and validated on, simulated cadence only, never on recorded bursts: gunfire as the simulator
    draws it (30 % automatic, 70 % aimed), one train of unrelated onsets at the same rates for every ten
    bursts; up to 10 % of the shots missed, onsets up to 16 ms off, every other strong echo taken for a shot.
    """
    least, most = MECHANISM_ROUNDS_PER_MINUTE
    if cadence.n_intervals < LEAST_INTERVALS or not least <= cadence.rounds_per_minute <= most:
        return 0.0
    constant, of_number, of_irregularity = SCORE_WEIGHTS
    logit = constant + (of_number + of_irregularity * cadence.irregularity) * math.log(cadence.n_intervals)
    return 1.0 / (1.0 + math.exp(-logit))


def check_weapons(weapons: Collection[str]) -> frozenset[str]:
    """The weapons, as a set.

    Raises
    ------
    ConfigError
        There is none, or one that Ndoki does not know.
    """
    unknown = sorted(set(weapons) - set(WEAPONS))
    if unknown or not weapons:
        raise ConfigError(f"weapons {', '.join(unknown) or 'none'}; give any of {', '.join(WEAPONS)}")
    return frozenset(weapons)


def weapon_of(
    cadence: Cadence | None, *, least_score: float = LEAST_SCORE, weapons: Collection[str] = WEAPONS
) -> Verdict:
    """Weapon of a burst by its cadence.

    A cadence can only say ``automatic``. Its absence says little: an automatic rifle fires single shots too,
    and rifle and shotgun are fired at the same pace. No judgement by sound was validated, so none is made.
    Only where it is known that one other weapon is carried, a single shot or shots with pauses are taken for
    that one's.

    Parameters
    ----------
    cadence
        None where there is a single shot.
    least_score
        Verdicts below this score are rejected.
    weapons
        Those that are carried where the recording was made, of `WEAPONS`.

    Raises
    ------
    ConfigError
        ``weapons`` names none, or one that Ndoki does not know.
    """
    carried = check_weapons(weapons)
    score = 0.0 if cadence is None else automatic_score(cadence)
    others = carried - {"automatic"}
    if "automatic" in carried and score >= least_score:
        return Verdict("automatic", score)
    slow = cadence is None or cadence.interval_s > _SLOWEST_MECHANISM_S
    if len(others) == 1 and slow and least_score <= NOT_AUTOMATIC_SCORE:
        return Verdict(min(others), NOT_AUTOMATIC_SCORE)
    return UNKNOWN
