"""A WAV around each event, for ears and for other programs."""

import io
import wave
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np

from ndoki.core.types import Event, Floats, Recording
from ndoki.tables.atomic import write_bytes
from ndoki.tables.layout import safe_name, unique_name
from ndoki.tables.row import Row

__all__ = ["CONTEXT_S", "ReadSamples", "wav_bytes", "write_clips"]

ReadSamples = Callable[[int, int, int], Floats]
"""``read(first_sample, end_sample, channel)`` → float32, shape (end - first,), at the file's own rate."""

CONTEXT_S = 2.0
"""Seconds of sound kept before and behind an event."""

_FULL_SCALE = 32768


def write_clips(
    folder: Path,
    name: PurePosixPath,
    recording: Recording,
    events: Sequence[Event],
    read: ReadSamples,
    *,
    context_s: float = CONTEXT_S,
) -> list[Path]:
    """Write a WAV (one channel, 16 bit, the recording's own rate) around each event of a recording.

    Parameters
    ----------
    folder
        Where the clips go.
    name
        The recording's part of their names, with folders, from `ndoki.tables.layout.mirrored_names`. A
        clip is called ``<name>_<time>_<label>_<score>.wav``. The time is that of the onset:
        ``20180817T001224.567Z`` where the start of the recording is known, else seconds from the start of
        the file, ``000744.567s``. ``_ch<number>`` follows it when the recording has several channels.
    recording
        Where the events lie.
    events
        The recording's events.
    read
        Gives samples.
    context_s
        Seconds kept on either side; cut off at the file's ends.

    Returns
    -------
    list of Path
        One for each event, in their order.

    Raises
    ------
    OutputError
        A clip cannot be written.
    """
    context_samples = round(context_s * recording.rate_hz)
    taken: set[str] = set()
    paths = []
    for event in events:
        first = max(0, event.first_sample - context_samples)
        end = min(recording.n_samples, event.end_sample + context_samples)
        stem = unique_name(safe_name(_described(event)), taken)
        path = folder / name.parent / f"{name.name}_{stem}.wav"
        write_bytes(path, wav_bytes(read(first, end, event.channel), recording.rate_hz))
        paths.append(path)
    return paths


def _described(event: Event) -> str:
    row = Row.from_event(event)
    time = f"{row.start_s:010.3f}s" if row.start_utc is None else _compact(row.start_utc)
    channel = f"_ch{row.channel + 1}" if event.recording.n_channels > 1 else ""
    return f"{time}{channel}_{row.label}_{event.score:.2f}"


def _compact(utc: datetime) -> str:
    """ISO 8601's basic form, which has no colon and so is a file name everywhere."""
    return f"{utc:%Y%m%dT%H%M%S}.{utc.microsecond // 1000:03d}Z"


def wav_bytes(samples: Floats, rate_hz: int) -> bytes:
    """Samples as a WAV file of one channel and 16 bits.

    Parameters
    ----------
    samples
        float32, shape (n,); what lies outside [-1, 1) is clipped. Samples that were read from a 16-bit
        file come out as the same bits.
    rate_hz
        Sample rate.
    """
    whole = np.clip(np.rint(samples * np.float32(_FULL_SCALE)), -_FULL_SCALE, _FULL_SCALE - 1)
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(whole.astype("<i2").tobytes())
    return data.getvalue()
