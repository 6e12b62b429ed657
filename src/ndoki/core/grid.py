"""Frames, samples and seconds: the only place that converts between them.

Positions are integer samples of the original file at its original rate. Seconds appear at the edges
only, because summing a hop in floating point over a day goes wrong by minutes.
"""

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["FrameGrid", "seconds_to_samples"]


def seconds_to_samples(seconds: float, rate_hz: int) -> int:
    """Nearest whole sample to a time in seconds."""
    return round(seconds * rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameGrid:
    """Left-aligned frames: frame ``i`` covers samples ``[i·hop, i·hop + frame)`` at the grid's own rate.

    Parameters
    ----------
    rate_hz
        Sample rate that the frames are cut at (the detector's rate, not the file's).
    hop_samples
        Step from frame to frame.
    frame_samples
        Length of one frame.
    """

    rate_hz: int
    hop_samples: int
    frame_samples: int

    @property
    def hop_s(self) -> float:
        """Step from frame to frame in seconds."""
        return self.hop_samples / self.rate_hz

    def n_samples(self, n_source_samples: int, source_rate_hz: int) -> int:
        """How many samples at the grid's rate a file of ``n_source_samples`` has."""
        return -(-n_source_samples * self.rate_hz // source_rate_hz)

    def n_frames(self, n_samples: int) -> int:
        """How many frames fit into ``n_samples`` at the grid's rate; 1 for anything shorter than a frame.

        The part of a file behind its last whole frame is shorter than one hop.
        """
        return 0 if n_samples <= 0 else max(0, n_samples - self.frame_samples) // self.hop_samples + 1

    def frames_in(self, seconds: float) -> int:
        """Nearest whole number of hops to a duration."""
        return round(seconds * self.rate_hz / self.hop_samples)

    def centre_sample(self, frame: int, source_rate_hz: int) -> int:
        """Original sample at the centre of a frame."""
        twice_centre = 2 * frame * self.hop_samples + self.frame_samples
        return round(Fraction(twice_centre * source_rate_hz, 2 * self.rate_hz))

    def first_sample(self, frame: int, source_rate_hz: int) -> int:
        """Original sample at which a frame begins."""
        return round(Fraction(frame * self.hop_samples * source_rate_hz, self.rate_hz))

    def frame_at(self, sample: int, source_rate_hz: int) -> int:
        """Frame whose centre is nearest to an original sample (may be negative at a file's edge)."""
        centred = Fraction(sample * self.rate_hz, source_rate_hz) - Fraction(self.frame_samples, 2)
        return round(centred / self.hop_samples)
