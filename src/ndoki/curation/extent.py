"""How long a placed shot is seen, and in which band: the definition that detectors are trained on."""

from ndoki.audio.blocks import read_block
from ndoki.audio.reader import Samples
from ndoki.datasets.onsets import VisibleBox, visible_box
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel
from ndoki.features.shape import MAX_DURATION_S

__all__ = ["extent_of"]

_MEL, _FLOOR = MelSpec(), FloorSpec()


def extent_of(samples: Samples, channel: int, first_sample: int) -> VisibleBox:
    """Duration (at most 5 s) and band of the shot that begins at a sample; see `visible_box`.

    Raises
    ------
    AudioError
        The sound cannot be read.
    """
    grid, header = _MEL.grid, samples.header
    n_frames = grid.n_frames(grid.n_samples(header.n_samples, header.rate_hz))
    onset_frame = min(max(0, grid.frame_at(first_sample, header.rate_hz)), n_frames - 1)
    block = read_block(
        samples,
        channel,
        grid=grid,
        before_frames=_FLOOR.reach_frames,
        after_frames=_FLOOR.reach_frames,
        first_frame=onset_frame,
        end_frame=min(onset_frame + grid.frames_in(MAX_DURATION_S), n_frames),
    )
    above = above_floor(log_mel(block.samples, _MEL), _FLOOR, block.first_sample // _MEL.hop_samples)
    first = onset_frame - block.first_sample // grid.hop_samples
    own = above[first : first + block.end_frame - block.first_frame]
    return visible_box(own, 0, _MEL.centres_hz, grid.hop_s)
