"""Every byte of every table, for a small day. `make golden` renews; review the difference."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from ndoki.core.types import DetectorId, Event, Recording
from ndoki.events.bursts import with_bursts
from ndoki.tables.bursts import write_bursts
from ndoki.tables.registry import FORMATS
from ndoki.tables.summary import FailedFile, summarise, write_summary

Golden = Callable[[str, str | bytes], None]

RECORDINGS = (
    Recording(
        source="cards/nn03a/20180817_000000.wav",
        rate_hz=8000,
        n_samples=8000 * 3600,
        started_at=datetime(2018, 8, 16, 23, 0, tzinfo=UTC),
        local_zone=timezone(timedelta(hours=1)),
        time_source="deployments",
        site="nn03a",
    ),
    Recording(
        source="cards/mbeli/20180817_000000.WAV",
        rate_hz=48_000,
        n_samples=48_000 * 600 + 1,
        n_channels=2,
        started_at=datetime(2018, 8, 17, 5, 0, 0, 250_000, tzinfo=UTC),
        time_source="guano",
        site="Mbéli, Süd",
        problems=("the header says 1200 s of sound, 600 s are there",),
    ),
    Recording(source="cards/x/unknown.flac", rate_hz=4000, n_samples=4000 * 30),
)
DETECTOR = DetectorId(name="ndoki-forest-1", digest="9f2c41d07b")
FOUND = tuple(
    Event(
        recording=RECORDINGS[number],
        channel=channel,
        first_sample=first,
        end_sample=end,
        peak_sample=first + 1,
        label=label,
        score=score,
        low_hz=low_hz,
        high_hz=high_hz,
        detector=DETECTOR,
    )
    for number, channel, first, end, label, score, low_hz, high_hz in (
        (0, 0, 196_004, 203_204, "gunshot", 0.98765, 61.27, 912.5),
        (0, 0, 197_004, 204_000, "gunshot", 0.5, 70.0, 700.0),
        (0, 0, 198_004, 205_200, "gunshot", 0.75, 70.0, 700.0),
        (1, 1, 28_799_999, 28_800_001, "thunder", 0.25, 0.0, 120.0),
        (2, 0, 0, 4000, "gunshot", 1.0, 500.0, 500.0),
    )
)
EVENTS = with_bursts(FOUND)


@pytest.mark.parametrize("name", FORMATS)
def test_tables(name: str, tmp_path: Path, golden: Golden) -> None:
    for path in FORMATS[name].write(tmp_path, EVENTS, RECORDINGS):
        golden(f"tables/{path.relative_to(tmp_path).as_posix()}", path.read_text(encoding="utf-8"))


def test_bursts(tmp_path: Path, golden: Golden) -> None:
    write_bursts(tmp_path / "bursts.csv", EVENTS)
    golden("tables/bursts.csv", (tmp_path / "bursts.csv").read_text(encoding="utf-8"))


def test_summary(tmp_path: Path, golden: Golden) -> None:
    summary = summarise(
        EVENTS,
        RECORDINGS,
        detector=DETECTOR,
        threshold=0.2,
        wall_s=2.5,
        failed=[FailedFile(file="cards/x/empty.wav", reason="0 bytes; expected a sound file")],
        versions={"ndoki": "0.1.0", "onnxruntime": "1.20"},
    )
    path = tmp_path / "summary.json"
    write_summary(path, summary)
    golden("tables/summary.json", path.read_text(encoding="utf-8"))
