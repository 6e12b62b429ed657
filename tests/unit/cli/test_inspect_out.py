"""A card of five days, a minute's quarter at each full hour, on which everything goes wrong once."""

import csv
import wave
from datetime import datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ndoki.cli.inspect import inspect

RATE_HZ, SECONDS = 8000, 15
BEGAN = datetime(2018, 8, 17)
COMMENT = (
    "Recorded at {:%H:%M:%S %d/%m/%Y} (UTC+1) by AudioMoth 24F3190361DA1234 at medium gain while battery was "
    "2.9V and temperature was 24.0C."
)


def _sound(hour, rng, *, is_wet=False, is_dead=False):
    """Noise of a forest whose insects sing about 19 h; a wet membrane loses 15 dB above 700 Hz."""
    n = RATE_HZ * SECONDS
    bins_hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    sway_db = 4 * np.cos((hour - 19) / 24 * 2 * np.pi)
    loss_db = -15.0 if is_wet else 0.0
    gain = 10 ** (np.where(bins_hz >= 700, sway_db + loss_db, 0.0) / 20)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(0, 300, n)) * gain, n)
    return rng.normal(0, 2, n) if is_dead else noise


def _write(path, samples, comment=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    if comment:
        comment = comment.encode()
        chunk = b"ICMT" + len(comment).to_bytes(4, "little") + comment + b"\0" * (len(comment) % 2)
        chunk = b"LIST" + (len(chunk) + 4).to_bytes(4, "little") + b"INFO" + chunk
        path.write_bytes(path.read_bytes() + chunk)


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    rng = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("card") / "nn03a"
    for i in range(5 * 24):
        day, hour = divmod(i, 24)
        samples = _sound(hour, rng, is_wet=day == 1 and 14 <= hour < 22, is_dead=day == 4 and hour >= 12)
        if (day, hour) == (0, 3):
            samples[:] = 0
        if (day, hour) == (0, 4):
            samples[:400] = 32767
        if (day, hour) == (2, 10):
            samples = samples[: 5 * RATE_HZ]
        if (day, hour) in {(3, 5), (3, 6)}:
            continue
        name = f"nn03a_{BEGAN + timedelta(hours=i):%Y%m%d_%H%M%S}.wav"
        stop = " Recording stopped due to low voltage." if (day, hour) == (2, 10) else ""
        _write(folder / name, samples, COMMENT.format(BEGAN + timedelta(hours=i)) + stop)
    late = BEGAN + timedelta(hours=20, seconds=5)
    _write(folder / "nn03a_20180817_200005.wav", _sound(20, rng), COMMENT.format(late))
    _write(folder / "nn03a_20000101_000000.wav", _sound(0, rng))
    _write(folder.parent / "camp" / "notes.wav", _sound(0, rng))
    (folder / "nn03a_20180901_000000.wav").write_bytes(b"")
    return folder.parent


@pytest.fixture(scope="module")
def report(card, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    done = CliRunner().invoke(
        inspect, [str(card), "--timezone", "Africa/Brazzaville", "--out", str(out), "--json"]
    )
    assert done.exit_code == 3, done.output
    return out


def _table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def row(report):
    rows = {row["file"].rpartition("/")[2]: row for row in _table(report / "quality.csv")}
    return lambda name: rows[f"nn03a_{name}.wav"]


def test_an_ordinary_recording_is_ok(row):
    found = row("20180817_120000")
    assert (found["verdict"], found["reasons"], found["clock"]) == ("ok", "", "ok")
    assert (found["start_utc"], found["start_local"]) == ("2018-08-17T11:00:00Z", "2018-08-17T12:00:00+01:00")
    assert found["expected_hours"] == found["present_hours"] == f"{SECONDS / 3600:.4f}"
    assert (found["gap_before_s"], found["dead_hours"], found["wet_hours"]) == ("0.000", "0.0000", "0.0000")
    assert -55 < float(found["shot_db"]) < -45


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("20180817_030000", "15.0 s are digital silence"),
        ("20180817_040000", "0.33% of the samples are at full scale, up to 0.050 s in a row"),
        ("20180817_200005", "overlaps the recorder's previous recording by 10.0 s"),
        ("20180818_150000", "From 2018-08-18 14:00 to 2018-08-18 22:00 the microphone seems wet"),
        ("20180819_100000", "5.0 s are there; 15.0 s were expected."),
        ("20180819_100000", "The recorder stopped early: low voltage."),
        ("20180820_070000", "previous recording ended 3 h 00 min before this one began"),
        ("20180821_130000", "From 2018-08-21 12:00 to 2018-08-22 00:00 the microphone seems dead"),
        ("20000101_000000", "clock was probably never set"),
    ],
)
def test_what_went_wrong_is_said(row, name, sentence):
    assert row(name)["verdict"] == "doubtful"
    assert sentence in row(name)["reasons"]


def test_figures_stand_beside_the_sentences(row):
    assert row("20180818_150000")["wet_hours"] == row("20180821_130000")["dead_hours"] == "0.0042"
    low = row("20180819_100000")
    assert (low["stop_reason"], low["battery"], low["temperature_c"]) == ("low voltage", "2.9 V", "24.0")
    assert row("20000101_000000")["clock"] == "reset"
    failed = row("20180901_000000")
    assert (failed["verdict"], failed["site"], failed["present_hours"]) == ("failed", "", "")
    assert failed["reasons"]


def test_nothing_else_is_doubtful(report):
    doubtful = [row["file"].rpartition("/")[2] for row in _table(report / "quality.csv") if row["reasons"]]
    wet = [f"nn03a_20180818_{hour}0000.wav" for hour in range(14, 22)]
    dead = [f"nn03a_20180821_{hour}0000.wav" for hour in range(12, 24)]
    named = ["notes.wav"] + [
        f"nn03a_{name}.wav"
        for name in (
            "20000101_000000", "20180817_030000", "20180817_040000", "20180817_200005", "20180819_100000",
            "20180820_070000", "20180901_000000",
            "20180817_210000", "20180819_110000",  # an odd gap lies before each
        )
    ]  # fmt: skip
    assert sorted(doubtful) == sorted(wet + dead + named)


def test_sites(report):
    camp, site = _table(report / "sites.csv")
    assert (camp["site"], camp["n_without_start"], camp["coverage"]) == ("camp", "1", "")
    assert site["site"] == "nn03a"
    counts = ("n_gaps", "n_overlaps", "n_clock_resets", "n_low_battery", "n_without_start")
    assert [site[name] for name in counts] == ["3", "1", "1", "1", "0"]
    assert (site["dead_hours"], site["wet_hours"]) == (f"{12 * 15 / 3600:.4f}", f"{8 * 15 / 3600:.4f}")
    assert float(site["present_hours"]) < float(site["expected_hours"])


def test_the_picture_is_of_the_days_that_are_meant(report):
    assert sorted(path.name for path in report.iterdir()) == [
        "coverage_nn03a.png", "quality.csv", "sites.csv",
    ]  # fmt: skip
    with Image.open(report / "coverage_nn03a.png") as picture:
        assert picture.size == (900, 644)


def test_a_second_run_changes_no_byte(card, report, tmp_path):
    CliRunner().invoke(inspect, [str(card), "--timezone", "Africa/Brazzaville", "--out", str(tmp_path)])
    for path in report.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_quick_says_what_headers_say(card, tmp_path):
    done = CliRunner().invoke(
        inspect, [str(card), "--timezone", "Africa/Brazzaville", "--out", str(tmp_path), "--quick"]
    )
    assert done.exit_code == 3
    rows = {row["file"].rpartition("/")[2]: row for row in _table(tmp_path / "quality.csv")}
    found = rows["nn03a_20180821_130000.wav"]
    assert (found["channel"], found["level_dbfs"], found["dead_hours"], found["verdict"]) == (
        "",
        "",
        "",
        "ok",
    )
    assert (tmp_path / "coverage_nn03a.png").is_file()


def test_an_unwritable_folder_is_a_sentence(card, tmp_path):
    (tmp_path / "out").write_text("a file")
    done = CliRunner().invoke(inspect, [str(card), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "out" in done.stderr
