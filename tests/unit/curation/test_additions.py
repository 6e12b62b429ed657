"""Clips, their provenance, the ranking, and what a person said of them."""

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from ndoki.core.errors import LabelError
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.curation.additions import COLUMNS, read_round, write_clips, write_ranking
from ndoki.curation.candidates import cut_around, looks_of_clips, ranked
from ndoki.curation.contact_sheet import Thumbnail, write_sheets
from ndoki.curation.diversity import ChoiceRules
from ndoki.curation.mining import FalseAlarm
from ndoki.curation.shot_free import ShotFree
from ndoki.datasets.manifest import MINED_LABEL, Clip, load_sounds, read_manifest

DAY = datetime(2026, 11, 22, tzinfo=UTC)


def alarm(path: Path, at_s: float, score: float, clip: Clip | None = None, channel: int = 0) -> FalseAlarm:
    with soundfile.SoundFile(path) as file:
        rate_hz, n_samples, n_channels = file.samplerate, file.frames, file.channels
    first = round(at_s * rate_hz)
    event = Event(
        recording=Recording(source=str(path), rate_hz=rate_hz, n_samples=n_samples, n_channels=n_channels),
        channel=channel, first_sample=first, end_sample=first + 800, peak_sample=first, label="gunshot",
        score=score, low_hz=60.0, high_hz=900.0, detector=DetectorId(name="x", digest="d1"),
    )  # fmt: skip
    return FalseAlarm(
        event=event, group=clip.group if clip else str(path), sound=ShotFree(source=str(path), clip=clip)
    )


@pytest.fixture
def alarms(looks_shot_free) -> list[FalseAlarm]:
    return [alarm(looks_shot_free, at_s, score) for at_s, score in ((14.0, 0.8), (5.0, 0.6), (23.0, 0.4))]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(out: Path, alarms, number: int = 1, verdicts=None, **rules) -> list[dict[str, str]]:
    mined = ranked(alarms, ChoiceRules(**({"max_likeness": 1.01} | rules)))
    kept = [one for one in mined if one.choice.rank]
    write_clips(out, kept, number=number, mined_at=DAY, verdicts=verdicts or {})
    write_ranking(out / "mined.csv", mined)
    return rows_of(out / "clips.csv")


def test_a_clip_is_the_sound_around_its_onset_bit_for_bit(looks_shot_free, alarms, tmp_path):
    whole, _ = soundfile.read(looks_shot_free, dtype="int16")
    rows = written(tmp_path, alarms)
    assert {row["onset_s"] for row in rows} == {"2.000"}
    assert rows[0]["first_sample"] == "96000"
    for row in rows:
        samples, rate_hz = soundfile.read(tmp_path / row["path"], dtype="int16")
        first = int(row["first_sample"])
        assert rate_hz == 8000
        np.testing.assert_array_equal(samples, whole[first : first + 48000])


def test_a_row_says_where_its_clip_is_from(looks_shot_free, alarms, tmp_path):
    (row, *_) = written(tmp_path, alarms, number=3)
    assert tuple(row) == COLUMNS
    assert row["sha256"] == hashlib.sha256((tmp_path / row["path"]).read_bytes()).hexdigest()
    del row["sha256"], row["novelty"]
    assert row == {
        "path": "mined/nn03a_20180817_060000_00014.000s.wav", "verdict": "", "kind": "background",
        "label": MINED_LABEL, "source": "", "licence": "", "attribution": "", "group": str(looks_shot_free),
        "split": "train", "duration_s": "6.000", "sample_rate_hz": "8000", "notes": "", "rank": "1",
        "score": "0.8000", "onset_s": "2.000", "mined_from": str(looks_shot_free), "channel": "1",
        "first_sample": "96000", "mined_rate_hz": "8000", "detector": "x", "detector_digest": "d1",
        "round": "3", "mined_at": "2026-11-22",
    }  # fmt: skip


def test_a_clip_of_a_manifest_takes_its_group_and_licence_along(looks_shot_free, tmp_path):
    clip = Clip(
        path=looks_shot_free, kind="background", label="river", group="g7", split="train", source="S",
        licence="CC BY 4.0", attribution='A. "B" C, 2022',
    )  # fmt: skip
    (row,) = written(tmp_path, [alarm(looks_shot_free, 5.0, 0.5, clip)])
    named = ("group", "source", "licence", "attribution", "notes")
    assert [row[name] for name in named] == ["g7", "S", "CC BY 4.0", 'A. "B" C, 2022', "was river"]


def test_training_can_read_what_was_written(alarms, tmp_path):
    written(tmp_path, alarms)
    clips = read_manifest(tmp_path / "clips.csv")
    assert {(one.kind, one.label, one.split) for one in clips} == {("background", MINED_LABEL, "train")}
    assert [len(sound.samples) for sound in load_sounds(clips)] == [48000] * 3


def test_other_rates_and_channels_come_out_at_the_field_clips_rate(forest, tmp_path):
    left = forest(10.0, [4.0], rate_hz=16000)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([np.zeros_like(left), left], axis=1), 16000, subtype="PCM_16")
    (row,) = written(tmp_path / "out", [alarm(path, 4.0, 0.5, channel=1)])
    samples, rate_hz = soundfile.read(tmp_path / "out" / row["path"])
    assert (rate_hz, len(samples), row["channel"], row["mined_rate_hz"]) == (8000, 48000, "2", "16000")
    assert row["path"].endswith("s_ch2.wav")
    at_onset = np.abs(samples[15000:17000]).argmax() + 15000
    assert abs(at_onset - 16000) < 400


@pytest.mark.parametrize(
    ("onset_s", "length_s", "expected_s"),
    [(3.0, 20.0, (1.0, 7.0)), (0.5, 20.0, (0.0, 6.0)), (19.9, 20.0, (14.0, 20.0)), (1.0, 4.0, (0.0, 4.0))],
)
def test_a_clip_lies_inside_its_file(onset_s, length_s, expected_s):
    recording = Recording(source="a", rate_hz=8000, n_samples=round(8000 * length_s))
    assert cut_around(round(8000 * onset_s), recording) == tuple(round(8000 * s) for s in expected_s)


def test_the_ranking_lists_also_what_was_not_kept(alarms, tmp_path):
    written(tmp_path, alarms, n_per_hour=2)
    rows = rows_of(tmp_path / "mined.csv")
    assert [(row["rank"], row["why"]) for row in rows] == [
        ("1", "kept"), ("2", "kept"), ("", "its hour is full"),
    ]  # fmt: skip
    assert len(rows_of(tmp_path / "clips.csv")) == 2


def test_a_second_run_forgets_no_verdict_and_leaves_no_clip_behind(alarms, tmp_path):
    written(tmp_path, alarms)
    table = tmp_path / "clips.csv"
    table.write_text(table.read_text().replace("00005.000s.wav,,", "00005.000s.wav,Shot,"))
    assert [clip.path.stem[-10:] for clip in read_manifest(table)] == ["00014.000s", "00023.000s"]
    rows = written(tmp_path, alarms[:2], verdicts=read_round(table).verdicts)
    assert {row["onset_s"]: row["verdict"] for row in rows if row["verdict"]} == {"2.000": "Shot"}
    assert len(list((tmp_path / "mined").iterdir())) == 2


def test_an_earlier_round_is_remembered(alarms, tmp_path):
    written(tmp_path, alarms, number=4)
    earlier = read_round(tmp_path / "clips.csv")
    assert earlier.number == 4
    known = looks_of_clips(earlier.clips)
    assert [one.choice.why for one in ranked(alarms, ChoiceRules(), known)] == ["near duplicate"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,kind\na,b\n", "not a list of mined clips"),
        (None, "cannot be read"),
        ("round\nx\n", "not a list"),
    ],
)
def test_another_table_is_no_round(tmp_path, text, message):
    if text is not None:
        (tmp_path / "clips.csv").write_text(text)
    with pytest.raises(LabelError, match=message):
        read_round(tmp_path / "clips.csv")


def test_sheets_show_every_clip_and_mark_its_onset(alarms, tmp_path):
    (row, *_) = written(tmp_path, alarms)
    thumbnail = Thumbnail(path=tmp_path / row["path"], onset_s=2.0, title="1")
    paths = write_sheets(tmp_path, [thumbnail] * 43)
    assert [path.name for path in paths] == ["contact-1.png", "contact-2.png"]
    with Image.open(paths[1]) as page:
        pixels = np.asarray(page)
    red = np.argwhere((pixels == (255, 96, 88)).all(axis=2))
    assert round(red[:, 1].mean()) == 12 + round(2 / 6 * 240)
    assert (red[:, 0].max() - red[:, 0].min()) in range(128, 131)
    write_sheets(tmp_path, [thumbnail])
    assert [path.name for path in tmp_path.glob("contact-*.png")] == ["contact-1.png"]
