"""Recordings with loose labels → placed shots, and for each what a person should look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from ndoki.audio.reader import Samples, open_samples
from ndoki.audio.recording import describe
from ndoki.core.deployments import Deployments
from ndoki.core.errors import LabelError
from ndoki.core.types import Event, Recording
from ndoki.curation.extent import extent_of
from ndoki.curation.refine import Candidate, RefineRules, refine_channel
from ndoki.curation.windows import LooseLabel, Window, window_of
from ndoki.detectors.protocol import Detector

__all__ = ["SURE", "PlacedShot", "Relabelled", "Relabeller"]

SURE = 0.9
"""From this confidence on a shot needs no second look for its confidence alone."""

_POSSIBLE = 0.1
_SHOWN = 3
_NO_RISE = 2.0
_SOFT_S = 0.008


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedShot:
    """A shot with its exact onset.

    Attributes
    ----------
    event
        Onset, end and band as refined; its score is the confidence, in [0, 1].
    network_score
        The detector's own score.
    label
        The label that is taken to mean it; None for a further shot.
    why
        Reasons to look at it; none if it is sure.
    """

    event: Event
    network_score: float
    label: LooseLabel | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabelled:
    """One recording's outcome.

    Attributes
    ----------
    recording
        What was heard.
    shots
        Taken for shots, in order of channel and onset.
    left_out
        Possible shots (confidence of 0.1 or more) that were not taken, in the same order.
    without_shot
        Labels in whose window nothing was found.
    refused
        Labels that cannot be used, each with its reason.
    """

    recording: Recording
    shots: tuple[PlacedShot, ...]
    left_out: tuple[PlacedShot, ...]
    without_shot: tuple[LooseLabel, ...]
    refused: tuple[LabelError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relabeller:
    """All that is the same for every recording.

    Parameters
    ----------
    detector, rules
        What scores the sound, and what counts as a shot.
    slack_s
        How far an onset may lie outside its label's window.
    timezone, deployments
        For the recordings' start times, see `ndoki.audio.recording.describe`.
    """

    detector: Detector
    rules: RefineRules = field(default_factory=RefineRules)
    slack_s: float = 0.5
    timezone: tzinfo | None = None
    deployments: Deployments | None = None

    def relabel(self, source: str, labels: Sequence[LooseLabel]) -> Relabelled:
        """Place the shots that labels of one recording mean.

        Raises
        ------
        AudioError
            The recording cannot be heard.
        """
        recording = describe(source, timezone=self.timezone, deployments=self.deployments)
        usable, refused = _usable(recording, labels, self.slack_s)
        shots: list[PlacedShot] = []
        left_out: list[PlacedShot] = []
        empty: list[LooseLabel] = []
        with open_samples(source) as samples:
            for channel in sorted({window.label.channel for window in usable}):
                windows = [window for window in usable if window.label.channel == channel]
                found = refine_channel(samples, recording, channel, windows, self.detector, self.rules)
                shots += [_placed(samples, one, windows, found) for one in found if one.is_shot]
                left_out += [
                    _placed(samples, one, windows, found)
                    for one in found
                    if not one.is_shot and one.windows and one.confidence >= _POSSIBLE
                ]
                held = {index for one in found if one.is_shot for index in one.windows}
                empty += [window.label for i, window in enumerate(windows) if i not in held]
        return Relabelled(
            recording=recording,
            shots=tuple(shots),
            left_out=tuple(left_out),
            without_shot=tuple(empty),
            refused=tuple(refused),
        )


def _usable(
    recording: Recording, labels: Sequence[LooseLabel], slack_s: float
) -> tuple[list[Window], list[LabelError]]:
    """Windows that lie in the recording, and what is wrong with the others."""
    windows, refused = [], []
    for label in labels:
        window = window_of(label, recording, slack_s)
        if label.channel >= recording.n_channels:
            refused.append(
                LabelError(
                    f"{label.origin}: channel {label.channel + 1} of {recording.source}, which has "
                    f"{recording.n_channels}; correct the channel"
                )
            )
        elif window.first_sample >= window.end_sample:
            refused.append(
                LabelError(
                    f"{label.origin}: from {label.first_s or 0.0:g} s on in {recording.source}, "
                    f"which is only {recording.duration_s:g} s long; correct the time or the file"
                )
            )
        else:
            windows.append(window)
    return windows, refused


def _placed(
    samples: Samples, one: Candidate, windows: Sequence[Window], others: Sequence[Candidate]
) -> PlacedShot:
    box = extent_of(samples, one.event.channel, one.first_sample)
    recording = one.event.recording
    end = one.first_sample + max(1, round(box.duration_s * recording.rate_hz))
    return PlacedShot(
        event=replace(
            one.event,
            first_sample=one.first_sample,
            peak_sample=one.first_sample,
            end_sample=min(end, recording.n_samples),
            low_hz=round(box.low_hz, 1),
            high_hz=round(box.high_hz, 1),
            score=round(one.confidence, 4),
        ),
        network_score=one.event.score,
        label=None if one.meant_by is None else windows[one.meant_by].label,
        why=tuple(_reasons(one, windows, others)),
    )


def _reasons(one: Candidate, windows: Sequence[Window], others: Sequence[Candidate]) -> list[str]:
    """Why a person should look."""
    reasons = []
    rate_hz = one.event.recording.rate_hz
    if not one.is_shot:
        reasons.append("left out, but may be a shot")
    elif one.confidence < SURE:
        reasons.append("not sure")
    rivals = _rivals(one, others) if one.confidence < SURE and one.is_shot else []
    if rivals:
        at = ", ".join(f"{rival.first_sample / rate_hz:.2f} s" for rival in rivals[:_SHOWN])
        reasons.append(f"about as likely in the same window: {at}")
    if one.event.score == 0:
        reasons.append("called for by the fire around it")
    if one.evidence < _NO_RISE:
        reasons.append("no clear rise in level")
    elif one.spread_s > _SOFT_S:
        reasons.append(f"soft onset, ± {1000 * one.spread_s:.0f} ms")
    if not one.windows:
        reasons.append("behind its label's window")
    if one.meant_by is not None:
        reasons += _window_reasons(one, windows[one.meant_by], rate_hz)
    return reasons


def _rivals(one: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
    """Candidates in the same window that are at least half as likely and were not taken."""
    return [
        other
        for other in others
        if set(other.windows) & set(one.windows)
        and not other.is_shot
        and other.confidence >= 0.5 * one.confidence
    ]


def _window_reasons(one: Candidate, window: Window, rate_hz: int) -> list[str]:
    reasons = []
    if window.is_cut:
        reasons.append("the label's window goes beyond the recording")
    label, onset_s = window.label, one.first_sample / rate_hz
    early_s = (label.first_s or 0.0) - onset_s
    late_s = 0.0 if label.end_s is None else onset_s - label.end_s
    if max(early_s, late_s) > 0:
        reasons.append(f"{max(early_s, late_s):.2f} s outside its label")
    return reasons
