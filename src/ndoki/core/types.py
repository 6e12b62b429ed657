"""The nouns. Frozen; positions are integer samples of the original file at its original rate."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt

from ndoki.core.grid import FrameGrid

__all__ = [
    "Analysis",
    "Block",
    "Burst",
    "DetectorId",
    "Event",
    "Evidence",
    "Floats",
    "Label",
    "Proposals",
    "Recording",
    "ScoreTrack",
]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One sound file, as it really is (not as its header says).

    Attributes
    ----------
    source
        Path or URL, as given. Two files with the same base name are two recordings.
    rate_hz, n_samples, n_channels
        Sample rate, samples per channel that are really there, channels.
    started_at
        Aware start time of the first sample, or None when nothing says it.
    local_zone
        Zone in which people at the site read times; None when unknown.
    time_source
        Where ``started_at`` came from, e.g. ``guano``; ``none`` when there is none.
    site
        Name of the place; empty when unknown.
    problems
        What was wrong with the file, one sentence each.
    """

    source: str
    rate_hz: int
    n_samples: int
    n_channels: int = 1
    started_at: datetime | None = None
    local_zone: tzinfo | None = None
    time_source: str = "none"
    site: str = ""
    problems: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz

    def time_of(self, sample: int) -> datetime | None:
        """Aware UTC-convertible time of a sample; None when the start is unknown."""
        if self.started_at is None:
            return None
        whole_s, rest = divmod(sample, self.rate_hz)
        return self.started_at + timedelta(seconds=whole_s, microseconds=round(rest * 1e6 / self.rate_hz))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A stretch of one channel at the detector's rate, with the context that its answer needs.

    ``samples`` starts at sample ``first_sample`` of the resampled channel. The block answers for the
    frames ``[first_frame, end_frame)``; what lies outside is context. ``first_sample`` is a multiple of
    the hop, and context is cut off only where the file itself ends.
    """

    samples: Floats
    first_sample: int
    first_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorId:
    """Name and digest; the digest covers everything that can change a score."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTrack:
    """One score per frame and label.

    Attributes
    ----------
    grid
        How frames lie on samples. A window classifier's window is its frame, its step is the hop.
    labels
        Column names; the picker picks the first one unless told otherwise.
    first_frame
        Frame that row 0 stands for.
    scores
        float32, shape (n_frames, n_labels), finite, in [0, 1].
    """

    grid: FrameGrid
    labels: tuple[str, ...]
    first_frame: int
    scores: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Boxes in time and frequency, as columns of equal length n.

    For a frame detector: what an event would look like if its onset were at ``frame``.
    For a box detector: its boxes. Sorted by frame.

    Attributes
    ----------
    frame
        int64, onset as a frame of the detector's grid.
    duration_s, low_hz, high_hz
        float32, extent of the box.
    score
        float32 in [0, 1].
    label
        int16, index into the track's labels.
    """

    frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    duration_s: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    low_hz: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    high_hz: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    score: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    label: npt.NDArray[np.int16] = field(default_factory=lambda: np.empty(0, np.int16))

    def __len__(self) -> int:
        """How many boxes."""
        return len(self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All that a detector says of a stretch: a score track, and boxes where it has any.

    A frame detector fills both, a window classifier only the track, a box detector only the boxes
    (its track then has zero rows but still carries grid and labels).
    """

    track: ScoreTrack
    proposals: Proposals = field(default_factory=Proposals)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Where the sound itself speaks for a shot, in the seconds around what a detector found.

    Attributes
    ----------
    frame
        int64, shape (n,), ascending: frames of 4 ms of the channel. Of all others, too little speaks for it.
    log_odds
        float32, shape (n,): natural logarithm of how much likelier the sound around the frame is where a shot
        begins than where none does.
    """

    frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    log_odds: Floats = field(default_factory=lambda: np.empty(0, np.float32))

    def __len__(self) -> int:
        """How many frames."""
        return len(self.frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Shots that follow each other closely in one channel of a recording; a shot by itself is one of 1.

    Attributes
    ----------
    id
        Unique among all recordings, and the same in every run over the same events.
    n_shots
        How many events it has: shots that were found, not shots that were fired.
    rounds_per_minute
        Rate of fire; None for a single shot.
    weapon
        ``automatic``, ``rifle``, ``shotgun`` or ``unknown``.
    weapon_score
        How sure that is, in [0, 1]; 0 for ``unknown``.
    """

    id: str
    n_shots: int
    rounds_per_minute: float | None = None
    weapon: str = "unknown"
    weapon_score: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was detected: a box in time and frequency in one channel of a recording.

    ``first_sample`` is the onset, ``[first_sample, end_sample)`` is half-open, ``peak_sample`` is where
    the detector was surest. ``channel`` counts from 0. ``burst`` and ``shot_index`` (its place there, from 1)
    are None until all events of the recording are known.
    """

    recording: Recording
    channel: int
    first_sample: int
    end_sample: int
    peak_sample: int
    label: str
    score: float
    low_hz: float
    high_hz: float
    detector: DetectorId
    burst: Burst | None = None
    shot_index: int | None = None

    @property
    def start_s(self) -> float:
        """Onset in seconds from the start of the file."""
        return self.first_sample / self.recording.rate_hz

    @property
    def end_s(self) -> float:
        """End in seconds from the start of the file."""
        return self.end_sample / self.recording.rate_hz

    @property
    def peak_s(self) -> float:
        """Peak in seconds from the start of the file."""
        return self.peak_sample / self.recording.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Ground truth. Another type than `Event` on purpose: the two are never mixed up.

    ``first_sample`` is the true onset; ``end_sample``, ``low_hz`` and ``high_hz`` may be unknown (None).
    """

    source: str
    rate_hz: int
    channel: int = 0
    first_sample: int
    end_sample: int | None = None
    label: str = "gunshot"
    low_hz: float | None = None
    high_hz: float | None = None
