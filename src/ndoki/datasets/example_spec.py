"""What an example is, what it is made of, and how often each kind is made."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ndoki.core.types import Floats
from ndoki.datasets.manifest import Sound
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.ranges import TRAIN, SimulationRanges

__all__ = ["Example", "ExampleSpec", "Material", "Onset", "ShotSound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Where a shot begins. ``exact`` when it is known from construction and not measured."""

    sample: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotSound:
    """A labelled shot sound: the onset that was found in it, and where others may be, in samples."""

    sound: Sound
    onset_sample: int
    unsure_samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A short file with its truth.

    ``unsure_samples`` are places where a shot may begin or not; ``labels`` are look-alikes known to be in it.
    """

    samples: Floats
    rate_hz: int
    onsets: tuple[Onset, ...]
    unsure_samples: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSpec:
    """Which examples, how often, and how far changes go.

    Parameters
    ----------
    real, pushed, simulated, background, confuser
        Relative frequency: a real shot as recorded; a real shot pushed away and mixed into another
        background; a simulated shot or burst; background alone; look-alikes.
    clip_share
        How often an example is one clip as it was cut, with a file's edges where the clip's are.
    length_s
        Range of the length of all other examples.
    snr_db
        Range of the signal-to-noise ratio of mixed shots: 100 ms from the onset on against the 280 ms
        before it, 80–1500 Hz.
    confuser_snr_db
        The same for look-alikes.
    pushed_confuser_share
        How often a look-alike is pushed away like a shot.
    extra_confuser_share
        How often an example with a shot also holds a look-alike.
    burst_share
        How often a real shot that is pushed away is repeated as a burst.
    noise_share, forest_share, sustained_share
        How often the background is steady noise of a random colour, a synthetic forest, or a recorded
        look-alike that goes on and on: rain, wind, insects, engines.
    patter_share, patter_snr_db
        How often drops or ticks are heard all along, see `ndoki.datasets.simulate.patter`, and the range of
        the loudest one's level, as that of look-alikes.
    speed_share
        How often the whole example is played at another speed: as if by other animals, trees and guns.
    rerecorded_share
        How often it is as another recorder would have it, see `ndoki.datasets.rerecorded`.
    level_share
        How often its levels change from moment to moment, see `ndoki.datasets.relevelled`.
    response_share, silence_share, codec_share
        How often the whole example gets another recorder's response, or a gap of digital silence, or goes
        through Vorbis or MP3 and back.
    cut_share, short_share, short_s
        How often an example with a shot is cut off soon before or behind it, how often any example is cut
        to a short piece, and that piece's length.
    abrupt_share
        How often an example begins less than 250 ms before a shot or something that was mixed in.
    """

    real: float = 0.16
    pushed: float = 0.34
    simulated: float = 0.15
    background: float = 0.12
    confuser: float = 0.23
    clip_share: float = 0.4
    length_s: tuple[float, float] = (5.0, 9.0)
    snr_db: tuple[float, float] = (-4.0, 30.0)
    confuser_snr_db: tuple[float, float] = (0.0, 33.0)
    pushed_confuser_share: float = 0.4
    extra_confuser_share: float = 0.25
    burst_share: float = 0.3
    noise_share: float = 0.05
    forest_share: float = 0.1
    sustained_share: float = 0.0
    patter_share: float = 0.0
    patter_snr_db: tuple[float, float] = (-3.0, 33.0)
    speed_share: float = 0.0
    rerecorded_share: float = 0.0
    level_share: float = 0.0
    response_share: float = 0.2
    silence_share: float = 0.03
    codec_share: float = 0.0
    cut_share: float = 0.06
    short_share: float = 0.06
    short_s: tuple[float, float] = (0.4, 2.0)
    abrupt_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What examples are made of; all sounds have the same rate."""

    shots: Sequence[ShotSound]
    backgrounds: Sequence[Sound]
    confusers: Sequence[Sound]
    near_shots: NearShots | None = None
    ranges: SimulationRanges = field(default_factory=lambda: TRAIN)
    rate_hz: int = 8000
