"""Short look-alikes: drops, cracks, knocks, ticks and steps, as a microphone beside them hears them."""

import math

import numpy as np

from ndoki.datasets.simulate.cadence import log_uniform
from ndoki.datasets.simulate.struck import Wave, noise_burst, padded, put_in, ringing

__all__ = [
    "branch_crack",
    "buttress_drum",
    "cable_knock",
    "chop",
    "double_knock",
    "footsteps",
    "fruit_fall",
    "hollow_knock",
    "raindrop",
    "tick",
    "tree_fall",
    "woodpecker",
]


def raindrop(rng: np.random.Generator, rate_hz: int) -> Wave:
    """One to six drops on the housing: a click in all bands, the lid rings for some ms, no echo.

    A struck plate answers with damped modes at irregular frequencies (N. H. Fletcher and T. D. Rossing, The
    Physics of Musical Instruments, ch. 3).
    """
    wave = np.zeros(int(0.4 * rate_hz) + int(rng.uniform(0, 1.2) * rate_hz))
    lid_hz = rng.uniform(150, 0.42 * rate_hz, int(rng.integers(2, 7)))
    lid_s = np.exp(rng.uniform(math.log(0.001), math.log(0.012), len(lid_hz)))
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 6]))):
        first = int(rng.uniform(0.02, 0.9) * (len(wave) - 0.3 * rate_hz))
        drop = ringing(lid_hz, lid_s * rng.uniform(0.8, 1.2), rng, rate_hz, 0.1)
        drop[: max(1, int(0.0006 * rate_hz))] += rng.uniform(0.2, 1.5)
        put_in(wave, first, drop * rng.uniform(0.3, 1.0))
    return wave


def tick(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Electrical tick: a few samples, sometimes the decay of a coupling capacitor, sometimes a train."""
    wave = np.zeros(int(rng.uniform(0.1, 0.8) * rate_hz))
    gap = int(rng.uniform(0.01, 0.2) * rate_hz)
    for k in range(int(rng.choice([1, 1, 1, 2, 4]))):
        pulse = np.zeros(int(0.05 * rate_hz))
        pulse[: int(rng.integers(1, 4))] = 1.0
        pulse += rng.uniform(0, 0.4) * np.exp(-np.arange(len(pulse)) / (rng.uniform(0.0005, 0.01) * rate_hz))
        put_in(wave, int(0.02 * rate_hz) + k * gap, pulse * rng.choice([-1.0, 1.0]))
    return wave


def branch_crack(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A twig or branch breaks: fibres give way in a few irregular snaps, mostly above 700 Hz."""
    wave = np.zeros(int(rng.uniform(0.3, 1.0) * rate_hz))
    times_s = np.cumsum(np.exp(rng.uniform(math.log(0.003), math.log(0.12), int(rng.integers(1, 9)))))
    thickness = rng.uniform(0, 1)
    for time_s in times_s[times_s < len(wave) / rate_hz - 0.1]:
        low_hz = rng.uniform(200, 1200) * (1.2 - thickness)
        snap = noise_burst(rng, rate_hz, rng.uniform(0.001, 0.012), low_hz, rng.uniform(0.3, 0.48) * rate_hz)
        put_in(wave, int(time_s * rate_hz), snap * rng.uniform(0.2, 1.0))
    return wave


def cable_knock(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A strap, cable or animal knocks at the recorder: a low bump, the case rings, dry."""
    wave = np.zeros(int(rng.uniform(0.4, 1.5) * rate_hz))
    case_hz, case_s = rng.uniform(25, 350, 3), rng.uniform(0.008, 0.06, 3)
    for _ in range(int(rng.integers(1, 5))):
        knock = ringing(case_hz, case_s, rng, rate_hz, 0.35)
        knock += (
            0.3
            * rng.uniform()
            * padded(noise_burst(rng, rate_hz, rng.uniform(0.002, 0.02), 100, 0.4 * rate_hz), len(knock))
        )
        put_in(wave, int(rng.uniform(0.02, 0.7) * len(wave)), knock * rng.uniform(0.3, 1.0))
    return wave


def woodpecker(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A drum roll: 8 to 28 knocks per second on one resonant trunk, speeding up or slowing down.

    Cadence and timbre lie next to automatic fire; the trunk's modes and the missing low end tell them apart.
    """
    n_knocks, rate_per_s, drift = int(rng.integers(4, 30)), rng.uniform(8, 28), rng.uniform(-0.03, 0.03)
    intervals_s = (
        (1 / rate_per_s) * (1 + drift) ** np.arange(n_knocks) * (1 + 0.02 * rng.standard_normal(n_knocks))
    )
    trunk_hz, trunk_s = rng.uniform(300, 2200, 4), rng.uniform(0.003, 0.015, 4)
    swell = np.sin(np.pi * (np.arange(n_knocks) + rng.uniform(0.4, 1.0)) / (n_knocks + 1)) ** rng.uniform(
        0.2, 1
    )
    return _struck(np.cumsum(intervals_s), swell, trunk_hz, trunk_s, rng, rate_hz)


def double_knock(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Two strikes on one trunk within a fifth of a second: woodpeckers of the genus Campephilus.

    Through a forest it is the look-alike closest to a shot and its echo.
    """
    times_s = np.array([0.03, 0.03 + rng.uniform(0.05, 0.2)])
    return _hit_wood(times_s, np.array([1.0, rng.uniform(0.25, 1.1)]), rng, rate_hz)


def chop(rng: np.random.Generator, rate_hz: int) -> Wave:
    """An axe, a machete or a mortar: one to eight strokes at a worker's pace."""
    n_strokes = int(rng.integers(1, 9))
    times_s = 0.03 + np.arange(n_strokes) * rng.uniform(0.4, 1.6) * rng.uniform(0.93, 1.07, n_strokes)
    return _hit_wood(times_s, rng.uniform(0.4, 1.0, n_strokes), rng, rate_hz)


def buttress_drum(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A chimpanzee drums on the buttress of a tree: 1 to 14 low beats, two to ten per second."""
    n_modes, n_beats = int(rng.integers(2, 6)), int(rng.integers(1, 15))
    root_hz, root_s = rng.uniform(40, 400, n_modes), rng.uniform(0.005, 0.06, n_modes)
    times_s = 0.03 + np.arange(n_beats) * rng.uniform(0.1, 0.5) * rng.uniform(0.8, 1.2, n_beats)
    return _struck(times_s, rng.uniform(0.2, 1.0, n_beats), root_hz, root_s, rng, rate_hz, spread=0.3)


def hollow_knock(rng: np.random.Generator, rate_hz: int) -> Wave:
    """Bamboo, a tree hole, a frog: something tuned is struck, one to three times in a tenth of a second.

    A tube sounds in modes near whole multiples of the lowest, all or every second, and dies away in some
    swings (N. H. Fletcher and T. D. Rossing, The Physics of Musical Instruments, ch. 8): to a detector,
    stripes that begin at once and end in a tenth of a second.
    """
    n_strikes, n_modes = int(rng.integers(1, 4)), int(rng.integers(2, 10))
    first, step = int(rng.integers(1, 3)), 1 if rng.random() < 0.6 else 2
    untuned = rng.uniform(0, 0.03) * rng.standard_normal(n_modes)
    modes_hz = log_uniform(rng, (90.0, 600.0)) * (first + step * np.arange(n_modes)) * (1 + untuned)
    kept = modes_hz < 0.45 * rate_hz
    modes_hz = modes_hz[kept] if kept.any() else np.array([0.1 * rate_hz])
    decays_s = log_uniform(rng, (0.012, 0.12)) * (modes_hz / modes_hz[0]) ** -rng.uniform(0, 0.8)
    times_s = 0.03 + np.cumsum(np.r_[0.0, rng.uniform(0.02, 0.08, n_strikes - 1)])
    return _struck(times_s, rng.uniform(0.3, 1.0, n_strikes), modes_hz, decays_s, rng, rate_hz, spread=0.35)


def footsteps(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A person or animal walks by: dull thuds at a regular pace, leaves rustle behind each."""
    pace_s, n_steps = rng.uniform(0.3, 0.9), int(rng.integers(2, 9))
    wave = np.zeros(int((pace_s * n_steps + 0.5) * rate_hz))
    for k in range(n_steps):
        first = int((0.05 + k * pace_s * rng.uniform(0.96, 1.04)) * rate_hz)
        thud = ringing(rng.uniform(30, 160, 2), rng.uniform(0.01, 0.03, 2), rng, rate_hz, 0.2)
        rustle = noise_burst(rng, rate_hz, rng.uniform(0.03, 0.12), 600, 0.45 * rate_hz)
        near = math.exp(-(((k - n_steps / 2) / n_steps) ** 2) * 3)
        put_in(wave, first, thud * near * rng.uniform(0.5, 1.0))
        put_in(wave, first + int(0.02 * rate_hz), rustle * near * rng.uniform(0.05, 0.5))
    return wave


def fruit_fall(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A fruit or dead branch drops: leaves struck on the way, then one or two thuds on the ground."""
    fall_s = rng.uniform(0.2, 1.5)
    wave = np.zeros(int((fall_s + 0.8) * rate_hz))
    for time_s in np.sort(rng.uniform(0.02, fall_s, int(rng.integers(1, 12)))):
        hit = noise_burst(rng, rate_hz, rng.uniform(0.005, 0.05), 400, 0.45 * rate_hz)
        put_in(wave, int(time_s * rate_hz), hit * rng.uniform(0.05, 0.4))
    for k in range(int(rng.integers(1, 3))):
        thud = ringing(rng.uniform(40, 220, 3), rng.uniform(0.015, 0.06, 3), rng, rate_hz, 0.4)
        put_in(wave, int((fall_s + k * rng.uniform(0.1, 0.3)) * rate_hz), thud * (1.0 if k == 0 else 0.3))
    return wave


def tree_fall(rng: np.random.Generator, rate_hz: int) -> Wave:
    """A tree falls: cracks that come ever faster, the rush of the crown, and the blow."""
    lead_s, rush_s = rng.uniform(1, 4), rng.uniform(0.8, 2.5)
    wave = np.zeros(int((lead_s + rush_s + 1.5) * rate_hz))
    for share in rng.power(3, int(rng.integers(5, 30))):
        snap = noise_burst(rng, rate_hz, rng.uniform(0.002, 0.03), rng.uniform(150, 900), 0.45 * rate_hz)
        put_in(wave, int((0.05 + share * lead_s) * rate_hz), snap * rng.uniform(0.1, 0.8))
    n_rush = int(rush_s * rate_hz)
    rush = np.convolve(rng.standard_normal(n_rush), np.ones(3) / 3, "same") * np.linspace(0, 1, n_rush) ** 2
    put_in(wave, int(lead_s * rate_hz), 0.3 * rush)
    blow = ringing(rng.uniform(25, 140, 5), rng.uniform(0.05, 0.2, 5), rng, rate_hz, 1.0)
    put_in(wave, int((lead_s + 0.9 * rush_s) * rate_hz), blow * rng.uniform(0.6, 1.2))
    return wave


def _hit_wood(times_s: Wave, strengths: Wave, rng: np.random.Generator, rate_hz: int) -> Wave:
    """One piece of wood hit by something hard: a crack in all bands, and modes that wet wood soon damps.

    Half of it is hollow, a dead trunk: its lowest modes sound loudest, for a swing or two, and so it comes
    closest to a blast.
    """
    n_modes = int(rng.integers(3, 9))
    wood_hz = rng.uniform(90, 1900, n_modes)
    wood_s = np.exp(rng.uniform(math.log(0.0008), math.log(0.02), n_modes))
    low_hz = rng.uniform(60, 500)
    if rng.random() < 0.5:
        wood_hz = np.exp(rng.uniform(math.log(60), math.log(900), n_modes))
        wood_s = rng.uniform(1, 5, n_modes) / (math.pi * wood_hz)
        low_hz = rng.uniform(30, 200)
    wave = _struck(times_s, strengths, wood_hz, wood_s, rng, rate_hz, spread=0.25)
    crack_s, crack = rng.uniform(0.001, 0.008), rng.uniform(0.1, 1.2)
    for time_s, strength in zip(times_s, strengths, strict=True):
        burst = noise_burst(rng, rate_hz, crack_s, low_hz, 0.4 * rate_hz)
        put_in(wave, int(time_s * rate_hz), crack * strength * burst)
    return wave


def _struck(
    times_s: Wave,
    strengths: Wave,
    modes_hz: Wave,
    decays_s: Wave,
    rng: np.random.Generator,
    rate_hz: int,
    *,
    spread: float = 0.1,
) -> Wave:
    """One body struck at each of some times, and 0.3 s more."""
    length_s = 0.1 + 4 * float(decays_s.max())
    wave = np.zeros(int((0.3 + float(times_s.max())) * rate_hz))
    for time_s, strength in zip(times_s, strengths, strict=True):
        blow = ringing(modes_hz, decays_s, rng, rate_hz, length_s, spread)
        put_in(wave, int(time_s * rate_hz), blow * strength)
    return wave
