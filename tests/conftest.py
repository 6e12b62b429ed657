"""What all tests share: where the training audio lies, randomness, Hypothesis profiles, golden files."""

import os
from collections.abc import Callable
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
