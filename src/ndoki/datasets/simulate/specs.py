"""What defines a simulated shot, a forest and a recorder, and what a rendering is."""

from dataclasses import dataclass

from ndoki.core.types import Floats

__all__ = ["BAND_CENTRES_HZ", "WEAPONS", "ForestSpec", "RecorderSpec", "Rendered", "ShotSpec"]

WEAPONS = ("automatic", "rifle", "shotgun", "pistol")
BAND_CENTRES_HZ = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
"""Nominal octave bands (IEC 61260-1) in which a forest's tail is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotSpec:
    """A shot, or all shots of a burst, at the gun.

    Attributes
    ----------
    weapon
        One of `WEAPONS`.
    source
        ``friedlander``, ``berlage`` or ``measured``.
    measured_index
        Index into the near shots; -1 unless ``source`` is ``measured``.
    pressure_pa, positive_s
        Peak pressure of the muzzle blast 1 m off and its positive phase.
    berlage_hz, berlage_power
        Frequency and power of a Berlage pulse; unused otherwise.
    shot_times_s, shot_gains_db
        Time of each shot after the first (the first is 0.0) and its deviation in level.
    aim_rad
        Angle between the line of fire and the direction of the recorder, in [0, π].
    speed_m_s, slowing_per_s
        Muzzle speed (0: nothing supersonic leaves the barrel) and its loss per metre of flight.
    bullet_m, bullet_length_m, flight_m
        Diameter, length, and how far it flies.
    height_m
        Muzzle above ground.
    burst
        Number that all shots of this burst share.
    """

    weapon: str
    source: str
    measured_index: int = -1
    pressure_pa: float
    positive_s: float
    berlage_hz: float = 200.0
    berlage_power: int = 0
    shot_times_s: tuple[float, ...] = (0.0,)
    shot_gains_db: tuple[float, ...] = (0.0,)
    aim_rad: float = 3.0
    speed_m_s: float = 0.0
    slowing_per_s: float = 1.0
    bullet_m: float = 0.0078
    bullet_length_m: float = 0.026
    flight_m: float = 100.0
    height_m: float = 1.4
    burst: int = 0

    @property
    def n_shots(self) -> int:
        """How many shots."""
        return len(self.shot_times_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestSpec:
    """The way between gun and recorder. Equal specs give the equal tail, so a forest can be kept.

    Attributes
    ----------
    temperature_c, humidity_pct, pressure_kpa
        Air, for its absorption and the speed of sound.
    foliage_db_per_m, foliage_exponent, foliage_path_m
        Excess attenuation at 1 kHz, its power of frequency, the path at which it saturates.
    ground_kpa_s_m2, recorder_height_m, ground_coherence
        Flow resistivity of the ground, microphone above ground, surviving interference in [0, 1].
    tail_decay_s, tail_level_db
        Per octave of `BAND_CENTRES_HZ`: reverberation time (60 dB), and energy over that of the direct wave
        at 500 m.
    tail_growth_db
        Growth of the tail's level per doubling of the distance.
    tail_rise_s
        Time constant with which the tail builds up.
    early_share, early_decay_s
        Share of the tail's energy in an early cluster, and its reverberation time.
    direct_gain_db
        What the direct wave keeps beyond all other attenuation, ≤ 0.
    low_cut_hz, low_cut_db_per_octave
        Below this frequency the way swallows more and more, the tail's share too (0: it does not).
    echo_delays_s, echo_gains_db, echo_cuts_hz, echo_smears_s
        Discrete echoes: delay after the direct wave, gain relative to it, low-pass, spread in time.
    nearby_delay_s, nearby_gain
        A trunk, wall or rock beside the recorder returns all that arrives once more: how much later, and how
        strong (0: nothing there). It colours direct wave and tail alike, in stripes 1/delay apart.
    turbulence_db
        Standard deviation of the gain from shot to shot.
    tail_change
        How much the tail differs from shot to shot, as an angle in radians.
    scatter_seed
        Where the scatterers stand.
    """

    temperature_c: float = 25.0
    humidity_pct: float = 90.0
    pressure_kpa: float = 101.325
    foliage_db_per_m: float = 0.02
    foliage_exponent: float = 0.7
    foliage_path_m: float = 600.0
    ground_kpa_s_m2: float = 60.0
    recorder_height_m: float = 8.0
    ground_coherence: float = 0.7
    tail_decay_s: tuple[float, ...] = (0.8, 0.9, 1.1, 1.4, 1.4, 1.1, 0.8, 0.6)
    tail_level_db: tuple[float, ...] = (-25.0, -19.0, -12.0, -6.0, -3.0, -3.0, -3.0, -3.0)
    tail_growth_db: float = 1.0
    tail_rise_s: float = 0.01
    early_share: float = 0.3
    early_decay_s: float = 0.1
    direct_gain_db: float = 0.0
    low_cut_hz: float = 0.0
    low_cut_db_per_octave: float = 0.0
    echo_delays_s: tuple[float, ...] = ()
    echo_gains_db: tuple[float, ...] = ()
    echo_cuts_hz: tuple[float, ...] = ()
    echo_smears_s: tuple[float, ...] = ()
    nearby_delay_s: float = 0.0
    nearby_gain: float = 0.0
    turbulence_db: float = 1.0
    tail_change: float = 0.1
    scatter_seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSpec:
    """A recorder.

    ``gain_db`` is applied before clipping at ``clip`` (of full scale); ``self_noise_dbfs`` is the root mean
    square of its own noise; ``codec`` is ``pcm16``, ``vorbis`` or ``mp3``; ``offset`` is the constant that
    cheap converters add, in full scale.
    """

    rate_hz: int = 8000
    low_cut_hz: float = 10.0
    high_cut_hz: float = 3600.0
    low_order: int = 1
    high_order: int = 6
    self_noise_dbfs: float = -75.0
    gain_db: float = 0.0
    clip: float = 1.0
    offset: float = 0.0
    codec: str = "pcm16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A shot or burst as it reaches the microphone, free of noise, with its truth.

    Attributes
    ----------
    samples
        float32, shape (n,), largest magnitude 1.
    rate_hz
        Their sample rate.
    onset_samples, end_samples, peak_samples
        Per shot: first arrival of any of its sound; end of what lies within 20 dB of its loudest 20 ms;
        centre of these loudest 20 ms. Ends and peaks are those of the shot heard alone.
    first_arrivals
        Per shot ``crack`` or ``blast``: which came first.
    low_hz, high_hz
        Band that holds 90 % of the energy, 5 % lying below and above it.
    weapon, distance_m, burst
        As simulated.
    peak_pa
        Sound pressure that 1.0 in ``samples`` stands for.
    """

    samples: Floats
    rate_hz: int
    onset_samples: tuple[int, ...]
    end_samples: tuple[int, ...]
    peak_samples: tuple[int, ...]
    first_arrivals: tuple[str, ...]
    low_hz: float
    high_hz: float
    weapon: str
    distance_m: float
    burst: int
    peak_pa: float

    @property
    def n_shots(self) -> int:
        """How many shots."""
        return len(self.onset_samples)
