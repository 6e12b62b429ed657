"""Is a network worth taking: false alarms at equal recall, old against new, on clips new to both."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ndoki.core.errors import LabelError
from ndoki.core.types import DetectorId
from ndoki.evaluation.bootstrap import Interval, interval_of, resampled_recalls
from ndoki.evaluation.columns import Doubles
from ndoki.evaluation.curves import recalls_at
from ndoki.evaluation.price import prices, resampled_prices
from ndoki.training.heldout import Heldout
from ndoki.training.validation import hours_of

__all__ = ["RECALLS", "Comparison", "Verdict", "compare", "judge"]

RECALLS = (0.90, 0.95, 0.98)
"""Where false alarms are compared: what users want to find, and where look-alikes begin to score as well."""

RATES_PER_HOUR = (60.0, 10.0, 2.0)
_N_RESAMPLES, _SEED = 2000, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure of both networks, and the difference new − old with its paired 95 % interval.

    ``at`` is the recall or the rate at which they are compared; 0 for a mean over several.
    """

    at: float
    old: float
    new: float
    difference: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a new network takes the place of an old one, and why.

    Attributes
    ----------
    is_kept
        It raises no more false alarms than the old one, on average over the recalls.
    sentence
        The same with all figures, for a person.
    false_alarms_at_recall
        Per hour, at each recall that the old network reaches.
    mean
        Their mean over these recalls.
    recall_at_false_alarms
        The other way round, for information.
    old, new
        Which networks.
    n_shot_clips, background_hours
        What they were compared on.
    """

    is_kept: bool
    sentence: str
    false_alarms_at_recall: tuple[Comparison, ...]
    mean: Comparison
    recall_at_false_alarms: tuple[Comparison, ...]
    old: DetectorId
    new: DetectorId
    n_shot_clips: int
    background_hours: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a number that is infinite becomes null."""
        plain: dict[str, Any] = _finite(asdict(self))
        return plain


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare(
    old: Heldout, new: Heldout, ids: tuple[DetectorId, DetectorId], recalls: Sequence[float] = RECALLS
) -> Verdict:
    """Compare two networks that heard the same clips.

    Intervals come from 2000 resamples of whole groups, the same ones for both networks, so that what makes
    a resample easy or hard for both drops out of the difference.

    Parameters
    ----------
    old, new
        What each said of each clip, clips in the same order.
    ids
        The old network and the new one.
    recalls
        In (0, 1]. Those that the old network does not reach at any threshold are left out.

    Raises
    ------
    LabelError
        The clips differ, or the old network reaches none of the recalls.
    """
    if [one.clip for one in (*old.shots, *old.backgrounds)] != [
        one.clip for one in (*new.shots, *new.backgrounds)
    ]:
        raise LabelError("the two networks heard different clips; let both hear the same ones")
    groups = old.groups(), new.groups()
    reached = [r for r, price in zip(recalls, prices(groups[0], recalls), strict=True) if price < np.inf]
    if not reached:
        raise LabelError(
            f"the previous network reaches none of the recalls {', '.join(f'{r:g}' for r in recalls)} on the "
            f"{len(old.shots)} validation shots; give a lower --recall"
        )
    cost = [prices(one, reached) for one in groups]
    cost_drawn = [resampled_prices(one, reached, n_resamples=_N_RESAMPLES, rng=_rng()) for one in groups]
    recall = [_recalls(one) for one in (old, new)]
    recall_drawn = [
        resampled_recalls(one, rates_per_hour=RATES_PER_HOUR, n_resamples=_N_RESAMPLES, rng=_rng())
        for one in groups
    ]
    mean, mean_drawn = (
        [one.mean(keepdims=True) for one in cost],
        [d.mean(1, keepdims=True) for d in cost_drawn],
    )
    return judge(
        at_recall=_paired(reached, cost, cost_drawn),
        mean=_paired([0.0], mean, mean_drawn)[0],
        at_rate=_paired(RATES_PER_HOUR, recall, recall_drawn),
        ids=ids,
        n_shot_clips=len(old.shots),
        background_hours=hours_of(old.backgrounds),
    )


def _rng() -> np.random.Generator:
    """From the same seed every time, so that all figures meet the same resamples."""
    return np.random.default_rng(_SEED)


def _recalls(heard: Heldout) -> Doubles:
    return np.array([point.recall for point in recalls_at(heard.curve, RATES_PER_HOUR).values()])


def _paired(
    ats: Sequence[float], values: Sequence[Doubles], drawn: Sequence[Doubles]
) -> tuple[Comparison, ...]:
    (old, new), (old_drawn, new_drawn) = values, drawn
    return tuple(
        Comparison(
            at=at,
            old=float(old[i]),
            new=float(new[i]),
            difference=interval_of(float(new[i] - old[i]), new_drawn[:, i] - old_drawn[:, i]),
        )
        for i, at in enumerate(ats)
    )


def judge(
    *,
    at_recall: tuple[Comparison, ...],
    mean: Comparison,
    at_rate: tuple[Comparison, ...],
    ids: tuple[DetectorId, DetectorId],
    n_shot_clips: int,
    background_hours: float,
) -> Verdict:
    """The rule: kept if it raises no more false alarms at equal recall, on average over the recalls."""
    missed = [one for one in at_recall if one.new == math.inf]
    is_kept = not missed and mean.new <= mean.old
    recalls = ", ".join(f"{one.at:.2f}" for one in at_recall)
    before = ", ".join(f"{one.old:.1f}" for one in at_recall)
    after = ", ".join("out of reach" if one in missed else f"{one.new:.1f}" for one in at_recall)
    sentence = (
        f"{'Kept' if is_kept else 'Refused'}: on {n_shot_clips} clips with shots and "
        f"{background_hours:.2f} h without, false alarms per hour at a recall of {recalls} were {before} "
        f"and are {after}; "
    )
    if missed:
        sentence += f"a recall of {missed[0].at:.2f} is lost."
    else:
        sentence += f"their mean went from {mean.old:.1f} to {mean.new:.1f}, {_said(mean.difference)}."
    return Verdict(
        is_kept=is_kept,
        sentence=sentence,
        false_alarms_at_recall=at_recall,
        mean=mean,
        recall_at_false_alarms=at_rate,
        old=ids[0],
        new=ids[1],
        n_shot_clips=n_shot_clips,
        background_hours=background_hours,
    )


def _said(difference: Interval) -> str:
    """A difference with its interval, and whether it may be chance."""
    text = f"{difference.value:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]".replace("-", "−")
    return text + (", which may be chance" if difference.low <= 0 <= difference.high else "")
