"""What a gate learns from: training sound, and what the network says of it frame by frame."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from ndoki.audio.blocks import read_blocks
from ndoki.audio.reader import open_samples
from ndoki.core.types import Block, Floats
from ndoki.datasets.manifest import FIELD_LABEL, Clip, fold_of, read_manifest
from ndoki.datasets.simulate.day import simulate_day
from ndoki.datasets.simulate.measured import load_near_shots
from ndoki.datasets.simulate.ranges import TRAIN
from ndoki.datasets.simulate.schedule import Rates
from ndoki.detectors.network.detector import NetworkDetector
from ndoki.features.floor import LEVEL_STEP

__all__ = ["Listened", "listened", "training_sounds"]

_RATE_HZ = 8000
_BLOCK_S = 240.0
_GAP_FRAMES = 256
_SILENT_LOGIT = -8.0
_BUSY = Rates(hunts_per_hour=40.0, confusers_per_hour=60.0, snr_db=(-6.0, 24.0))
_DAY_HOURS = 1 / 6
_RAINY = ((49, 2.0), (7, 6.0))
"""Seeds and hours of simulated days with long spells of rain (1.5 h at 9 dB; 0.9 h at −3 and 10 dB)."""
_RAINY_HELD_OUT = ((36, 2.0),)
"""0.4 h of rain at 5 dB."""
_HELD_OUT_SHARE = 0.3
_N_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listened:
    """Recordings one after the other, with a silence between that is longer than any view.

    Attributes
    ----------
    rows
        float16, shape (n / LEVEL_STEP, n_mels), levels above the floor in units of 10 dB, of every
        `LEVEL_STEP`-th frame.
    logit
        float32, shape (n,): of the raw onset score, which its verifier has corrected where it is asked. What
        the verifier will refuse need not be listened to.
    score
        float32, shape (n,): as the detector reports it, verified and calibrated.
    """

    rows: np.ndarray[tuple[int, int], np.dtype[np.float16]]
    logit: Floats
    score: Floats


def training_sounds(
    manifest: Path, work: Path, n_hours: float, *, is_held_out: bool = False
) -> Iterator[Path]:
    """Clips of split ``train``, all of them in one file cut hard, and simulated days of the training world.

    What is held out are a fifth of the groups of clips, and other days.

    Parameters
    ----------
    manifest
        ``clips.csv``, with its sounds beside it.
    work
        Folder for the days; those that lie there already are taken as they are.
    n_hours
        Of busy simulated days, and less than a third of that held out; rainy ones come in addition.
        Without any (0), nothing is simulated.
    """
    clips = [
        clip
        for clip in read_manifest(manifest)
        if clip.split == "train"
        and clip.kind != "near_shot"
        and (fold_of(clip.group, _N_FOLDS) == 0) == is_held_out
    ]
    yield from (clip.path for clip in clips)
    work.mkdir(parents=True, exist_ok=True)
    yield _joined(clips, work / ("clips_held_out.wav" if is_held_out else "clips.wav"))
    if n_hours <= 0:
        return
    near_shots, lookalikes = load_near_shots(manifest.parent, "train"), _paths(clips, "confuser")
    for seed, hours in _RAINY_HELD_OUT if is_held_out else _RAINY:
        path = work / f"rain_{seed}.wav"
        if not path.exists():
            simulate_day(path, hours, seed, near_shots=near_shots, confuser_files=lookalikes)
        yield path
    field = [clip for clip in clips if clip.label == FIELD_LABEL]
    others = [clip for clip in clips if clip.label != FIELD_LABEL]
    backgrounds: tuple[list[Path], ...] = ([], _paths(others, "background"), _paths(field, "background"))
    n_days, n_held_out = round(n_hours / _DAY_HOURS), round(_HELD_OUT_SHARE * n_hours / _DAY_HOURS)
    for index in range(n_days, n_days + n_held_out) if is_held_out else range(n_days):
        path = work / f"busy_{index:03}.wav"
        if not path.exists():
            simulate_day(
                path,
                _DAY_HOURS,
                index,
                ranges=replace(TRAIN, series_share=0.5),
                rates=_BUSY,
                near_shots=near_shots,
                backgrounds=backgrounds[index % 3],
                confuser_files=lookalikes,
            )
        yield path


def _paths(clips: Iterable[Clip], kind: str) -> list[Path]:
    return [clip.path for clip in clips if clip.kind == kind]


def _joined(clips: Iterable[Clip], path: Path) -> Path:
    """All clips in one file, in random order."""
    parts = [soundfile.read(clip.path, dtype="int16", always_2d=True)[0][:, 0] for clip in clips]
    order = np.random.default_rng(0).permutation(len(parts))
    soundfile.write(path, np.concatenate([parts[i] for i in order]), _RATE_HZ, subtype="PCM_16")
    return path


def listened(detector: NetworkDetector, paths: Iterable[Path], cell_frames: int) -> Listened:
    """Let the whole network listen to some recordings.

    Parameters
    ----------
    detector
        Without its gate.
    cell_frames
        Every recording begins at a multiple of this number of frames.

    Raises
    ------
    AudioError
        A sound cannot be read.
    """
    n_mels = detector.card.mel.n_mels
    silence = np.zeros(_GAP_FRAMES, np.float32)
    gap = np.zeros((_GAP_FRAMES // LEVEL_STEP, n_mels), np.float16)
    rows, raw, scores = [gap], [silence], [silence]
    for path in paths:
        n = 0
        for block in _blocks(detector, path):
            levels = detector.levels_of(block)
            found = detector.verified(detector.outputs_of(levels)[:, 0], block)
            raw.append(found)
            scores.append(detector.calibrate(found))
            end_frame = block.end_frame + -block.end_frame % LEVEL_STEP
            rows.append(levels.measured(block.first_frame, end_frame).astype(np.float16))
            n += len(found)
        n_behind = _GAP_FRAMES + -n % cell_frames
        rows.append(np.zeros((n_behind // LEVEL_STEP, n_mels), np.float16))
        raw.append(np.zeros(n_behind, np.float32))
        scores.append(np.zeros(n_behind, np.float32))
    clipped = np.clip(np.concatenate(raw), 1e-7, 1 - 1e-7)
    logit = np.maximum(np.log(clipped / (1 - clipped)), _SILENT_LOGIT).astype(np.float32)
    return Listened(rows=np.concatenate(rows), logit=logit, score=np.concatenate(scores))


def _blocks(detector: NetworkDetector, path: Path) -> Iterator[Block]:
    """A recording's blocks, with the network's context; all but the last of an even number of frames."""
    with open_samples(str(path)) as samples:
        yield from read_blocks(
            samples,
            0,
            grid=detector.grid,
            before_frames=detector.context_before_frames,
            after_frames=detector.context_after_frames,
            block_s=_BLOCK_S,
        )
