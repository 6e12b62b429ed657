"""One sound file, described: what is there, when it began, and where."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed
from pathlib import Path

from ndoki.audio.header import read_header
from ndoki.audio.layout import Header
from ndoki.audio.metadata import RecorderNotes, read_metadata
from ndoki.audio.reader import Span
from ndoki.core.clock import DEPLOYMENT, NAME_OFFSET, NAME_ZONE, NO_TIME, Saying, choose_start
from ndoki.core.deployments import Deployments
from ndoki.core.file_names import NameTime, start_from_name
from ndoki.core.sites import Answer, Deployment
from ndoki.core.types import Recording

__all__ = ["describe", "folder_site", "with_loss"]

# Folders that recorders and people make for order, and that name no place.
_NO_PLACE = re.compile(
    r"\d{4}|\d{6}|\d{8}|\d{4}-\d\d(-\d\d)?|data|dcim|audio|raw|recordings?|sounds?|wavs?", re.IGNORECASE
)
_NOTHING = Deployment(row=0)


def describe(
    source: str,
    *,
    header: Header | None = None,
    timezone: tzinfo | None = None,
    deployments: Deployments | None = None,
) -> Recording:
    """Say what a sound file is, when it began, and where.

    Parameters
    ----------
    source
        Path or URL.
    header
        What `read_header` says of it, where it was read already.
    timezone
        Zone for clock readings that come without one, and for showing local times.
    deployments
        Table of recorders and places; where it gives a zone, that goes before ``timezone``.

    Returns
    -------
    Recording
        Its start in UTC or None; what was doubtful about file, time or place stands in ``problems``.

    Raises
    ------
    AudioError
        The file cannot be read, not even in part.
    """
    header = header or read_header(source)
    notes, named = read_metadata(header.metadata), start_from_name(source)
    answer = _answer(source, deployments, notes, named, timezone)
    row = answer.deployment or _NOTHING
    clock_zone = row.clock_zone or timezone
    start = choose_start(_sayings(row, notes, named, clock_zone), clock_zone, clock_fast_s=row.clock_fast_s)
    return Recording(
        source=source,
        rate_hz=header.rate_hz,
        n_samples=header.n_samples,
        n_channels=header.n_channels,
        started_at=start.started_at,
        local_zone=row.zone or timezone or _told_zone(start.time_source, notes, named),
        time_source=start.time_source,
        site=row.site or (named.site if named else "") or notes.site or folder_site(source),
        problems=(*header.problems, *notes.problems, *filter(None, [answer.problem]), *start.problems),
    )


def _answer(
    source: str,
    deployments: Deployments | None,
    notes: RecorderNotes,
    named: NameTime | None,
    fallback_zone: tzinfo | None,
) -> Answer:
    if deployments is None:
        return Answer()
    times = [saying.when for saying in notes.sayings] + ([named.when] if named else [])
    when: datetime | None = min(times, key=lambda time: time.tzinfo is None, default=None)
    answer = deployments.find(
        source=_address(source),
        prefix=named.site if named else "",
        recorders=(named.recorder if named else "", notes.recorder, notes.deployment),
        when=when,
        fallback_zone=fallback_zone,
    )
    if answer.deployment is None and not answer.problem:
        return Answer(problem=f"No row of {deployments.path} fits this recording.")
    return answer


def _sayings(
    row: Deployment, notes: RecorderNotes, named: NameTime | None, clock_zone: tzinfo | None
) -> list[Saying]:
    """Everyone's word on the start, in order of precedence."""
    sayings = list(notes.sayings)
    if row.recording_start is not None:
        sayings.insert(0, Saying(source=DEPLOYMENT, when=row.recording_start))
    if named is None:
        return sayings
    if named.when.tzinfo is not None:
        sayings.append(Saying(source=NAME_OFFSET, when=named.when))
    elif named.bare and notes.model == "AudioMoth" and clock_zone is None:
        # The metadata prove that an AudioMoth wrote the name, and an AudioMoth's names are in UTC.
        sayings.append(Saying(source=NAME_OFFSET, when=named.when.replace(tzinfo=UTC)))
    else:
        sayings.append(Saying(source=NAME_ZONE, when=named.when))
    return sayings


def _told_zone(time_source: str, notes: RecorderNotes, named: NameTime | None) -> tzinfo | None:
    """Offset that the recorder itself gave. UTC says only how its clock was set, and nothing of the place."""
    if time_source == NO_TIME:
        return None
    times = [saying.when for saying in notes.sayings if saying.source == time_source]
    if time_source == NAME_OFFSET and named is not None:
        times = [named.when]
    offset = times[0].utcoffset() if times else None
    return fixed(offset) if offset else None


def folder_site(source: str) -> str:
    """Name of the nearest folder that can be a place (not a date, ``Data`` or ``recordings``); else empty."""
    folders = [part for part in _address(source).split("/")[:-1] if part and not part.endswith(":")]
    return next((name for name in reversed(folders) if not _NO_PLACE.fullmatch(name)), "")


def _address(source: str) -> str:
    """Whole path with slashes, so that a relative name fits the same row and folder as the absolute one."""
    return source if "://" in source else Path(source).absolute().as_posix()


def with_loss(recording: Recording, lost: Sequence[Span]) -> Recording:
    """The recording, with a problem more where a part of its sound could not be decoded.

    Parameters
    ----------
    lost
        What `ndoki.audio.reader.Samples.lost` says of all of it.
    """
    if not lost:
        return recording
    lost_s = sum(end - first for first, end in lost) / recording.rate_hz
    at = timedelta(seconds=lost[0][0] // recording.rate_hz)
    places = f"at {at}" if len(lost) == 1 else f"at {at} and in {len(lost) - 1} more places"
    problem = f"{lost_s:.1f} s of the sound, {places}, cannot be decoded: nothing can be found there."
    return replace(recording, problems=(*recording.problems, problem))
