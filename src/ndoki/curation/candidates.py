"""False alarms → candidates: which stretch would be cut out, and what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ndoki.audio.reader import Samples, open_samples
from ndoki.core.types import Floats, Recording
from ndoki.curation.diversity import Candidate, Choice, ChoiceRules, choose, patch_vector
from ndoki.curation.mining import FalseAlarm
from ndoki.evaluation.columns import recording_key
from ndoki.features.floor import FloorSpec
from ndoki.features.mel import MelSpec
from ndoki.training.pool import frames_of

__all__ = ["CLIP_S", "Mined", "cut_around", "look_of", "looks_of_clips", "ranked", "with_looks"]

CLIP_S = 6.0
"""Length of a mined clip: the most that an example takes of one background."""

_LEAD_S = 2.0
"""Sound before the onset. The network looks 1 s back and 2 s ahead; the floor wants all it can get."""

_AROUND_S = 5.0
_LOOKED_AT = 10
_MEL, _FLOOR = MelSpec(), FloorSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """A false alarm, the stretch around it, and what became of it."""

    alarm: FalseAlarm
    candidate: Candidate
    choice: Choice

    @property
    def onset_in_clip_s(self) -> float:
        """Where the false alarm begins, in seconds from the start of its clip."""
        return (
            self.candidate.onset_sample - self.candidate.first_sample
        ) / self.alarm.event.recording.rate_hz


def cut_around(onset_sample: int, recording: Recording) -> tuple[int, int]:
    """First and end sample of the clip around an onset: 6 s, or all of a shorter file."""
    n = min(recording.n_samples, round(CLIP_S * recording.rate_hz))
    first = onset_sample - round(_LEAD_S * recording.rate_hz)
    first = min(max(0, first), recording.n_samples - n)
    return first, first + n


def look_of(samples: Samples, channel: int, onset_sample: int) -> Floats:
    """`patch_vector` of the sound around an onset; 5 s on either side make its background.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    rate_hz, around = samples.header.rate_hz, round(_AROUND_S * samples.header.rate_hz)
    first, end = max(0, onset_sample - around), min(samples.header.n_samples, onset_sample + around)
    above = frames_of(samples.read(first, end, channel), rate_hz, _MEL, _FLOOR)
    return patch_vector(above, _MEL.grid.frame_at(onset_sample - first, rate_hz), _MEL)


def ranked(alarms: Sequence[FalseAlarm], rules: ChoiceRules, known: Sequence[Floats] = ()) -> list[Mined]:
    """Candidates among false alarms, those that are kept first, by rank.

    Parameters
    ----------
    alarms
        Best first, from `false_alarms_in`.
    known
        Vectors of what was mined before, from `looks_of_clips`.

    Raises
    ------
    AudioError
        A sound cannot be read.
    """
    candidates = with_looks(alarms, rules.n_keep)
    return [
        Mined(alarm=alarms[choice.row], candidate=candidates[choice.row], choice=choice)
        for choice in choose(candidates, rules, known)
    ]


def with_looks(alarms: Sequence[FalseAlarm], n_keep: int) -> list[Candidate]:
    """Candidates in the order of ``alarms``: the first ``10 · n_keep``, or all if they are fewer.

    Parameters
    ----------
    alarms
        Best first. A faint one behind thousands of others has no chance, and looking at it takes time.

    Raises
    ------
    AudioError
        A sound cannot be read.
    """
    rows_of: dict[str, list[int]] = {}
    for row, alarm in enumerate(alarms[: _LOOKED_AT * n_keep]):
        rows_of.setdefault(alarm.event.recording.source, []).append(row)
    candidates: dict[int, Candidate] = {}
    for source, rows in rows_of.items():
        with open_samples(source) as samples:
            for row in sorted(rows, key=lambda row: alarms[row].event.first_sample):
                candidates[row] = _candidate(alarms[row], samples)
    return [candidates[row] for row in sorted(candidates)]


def _candidate(alarm: FalseAlarm, samples: Samples) -> Candidate:
    event, recording = alarm.event, alarm.event.recording
    first, end = cut_around(event.first_sample, recording)
    hour = event.first_sample // (3600 * recording.rate_hz)
    return Candidate(
        score=event.score,
        vector=look_of(samples, event.channel, event.first_sample),
        hour=alarm.group if alarm.sound.clip is not None else f"{recording.source} {hour}",
        channel_key=recording_key(recording.source, event.channel),
        first_sample=first,
        end_sample=end,
        onset_sample=event.first_sample,
    )


def looks_of_clips(clips: Sequence[tuple[Path, float]]) -> list[Floats]:
    """Vectors of clips that were mined before: their files, and the onset in each in seconds.

    Raises
    ------
    AudioError
        A clip cannot be read.
    """
    vectors = []
    for path, onset_s in clips:
        with open_samples(str(path)) as samples:
            vectors.append(look_of(samples, 0, round(onset_s * samples.header.rate_hz)))
    return vectors
