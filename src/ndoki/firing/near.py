"""Evidence for shots in the seconds around what a detector found, read from the recording itself."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ndoki.audio.resample import Readable, Resampler
from ndoki.core.types import Evidence, Floats
from ndoki.features.attack import FLOOR_REACH_FRAMES, REACH_FRAMES, above_floor_db, attack_inputs
from ndoki.features.gabor import (
    CELL_FRAMES,
    CELL_SAMPLES,
    GABOR_GRID,
    Spectra,
    band_levels_db,
    cell_spectra,
)
from ndoki.firing.model import ShotModel
from ndoki.firing.sequence import LEAST_LOG_ODDS

Places = npt.NDArray[np.int64]
Value = TypeVar("Value", np.float32, np.complex64)

__all__ = ["AFTER_S", "BEFORE_S", "Listener", "evidence_near"]

BEFORE_S, AFTER_S = 1.0, 2.0
"""How far before and behind a candidate, or another shot that is heard, the sound is looked at."""

_CELL_STEP = CELL_FRAMES * GABOR_GRID.hop_samples
_WAVE_CELLS = -(-REACH_FRAMES // CELL_FRAMES)
_FLOOR_CELLS = -(-FLOOR_REACH_FRAMES // CELL_FRAMES)
_BEFORE_FRAMES, _AFTER_FRAMES = (round(one / GABOR_GRID.hop_s) for one in (BEFORE_S, AFTER_S))
_MOST_FRAMES = 2000
"""But no further than this from a candidate (8 s)."""
_HEARD_LOG_ODDS = 2.0


class Listener:
    """One channel of one recording, described cell by cell. What it says of a cell never depends on others.

    Parameters
    ----------
    samples, n_samples, rate_hz, channel
        The recording: where its samples come from, how many there are at which rate, and which channel.
    """

    def __init__(self, samples: Readable, n_samples: int, rate_hz: int, channel: int) -> None:
        self._samples, self._n_samples, self._channel = samples, n_samples, channel
        self._resampler = Resampler(rate_hz, GABOR_GRID.rate_hz)
        self.n_frames = GABOR_GRID.n_frames(GABOR_GRID.n_samples(n_samples, rate_hz))
        self.n_cells = -(-self.n_frames // CELL_FRAMES)
        self._spectra: dict[int, Spectra] = {}
        self._levels_db: dict[int, Floats] = {}
        self._above_floor: dict[int, Floats] = {}

    def inputs(self, cell: int) -> Floats:
        """Description of the frames of a cell, float32, shape (`CELL_FRAMES`, n_inputs)."""
        around = range(cell - _WAVE_CELLS, cell + _WAVE_CELLS + 1)
        self._read(around.start - _FLOOR_CELLS, around.stop + _FLOOR_CELLS)
        spectra = np.concatenate([self._or_edge(self._cell, one) for one in around])
        above = np.concatenate([self._or_edge(self._above, one) for one in around])
        return attack_inputs(spectra, above)

    def _above(self, cell: int) -> Floats:
        """Level of a cell's frames above the background, in units of 10 dB."""
        if cell not in self._above_floor:
            first, end = max(0, cell - _FLOOR_CELLS), min(self.n_cells, cell + _FLOOR_CELLS + 1)
            levels_db = np.concatenate([self._levels(one) for one in range(first, end)])
            # Behind the recording's end its last sample is held; such frames say nothing of the background.
            levels_db = levels_db[: self.n_frames - first * CELL_FRAMES]
            own, own_end = ((one - first) * CELL_FRAMES for one in (cell, cell + 1))
            if len(levels_db) < own_end:
                levels_db = np.pad(levels_db, ((0, own_end - len(levels_db)), (0, 0)), mode="edge")
            self._above_floor[cell] = above_floor_db(levels_db, own, own_end) * np.float32(0.1)
        return self._above_floor[cell]

    def _read(self, first: int, end: int) -> None:
        """Read those of some cells that are missing, at once: to read has its price, however little it is."""
        missing = [one for one in range(max(0, first), min(end, self.n_cells)) if one not in self._spectra]
        if not missing:
            return
        begin, last = missing[0] * _CELL_STEP, missing[-1] * _CELL_STEP
        samples = self._resampler.read(
            self._samples, self._n_samples, self._channel, begin, last + CELL_SAMPLES
        )
        for cell in missing:
            self._spectra[cell] = cell_spectra(samples[cell * _CELL_STEP - begin :][:CELL_SAMPLES])

    def _cell(self, cell: int) -> Spectra:
        """Spectra of a cell that was read."""
        return self._spectra[cell]

    def _or_edge(self, of: Callable[[int], npt.NDArray[Value]], cell: int) -> npt.NDArray[Value]:
        """A cell's rows; before the recording's first cell and behind its last, the outermost row goes on."""
        if cell < 0:
            return np.repeat(of(0)[:1], CELL_FRAMES, axis=0)
        if cell >= self.n_cells:
            return np.repeat(of(self.n_cells - 1)[-1:], CELL_FRAMES, axis=0)
        return of(cell)

    def _levels(self, cell: int) -> Floats:
        if cell not in self._levels_db:
            self._levels_db[cell] = band_levels_db(self._cell(cell))
        return self._levels_db[cell]


def evidence_near(listener: Listener, model: ShotModel, places: Iterable[int]) -> Evidence:
    """Evidence of the seconds around some places, and of what follows as long as shots are heard there.

    Which cells are judged follows from each place by itself, so however a recording is cut, the union over
    its pieces is the same.

    Parameters
    ----------
    places
        Positions at the grid's rate (4 kHz).
    """
    judged = _Judged(listener, model)
    wanted: list[range] = []
    closed = range(0)
    for place in sorted(set(places)):
        frame = GABOR_GRID.frame_at(place, GABOR_GRID.rate_hz)
        if frame - _BEFORE_FRAMES >= closed.start and frame + _AFTER_FRAMES <= closed.stop:
            continue  # What ended by itself holds whatever can be reached from within.
        reached = _reach(judged, frame)
        wanted.append(reached)
        if frame - _MOST_FRAMES < reached.start and reached.stop < frame + _MOST_FRAMES:
            closed = reached
    found = [judged.between(one) for one in wanted]
    if not found:
        return Evidence()
    frames, first = np.unique(np.concatenate([one for one, _ in found]), return_index=True)
    return Evidence(frame=frames, log_odds=np.concatenate([odds for _, odds in found])[first])


class _Judged(dict[int, tuple[Places, Floats]]):
    """Per cell the frames that are worth keeping and their log odds, worked out when first asked for."""

    def __init__(self, listener: Listener, model: ShotModel) -> None:
        self.listener, self._model = listener, model

    def __missing__(self, cell: int) -> tuple[Places, Floats]:
        log_odds = self._model.log_odds(self.listener.inputs(cell))
        rows = np.flatnonzero(log_odds > LEAST_LOG_ODDS)
        self[cell] = rows + cell * CELL_FRAMES, log_odds[rows]
        return self[cell]

    def between(self, frames: range) -> tuple[Places, Floats]:
        """What is worth keeping of some frames, those outside of the recording left out."""
        first, end = max(0, frames.start), min(frames.stop, self.listener.n_frames)
        cells = [self[cell] for cell in range(first // CELL_FRAMES, -(-end // CELL_FRAMES))]
        if not cells:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        frame, log_odds = (np.concatenate(column) for column in zip(*cells, strict=True))
        inside = (frame >= first) & (frame < end)
        return frame[inside], log_odds[inside]


def _reach(judged: _Judged, frame: int) -> range:
    """Frames to be judged for a candidate: as far as shots follow each other."""
    first, end = frame - _BEFORE_FRAMES, frame + _AFTER_FRAMES
    while True:
        frames, log_odds = judged.between(range(first, end))
        heard = frames[log_odds >= _HEARD_LOG_ODDS]
        if not len(heard):
            return range(first, end)
        further_first = max(min(first, int(heard[0]) - _BEFORE_FRAMES), frame - _MOST_FRAMES)
        further_end = min(max(end, int(heard[-1]) + _AFTER_FRAMES), frame + _MOST_FRAMES)
        if (further_first, further_end) == (first, end):
            return range(first, end)
        first, end = further_first, further_end
