"""What the ledger keeps comes back as it was."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ndoki.batch.wire import (
    bytes_from_thinned,
    recording_from_text,
    text_from_recording,
    thinned_from_bytes,
)
from ndoki.core.types import Evidence, Proposals, Recording
from ndoki.events.stitch import COLUMNS, Thinned


@pytest.mark.parametrize(
    "zone",
    [
        None,
        UTC,
        ZoneInfo("Africa/Libreville"),
        timezone(timedelta(hours=1)),
        timezone(-timedelta(hours=9, minutes=30)),
    ],
)
def test_a_recording_comes_back(zone):
    recording = Recording(
        source="/karte/wald \udce9/é.wav",
        rate_hz=8000,
        n_samples=123456789012,
        n_channels=2,
        started_at=datetime(2026, 1, 4, 5, 30, 0, 123456, tzinfo=zone or UTC) if zone else None,
        local_zone=zone,
        time_source="guano",
        site="Bai “1”",
        problems=("The header is wrong.", "Cut off."),
    )
    back = recording_from_text(text_from_recording(recording))
    assert back == recording
    assert hash(back) == hash(recording)
    if zone:
        assert back.time_of(5).astimezone(back.local_zone).isoformat() == recording.time_of(5).isoformat()


def thinned(rng, n, n_boxes, has_track=True):
    boxes = Proposals(
        frame=np.sort(rng.integers(0, 1 << 40, n_boxes)),
        duration_s=rng.random(n_boxes, np.float32),
        low_hz=rng.random(n_boxes, np.float32),
        high_hz=rng.random(n_boxes, np.float32),
        score=rng.random(n_boxes, np.float32),
        label=rng.integers(0, 9, n_boxes).astype(np.int16),
    )
    frame = np.sort(rng.integers(0, 1 << 40, n))
    score = rng.random(n, np.float32)
    return Thinned(
        first_frame=7,
        end_frame=1 << 41,
        has_track=has_track,
        frame=frame,
        score=score,
        proposals=boxes,
        evidence=Evidence(
            frame=np.sort(rng.integers(0, 1 << 40, 2 * n)), log_odds=rng.normal(size=2 * n).astype(np.float32)
        ),
        lost=tuple((7 + first, 1 << 41) for first in range(n)),
    )


@pytest.mark.parametrize(("n", "n_boxes", "has_track"), [(0, 0, True), (5, 3, True), (0, 4, False)])
def test_an_answer_comes_back_bit_for_bit(rng, n, n_boxes, has_track):
    part = thinned(rng, n, n_boxes, has_track)
    back = thinned_from_bytes(bytes_from_thinned(part), 7, 1 << 41)
    assert (back.first_frame, back.end_frame, back.has_track) == (7, 1 << 41, has_track)
    assert (len(part.lost), back.lost) == (n, part.lost)
    columns = ("frame", "score"), COLUMNS, ("frame", "log_odds")
    pairs = (part, back), (part.proposals, back.proposals), (part.evidence, back.evidence)
    for names, (ours, theirs) in zip(columns, pairs, strict=True):
        for name in names:
            before, after = getattr(ours, name), getattr(theirs, name)
            assert (after.dtype, after.tobytes()) == (before.dtype, before.tobytes())


def test_bytes_of_another_length_are_refused(rng):
    data = bytes_from_thinned(thinned(rng, 5, 3))
    for wrong in (data + b"x", data[:-1], data[:4], b""):
        with pytest.raises(ValueError, match=r"bytes|buffer"):
            thinned_from_bytes(wrong, 0, 9)
