"""Resampling against a slow sum, against tones of known phase, and at the edges."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal.windows import kaiser

from ndoki.audio import resample
from ndoki.audio.resample import Resampler
from ndoki.core.errors import ConfigError
from ndoki.core.types import Floats

OUT_HZ = 4000
RATES_HZ = (2000, 3999, 8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000, 250000)
POSITIONS = np.linspace(-1, 1, 100_001)
WINDOW = kaiser(len(POSITIONS), 6.2)


@dataclass
class Held:
    """Samples in memory; says so when asked outside them."""

    samples: Floats

    def read(self, first_sample: int, end_sample: int, channel: int) -> Floats:
        assert 0 <= first_sample < end_sample <= len(self.samples)
        assert channel == 0
        return self.samples[first_sample:end_sample]


def resampled(samples: npt.ArrayLike, rate_hz: int, first: int = 0, end: int | None = None) -> Floats:
    held = Held(np.asarray(samples, np.float32))
    end = -(-len(held.samples) * OUT_HZ // rate_hz) if end is None else end
    return Resampler(rate_hz, OUT_HZ).read(held, len(held.samples), 0, first, end)


def slow_reference(samples: npt.NDArray[np.float64], rate_in_hz: int, n_out: int) -> npt.NDArray[np.float64]:
    """One output after the other, one product after the other, from the definition."""
    slower_hz = min(rate_in_hz, OUT_HZ)
    out = np.empty(n_out)
    for n in range(n_out):
        centre = n * rate_in_hz / OUT_HZ
        reach = 20 * rate_in_hz / slower_hz
        inputs = np.arange(np.ceil(centre - reach), np.floor(centre + reach) + 1)
        away = (inputs - centre) * slower_hz / rate_in_hz
        weights = np.sinc(away) * np.interp(away / 20, POSITIONS, WINDOW)
        held = samples[np.clip(inputs, 0, len(samples) - 1).astype(int)]
        out[n] = held @ weights / weights.sum()
    return out


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_against_a_slow_sum(rate_hz: int, rng: np.random.Generator) -> None:
    samples = rng.uniform(-1, 1, max(50, rate_hz // 60)).astype(np.float32)
    fast = resampled(samples, rate_hz)
    slow = slow_reference(samples.astype(np.float64), rate_hz, len(fast))
    np.testing.assert_allclose(fast, slow, atol=2e-6)


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, OUT_HZ])
def test_double_precision_is_the_same_but_for_rounding(rate_hz: int, rng: np.random.Generator) -> None:
    held = Held(rng.uniform(-1, 1, rate_hz).astype(np.float32))
    exact = Resampler(rate_hz, OUT_HZ, np.float64).read(held, rate_hz, 0, -3, OUT_HZ)
    assert exact.dtype == np.float64
    np.testing.assert_allclose(resampled(held.samples, rate_hz, -3, OUT_HZ), exact, atol=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_keeps_its_phase(rate_hz: int) -> None:
    """No delay: output n is the tone at time n / 4000 s, to a 500th of a sample."""
    for tone_hz in (3.0, 0.2 * min(rate_hz, OUT_HZ), 0.44 * min(rate_hz, OUT_HZ)):
        times_s = np.arange(rate_hz) / rate_hz
        out = resampled(np.sin(2 * np.pi * tone_hz * times_s + 0.3), rate_hz)
        expected = np.sin(2 * np.pi * tone_hz * np.arange(OUT_HZ) / OUT_HZ + 0.3)
        inner = slice(100, -100)
        np.testing.assert_allclose(out[inner], expected[inner], atol=1.5e-3)


def level_db(rate_hz: int, tone_hz: float) -> float:
    """Gain for a tone, by its power."""
    tone = np.sin(2 * np.pi * tone_hz * np.arange(rate_hz * 2) / rate_hz + 0.1)
    out = resampled(tone, rate_hz)[400:-400]
    return float(10 * np.log10(np.mean(out.astype(np.float64) ** 2) / 0.5))


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
def test_pass_band_and_stop_band(rate_hz: int) -> None:
    for share in (0.001, 0.1, 0.25, 0.4, 0.45):
        assert abs(level_db(rate_hz, share * OUT_HZ)) < 0.5
    for share in (0.55, 0.6, 0.77, 0.95):
        assert level_db(rate_hz, share * OUT_HZ) < -60


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_constant_stays_constant_up_to_the_edges(rate_hz: int) -> None:
    """An offset of the recorder must not make a step at the file's edges."""
    out = resampled(np.full(rate_hz // 5, 0.3), rate_hz)
    np.testing.assert_allclose(out, 0.3, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [8000, 44100, 2000])
def test_beyond_the_edges_the_last_sample_is_held(rate_hz: int) -> None:
    ramp = np.linspace(-0.5, 0.5, rate_hz // 10)
    np.testing.assert_allclose(resampled(ramp, rate_hz, -500, -100), -0.5, atol=1e-6)
    np.testing.assert_allclose(resampled(ramp, rate_hz, 600, 700), 0.5, atol=1e-6)
    np.testing.assert_allclose(resampled([0.25], rate_hz, -3, 4), 0.25, atol=1e-6)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_stretch_is_the_same_to_the_bit(rate_hz: int, rng: np.random.Generator) -> None:
    samples = rng.uniform(-1, 1, rate_hz * 3).astype(np.float32)
    whole = resampled(samples, rate_hz)
    assert len(whole) == 3 * OUT_HZ
    for _ in range(6):
        first, end = sorted(rng.integers(0, len(whole) + 1, 2).tolist())
        np.testing.assert_array_equal(resampled(samples, rate_hz, first, end), whole[first:end])


def test_long_stretches_are_the_same_to_the_bit(rng: np.random.Generator) -> None:
    """Longer than what is read at once."""
    samples = rng.uniform(-1, 1, 1_200_000).astype(np.float32)
    whole = resampled(samples, 8000)
    for first, end in ((262_144, 262_145), (250_000, 300_000), (1, 599_999)):
        np.testing.assert_array_equal(resampled(samples, 8000, first, end), whole[first:end])


@pytest.mark.parametrize("rate_hz", [8000, 11025, 48000])
def test_a_click_stays_where_it_was(rate_hz: int) -> None:
    samples = np.zeros(rate_hz)
    samples[rate_hz // 4] = 1
    assert np.argmax(resampled(samples, rate_hz)) == OUT_HZ // 4


def test_equal_rates_pass_through(rng: np.random.Generator) -> None:
    samples = rng.uniform(-1, 1, 500).astype(np.float32)
    np.testing.assert_array_equal(resampled(samples, OUT_HZ, 3, 77), samples[3:77])
    assert resampled(samples, OUT_HZ, 498, 503).tolist() == [samples[498], *[samples[499]] * 4]


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, 3997, 4001, 44099])
def test_no_matrix_reaches_beyond_what_is_read(rate_hz: int) -> None:
    """Windows are strided views, which numpy does not guard."""
    common = math.gcd(rate_hz, OUT_HZ)
    plan = resample._plan(OUT_HZ // common, rate_hz // common)
    assert [c.first_output for c in plan.columns] == sorted({c.first_output for c in plan.columns})
    assert sum(c.matrix.shape[1] for c in plan.columns) == plan.group_outputs
    for columns in plan.columns:
        assert -plan.reach <= columns.first_input
        assert columns.first_input + len(columns.matrix) <= plan.group_inputs + plan.reach


def test_an_empty_stretch() -> None:
    assert resampled([1.0, 2.0], 8000, 5, 5).shape == (0,)


@pytest.mark.parametrize("rates", [(0, 4000), (8000, 0), (-1, 4000)])
def test_impossible_rates(rates: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="both must be positive"):
        Resampler(*rates)


def test_halving_the_rate_is_the_general_conversion(rng):
    """The half-band shortcut leaves out only weights that are 0."""
    plan = resample._plan(1, 2)
    source = rng.normal(0, 0.1, 40 * plan.cell_inputs + 2 * plan.reach).astype(np.float32)
    fast, slow = (np.empty((40, plan.n_rows, plan.group_outputs), np.float32) for _ in range(2))
    resample._halve(plan, source, fast)
    resample._convert(plan, source, slow)
    np.testing.assert_allclose(fast, slow, atol=1e-6)
