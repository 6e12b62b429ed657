"""Why a recording is doubtful, in sentences."""

from collections.abc import Iterator, Sequence

from ndoki.audio.microphone import Spell
from ndoki.audio.quality import Quality
from ndoki.core.types import Recording

__all__ = ["reasons_of"]

_CLIPPED_SHARE = 1e-3
_SILENT_S = 10.0


def reasons_of(
    recording: Recording,
    quality: Quality | None,
    *,
    expected_s: float,
    gap_s: float,
    reset: str,
    spells: Sequence[Spell],
) -> list[str]:
    """Sentences on one channel of a recording; none if nothing is wrong.

    Parameters
    ----------
    quality
        What was measured; None if nobody listened.
    expected_s
        How long the recording should be.
    gap_s
        Time lost before it; negative where it overlaps with the one before.
    reset
        Sentence on its clock, or empty.
    spells
        Those of its microphone that reach into it.
    """
    reasons = list(recording.problems)
    if reset and reset not in reasons:
        reasons.append(reset)
    if expected_s > recording.duration_s:
        reasons.append(f"{_long(recording.duration_s)} are there; {_long(expected_s)} were expected.")
    if gap_s > 0:
        reasons.append(f"The recorder's previous recording ended {_long(gap_s)} before this one began.")
    if gap_s < 0:
        reasons.append(
            f"It overlaps the recorder's previous recording by {_long(-gap_s)}: "
            "the clock was set back, or one is a copy."
        )
    return reasons + list(_of_sound(quality, recording.rate_hz)) + [spell.sentence() for spell in spells]


def _of_sound(quality: Quality | None, rate_hz: int) -> Iterator[str]:
    if quality is None:
        return
    if quality.clipped_share >= _CLIPPED_SHARE:
        yield (
            f"{quality.clipped_share:.2%} of the samples are at full scale, up to "
            f"{quality.longest_clip_samples / rate_hz:.3f} s in a row: the gain is too high, or the "
            "microphone is broken."
        )
    if quality.silent_s >= _SILENT_S or quality.level_dbfs is None:
        first = quality.silences[0].first_sample / rate_hz if quality.silences else 0.0
        yield (
            f"{_long(quality.silent_s)} are digital silence (every sample the same), the first of it "
            f"{_long(first)} into the recording."
        )


def _long(seconds: float) -> str:
    """``24 h 00 min``, ``3 min 20 s`` or ``7.5 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
