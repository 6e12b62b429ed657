"""The files that other programs open, read by crowsetta, an independent reader."""

from datetime import UTC, datetime
from pathlib import Path

import crowsetta
import pytest

from ndoki.core.types import DetectorId, Event, Recording
from ndoki.tables.audacity import read_audacity, write_audacity
from ndoki.tables.raven import write_combined, write_per_recording
from ndoki.tables.raven_reader import read_raven
from ndoki.tables.row import Row

# crowsetta 5.1 calls pandas 3 in a way that pandas will drop.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

RECORDINGS = [
    Recording(
        source=f"cards/{name}/R1.wav",
        rate_hz=8000,
        n_samples=8000 * seconds + 1,
        started_at=datetime(2018, 8, 17, tzinfo=UTC),
        site=f"{name} bai",
    )
    for name, seconds in (("Mbéli", 600), ("silent", 50), ("c", 300))
]
EVENTS = [
    Event(
        recording=recording,
        channel=0,
        first_sample=first,
        end_sample=first + 9001,
        peak_sample=first + 5,
        label=label,
        score=0.87654,
        low_hz=60.0,
        high_hz=1300.5,
        detector=DetectorId(name="ndoki", digest="9f2c"),
    )
    for recording, first, label in (
        (RECORDINGS[0], 1, "gunshot"),
        (RECORDINGS[0], 96_001, "singe à queue"),
        (RECORDINGS[2], 2_000_003, "gunshot"),
    )
]
Boxes = list[tuple[float, float, float, float, str]]


def ours(rows: list[Row], begin_s: float = 0.0) -> Boxes:
    return [
        (row.start_s + begin_s, row.end_s + begin_s, row.low_hz or 0.0, row.high_hz or 0.0, row.label)
        for row in rows
    ]


def theirs(boxes: list[crowsetta.BBox]) -> Boxes:
    return [(box.onset, box.offset, box.low_freq, box.high_freq, box.label) for box in boxes]


def test_raven_tables_of_one_recording(tmp_path: Path) -> None:
    paths = write_per_recording(tmp_path, EVENTS, RECORDINGS)
    for path, n_events in ((paths[0], 2), (paths[2], 1)):
        found = theirs(crowsetta.formats.bbox.Raven.from_file(path, annot_col="Label").to_bbox())
        assert len(found) == n_events
        assert found == ours(read_raven(path))


def test_the_combined_raven_table_has_cumulative_times(tmp_path: Path) -> None:
    path = tmp_path / "combined.selections.txt"
    write_combined(path, EVENTS, RECORDINGS)
    found = theirs(crowsetta.formats.bbox.Raven.from_file(path, annot_col="Label").to_bbox())
    rows = read_raven(path)
    assert found[:2] == ours(rows[:2])
    # 600 s + 50 s + one sample each.
    assert [box[:2] for box in found[2:]] == [
        pytest.approx(box[:2], abs=1e-6) for box in ours(rows[2:], 650.00025)
    ]


def test_a_table_that_crowsetta_wrote_is_read(tmp_path: Path) -> None:
    (path, *_) = write_per_recording(tmp_path, EVENTS, RECORDINGS)
    crowsetta.formats.bbox.Raven.from_file(path, annot_col="Label").to_file(tmp_path / "again.txt")
    assert ours(read_raven(tmp_path / "again.txt")) == ours(read_raven(path))
    assert [row.file for row in read_raven(tmp_path / "again.txt")] == ["cards/Mbéli/R1.wav"] * 2


def test_audacity_labels_with_bands(tmp_path: Path) -> None:
    path = write_audacity(tmp_path, EVENTS, RECORDINGS)[0]
    annotation = crowsetta.formats.bbox.AudBBox.from_file(path)
    expected = [(*box[:4], f"{box[4]} 0.8765") for box in ours(read_audacity(path))]
    assert theirs(annotation.to_bbox()) == expected


def test_audacity_labels_that_crowsetta_wrote_are_read(tmp_path: Path) -> None:
    path = write_audacity(tmp_path, EVENTS, RECORDINGS)[0]
    crowsetta.formats.bbox.AudBBox.from_file(path).to_file(tmp_path / "again.txt")
    assert read_audacity(tmp_path / "again.txt") == read_audacity(path)


def test_audacity_labels_without_bands(tmp_path: Path) -> None:
    path = write_audacity(tmp_path, EVENTS, RECORDINGS)[0]
    plain = tmp_path / "plain.txt"
    plain.write_text("".join(path.read_text().splitlines(keepends=True)[::2]))
    sequence = crowsetta.formats.seq.AudSeq.from_file(plain)
    assert sequence.start_times.tolist() == [row.start_s for row in read_audacity(plain)]
    assert sequence.end_times.tolist() == [row.end_s for row in read_audacity(plain)]
