"""How probable it is that a candidate is a shot, placed within 30 ms: from nine cues, by a logistic model.

The detector's calibrated score is the first cue. The others are what the detector does not know: that there
is a shot in the window, what else is there, and how clearly the level rises.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

__all__ = ["ALONE", "CUES", "LEAST_SCORE", "Cues", "Weights", "plausibility", "rhythm"]

LEAST_SCORE = 5e-4
"""Candidates score at least this. Scores are calibrated: of what scores so low in sound that nobody has
labelled, one in two thousand is a shot; where a label says that there is one, one in a hundred."""

ALONE = 0.5
"""Likeness of a candidate that there is nothing to compare with: what noise has with a shot, about."""

_UNHEARD = 0.02
"""What was not found but fired counts as if it scored this: the detector was not asked about just there."""

Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

_OFF_BEAT = 0.05
_BEATS_S = (0.04, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cues:
    """What is known of the candidates of one channel: columns of equal length.

    Attributes
    ----------
    score
        The detector's calibrated score, in [0, 1]; 0 where it has found nothing, see `ndoki.curation.fired`.
    evidence
        Of the local onset estimate, in nats. It counts where nothing sounds before.
    likeness
        To the likely shot within 6 s that it resembles most; `ALONE` where there is none.
    rhythm
        How well it keeps time with likely shots around it, see `rhythm`.
    fired, log_odds
        Chance of the shot of the likeliest sequence that it is, and evidence of the second hearing for one,
        see `ndoki.curation.fired.Fired`.
    between
        Whether it lies between two rounds of automatic fire and is none, 0 or 1, see the same.
    follows
        Whether a likely shot began in the 0.6 s before, 0 or 1.
    is_meant
        Whether it is the one that a label is taken to mean, 0 or 1.
    """

    score: Doubles
    evidence: Doubles
    likeness: Doubles
    rhythm: Doubles
    fired: Doubles
    log_odds: Doubles
    between: Doubles
    follows: Doubles
    is_meant: Doubles

    def design(self) -> Doubles:
        """Matrix of the logistic model, shape (n, 10): one column per cue, in order, and ones."""
        score = np.where(self.score == 0, _UNHEARD, self.score)
        return np.stack(
            [
                logit(np.clip(score, LEAST_SCORE, 1 - LEAST_SCORE)),
                np.log(np.maximum(self.evidence, 0.1)) * (1 - self.follows),
                self.likeness,
                self.rhythm,
                self.fired,
                self.log_odds,
                self.between,
                self.follows,
                self.is_meant,
                np.ones(len(self.score)),
            ],
            axis=1,
        )


CUES = tuple(field.name for field in fields(Cues))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Log odds that each cue adds; fitted by ``benchmarks/refine.py --fit`` to the world TRAIN."""

    score: float = 0.28
    evidence: float = 0.08
    likeness: float = 2.8
    rhythm: float = 1.3
    fired: float = 0.86
    log_odds: float = 0.24
    between: float = -5.56
    follows: float = 0.17
    is_meant: float = 1.73
    offset: float = -3.34

    def column(self) -> Doubles:
        """In the order of `Cues.design`."""
        return np.array([*(getattr(self, name) for name in CUES), self.offset])


def plausibility(cues: Cues, weights: Weights) -> Doubles:
    """Probability that each candidate is a shot within 30 ms of its onset; shape (n,), in (0, 1)."""
    return np.asarray(expit(np.clip(cues.design() @ weights.column(), -30.0, 30.0)))


def rhythm(onsets_s: Doubles, is_likely: Booleans) -> Doubles:
    """How well each candidate keeps time with two likely shots: between them, or a beat before or behind.

    For the pair whose beats agree best, exp(−|ln ratio of the beats| / 0.05): 1 for equal beats, 0.37 where
    they differ by 5 %. Beats are 0.04 to 1 s.

    Parameters
    ----------
    onsets_s
        Rising, shape (n,).
    is_likely
        Which of them are likely shots, shape (n,).

    Returns
    -------
    float64, shape (n,), in [0, 1]
        0 where fewer than two others are near.
    """
    result = np.zeros(len(onsets_s))
    likely_s = onsets_s[is_likely]
    for i, onset_s in enumerate(onsets_s):
        first, end = np.searchsorted(likely_s, [onset_s - 2 * _BEATS_S[1], onset_s + 2 * _BEATS_S[1]])
        gap_s = likely_s[first:end] - onset_s
        before, behind = -gap_s[gap_s < 0], gap_s[gap_s > 0]
        ratios = [_beats(before, behind), _beats(before, before / 2), _beats(behind, behind / 2)]
        agreement = np.concatenate(ratios)
        if len(agreement):
            result[i] = np.exp(-np.min(agreement) / _OFF_BEAT)
    return result


def _beats(one: Doubles, other: Doubles) -> Doubles:
    """|ln ratio| of all pairs of beats within the range."""
    shortest, longest = _BEATS_S
    one, other = (side[(side >= shortest) & (side <= longest)] for side in (one, other))
    return np.abs(np.log(one[:, None] / other[None, :])).ravel()
