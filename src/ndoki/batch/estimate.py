"""From a sample to the whole: intervals rather than bare numbers. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Interval", "event_rate", "ratio", "total"]

_Z_95 = 1.96
_TAIL_95 = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A likely value, and the 95 % interval about it."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        """Keep rounding from turning an interval inside out."""
        object.__setattr__(self, "low", min(self.low, self.likely))
        object.__setattr__(self, "high", max(self.high, self.likely))

    def times(self, factor: float) -> "Interval":
        """The interval of something that is ``factor`` (≥ 0, exactly known) times as much."""
        return Interval(low=self.low * factor, likely=self.likely * factor, high=self.high * factor)

    def by(self, other: "Interval") -> "Interval":
        """Product of two that are independent; errors are added as relative ones, in squares."""
        likely = self.likely * other.likely
        if likely <= 0:
            return Interval(low=self.low * other.low, likely=likely, high=self.high * other.high)
        down = math.hypot(1 - self.low / self.likely, 1 - other.low / other.likely)
        up = math.hypot(self.high / self.likely - 1, other.high / other.likely - 1)
        return Interval(low=likely * max(0.0, 1 - down), likely=likely, high=likely * (1 + up))

    def plus(self, other: "Interval") -> "Interval":
        """Sum of two, whose errors may well go together."""
        return Interval(
            low=self.low + other.low, likely=self.likely + other.likely, high=self.high + other.high
        )

    def widened(self, share: float) -> "Interval":
        """Both ends moved out by a share of the likely value, added in squares."""
        down = math.hypot(self.likely - self.low, share * self.likely)
        up = math.hypot(self.high - self.likely, share * self.likely)
        return Interval(low=max(0.0, self.likely - down), likely=self.likely, high=self.likely + up)


def total(sampled: Sequence[float], n_all: int) -> Interval:
    """Sum over all from a sample drawn without replacement; exact when all are in it.

    The variance of the mean falls with the share that is not in the sample (W. G. Cochran, Sampling
    Techniques, 3rd ed. 1977, theorem 2.2). Never less than what was seen.

    Parameters
    ----------
    sampled
        At least one value.
    n_all
        How many there are.
    """
    n, seen = len(sampled), math.fsum(sampled)
    if n >= n_all:
        return Interval(low=seen, likely=seen, high=seen)
    mean = seen / n
    variance = sum((value - mean) ** 2 for value in sampled) / (n - 1) if n > 1 else mean**2
    half = _Z_95 * n_all * math.sqrt(variance / n * (1 - n / n_all))
    likely = mean * n_all
    return Interval(low=max(seen, likely - half), likely=likely, high=likely + half)


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Interval:
    """Sum of parts per sum of wholes, e.g. seconds of work per hour of sound.

    Variance of a ratio from its residuals (Cochran 1977, section 6.3).

    Parameters
    ----------
    parts, wholes
        At least one pair; wholes positive.
    """
    n, whole = len(parts), math.fsum(wholes)
    value = math.fsum(parts) / whole
    if n < 2:
        return Interval(low=0.0, likely=value, high=2 * value)
    residuals = sum((part - value * one) ** 2 for part, one in zip(parts, wholes, strict=True))
    half = _Z_95 * math.sqrt(residuals * n / (n - 1)) / whole
    return Interval(low=max(0.0, value - half), likely=value, high=value + half)


def event_rate(counts: Sequence[int], hours: Sequence[float]) -> Interval:
    """Events per hour from counts in stretches; zero events still leave an upper bound.

    The exact Poisson interval (F. Garwood, Biometrika 28 (1936) 437), with counts and hours divided by how
    much more the stretches differ than Poisson counts would, because shots come in bursts: Pearson's χ² per
    degree of freedom, at least 1 (P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. 1989,
    section 6.2).

    Parameters
    ----------
    counts, hours
        At least one pair; hours positive.
    """
    from scipy.special import gammaincinv

    found, whole = sum(counts), math.fsum(hours)
    rate = found / whole
    spread = 1.0
    if found and len(counts) > 1:
        chi2 = sum((n - rate * one) ** 2 / (rate * one) for n, one in zip(counts, hours, strict=True))
        spread = max(1.0, chi2 / (len(counts) - 1))
    effective = found / spread
    low = float(gammaincinv(effective, _TAIL_95)) if found else 0.0
    high = float(gammaincinv(effective + 1, 1 - _TAIL_95))
    return Interval(low=low * spread / whole, likely=rate, high=high * spread / whole)
