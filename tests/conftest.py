"""What all tests share: where the training audio lies, randomness, Hypothesis profiles, golden files."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"
GOLDEN = CHECKOUT / "tests" / "golden"
SEED = 20261122

# The same examples in every run: a failure is met again by whoever looks for it. A slow machine is no
# failure, so there is no deadline. HYPOTHESIS_PROFILE=search looks for new examples instead.
settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make golden` renews the golden files instead of comparing with them."""
    parser.addoption(
        "--renew-golden", action="store_true", help="write tests/golden anew; review the difference"
    )


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds pyproject.toml."""
    return CHECKOUT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The training audio beside the checkout; the test is skipped where it is absent."""
    if not (SHARED_DATA / "clips.csv").is_file():
        pytest.skip("needs the training audio in ../shared/data")
    return SHARED_DATA


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts at the same state in every test, whatever ran before."""
    return np.random.default_rng(SEED)


@pytest.fixture(scope="session")
def forest() -> Callable[..., np.ndarray]:
    """Simulated forest with rifle shots in it: ``forest(seconds, onsets_s)`` → float32, shape (n,)."""
    from ndoki.datasets.augment import band_rms
    from ndoki.datasets.simulate.background import ForestNoise, forest_noise
    from ndoki.datasets.simulate.scene import ForestSpec, ShotSpec, render

    place = ForestNoise(
        seed=3, level=0.004, slope=0.4, insect_hz=(3100.0,), insect_width_hz=(150.0,), insect_level=(1.0,),
        insect_pulse_hz=(7.0,), insect_hour=(0.0,), wind_level=0.5, wind_slope=1.6, rain_first_s=(),
        rain_end_s=(), rain_level=(),
    )  # fmt: skip
    rifle = ShotSpec(weapon="rifle", source="friedlander", pressure_pa=2000.0, positive_s=0.0008)

    def make(
        duration_s: float, onsets_s: Sequence[float] = (), rate_hz: int = 8000, snr_db: float = 25.0
    ) -> np.ndarray:
        n = round(duration_s * rate_hz)
        # Noise is cut from a longer piece: one that is shorter than its own seam is none.
        sound = next(forest_noise(place, rate_hz, max(n, 4 * rate_hz)))[:n].copy()
        level = band_rms(sound, rate_hz)
        for i, onset_s in enumerate(onsets_s):
            rng = np.random.default_rng([SEED, i])
            shot = render(rifle, ForestSpec(scatter_seed=i), 300.0 + 100.0 * (i % 4), rate_hz, rng)
            lead = shot.onset_samples[0]
            blast = shot.samples[lead : lead + rate_hz // 10]
            at = round(onset_s * rate_hz) - lead
            part = shot.samples[max(0, -at) : max(0, n - at)]
            gain = level * 10 ** (snr_db / 20) / band_rms(blast, rate_hz)
            sound[max(0, at) : max(0, at) + len(part)] += np.float32(gain) * part
        return np.clip(sound, -1.0, 1.0)

    return make


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str | bytes], None]:
    """Compare text or bytes with ``tests/golden/<name>``, or write it under ``--renew-golden``."""
    renew = request.config.getoption("--renew-golden")

    def compare(name: str, actual: str | bytes) -> None:
        path = GOLDEN / name
        found = actual.encode() if isinstance(actual, str) else actual
        if renew:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(found)
        assert path.is_file(), f"tests/golden/{name} is missing: `make golden` writes it"
        expected = path.read_bytes()
        if isinstance(actual, str):
            assert found.decode() == expected.decode()
        assert found == expected, f"differs from tests/golden/{name}; `make golden` renews it"

    return compare
