"""A long recording with a truth table, written as a stream and reproducible to the bit."""

import csv
import json
import wave
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ndoki.core.errors import AudioError, ConfigError, OutputError
from ndoki.core.types import Floats
from ndoki.datasets.simulate.background import ForestNoise, draw_forest_noise, forest_noise
from ndoki.datasets.simulate.confusers import CONFUSERS
from ndoki.datasets.simulate.draw import draw_recorder
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.performance import TRUTH_COLUMNS, Sounding, Stage, perform
from ndoki.datasets.simulate.ranges import TRAIN, SimulationRanges
from ndoki.datasets.simulate.recorded import recorded_noise
from ndoki.datasets.simulate.recorder import clipped, self_noise
from ndoki.datasets.simulate.schedule import Cue, Rates, plan

__all__ = ["DayFiles", "simulate_day"]

_PIECE_S = 60
_CONTEXT_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFiles:
    """What `simulate_day` wrote: the sound, the truth table, and how both came about."""

    sound: Path
    truth: Path
    settings: Path


def simulate_day(
    out_wav: Path,
    hours: float,
    seed: int,
    rate_hz: int = 8000,
    ranges: SimulationRanges = TRAIN,
    *,
    rates: Rates | None = None,
    near_shots: NearShots | None = None,
    backgrounds: Sequence[Path] = (),
    confuser_files: Sequence[Path] = (),
    on_progress: Callable[[float], None] | None = None,
) -> DayFiles:
    """Simulate a recording: 16-bit mono WAV, a truth table beside it, and the settings.

    The same arguments give the same bytes, and other ``rates`` leave the background as it is. Memory holds
    one minute whatever the length.

    Parameters
    ----------
    out_wav
        Where the sound goes; ``<stem>.truth.csv`` and ``<stem>.settings.json`` go beside it. An existing
        file is replaced.
    hours, seed, rate_hz
        Length (> 0, and at most what a 4 GiB WAV file holds), chance, sample rate.
    ranges, rates
        Which world, and how much happens in it.
    near_shots
        Measured sources for the guns; formulas only where None.
    backgrounds
        Recorded backgrounds; where empty, a synthetic forest sounds.
    confuser_files
        Recorded look-alikes, used in turn with the synthetic ones.
    on_progress
        Called with the share done, in (0, 1], after each minute.

    Raises
    ------
    ConfigError
        If ``hours`` is not positive or too long for a WAV file.
    AudioError
        If a background or look-alike cannot be read.
    OutputError
        If the files cannot be written.
    """
    rates = Rates() if rates is None else rates
    n_samples = round(hours * 3600 * rate_hz)
    if not 0 < n_samples < 2**31 - 64:
        raise ConfigError(
            f"hours is {hours} at {rate_hz} Hz; expected more than 0 and a file of less than 4 GiB"
        )
    rng = np.random.default_rng(seed)
    kinds = (*CONFUSERS, *(f"file:{i}" for i in range(len(confuser_files))))
    recorder = draw_recorder(rng, ranges, rate_hz)
    place = draw_forest_noise(rng, rate_hz, hours * 3600)
    cues = plan(rng, hours * 3600, rate_hz, rates, kinds)
    piece = _PIECE_S * rate_hz
    noise = (
        recorded_noise(backgrounds, place.level, place.seed, rate_hz, piece)
        if backgrounds
        else forest_noise(place, rate_hz, piece)
    )
    stage = Stage(
        seed=seed,
        rate_hz=rate_hz,
        ranges=ranges,
        rates=rates,
        recorder=recorder,
        near_shots=near_shots,
        confuser_files=tuple(confuser_files),
    )
    files = DayFiles(
        sound=out_wav,
        truth=out_wav.with_suffix(".truth.csv"),
        settings=out_wav.with_suffix(".settings.json"),
    )
    settings = {"hours": hours, "seed": seed, **_settings(stage, place, backgrounds)}
    try:
        with _renamed_when_done(files.sound) as sound, _renamed_when_done(files.truth) as truth:
            _write(sound, truth, cues, stage, noise, n_samples, on_progress)
        with _renamed_when_done(files.settings) as path:
            path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    except AudioError:
        raise
    except (OSError, wave.Error) as error:
        raise OutputError(f"{out_wav}: the simulated day cannot be written ({error})") from error
    return files


def _settings(stage: Stage, place: ForestNoise, backgrounds: Sequence[Path]) -> dict[str, object]:
    return {
        "rates": asdict(stage.rates),
        "ranges": asdict(stage.ranges),
        "recorder": asdict(stage.recorder),
        "place": asdict(place),
        "backgrounds": [path.name for path in backgrounds],
        "confuser_files": [path.name for path in stage.confuser_files],
        "near_shots": [] if stage.near_shots is None else list(stage.near_shots.names),
    }


def _write(
    sound: Path,
    truth: Path,
    cues: list[Cue],
    stage: Stage,
    noise: Iterator[Floats],
    n_samples: int,
    on_progress: Callable[[float], None] | None,
) -> None:
    piece = _PIECE_S * stage.rate_hz
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
def _renamed_when_done(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder; takes the real one only if nothing goes wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
