"""Guns, forests and recorders at random, within ranges."""

import math
from dataclasses import dataclass, replace

import numpy as np

from ndoki.datasets.simulate.cadence import firing_times_s, log_uniform
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.ranges import Range, SimulationRanges
from ndoki.datasets.simulate.source import blast_at_one_metre
from ndoki.datasets.simulate.specs import BAND_CENTRES_HZ, WEAPONS, ForestSpec, RecorderSpec, ShotSpec

__all__ = ["draw_distance_m", "draw_forest", "draw_recorder", "draw_shot", "ends_at_level_m"]

_FALL_DB = 40.0
"""A shot's level falls by this much per tenfold distance: 20 dB by spreading, the rest by leaves, ground and
shadow, which measured shots in forests suffer rather more of than flat ground and even foliage explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gun:
    charge_g: Range
    muzzle: Range
    speed_m_s: Range
    bullet_m: Range


_GUNS = {
    "automatic": _Gun(
        charge_g=(1.5, 1.9), muzzle=(0.7, 1.3), speed_m_s=(690, 940), bullet_m=(0.0055, 0.0079)
    ),
    "rifle": _Gun(charge_g=(1.5, 6.0), muzzle=(0.7, 1.3), speed_m_s=(650, 920), bullet_m=(0.0057, 0.0118)),
    "shotgun": _Gun(charge_g=(1.2, 3.0), muzzle=(0.35, 0.8), speed_m_s=(0, 0), bullet_m=(0.002, 0.009)),
    "pistol": _Gun(charge_g=(0.2, 0.6), muzzle=(0.8, 1.4), speed_m_s=(240, 420), bullet_m=(0.0057, 0.0115)),
}


def draw_shot(
    rng: np.random.Generator, *, ranges: SimulationRanges, near_shots: NearShots | None = None
) -> ShotSpec:
    """A weapon, its blast, where it points, and when it fires.

    Charges and muzzle speeds are those of common loads: 7.62 × 39, .30-06 and .458, 12 gauge, 9 mm. The
    pellets of a shotgun slow down to sound speed within metres, so a shotgun has no crack.
    """
    shares = np.asarray(ranges.weapon_shares)
    weapon = WEAPONS[int(rng.choice(len(WEAPONS), p=shares / shares.sum()))]
    gun = _GUNS[weapon]
    pressure_pa, positive_s = blast_at_one_metre(log_uniform(rng, gun.charge_g), rng.uniform(*gun.muzzle))
    times_s = firing_times_s(rng, ranges, weapon)
    source, index = _draw_source(rng, ranges, weapon, near_shots)
    positive_s *= log_uniform(rng, ranges.blast_stretch)
    bullet_m = rng.uniform(*gun.bullet_m)
    return ShotSpec(
        weapon=weapon,
        source=source,
        measured_index=index,
        pressure_pa=pressure_pa,
        positive_s=positive_s,
        berlage_hz=log_uniform(rng, (0.5, 1.5)) / (2 * math.pi * positive_s),
        berlage_power=int(rng.random() < 0.3),
        shot_times_s=times_s,
        shot_gains_db=tuple(np.clip(rng.normal(0, 0.5, len(times_s)), -1.5, 1.5).tolist()),
        aim_rad=math.acos(rng.uniform(-1, 1)) if rng.random() < 0.5 else rng.uniform(0, math.pi),
        speed_m_s=rng.uniform(*gun.speed_m_s),
        slowing_per_s=rng.uniform(0.6, 1.3),
        bullet_m=bullet_m,
        bullet_length_m=bullet_m * rng.uniform(2.5, 5.0),
        flight_m=log_uniform(rng, ranges.bullet_flight_m),
        height_m=rng.uniform(*ranges.gun_height_m),
        burst=int(rng.integers(1, 2**31)),
    )


def draw_distance_m(rng: np.random.Generator, ranges: SimulationRanges, snr_db: float) -> float:
    """Distance in metres from which a shot may have that level over the background.

    The level is drawn first, so that every level is met; but a faint shot was not fired next door, and one
    that stands 30 dB above the forest not three kilometres away. Where no distance of ``ranges.distance_m``
    goes with the level, the nearest one is returned.
    """
    return log_uniform(rng, ends_at_level_m(ranges.distance_m, ranges.audible_m, snr_db))


def ends_at_level_m(distance_m: Range, audible_m: Range, snr_db: float) -> Range:
    """Nearest and furthest that a sound of a level over the background can come from, within ``distance_m``.

    ``audible_m`` holds the least and the largest distance at which such a sound is as loud as the background.
    """
    nearer = 10 ** (-snr_db / _FALL_DB)
    near_m, far_m = (float(np.clip(reach_m * nearer, *distance_m)) for reach_m in audible_m)
    return near_m, far_m


def draw_forest(rng: np.random.Generator, ranges: SimulationRanges, distance_m: float) -> ForestSpec:
    """Air, leaves, ground, tail, echoes and turbulence of one forest, for a sound from that far away."""
    soft = rng.random() < ranges.soft_share
    decay_s, level_db = _draw_tail(rng, ranges)
    if soft:
        level_db = level_db + rng.uniform(0, 6)
    elif rng.random() < ranges.no_tail_share and distance_m <= ranges.clearing_m:
        level_db = level_db - rng.uniform(15, 60)
    n_echoes = int(rng.random() < ranges.echo_share)
    while 0 < n_echoes < 4 and rng.random() < ranges.more_echoes_share:
        n_echoes += 1
    forest = ForestSpec(
        temperature_c=rng.uniform(*ranges.temperature_c),
        humidity_pct=rng.uniform(*ranges.humidity_pct),
        pressure_kpa=rng.uniform(*ranges.pressure_kpa),
        foliage_db_per_m=log_uniform(rng, ranges.foliage_db_per_m),
        foliage_exponent=rng.uniform(*ranges.foliage_exponent),
        foliage_path_m=log_uniform(rng, ranges.foliage_path_m),
        ground_kpa_s_m2=log_uniform(rng, ranges.ground_kpa_s_m2),
        recorder_height_m=log_uniform(rng, ranges.recorder_height_m),
        ground_coherence=rng.uniform(*ranges.ground_coherence),
        tail_decay_s=tuple(decay_s.tolist()),
        tail_level_db=tuple(level_db.tolist()),
        tail_growth_db=rng.uniform(*ranges.tail_growth_db),
        tail_rise_s=log_uniform(rng, ranges.soft_rise_s if soft else ranges.tail_rise_s),
        early_share=rng.uniform(*ranges.early_share) * (0.2 if soft else 1.0),
        early_decay_s=log_uniform(rng, ranges.early_decay_s),
        direct_gain_db=-rng.uniform(*ranges.direct_loss_db) if soft else 0.0,
        echo_delays_s=tuple(rng.uniform(*ranges.echo_delay_s, n_echoes).tolist()),
        echo_gains_db=tuple(rng.uniform(*ranges.echo_gain_db, n_echoes).tolist()),
        echo_cuts_hz=tuple(log_uniform(rng, ranges.echo_cut_hz) for _ in range(n_echoes)),
        echo_smears_s=tuple(log_uniform(rng, ranges.echo_smear_s) for _ in range(n_echoes)),
        turbulence_db=rng.uniform(*ranges.turbulence_db),
        tail_change=rng.uniform(*ranges.tail_change),
        scatter_seed=int(rng.integers(2**31)),
    )
    # Shares of 0 draw nothing: a world without them sounds as it did before there were any.
    if ranges.low_cut_share and rng.random() < ranges.low_cut_share:
        forest = replace(
            forest,
            low_cut_hz=log_uniform(rng, ranges.low_cut_hz),
            low_cut_db_per_octave=rng.uniform(*ranges.low_cut_db_per_octave),
        )
    if not ranges.nearby_share or rng.random() >= ranges.nearby_share:
        return forest
    return replace(
        forest,
        nearby_delay_s=log_uniform(rng, ranges.nearby_delay_s),
        nearby_gain=rng.uniform(*ranges.nearby_gain),
    )


def draw_recorder(rng: np.random.Generator, ranges: SimulationRanges, rate_hz: int = 8000) -> RecorderSpec:
    """A recorder of a given rate: band, self-noise, gain, converter offset."""
    return RecorderSpec(
        rate_hz=rate_hz,
        low_cut_hz=log_uniform(rng, ranges.recorder_low_hz),
        high_cut_hz=rng.uniform(*ranges.recorder_high_share) * rate_hz / 2,
        low_order=int(rng.integers(1, 3)),
        high_order=int(rng.integers(4, 9)),
        self_noise_dbfs=rng.uniform(*ranges.recorder_noise_dbfs),
        offset=rng.uniform(-0.03, 0.03) * float(rng.random() < 0.3),
    )


def _draw_tail(
    rng: np.random.Generator, ranges: SimulationRanges
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Reverberation time and level per octave: a peak, slopes to both sides, and roughness."""
    octaves = np.log2(np.asarray(BAND_CENTRES_HZ) / log_uniform(rng, ranges.tail_peak_hz))
    above, below = np.maximum(octaves, 0), np.maximum(-octaves, 0)
    shorter = rng.uniform(*ranges.tail_decay_slope) * above + rng.uniform(0, 0.3) * below
    decay_s = log_uniform(rng, ranges.tail_decay_s) * 2.0**-shorter
    level_db = (
        rng.uniform(*ranges.tail_level_db)
        - rng.uniform(*ranges.tail_rolloff_db) * below
        + rng.uniform(*ranges.tail_tilt_db) * above
        + rng.uniform(*ranges.tail_roughness_db) * rng.standard_normal(len(octaves))
    )
    return np.maximum(decay_s, 0.05), level_db


def _draw_source(
    rng: np.random.Generator, ranges: SimulationRanges, weapon: str, near_shots: NearShots | None
) -> tuple[str, int]:
    kind = rng.random()
    if kind < ranges.friedlander_share:
        return "friedlander", -1
    fitting = () if near_shots is None else near_shots.indices_of(weapon)
    if kind < ranges.friedlander_share + ranges.berlage_share or not fitting:
        return ("berlage" if ranges.berlage_share > 0 else "friedlander"), -1
    return "measured", int(rng.choice(fitting))
