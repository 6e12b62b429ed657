"""``ndoki detect`` as a user runs it: a process, a folder of recordings, and what lies in --out."""

import csv
import hashlib
import io
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import crowsetta
import numpy as np
import pytest
import soundfile
from PIL import Image
from running import Ran, Run
from sound_files import RATE, flac, wav

from ndoki.tables.registry import FORMATS

ONSET_S = 14.0
NEAR_S = 0.05
Save = Callable[..., Path]


@pytest.fixture(scope="module")
def shot(forest: Callable[..., np.ndarray]) -> np.ndarray:
    """24 s of forest with one shot at 14 s."""
    return forest(24.0, [ONSET_S])


def local(ran: Ran, file: str) -> str:
    """A file as the user named it; tables name it in full, so that Raven finds it from anywhere."""
    return Path(file).relative_to(ran.out.parent).as_posix()


def rows(ran: Ran) -> list[dict[str, str]]:
    text = (ran.out / "detections.csv").read_text(encoding="utf-8")
    return [{**row, "file": local(ran, row["file"])} for row in csv.DictReader(io.StringIO(text))]


def has_the_shot(ran: Ran, file: str, onset_s: float = ONSET_S) -> bool:
    return any(row["file"] == file and abs(float(row["start_s"]) - onset_s) <= NEAR_S for row in rows(ran))


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".ndoki" not in path.parts
    }


UNKNOWN_CHUNK = b"xyz9" + struct.pack("<I", 9) + b"123456789\0"
HEARD = {
    "good.wav": (lambda s, p: wav(s), None),
    "UPPER.WAV": (lambda s, p: wav(s), None),
    "forêt [1] #2 100%.wav": (lambda s, p: wav(s), None),
    "chunk.wav": (lambda s, p: wav(s, before=UNKNOWN_CHUNK), None),
    "size_0.wav": (lambda s, p: wav(s, claims=0), "promises 0 bytes of sound but it goes on"),
    "size_ffffffff.wav": (lambda s, p: wav(s, claims=0xFFFFFFFF), "does not say how long the sound is"),
    "too_long.wav": (
        lambda s, p: wav(s, claims=2 * len(s) + 9000),
        "promises 393000 bytes of sound but 384000",
    ),
    "too_short.wav": (lambda s, p: wav(s, claims=len(s)), "promises 192000 bytes of sound but it goes on"),
    "odd_tail.wav": (lambda s, p: wav(s, claims=2 * len(s) + 1, tail=b"\7"), "less than one sample"),
    "power_cut.wav": (lambda s, p: wav(s, keep=300_001), "the sound was cut off"),
    "cut.flac": (lambda s, p: flac(s, p)[:150_000], "the sound was cut off"),
    "hole.flac": (lambda s, p: holed(flac(s, p)), "cannot be decoded: nothing can be found there"),
}
"""Name → how the file is made, and what summary.json says of it."""
SILENT = {
    "0_bytes.wav": (lambda s, p: b"", "it is empty (0 bytes)"),
    "44_bytes.wav": (lambda s, p: wav(s, keep=44), "a header, but no sound"),
    "text.wav": (lambda s, p: b"Dear Ndoki,\n" * 400, "does not understand it"),
    "header.flac": (lambda s, p: flac(s, p)[:60], "header.flac"),
    "noise.wav": (lambda s, p: np.random.default_rng(5).bytes(5000), "does not understand it"),
}


def holed(content: bytes) -> bytes:
    """A file of which a few hundred bytes after a third of it were overwritten."""
    at = len(content) // 3
    return content[:at] + bytes(500) + content[at + 500 :]


@pytest.fixture
def card(tmp_path: Path, shot: np.ndarray) -> dict[str, str]:
    """A memory card with a good file and each kind of broken one; digests of all of them."""
    for name, (make, _) in (HEARD | SILENT).items():
        path = tmp_path / "card" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(make(shot, tmp_path / "whole.flac"))
    return contents(tmp_path / "card")


def test_each_kind_of_broken_file_is_salvaged_or_named(
    ndoki: Run, card: dict[str, str], tmp_path: Path
) -> None:
    ran = ndoki("card", "--jobs", "2")
    assert ran.code == 3
    assert "Traceback" not in ran.stderr
    for name in HEARD:
        assert has_the_shot(ran, f"card/{name}"), name
    assert {row["file"] for row in rows(ran)} == {f"card/{name}" for name in HEARD}
    summary = ran.summary
    assert (summary["n_files_ok"], summary["n_files_failed"]) == (len(HEARD), len(SILENT))
    assert summary["n_events"] == len(rows(ran))
    reasons = {local(ran, failed["file"]): failed["reason"] for failed in summary["failed"]}
    assert set(reasons) == {f"card/{name}" for name in SILENT}
    problems = {local(ran, one["file"]): " ".join(one["problems"]) for one in summary["with_problems"]}
    for name, (_, reason) in SILENT.items():
        assert reason in reasons[f"card/{name}"]
        assert name in ran.stdout
    for name, (_, problem) in HEARD.items():
        assert (problem or "Nothing says when") in problems[f"card/{name}"]
    heard_s = summary["hours_heard"] * 3600
    assert 24.0 * (len(HEARD) - 2) < heard_s < 24.0 * len(HEARD)
    assert contents(tmp_path / "card") == card, "a recording was changed"


def test_what_cannot_be_decoded_is_said_however_the_file_is_cut(
    ndoki: Run, shot: np.ndarray, tmp_path: Path
) -> None:
    for name in ("one/a.flac", "two/a.flac"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(holed(flac(shot, tmp_path / "whole.flac")))
    problems = []
    for name, options in (("one", ()), ("two", ("--unit-s", "0.496", "--jobs", "2"))):
        ran = ndoki(name, "--detector", "template", *options)
        assert ran.code == 0
        problems.append(ran.summary["with_problems"][0]["problems"])
    (first,) = [one for one in problems[0] if "decoded" in one]
    assert problems[0] == problems[1]
    # A FLAC frame has 4096 samples, and what is read around the damage comes in pieces of as many.
    lost_s, at_s = re.fullmatch(r"(\d\.\d) s of the sound, at 0:00:(\d\d), .*", first).groups()
    assert 0.5 <= float(lost_s) <= 1.6
    assert 6 <= int(at_s) <= 9


def test_every_output_at_once(ndoki: Run, save: Save, shot: np.ndarray, tmp_path: Path) -> None:
    """Formats, pictures and clips of two recorders that use the same names, times included."""
    for site in ("bai", "ridge"):
        save(tmp_path / "cards" / site / "R_20260104_053000.WAV", shot)
    ran = ndoki(
        "cards",
        "--format",
        "csv,raven,audacity,jsonl",
        "--images",
        "--clips",
        "--timezone",
        "Africa/Libreville",
    )
    assert (ran.code, ran.stderr) == (0, "")
    found = contents(ran.out)
    names = [f"{site}/R_20260104_053000" for site in ("bai", "ridge")]
    tables = {f"raven/{name}.Table.1.selections.txt" for name in names} | {
        f"audacity/{name}.labels.txt" for name in names
    }
    others = {
        "detections.csv",
        "bursts.csv",
        "detections.jsonl",
        "raven/combined.selections.txt",
        "summary.json",
    }
    pictures = {name for name in found if name.endswith(".png")}
    clips = {name for name in found if name.endswith(".wav")}
    assert set(found) == tables | others | pictures | clips
    for name in names:
        assert len([p for p in pictures if p.startswith(f"images/{name}")]) == 1
        assert len([p for p in clips if p.startswith(f"clips/{name}")]) >= 1
    for name in pictures:
        with Image.open(ran.out / name) as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 50
    for name in clips:
        samples, rate_hz = soundfile.read(ran.out / name)
        assert rate_hz == RATE
        assert np.abs(samples).max() == pytest.approx(np.abs(shot).max(), abs=1e-3)
    for file in ("cards/bai/R_20260104_053000.WAV", "cards/ridge/R_20260104_053000.WAV"):
        (row,) = [row for row in rows(ran) if row["file"] == file]
        assert (row["site"], row["channel"], row["label"], row["offset_s"]) == ("R", "1", "gunshot", "12")
        assert row["start_utc"].startswith("2026-01-04T04:30:1")
        assert row["start_local"].startswith("2026-01-04T05:30:1")
        assert row["time_source"] == "filename-zone"
        assert float(row["start_s"]) < float(row["end_s"]) <= 24.0
        assert 0 <= float(row["low_hz"]) < float(row["high_hz"]) <= RATE / 2
    assert ran.summary["events_per_hour"] == {"05 local": len(rows(ran))}


def test_a_second_run_changes_no_table(ndoki: Run, save: Save, shot: np.ndarray, tmp_path: Path) -> None:
    save(tmp_path / "cards" / "a.wav", shot)
    ran = ndoki("cards", "--images", "--clips", "--jobs", "1")
    first = contents(ran.out)
    again = contents(ndoki("cards", "--images", "--clips", "--jobs", "2").out)
    assert {name for name in first if first[name] != again.get(name)} == {"summary.json"}
    assert set(again) == set(first)


@pytest.mark.parametrize("detector", ["gunshot", "template"])
def test_nothing_found_is_a_header_and_exit_code_0(
    ndoki: Run, save: Save, tmp_path: Path, detector: str
) -> None:
    save(tmp_path / "silent.wav", np.zeros(5 * RATE))
    ran = ndoki("silent.wav", "--detector", detector, "--images", "--clips")
    assert (ran.code, ran.stderr) == (0, "")
    assert (ran.out / "detections.csv").read_text().count("\n") == 1
    assert rows(ran) == []
    assert (ran.summary["n_events"], ran.summary["n_files_ok"]) == (0, 1)
    assert ran.summary["detector"] == detector
    assert not list(ran.out.rglob("*.png")) + list(ran.out.rglob("*.wav"))


def test_the_template_detector_does_the_same_job(
    ndoki: Run, save: Save, shot: np.ndarray, tmp_path: Path
) -> None:
    save(tmp_path / "a.wav", shot)
    ran = ndoki("a.wav", "--detector", "template", "--threshold", "0.3")
    assert ran.code == 0
    assert has_the_shot(ran, "a.wav")
    assert {row["detector"] for row in rows(ran)} == {"template"}
    assert ran.summary["threshold"] == 0.3


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_another_program_reads_raven_and_audacity(
    ndoki: Run, save: Save, forest: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """crowsetta reads each; over three files Raven's times are cumulative over the true durations."""
    onsets_s, lengths = (6.0, None, 11.5), (20 * RATE + 1, 7 * RATE + 3, 15 * RATE)
    for i, (onset_s, n_samples) in enumerate(zip(onsets_s, lengths, strict=True)):
        sound = forest(21.0, [onset_s] if onset_s else [])[:n_samples]
        save(tmp_path / "in" / f"day{9 + i}.wav", sound if onset_s else np.zeros(n_samples))
    ran = ndoki("in", "--format", "csv,raven,audacity", "--threshold", "0.3")
    assert ran.code == 0
    found = rows(ran)
    assert {row["file"] for row in found} == {"in/day9.wav", "in/day11.wav"}
    begin_s = {"in/day9.wav": 0.0, "in/day11.wav": (lengths[0] + lengths[1]) / RATE}
    combined = crowsetta.formats.bbox.Raven.from_file(
        ran.out / "raven" / "combined.selections.txt", annot_col="Label"
    ).to_bbox()
    assert len(combined) == len(found)
    for box, row in zip(combined, found, strict=True):
        assert box.onset == pytest.approx(begin_s[row["file"]] + float(row["start_s"]), abs=1e-6)
        assert box.offset == pytest.approx(begin_s[row["file"]] + float(row["end_s"]), abs=1e-6)
        assert (box.low_freq, box.high_freq) == (float(row["low_hz"]), float(row["high_hz"]))
        assert box.label == "gunshot"
    for file, stem in (("in/day9.wav", "day9"), ("in/day11.wav", "day11")):
        own = [row for row in found if row["file"] == file]
        alone = crowsetta.formats.bbox.Raven.from_file(
            ran.out / "raven" / f"{stem}.Table.1.selections.txt", annot_col="Label"
        ).to_bbox()
        assert [box.onset for box in alone] == [float(row["start_s"]) for row in own]
        labels = crowsetta.formats.bbox.AudBBox.from_file(
            ran.out / "audacity" / f"{stem}.labels.txt"
        ).to_bbox()
        assert [(box.onset, box.offset) for box in labels] == [
            (float(row["start_s"]), float(row["end_s"])) for row in own
        ]


def test_each_format_reads_back_to_the_same_rows(
    ndoki: Run, save: Save, shot: np.ndarray, tmp_path: Path
) -> None:
    save(tmp_path / "a.wav", shot)
    ran = ndoki("a.wav", "--format", ",".join(FORMATS), "--threshold", "0.2")
    csv_rows = FORMATS["csv"].read(ran.out / "detections.csv")
    assert csv_rows
    exact = FORMATS["jsonl"].read(ran.out / "detections.jsonl")
    assert [replace(row, extra={}) for row in exact] == csv_rows
    raven = FORMATS["raven"].read(ran.out / "raven" / "combined.selections.txt")
    audacity = FORMATS["audacity"].read(ran.out / "audacity" / "a.labels.txt")
    places = [(row.start_s, row.end_s, row.low_hz, row.high_hz, row.label, row.score) for row in csv_rows]
    for other in (raven, audacity):
        assert [(r.start_s, r.end_s, r.low_hz, r.high_hz, r.label, r.score) for r in other] == places


def test_one_channel_is_heard_and_counts_from_1(
    ndoki: Run, forest: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    both = np.stack([forest(20.0, [5.0]), forest(20.0, [12.0])], axis=1)
    soundfile.write(tmp_path / "both.wav", both, RATE, subtype="PCM_16")
    everything = ndoki("both.wav", out=tmp_path / "all")
    right = ndoki("both.wav", "--channel", "2", out=tmp_path / "right")
    assert has_the_shot(everything, "both.wav", 5.0)
    assert has_the_shot(everything, "both.wav", 12.0)
    assert {row["channel"] for row in rows(everything)} == {"1", "2"}
    assert rows(right) == [row for row in rows(everything) if row["channel"] == "2"]
    third = ndoki("both.wav", "--channel", "3", out=tmp_path / "third")
    assert third.code == 3
    assert "there is no channel 3" in third.summary["failed"][0]["reason"]


def test_what_else_lies_in_out_stays(ndoki: Run, save: Save, tmp_path: Path) -> None:
    save(tmp_path / "a.wav", np.zeros(RATE))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "my notes.txt").write_text("keep")
    ran = ndoki("a.wav", "--format", "csv")
    assert ran.code == 0
    assert (ran.out / "my notes.txt").read_text() == "keep"
    assert set(contents(ran.out)) == {"detections.csv", "bursts.csv", "my notes.txt", "summary.json"}


def test_ctrl_c_at_once_ends_with_130(save: Save, tmp_path: Path) -> None:
    save(tmp_path / "long.wav", np.zeros(3600 * RATE, np.float32))
    ndoki = Path(sys.executable).with_name("ndoki")
    command = [ndoki, "detect", "long.wav", "--out", "results", "--jobs", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (tmp_path / "results").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.part"))
