from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ndoki.core.types import Burst, DetectorId, Event, Recording

WAT = timezone(timedelta(hours=1))
BURST = Burst(
    id="nn03a-5e1c08-ch1-00012",
    n_shots=3,
    rounds_per_minute=612.24,
    weapon="automatic",
    weapon_score=0.93219,
)


@pytest.fixture
def make_recording() -> Callable[..., Recording]:
    def make(**changes: object) -> Recording:
        fields: dict[str, object] = {
            "source": "cards/nn03a_20180817_000000.wav",
            "rate_hz": 8000,
            "n_samples": 8000 * 3600,
            "started_at": datetime(2018, 8, 16, 23, 0, tzinfo=UTC),
            "local_zone": WAT,
            "time_source": "name",
            "site": "nn03a",
        }
        return Recording(**(fields | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_event(make_recording: Callable[..., Recording]) -> Callable[..., Event]:
    def make(**changes: object) -> Event:
        fields: dict[str, object] = {
            "recording": make_recording(),
            "channel": 0,
            "first_sample": 196_004,
            "end_sample": 203_204,
            "peak_sample": 196_300,
            "label": "gunshot",
            "score": 0.87126,
            "low_hz": 60.04,
            "high_hz": 912.5,
            "detector": DetectorId(name="ndoki", digest="9f2c"),
            "burst": BURST,
            "shot_index": 2,
        }
        return Event(**(fields | changes))  # type: ignore[arg-type]

    return make
