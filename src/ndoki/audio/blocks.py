"""A recording as blocks: each with the frames it answers for and the context they need."""

from collections.abc import Iterator

import numpy as np

from ndoki.audio.reader import Samples
from ndoki.audio.resample import Resampler
from ndoki.core.errors import ConfigError
from ndoki.core.grid import FrameGrid
from ndoki.core.types import Block

__all__ = ["read_block", "read_blocks", "stretches"]


def stretches(n_samples: int, rate_hz: int, grid: FrameGrid, stretch_s: float) -> list[tuple[int, int]]:
    """Cut a file into half-open stretches ``(first_frame, end_frame)`` of the grid, all but the last alike.

    Parameters
    ----------
    n_samples, rate_hz
        Length and rate of the file.
    stretch_s
        Length of a stretch in seconds; rounded to whole frames, at least one.

    Returns
    -------
    Every frame of the file lies in exactly one stretch; they are in order. Where they begin depends on the
    length of a stretch alone, so that two runs cut alike.

    Raises
    ------
    ConfigError
        For a length that is not positive.
    """
    if not stretch_s > 0:
        raise ConfigError(f"stretches of {stretch_s} s are impossible; expected a positive length")
    n_frames = grid.n_frames(grid.n_samples(n_samples, rate_hz))
    step = max(1, grid.frames_in(min(stretch_s, n_samples / rate_hz + grid.hop_s)))
    return [(first, min(first + step, n_frames)) for first in range(0, n_frames, step)]


def read_blocks(
    samples: Samples, channel: int, *, grid: FrameGrid, before_frames: int, after_frames: int, block_s: float
) -> Iterator[Block]:
    """Cut one channel into blocks at the grid's rate. How it is cut changes no sample.

    Parameters
    ----------
    samples
        The open file, of any rate.
    channel
        Counted from 0.
    grid
        Rate and frames that the blocks are made for.
    before_frames, after_frames
        Context in frames on either side of a block's own frames; cut off only where the file ends.
    block_s
        Length of a block's own frames in seconds; at least one frame.

    Yields
    ------
    Blocks whose own frames are ``[0, grid.n_frames(n))`` of the file, each exactly once and in order, where
    ``n`` is the length at the grid's rate. A file shorter than one frame gives one block with one frame,
    its last sample held to the frame's end.

    Raises
    ------
    ConfigError
        For negative context or a block length that is not positive.
    AudioError
        When the file cannot be read.
    """
    if before_frames < 0 or after_frames < 0 or not block_s > 0:
        raise ConfigError(
            f"blocks of {block_s} s with {before_frames} and {after_frames} frames of context are "
            "impossible; expected a positive length and context of 0 or more"
        )
    header = samples.header
    cuts = stretches(header.n_samples, header.rate_hz, grid, block_s)
    for first_frame, end_frame in cuts:
        yield read_block(
            samples,
            channel,
            grid=grid,
            before_frames=before_frames,
            after_frames=after_frames,
            first_frame=first_frame,
            end_frame=end_frame,
        )


def read_block(
    samples: Samples,
    channel: int,
    *,
    grid: FrameGrid,
    before_frames: int,
    after_frames: int,
    first_frame: int,
    end_frame: int,
) -> Block:
    """Read the block that answers for the frames ``[first_frame, end_frame)``; see `read_blocks`.

    Raises
    ------
    ConfigError
        For negative context, or frames that the file does not have.
    AudioError
        When the file cannot be read.
    """
    rate_in_hz, n_in = samples.header.rate_hz, samples.header.n_samples
    n_samples = grid.n_samples(n_in, rate_in_hz)
    n_frames = grid.n_frames(n_samples)
    if before_frames < 0 or after_frames < 0 or not 0 <= first_frame < end_frame <= n_frames:
        raise ConfigError(
            f"frames {first_frame} to {end_frame} of {n_frames} with {before_frames} and {after_frames} "
            "frames of context are impossible; expected frames of the file and context of 0 or more"
        )
    first_sample = max(0, first_frame - before_frames) * grid.hop_samples
    last_frame = min(end_frame + after_frames, n_frames) - 1
    end_sample = last_frame * grid.hop_samples + grid.frame_samples
    resampler = Resampler(rate_in_hz, grid.rate_hz)
    stretch = resampler.read(samples, n_in, channel, first_sample, min(end_sample, n_samples))
    if end_sample > n_samples:
        stretch = np.pad(stretch, (0, end_sample - n_samples), mode="edge")
    return Block(samples=stretch, first_sample=first_sample, first_frame=first_frame, end_frame=end_frame)
