import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from ndoki.core.types import Event, Floats, Recording
from ndoki.tables.clips import wav_bytes, write_clips

Make = Callable[..., Event]
MakeRecording = Callable[..., Recording]
NAME = PurePosixPath("a/R1")
TRACK = (np.arange(-80_000, 80_000) / 100_000).astype(np.float32)


def read(first: int, end: int, channel: int) -> Floats:
    assert 0 <= first < end <= len(TRACK)
    return TRACK[first:end] * (1 if channel == 0 else -1)


def at(make_event: Make, recording: Recording, first: int, end: int, **changes: object) -> Event:
    return make_event(recording=recording, first_sample=first, end_sample=end, peak_sample=first, **changes)


@pytest.mark.parametrize(
    ("first", "end", "heard"),
    [(80_000, 88_000, (64_000, 104_000)), (8, 800, (0, 16_800)), (159_000, 159_999, (143_000, 160_000))],
    ids=["in the middle", "at the begin", "at the end"],
)
def test_two_seconds_on_either_side_within_the_file(
    tmp_path: Path,
    make_event: Make,
    make_recording: MakeRecording,
    first: int,
    end: int,
    heard: tuple[int, int],
) -> None:
    recording = make_recording(n_samples=len(TRACK))
    (path,) = write_clips(tmp_path, NAME, recording, [at(make_event, recording, first, end)], read)
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 8000
    assert soundfile.info(path).subtype == "PCM_16"
    np.testing.assert_allclose(samples, TRACK[slice(*heard)], atol=1 / 65_536 + 1e-7)


def test_names_tell_when_what_and_how_sure(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    known = make_recording(n_samples=len(TRACK))
    unknown = make_recording(n_samples=len(TRACK), started_at=None)
    stereo = make_recording(n_samples=len(TRACK), started_at=None, n_channels=2)
    names = [
        write_clips(tmp_path, NAME, recording, [at(make_event, recording, 84_000, 85_000, **changes)], read)[
            0
        ]
        for recording, changes in (
            (known, {}),
            (unknown, {"label": 'AK-47: "far"?'}),
            (stereo, {"channel": 1, "score": 1.0}),
        )
    ]
    assert [str(name.relative_to(tmp_path)) for name in names] == [
        "a/R1_20180816T230010.500Z_gunshot_0.87.wav",
        "a/R1_000010.500s_AK-47_ _far___0.87.wav",
        "a/R1_000010.500s_ch2_gunshot_1.00.wav",
    ]
    assert soundfile.read(names[2])[0][0] == pytest.approx(-TRACK[68_000], abs=1e-4)


def test_two_events_at_one_time_have_two_clips(
    tmp_path: Path, make_event: Make, make_recording: MakeRecording
) -> None:
    recording = make_recording(n_samples=len(TRACK))
    events = [at(make_event, recording, 80_000, 81_000), at(make_event, recording, 80_001, 90_000)]
    paths = write_clips(tmp_path, NAME, recording, events, read)
    assert [path.name[-11:] for path in paths] == ["ot_0.87.wav", "_0.87-2.wav"]
    assert [soundfile.info(path).frames for path in paths] == [33_000, 41_999]


def test_the_context_can_be_chosen(tmp_path: Path, make_event: Make, make_recording: MakeRecording) -> None:
    recording = make_recording(n_samples=len(TRACK))
    event = at(make_event, recording, 80_000, 81_000)
    (path,) = write_clips(tmp_path, NAME, recording, [event], read, context_s=0.5)
    assert soundfile.info(path).frames == 9000


def test_sixteen_bit_sound_comes_out_as_the_same_bits() -> None:
    whole = np.arange(-32_768, 32_768, dtype=np.int16)
    again, rate_hz = soundfile.read(
        io.BytesIO(wav_bytes((whole / 32_768).astype(np.float32), 4000)), dtype="int16"
    )
    assert rate_hz == 4000
    np.testing.assert_array_equal(again, whole)


def test_what_is_too_loud_is_clipped_not_wrapped() -> None:
    again, _ = soundfile.read(
        io.BytesIO(wav_bytes(np.array([1.5, -1.5], dtype=np.float32), 4000)), dtype="int16"
    )
    assert again.tolist() == [32_767, -32_768]
