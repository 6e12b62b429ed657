"""Background, shots and look-alikes mixed into a file, a minute at a time."""

import csv
import wave
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from ndoki.core.types import Floats
from ndoki.datasets.simulate.performance import TRUTH_COLUMNS, Sounding, Stage, perform
from ndoki.datasets.simulate.recorder import clipped, self_noise
from ndoki.datasets.simulate.schedule import Cue

__all__ = ["PIECE_S", "renamed_when_done", "write_stream"]

PIECE_S = 60
"""Length of a piece; nothing longer is ever in memory."""

_CONTEXT_S = 1


def write_stream(
    sound: Path,
    truth: Path,
    cues: list[Cue],
    stage: Stage,
    noise: Iterator[Floats],
    n_samples: int,
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Write a 16-bit WAV and its truth table, one piece of background at a time.

    Parameters
    ----------
    sound, truth
        Files to write.
    cues
        What happens, sorted by onset.
    stage
        What all cues share; its recorder clips and hisses.
    noise
        Background in pieces of `PIECE_S`.
    n_samples
        Length of the recording.
    on_progress
        Called with the share done after each piece.
    """
    piece = PIECE_S * stage.rate_hz
    context = np.zeros(_CONTEXT_S * stage.rate_hz, np.float32)
    sounding: list[Sounding] = []
    waiting = deque(cues)
    n_guns = 0
    with wave.open(str(sound), "wb") as sink, truth.open("w", encoding="utf-8", newline="") as table:
        sink.setparams((1, 2, stage.rate_hz, n_samples, "NONE", "not compressed"))
        rows = csv.DictWriter(table, TRUTH_COLUMNS)
        rows.writeheader()
        for index, background in enumerate(islice(noise, -(-n_samples // piece))):
            first = index * piece
            heard = np.concatenate((context, background))
            while waiting and waiting[0].onset_sample < first + piece:
                cue = waiting.popleft()
                n_guns += cue.kind == "gunshot"
                before = heard[: cue.onset_sample - first + len(context)]
                sounding.append(perform(cue, stage, before[-len(context) :], burst=n_guns))
                rows.writerows(sounding[-1].rows)
            mixed = _mixed(background, sounding, first)
            sounding = [sound for sound in sounding if sound.end_sample > first + piece]
            context = heard[-len(context) :]
            rng = np.random.default_rng([stage.seed, index])
            written = clipped(mixed + self_noise(piece, stage.recorder, rng), stage.recorder)
            whole = np.clip(np.rint(written * 32768.0), -32768, 32767).astype("<i2")
            sink.writeframes(whole[: n_samples - first].tobytes())
            if on_progress is not None:
                on_progress(min(1.0, (first + piece) / n_samples))


def _mixed(background: Floats, sounding: list[Sounding], first_sample: int) -> Floats:
    mixed = background.copy()
    for sound in sounding:
        begin = max(0, sound.first_sample - first_sample)
        end = min(len(mixed), sound.end_sample - first_sample)
        skipped = first_sample - sound.first_sample
        if begin < end:
            mixed[begin:end] += sound.samples[begin + skipped : end + skipped]
    return mixed


@contextmanager
def renamed_when_done(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder; takes the real one only if nothing goes wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
