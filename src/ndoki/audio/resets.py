"""Recordings whose clock had fallen back to its factory date, told by others of the same recorder. Pure."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta

from ndoki.core.clock import doubt
from ndoki.core.types import Recording

__all__ = ["find_resets"]

# Deployments are months apart at the most, cards are collected every four; a factory date lies years off.
_APART = timedelta(days=180)
# Clocks that lost their power begin at midnight of a year's first day, wherever their maker put it.
_FACTORY_DAY = (1, 1)

_Group = list[tuple[datetime, Recording]]


def find_resets(recordings: Iterable[tuple[Hashable, Recording]]) -> dict[str, str]:
    """A sentence for each recording whose clock was probably never set, or lost its power.

    Told are dates that no recorder of today can have written, and recordings that begin on 1 January, half a
    year or more away from most others of the same recorder, with all that follow on them. A clock that is
    wrong by less looks like a gap or an overlap.

    Parameters
    ----------
    recordings
        Each with a key that tells recorders apart. Those without a start are passed over.

    Returns
    -------
    Sentences by source.
    """
    groups: dict[Hashable, _Group] = defaultdict(list)
    found: dict[str, str] = {}
    for key, recording in recordings:
        if recording.started_at is None:
            continue
        sentence = doubt(_local(recording.started_at, recording)) or doubt(recording.started_at)
        if sentence:
            found[recording.source] = sentence
        else:
            groups[key].append((recording.started_at, recording))
    for group in groups.values():
        found |= _astray(sorted(group, key=lambda pair: (pair[0], pair[1].source)))
    return found


def _astray(group: _Group) -> dict[str, str]:
    clusters: list[_Group] = [[group[0]]]
    for pair in group[1:]:
        if pair[0] - clusters[-1][-1][0] > _APART:
            clusters.append([])
        clusters[-1].append(pair)
    main = max(clusters, key=lambda cluster: sum(recording.duration_s for _, recording in cluster))
    return {
        recording.source: (
            f"The start {start:%Y-%m-%d %H:%M:%S} lies far from the {len(main)} other recordings of this "
            f"recorder ({main[0][0]:%Y-%m-%d} to {main[-1][0]:%Y-%m-%d}), and the clock began on 1 January: "
            "it was probably reset."
        )
        for cluster in clusters
        if cluster is not main and _is_factory_date(*cluster[0])
        for start, recording in cluster
    }


def _is_factory_date(start: datetime, recording: Recording) -> bool:
    local = _local(start, recording)
    return _FACTORY_DAY in ((start.month, start.day), (local.month, local.day))


def _local(start: datetime, recording: Recording) -> datetime:
    """As the recorder's clock showed it, for most recorders; some run in UTC."""
    return start.astimezone(recording.local_zone) if recording.local_zone else start
