"""The template detector: how alike is the sound to shots that are known?"""

import hashlib
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId, Floats, Proposals, ScoreTrack
from ndoki.detectors.template.bank import TemplateBank, read_bank
from ndoki.detectors.template.correlate import STILLNESS_DB, correlate, matcher
from ndoki.features.mel import log_mel

__all__ = ["PROPOSAL_MIN_SCORE", "TemplateDetector", "load"]

PROPOSAL_MIN_SCORE = 0.1
"""Frames that score less get no proposal. Half of all frames of background lie below it."""


class TemplateDetector:
    """Highest normalised cross-correlation with any template, per frame.

    The score of a frame says how alike the sound around it is to a shot that begins at the frame's
    centre. Its proposals copy the extent of the template that fits best.

    Parameters
    ----------
    bank
        The templates.
    """

    def __init__(self, bank: TemplateBank) -> None:
        self._bank = bank
        self._matcher = matcher(bank.patches, bank.onset_frame)
        content = f"{bank.digest} {STILLNESS_DB} {PROPOSAL_MIN_SCORE}"
        self._id = DetectorId(name=bank.name, digest=hashlib.sha256(content.encode()).hexdigest())

    @property
    def bank(self) -> TemplateBank:
        """What it compares with."""
        return self._bank

    @property
    def id(self) -> DetectorId:
        """The bank's name, and a digest over templates and constants."""
        return self._id

    @property
    def grid(self) -> FrameGrid:
        """The templates' own frames."""
        return self._bank.mel.grid

    @property
    def labels(self) -> tuple[str, ...]:
        """It knows one thing."""
        return ("gunshot",)

    @property
    def context_before_frames(self) -> int:
        """Length of a template before its onset."""
        return self._bank.onset_frame

    @property
    def context_after_frames(self) -> int:
        """Length of a template behind its onset."""
        return self._bank.n_frames - 1 - self._bank.onset_frame

    def analyse(self, block: Block) -> Analysis:
        """Score the frames that the block answers for.

        Rows that the block does not hold are taken to lie outside of the file, see `correlate`.

        Raises
        ------
        ValueError
            The block does not begin on the hop grid, or lacks frames that it answers for.
        """
        hop = self.grid.hop_samples
        first_held, rest = divmod(block.first_sample, hop)
        frames_db = log_mel(block.samples, self._bank.mel)
        end_held = first_held + len(frames_db)
        if rest or not first_held <= block.first_frame <= block.end_frame <= end_held:
            raise ValueError(
                f"block at sample {block.first_sample} holds frames {first_held} to {end_held} and answers "
                f"for {block.first_frame} to {block.end_frame}; expected a multiple of {hop}, and no frame "
                "that it does not hold"
            )
        alike = correlate(
            frames_db, self._matcher, block.first_frame - first_held, block.end_frame - first_held
        )
        scores = np.maximum(alike.max(axis=1, keepdims=True), np.float32(0.0))
        track = ScoreTrack(grid=self.grid, labels=self.labels, first_frame=block.first_frame, scores=scores)
        return Analysis(track=track, proposals=self._proposals(alike, scores[:, 0], block.first_frame))

    def _proposals(self, alike: Floats, score: Floats, first_frame: int) -> Proposals:
        """Boxes of the best templates, for frames that are a little alike at least."""
        rows = np.flatnonzero(score >= PROPOSAL_MIN_SCORE)
        best = alike[rows].argmax(axis=1)
        return Proposals(
            frame=rows.astype(np.int64) + first_frame,
            duration_s=self._bank.duration_s[best],
            low_hz=self._bank.low_hz[best],
            high_hz=self._bank.high_hz[best],
            score=score[rows],
            label=np.zeros(len(rows), np.int16),
        )


def load(path: Path | None = None) -> TemplateDetector:
    """Detector with the templates of a file, or with those that Ndoki ships.

    Parameters
    ----------
    path
        What `write_bank` wrote; None takes ``ndoki/models/template.npz``.

    Raises
    ------
    ModelError
        The file is missing, damaged or of another kind.
    """
    if path is not None:
        return TemplateDetector(read_bank(path))
    with as_file(files("ndoki") / "models" / "template.npz") as shipped:
        return TemplateDetector(read_bank(shipped))
