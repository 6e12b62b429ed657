"""Where recordings of one recorder leave gaps between them, overlap, or end before their time. Pure."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from ndoki.core.types import Recording

__all__ = ["Seam", "expected_s", "find_seams"]

# Names tell whole seconds, so two starts are known to within one second of each other.
_TOLERANCE_S = 1.0
# A duty cycle: this many gaps of the same length, to within its own tolerance.
_N_REGULAR = 3
_REGULAR_S = 2.0
# From so many recordings on, their usual length is known.
_N_USUAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Time without sound, or with two sounds, between recordings of one recorder.

    Attributes
    ----------
    before, after
        Sources of the recordings on either side.
    begins_at
        Aware time at which the gap or the overlap begins.
    gap_s
        Length in seconds; negative for an overlap.
    is_regular
        One of at least three gaps of about the same length: a recording schedule rather than a loss.
    """

    before: str
    after: str
    begins_at: datetime
    gap_s: float
    is_regular: bool = False


def find_seams(recordings: Iterable[tuple[Hashable, Recording]]) -> list[Seam]:
    """Gaps and overlaps of more than a second between consecutive recordings.

    Parameters
    ----------
    recordings
        Each with a key that tells recorders apart, e.g. site and serial number. Those without a start are
        passed over.
    """
    groups: dict[Hashable, list[tuple[datetime, Recording]]] = defaultdict(list)
    for key, recording in recordings:
        if recording.started_at is not None:
            groups[key].append((recording.started_at, recording))
    return [seam for group in groups.values() for seam in _marked(_seams(group))]


def _seams(group: list[tuple[datetime, Recording]]) -> list[Seam]:
    seams: list[Seam] = []
    ordered = sorted(group, key=lambda pair: (pair[0], pair[1].source))
    # What sounds longest so far: a short file inside a long one neither ends it nor begins a gap.
    last, last_end = ordered[0][1], _end(*ordered[0])
    for start, recording in ordered[1:]:
        end = _end(start, recording)
        gap_s = (start - last_end).total_seconds()
        if gap_s > _TOLERANCE_S:
            seams.append(Seam(before=last.source, after=recording.source, begins_at=last_end, gap_s=gap_s))
        elif gap_s < -_TOLERANCE_S:
            overlap_s = (min(end, last_end) - start).total_seconds()
            seams.append(Seam(before=last.source, after=recording.source, begins_at=start, gap_s=-overlap_s))
        if end > last_end:
            last, last_end = recording, end
    return seams


def _end(start: datetime, recording: Recording) -> datetime:
    return start + timedelta(seconds=recording.duration_s)


def _marked(seams: list[Seam]) -> list[Seam]:
    """The same seams; gaps that a duty cycle explains are marked."""
    gaps = [seam.gap_s for seam in seams if seam.gap_s > 0]
    if len(gaps) < _N_REGULAR:
        return seams
    usual_s = median(gaps)
    if sum(abs(gap_s - usual_s) <= _REGULAR_S for gap_s in gaps) < max(_N_REGULAR, len(gaps) / 2):
        return seams
    return [replace(seam, is_regular=abs(seam.gap_s - usual_s) <= _REGULAR_S) for seam in seams]


def expected_s(recordings: Sequence[Recording], claimed_s: Mapping[str, float]) -> dict[str, float]:
    """How long each recording of one recorder should be, in seconds; never less than it is.

    That is the recorder's usual length (the median of three recordings or more), where there are fewer what
    the header claims, and in both cases at most until the next recording begins.

    Parameters
    ----------
    recordings
        Of one recorder, in any order, with or without a start.
    claimed_s
        What headers claim, in seconds, by source; a source that claims nothing is absent.

    Returns
    -------
    Seconds by source.
    """
    usual_s = median(one.duration_s for one in recordings) if len(recordings) >= _N_USUAL else None
    starts = sorted(one.started_at for one in recordings if one.started_at is not None)
    expected = {}
    for one in recordings:
        due_s = claimed_s.get(one.source, 0.0) if usual_s is None else usual_s
        after = bisect_right(starts, one.started_at) if one.started_at is not None else len(starts)
        if one.started_at is not None and after < len(starts):
            due_s = min(due_s, (starts[after] - one.started_at).total_seconds())
        # Recorders close their files within a second; that is no loss.
        expected[one.source] = due_s if due_s > one.duration_s + _TOLERANCE_S else one.duration_s
    return expected
