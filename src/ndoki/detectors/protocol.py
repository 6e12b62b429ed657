"""What a detector is: a stretch of sound in, scores or boxes out."""

from typing import Protocol, runtime_checkable

from ndoki.core.grid import FrameGrid
from ndoki.core.types import Analysis, Block, DetectorId

__all__ = ["Detector"]


@runtime_checkable
class Detector(Protocol):
    """Three kinds fit: frame scores, whole-window scores, and boxes on a mel image.

    * *Frame scores*: one track row per frame, and proposals that say how long and how high an event
      would be that began there.
    * *Window scores*: the grid's frame is the window, its hop the window's step; no proposals.
    * *Boxes*: a track of zero rows and one proposal per box whose onset lies in the block's own frames.

    A detector answers for the frames ``[block.first_frame, block.end_frame)``. Because it is given its
    whole context, its answer for a frame depends on the sound alone and never on where blocks begin.
    """

    @property
    def id(self) -> DetectorId:
        """Name, and a digest over everything that can change a score."""

    @property
    def grid(self) -> FrameGrid:
        """Rate at which it wants its samples, and how its frames lie on them."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns of its track; the first is what it looks for."""

    @property
    def context_before_frames(self) -> int:
        """Frames before a frame that its score may depend on."""

    @property
    def context_after_frames(self) -> int:
        """Frames behind a frame that its score may depend on."""

    def analyse(self, block: Block) -> Analysis:
        """Score the frames that the block answers for. Deterministic; no state is kept."""
