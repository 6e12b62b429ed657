import struct
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ndoki.audio.layout import Header
from ndoki.audio.recording import describe, folder_site
from ndoki.core.deployments import read_deployments
from ndoki.core.errors import AudioError

LIBREVILLE = ZoneInfo("Africa/Libreville")
SERIAL = "24F3190361DA1234"
COMMENT = (
    f"Recorded at 17:00:00 16/08/2018 (UTC+1) by AudioMoth {SERIAL} at medium gain while battery was 4.2V."
)
SIXTEEN = datetime(2018, 8, 16, 16, tzinfo=UTC)


def _header(source, **chunks):
    return Header(
        source=source, container="WAV", encoding="PCM_16", rate_hz=8000, n_channels=1, n_samples=80000,
        n_samples_claimed=80000, size_bytes=160044, data_offset=44,
        metadata={name: text.encode() for name, text in chunks.items()},
    )  # fmt: skip


def _described(source, *, timezone=None, deployments=None, **chunks):
    return describe(source, header=_header(source, **chunks), timezone=timezone, deployments=deployments)


@pytest.fixture
def table(tmp_path):
    def read(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return read_deployments(path)

    return read


def test_precedence_of_all_sources(table):
    """Each source is an hour from the next; taking the first away brings out the second."""
    deployments = table("file,timezone,recording start\nnn03a_*.wav,Africa/Libreville,2018-08-16T14:00:00Z\n")
    name, offset_name = "nn03a_20180816_190000.wav", "nn03a_20180816_180000_+0000.wav"
    chunks = {"guan": "Timestamp:2018-08-16T15:00:00Z\n", "ICMT": COMMENT}
    expected = [("deployment", 14), ("guano", 15), ("audiomoth-comment", 16), ("filename-offset", 18)]
    found = [
        _described(offset_name, deployments=deployments, **chunks),
        _described(offset_name, **chunks),
        _described(offset_name, ICMT=COMMENT),
        _described(offset_name),
    ]
    assert [(item.time_source, item.started_at and item.started_at.hour) for item in found] == expected
    zoned = _described(name, timezone=LIBREVILLE)
    assert (zoned.time_source, zoned.started_at) == ("filename-zone", datetime(2018, 8, 16, 18, tzinfo=UTC))
    unknown = _described(name)
    assert (unknown.time_source, unknown.started_at, unknown.local_zone) == ("none", None, None)
    assert "without a time zone" in unknown.problems[0]


def test_zone_of_the_table_goes_before_the_option(table):
    deployments = table("prefix,site,timezone\nnn03a,Nouabale,Africa/Libreville\n")
    recording = _described(
        "nn03a_20180817_000000.wav", deployments=deployments, timezone=ZoneInfo("Asia/Tokyo")
    )
    assert recording.started_at == datetime(2018, 8, 16, 23, tzinfo=UTC)
    assert (recording.local_zone, recording.site) == (LIBREVILLE, "Nouabale")
    assert recording.problems == ()


def test_recorder_in_utc_at_a_place_that_is_not(table):
    deployments = table("prefix,timezone,clock timezone,clock offset\nnn03a,Africa/Libreville,UTC,42\n")
    recording = _described("nn03a_20180817_000042.wav", deployments=deployments)
    assert recording.started_at == datetime(2018, 8, 17, tzinfo=UTC)
    assert recording.local_zone == LIBREVILLE


def test_row_is_found_by_the_serial_number_in_the_metadata(table):
    deployments = table(f"recorder,site,start,end\n{SERIAL},bai,2018-08-01,2018-08-31\n")
    recording = _described("/card/20180816_160000.WAV", deployments=deployments, ICMT=COMMENT)
    assert (recording.site, recording.problems) == ("bai", ())


def test_recording_that_no_row_fits_is_flagged(table):
    deployments = table("prefix,site\nkp01,Korup\n")
    recording = _described("nn03a_20180817_000000.wav", deployments=deployments, timezone=UTC)
    assert recording.problems == (f"No row of {deployments.path} fits this recording.",)
    assert recording.site == "nn03a"


def test_plain_audiomoth_name_is_utc_only_where_the_metadata_prove_an_audiomoth():
    name = "card/20180816_160000.WAV"
    assert _described(name).started_at is None
    proven = _described(name, IART=f"AudioMoth {SERIAL}")
    assert (proven.started_at, proven.time_source, proven.local_zone) == (SIXTEEN, "filename-offset", None)
    assert _described("card/a_20180816_160000.WAV", IART=f"AudioMoth {SERIAL}").started_at is None


def test_explicit_zone_goes_before_the_audiomoth_habit():
    recording = _described("20180816_160000.WAV", IART=f"AudioMoth {SERIAL}", timezone=LIBREVILLE)
    assert (recording.started_at, recording.time_source) == (SIXTEEN - timedelta(hours=1), "filename-zone")


def test_unix_name_is_utc():
    assert _described("5E90A4D4.WAV").started_at == datetime(2020, 4, 10, 16, 54, 44, tzinfo=UTC)


def test_malformed_chunk_becomes_a_problem_and_the_next_source_is_tried():
    recording = _described("x.wav", guan="Timestamp:noon\n", ICMT=COMMENT)
    assert (recording.started_at, recording.time_source) == (SIXTEEN, "audiomoth-comment")
    assert recording.problems == (
        "The GUANO block's time 'noon' is no ISO 8601 date and time; the next source is asked.",
    )


@pytest.mark.parametrize(
    ("source", "chunks", "zone"),
    [
        ("x_20180816_160000_-0400.wav", {}, timezone(timedelta(hours=-4))),
        ("x_20180816_160000_+0000.wav", {}, None),  # says how the clock was set, and nothing of the place
        ("x.wav", {"ICMT": COMMENT}, timezone(timedelta(hours=1))),
        ("x.wav", {"guan": "Timestamp:2018-08-16T16:00:00Z"}, None),
    ],
)
def test_offset_that_the_recorder_gave_is_the_local_zone(source, chunks, zone):
    assert _described(source, **chunks).local_zone == zone


def test_clock_that_was_never_set_is_flagged():
    recording = _described("kp01_19700101_000012.wav", timezone=UTC)
    assert recording.started_at == datetime(1970, 1, 1, 0, 0, 12, tzinfo=UTC)
    assert "never set" in recording.problems[0]


@pytest.mark.parametrize(
    ("source", "site"),
    [
        ("/data/kp01/x.wav", "kp01"),
        ("/data/kp01/20130621/x.wav", "kp01"),
        ("/media/Camp 3/Data/2013-06/2013-06-21/x.wav", "Camp 3"),
        ("az://elp/kp01/wav/x.wav", "kp01"),
        ("s3://bucket/x.wav", "bucket"),
        ("/x.wav", ""),
        ("/2013/x.wav", ""),
    ],
)
def test_site_from_the_folder(source, site):
    assert folder_site(source) == site


def test_relative_name_has_the_site_of_its_absolute_one(tmp_path, monkeypatch):
    folder = tmp_path / "kp07"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert folder_site("x.wav") == folder_site("./x.wav") == "kp07"


def test_site_of_the_name_goes_before_the_folder_and_song_meter_before_it_too():
    assert _described("/data/card7/kp01_20130621_000000.wav").site == "kp01"
    assert _described("/data/card7/x.wav", guan="WA|Song Meter|Prefix:KP09\n").site == "KP09"
    assert _described("/data/card7/SwiftOne_20220719_000000_-0400.wav").site == "card7"


def test_a_real_file(tmp_path):
    info = (
        b"ICMT"
        + struct.pack("<I", len(COMMENT) + len(COMMENT) % 2)
        + COMMENT.encode()
        + b"\0" * (len(COMMENT) % 2)
    )
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    chunks += b"LIST" + struct.pack("<I", 4 + len(info)) + b"INFO" + info
    chunks += b"data" + struct.pack("<I", 16000) + bytes(16000)
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    recording = describe(str(path))
    assert (recording.rate_hz, recording.n_samples, recording.started_at) == (8000, 8000, SIXTEEN)
    assert recording.site == Path(path).parent.name


def test_missing_file_is_an_audio_error(tmp_path):
    with pytest.raises(AudioError):
        describe(str(tmp_path / "none.wav"))
