"""From which ranges the simulator draws: one flat dataclass, two presets that do not share forests."""

from dataclasses import dataclass

__all__ = ["TEST", "TRAIN", "Range", "SimulationRanges"]

Range = tuple[float, float]
"""Lower and upper end of what is drawn (uniform, or log-uniform where a quantity spans decades)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationRanges:
    """All ranges and probabilities of a simulated world; the defaults are the training world.

    Every field is a float or a tuple of floats, so a recipe can hold it as a TOML table.

    Attributes
    ----------
    distance_m
        Gun to recorder, log-uniform among those that go with the level, see `ndoki.datasets.simulate.draw`.
    audible_m
        Distance at which a shot is as loud as the background, log-uniform: guns, woods, weather and
        backgrounds differ.
    weapon_shares
        Relative frequency of automatic, rifle, shotgun and pistol.
    friedlander_share, berlage_share
        Relative frequency of the two formulas; what is left to 1 are measured sources, where there are any.
    blast_stretch
        Factor on the positive phase that the charge alone would give, log-uniform.
    burst_shots, burst_rate_hz, burst_jitter
        Automatic fire: shots per burst (log-uniform), rounds per second, and the standard deviation of an
        interval as a share of it.
    steady_burst_share, steady_interval_s
        How often a burst keeps one exact interval, and that interval.
    series_share, series_shots, series_gap_s, regular_series_share
        How often aimed shots come as a series in one scene, how many, their gaps (log-uniform), and how often
        all gaps of a series are alike but for ``burst_jitter``.
    bullet_flight_m
        How far a bullet flies before trees stop it, log-uniform.
    temperature_c, humidity_pct, pressure_kpa
        Air.
    foliage_db_per_m, foliage_exponent, foliage_path_m
        Excess attenuation at 1 kHz, its power of frequency, and the path length at which it saturates.
    ground_kpa_s_m2, gun_height_m, recorder_height_m, ground_coherence
        Flow resistivity of the forest floor, heights, and how much of the interference survives turbulence.
    tail_decay_s, tail_peak_hz, tail_decay_slope
        Reverberation time (60 dB) in the band where it is longest, that band's centre (log-uniform), and
        by which power of frequency it shortens above.
    tail_level_db, tail_rolloff_db, tail_tilt_db, tail_growth_db
        Tail energy over direct energy at 500 m in the peak band, its fall per octave below and above the
        peak, and its growth per doubling of the distance.
    tail_roughness_db, tail_rise_s
        Random deviation of the tail's level from band to band, and the time in which the tail builds up.
    early_share, early_decay_s
        Share of the tail's energy that comes as an early cluster, and its reverberation time.
    no_tail_share, clearing_m
        How often hardly anything returns, and up to which distance that can be: gun and recorder then share
        a clearing.
    soft_share, soft_rise_s, direct_loss_db
        How often the direct wave is weakened by ``direct_loss_db`` and the tail swells for ``soft_rise_s``.
    echo_share, more_echoes_share, echo_delay_s, echo_gain_db, echo_cut_hz, echo_smear_s
        Discrete echoes: how often there is one, how often one more, where, how strong, their low-pass and
        their spread (both log-uniform).
    low_cut_share, low_cut_hz, low_cut_db_per_octave
        How often the way swallows low frequencies beyond what flat ground does, below which frequency
        (log-uniform) and how steeply.
    nearby_share, nearby_delay_s, nearby_gain
        How often something beside the recorder returns what arrives, how much later (log-uniform), and how
        strong.
    turbulence_db, tail_change
        Random gain from shot to shot, and the angle in radians by which the tail changes between shots.
    hollow_share, struck_audible_m
        Among training examples: how often a synthetic look-alike is a hollow knock, and the distance at which
        what is struck is as loud as the background (log-uniform; zeros: its distance has nothing to do with
        its level).
    recorder_low_hz, recorder_high_share, recorder_noise_dbfs
        High-pass (log-uniform), low-pass as a share of half the rate, self-noise.
    """

    distance_m: Range = (50.0, 3000.0)
    audible_m: Range = (600.0, 4000.0)
    weapon_shares: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.1)
    friedlander_share: float = 0.4
    berlage_share: float = 0.3
    blast_stretch: Range = (0.6, 2.6)
    burst_shots: Range = (2.0, 30.0)
    burst_rate_hz: Range = (8.0, 15.0)
    burst_jitter: Range = (0.0, 0.05)
    steady_burst_share: float = 0.3
    steady_interval_s: Range = (0.098, 0.106)
    series_share: float = 0.2
    series_shots: Range = (2.0, 5.0)
    series_gap_s: Range = (0.15, 3.0)
    regular_series_share: float = 0.0
    bullet_flight_m: Range = (15.0, 500.0)
    temperature_c: Range = (18.0, 34.0)
    humidity_pct: Range = (55.0, 100.0)
    pressure_kpa: Range = (90.0, 102.0)
    foliage_db_per_m: Range = (0.006, 0.07)
    foliage_exponent: Range = (0.35, 1.1)
    foliage_path_m: Range = (200.0, 1800.0)
    ground_kpa_s_m2: Range = (8.0, 250.0)
    gun_height_m: Range = (0.8, 1.8)
    recorder_height_m: Range = (1.5, 30.0)
    ground_coherence: Range = (0.0, 0.95)
    tail_decay_s: Range = (0.7, 4.5)
    tail_peak_hz: Range = (120.0, 1200.0)
    tail_decay_slope: Range = (0.0, 0.5)
    tail_level_db: Range = (-10.0, 13.0)
    tail_rolloff_db: Range = (0.5, 6.0)
    tail_tilt_db: Range = (-1.0, 4.0)
    tail_growth_db: Range = (0.0, 3.0)
    tail_roughness_db: Range = (0.0, 4.0)
    tail_rise_s: Range = (0.002, 0.06)
    early_share: Range = (0.0, 0.7)
    early_decay_s: Range = (0.03, 0.3)
    no_tail_share: float = 0.1
    clearing_m: float = 200.0
    soft_share: float = 0.2
    soft_rise_s: Range = (0.05, 0.35)
    direct_loss_db: Range = (3.0, 25.0)
    echo_share: float = 0.35
    more_echoes_share: float = 0.3
    echo_delay_s: Range = (0.08, 0.6)
    echo_gain_db: Range = (-16.0, 3.0)
    echo_cut_hz: Range = (150.0, 2000.0)
    echo_smear_s: Range = (0.01, 0.4)
    low_cut_share: float = 0.0
    low_cut_hz: Range = (120.0, 900.0)
    low_cut_db_per_octave: Range = (4.0, 24.0)
    nearby_share: float = 0.0
    nearby_delay_s: Range = (0.0003, 0.004)
    nearby_gain: Range = (0.3, 0.95)
    turbulence_db: Range = (0.0, 4.0)
    tail_change: Range = (0.0, 0.5)
    hollow_share: float = 0.0
    struck_audible_m: Range = (0.0, 0.0)
    recorder_low_hz: Range = (3.0, 150.0)
    recorder_high_share: Range = (0.7, 0.98)
    recorder_noise_dbfs: Range = (-85.0, -60.0)


TRAIN = SimulationRanges()
"""The world to train in."""

TEST = SimulationRanges(
    distance_m=(100.0, 2500.0),
    friedlander_share=0.5,
    berlage_share=0.0,
    blast_stretch=(0.8, 3.2),
    burst_jitter=(0.0, 0.03),
    temperature_c=(21.0, 30.0),
    humidity_pct=(80.0, 100.0),
    foliage_db_per_m=(0.075, 0.13),
    foliage_exponent=(0.5, 0.9),
    foliage_path_m=(120.0, 195.0),
    ground_kpa_s_m2=(300.0, 900.0),
    recorder_height_m=(6.0, 14.0),
    tail_decay_s=(1.0, 3.2),
    tail_peak_hz=(180.0, 700.0),
    tail_decay_slope=(0.1, 0.4),
    tail_level_db=(-8.0, 10.0),
    tail_rolloff_db=(1.0, 5.0),
    echo_share=0.6,
    echo_delay_s=(0.2, 0.35),
    echo_gain_db=(-12.0, 2.0),
)
"""A world to test in: foliage, saturation path and ground lie outside those of `TRAIN`."""
