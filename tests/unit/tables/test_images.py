import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from PIL import Image

from ndoki.core.types import Event, Floats, Recording
from ndoki.tables.axes import Axes
from ndoki.tables.images import segment_image, write_images
from ndoki.tables.spectrogram import COLOURS

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]
NAME = PurePosixPath("a/R1")


def noise(n_samples: int) -> Floats:
    return np.random.default_rng(3).normal(0, 0.01, n_samples).astype(np.float32)


def silent(first: int, end: int, channel: int) -> Floats:
    return np.zeros(end - first, dtype=np.float32)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def test_every_segment_with_an_onset_gets_a_picture(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording(n_channels=2, n_samples=8000 * 30)
    at = [(0, 0), (11, 0), (13, 0), (13, 1), (29, 0)]
    events = [
        make_event(
            recording=recording, channel=channel, first_sample=8000 * second, end_sample=8000 * second + 800
        )
        for second, channel in reversed(at)
    ]
    asked: list[tuple[int, int, int]] = []

    def read(first: int, end: int, channel: int) -> Floats:
        asked.append((first, end, channel))
        return silent(first, end, channel)

    paths = write_images(tmp_path, NAME, recording, events, read)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        "a/R1_000000s_ch1.png",
        "a/R1_000012s_ch1.png",
        "a/R1_000012s_ch2.png",
        "a/R1_000024s_ch1.png",
    ]
    # The last segment is as long as the file, not longer.
    assert asked == [(0, 96_000, 0), (96_000, 192_000, 0), (96_000, 192_000, 1), (192_000, 240_000, 0)]
    with Image.open(paths[0]) as image:
        assert (image.size, image.format, image.mode) == ((1200, 480), "PNG", "RGB")


def test_the_same_sound_gives_the_same_bytes(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    def read(first: int, end: int, channel: int) -> Floats:
        return noise(end - first)

    event = make_event()
    (one,) = write_images(tmp_path / "1", NAME, event.recording, [event], read)
    (two,) = write_images(tmp_path / "2", NAME, event.recording, [event], read)
    assert one.read_bytes() == two.read_bytes()


def test_a_box_stands_where_its_event_is(make_event: Make) -> None:
    event = make_event(first_sample=27 * 8000, end_sample=30 * 8000, low_hz=100, high_hz=1000)
    with_box = pixels(segment_image(noise(96_000), 8000, [event], offset_s=24, title="t"))
    without = pixels(segment_image(noise(96_000), 8000, [], offset_s=24, title="t"))
    rows, columns = np.nonzero((with_box != without).any(axis=2))
    left, upper, right, lower = Axes(offset_s=24, top_hz=2000.0).box(event)
    assert columns.min() == pytest.approx(left, abs=2)
    assert columns.max() == pytest.approx(right, abs=2)
    assert rows.max() == pytest.approx(lower, abs=2)
    # Label and score stand above the box.
    assert rows.min() == pytest.approx(upper - 21, abs=2)
    inside = np.s_[round(upper) + 4 : round(lower) - 4, round(left) + 4 : round(right) - 4]
    assert np.array_equal(with_box[inside], without[inside])


def test_gunshots_and_other_labels_look_different(make_event: Make) -> None:
    drawn = [
        pixels(segment_image(noise(96_000), 8000, [make_event(label=label)], offset_s=24, title="t"))
        for label in ("gunshot", "thunder")
    ]
    red = [bool((one == (255, 96, 88)).all(axis=2).any()) for one in drawn]
    assert red == [True, False]


def test_an_event_that_runs_on_is_drawn_in_the_next_picture_too(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording()
    running = make_event(recording=recording, first_sample=11 * 8000, end_sample=14 * 8000)
    over = make_event(recording=recording, first_sample=10 * 8000, end_sample=12 * 8000)
    own = make_event(recording=recording, first_sample=20 * 8000, end_sample=21 * 8000)
    both = write_images(tmp_path / "1", NAME, recording, [over, running, own], silent)[1]
    alone = write_images(tmp_path / "2", NAME, recording, [over, own], silent)[1]
    none = write_images(tmp_path / "3", NAME, recording, [own], silent)[0]
    assert alone.read_bytes() == none.read_bytes()
    assert both.read_bytes() != none.read_bytes()


def test_the_part_behind_the_files_end_is_grey() -> None:
    drawn = pixels(segment_image(noise(48_000), 8000, [], offset_s=0, title="t"))
    axes = Axes(offset_s=0, top_hz=2000.0)
    middle = round(axes.x(6))
    assert (drawn[60:400, middle + 2 : axes.right_px] == (222, 222, 219)).all()
    heard = np.unique(drawn[60:400, axes.left_px : middle - 2].reshape(-1, 3), axis=0)
    assert {tuple(colour) for colour in heard.tolist()} <= {tuple(colour) for colour in COLOURS.tolist()}


def test_the_clock_is_left_out_when_unknown() -> None:
    start = datetime(2018, 8, 17, 1, 0, 24, tzinfo=UTC)
    unknown, known = (
        pixels(segment_image(noise(96_000), 8000, [], offset_s=24, title="t", begins_at=begins_at))
        for begins_at in (None, start)
    )
    assert len(np.unique(unknown[448:].reshape(-1, 3), axis=0)) == 1
    assert len(np.unique(known[448:].reshape(-1, 3), axis=0)) > 1


@pytest.mark.parametrize("rate_hz", [2000, 4000, 44_100])
def test_any_rate_and_any_top(rate_hz: int) -> None:
    for top_hz in (800.0, 2000.0, 12_000.0):
        image = segment_image(noise(rate_hz * 12), rate_hz, [], offset_s=0, title="t", top_hz=top_hz)
        assert image.size == (1200, 480)


def test_site_and_channel_stand_in_the_title(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    files = []
    for number, changes in enumerate(({}, {"site": ""}, {"n_channels": 2}, {"source": "b.wav"})):
        recording = make_recording(**changes)
        (path,) = write_images(
            tmp_path / f"{number}", NAME, recording, [make_event(recording=recording)], silent
        )
        files.append(path.read_bytes())
    titles = {pixels(Image.open(io.BytesIO(data)))[:46].tobytes() for data in files}
    assert len(titles) == 4


def test_a_real_shot_is_the_brightest_thing(shared_data: Path) -> None:
    samples, rate_hz = soundfile.read(shared_data / "belize" / "gunshot" / "gunshot_0.flac", dtype="float32")
    drawn = pixels(segment_image(samples, rate_hz, [], offset_s=0, title="gunshot_0.flac"))
    axes = Axes(offset_s=0, top_hz=2000.0)
    plot = drawn[axes.upper_px : round(axes.y(100)), axes.left_px : round(axes.x(3.9))].mean(axis=(0, 2))
    brightest_s = np.argmax(np.convolve(plot, np.ones(9), mode="same")) * 12 / axes.width_px
    loudest_s = (
        np.argmax(np.convolve(np.abs(np.diff(samples)), np.ones(rate_hz // 10), mode="same")) / rate_hz
    )
    assert abs(brightest_s - loudest_s) < 0.2
