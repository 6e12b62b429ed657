"""A long recording with a truth table, written as a stream and reproducible to the bit."""

import json
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ndoki.core.errors import AudioError, ConfigError, OutputError
from ndoki.core.types import Floats
from ndoki.datasets.edition import EDITION
from ndoki.datasets.simulate.background import ForestNoise, draw_forest_noise, forest_noise
from ndoki.datasets.simulate.confusers import CONFUSERS
from ndoki.datasets.simulate.draw import draw_recorder
from ndoki.datasets.simulate.measured import NearShots
from ndoki.datasets.simulate.performance import Stage
from ndoki.datasets.simulate.ranges import TRAIN, SimulationRanges
from ndoki.datasets.simulate.recorded import recorded_noise
from ndoki.datasets.simulate.schedule import Rates, plan
from ndoki.datasets.simulate.stream import PIECE_S, renamed_when_done, write_stream

__all__ = ["DayFiles", "simulate_day"]

_BESIDE = (".truth.csv", ".settings.json")


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
        ``hours`` is not positive, or too long for a WAV file.
    AudioError
        A background or look-alike cannot be read.
    OutputError
        The files cannot be written.
    """
    n_samples = round(hours * 3600 * rate_hz)
    if not 0 < n_samples < 2**31 - 64:
        raise ConfigError(
            f"hours is {hours} at {rate_hz} Hz; expected more than 0 and a file of less than 4 GiB"
        )
    rng = np.random.default_rng(seed)
    stage = Stage(
        seed=seed,
        rate_hz=rate_hz,
        ranges=ranges,
        rates=rates or Rates(),
        recorder=draw_recorder(rng, ranges, rate_hz),
        near_shots=near_shots,
        confuser_files=tuple(confuser_files),
    )
    place = draw_forest_noise(rng, rate_hz, hours * 3600)
    kinds = (*CONFUSERS, *(f"file:{i}" for i in range(len(confuser_files))))
    cues = plan(rng, hours * 3600, rate_hz, stage.rates, kinds)
    truth, settings = (out_wav.with_suffix(ending) for ending in _BESIDE)
    files = DayFiles(sound=out_wav, truth=truth, settings=settings)
    told = {"edition": EDITION, "hours": hours, "seed": seed, **_settings(stage, place, backgrounds)}
    noise = _noise(place, backgrounds, rate_hz)
    try:
        with renamed_when_done(files.sound) as sound, renamed_when_done(files.truth) as table:
            write_stream(sound, table, cues, stage, noise, n_samples, on_progress)
        with renamed_when_done(files.settings) as path:
            path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    except AudioError:
        raise
    except (OSError, wave.Error) as error:
        raise OutputError(f"{out_wav}: the simulated day cannot be written ({error})") from error
    return files


def _noise(place: ForestNoise, backgrounds: Sequence[Path], rate_hz: int) -> Iterator[Floats]:
    piece = PIECE_S * rate_hz
    if backgrounds:
        return recorded_noise(backgrounds, place.level, place.seed, rate_hz, piece)
    return forest_noise(place, rate_hz, piece)


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
