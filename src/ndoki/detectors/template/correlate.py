r"""Normalised cross-correlation of a log-mel image with templates, by FFT along time.

For a template :math:`t` and the stretch of sound :math:`x` under it, both of shape (frames, bands) and
both with each band's mean over time removed,

.. math:: c = \frac{\sum x t}{\sqrt{\sum t^2} \sqrt{\sum x^2 + N r^2}}

(J. P. Lewis, "Fast normalized cross-correlation", Vision Interface, 1995, with the energies by running
sums). Removing each band's mean makes gain, the recorder's response and steady noise drop out, since in
decibels all three are added constants. The small constant :math:`r` takes sound without any movement
smoothly to 0; a hard limit could fall one way in one block and the other way in the next.

Where the sound ends inside the patch, the absent frames count as each band's mean: they then add nothing
to either sum over the sound, while the template's energy stays whole, so a shot that is cut off scores
less than a whole one but is still heard.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from ndoki.core.types import Floats

__all__ = ["STILLNESS_DB", "Matcher", "correlate", "matcher"]

STILLNESS_DB = 0.5
"""r above: scatter in dB that counts as no movement. Stationary noise scatters by about 4 dB."""

_MIN_FFT_FRAMES = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matcher:
    """Templates made ready for `correlate`.

    Attributes
    ----------
    templates
        float64, shape (n_templates, n_frames, n_mels); each band has mean 0, each template energy 1,
        and a template without any movement is all 0.
    onset_frame
        Row in which the shot begins.
    spectra
        complex64, shape (n_templates, n_mels, n_fft // 2 + 1): conjugate spectra along time.
    n_fft
        Length of the transform in frames.
    """

    templates: npt.NDArray[np.float64]
    onset_frame: int
    spectra: npt.NDArray[np.complex64]
    n_fft: int


def matcher(patches: npt.NDArray[np.floating], onset_frame: int) -> Matcher:
    """Make templates ready.

    Parameters
    ----------
    patches
        Shape (n_templates, n_frames, n_mels), log power in dB, finite.
    onset_frame
        Row in which the shot begins; the score for frame i compares the template's onset with frame i.
    """
    templates = patches.astype(np.float64)
    templates -= templates.mean(axis=1, keepdims=True)
    energy = np.square(templates).sum(axis=(1, 2), keepdims=True)
    np.divide(templates, np.sqrt(energy), out=templates, where=energy > 0)
    n_fft = _MIN_FFT_FRAMES
    while n_fft < 4 * templates.shape[1]:
        n_fft *= 2
    by_band = np.ascontiguousarray(templates.transpose(0, 2, 1))
    spectra = rfft(by_band, n_fft, axis=2).conj().astype(np.complex64)
    return Matcher(templates=templates, onset_frame=onset_frame, spectra=spectra, n_fft=n_fft)


def correlate(frames_db: Floats, ready: Matcher, first_row: int, end_row: int) -> Floats:
    """Correlate the sound around each of some rows with every template.

    Parameters
    ----------
    frames_db
        float32, shape (n_rows, n_mels), log power in dB. Nothing is assumed about rows that are not there.
    ready
        What `matcher` returned.
    first_row, end_row
        Rows to answer for, half-open.

    Returns
    -------
    float32, shape (end_row - first_row, n_templates)
        In [-1, 1], finite. All that lies further than the template reaches has no influence but rounding.
    """
    n_templates, n_frames, _ = ready.templates.shape
    step = ready.n_fft - n_frames + 1
    found = np.empty((end_row - first_row, n_templates), np.float32)
    for row in range(first_row, end_row, step):
        end = min(row + step, end_row)
        found[row - first_row : end - first_row] = _correlate_piece(frames_db, ready, row, end)
    return found


def _correlate_piece(frames_db: Floats, ready: Matcher, first_row: int, end_row: int) -> Floats:
    """`correlate` for at most n_fft - n_frames + 1 rows, so that nothing wraps around."""
    n_frames, n_mels = ready.templates.shape[1:]
    n_rows = end_row - first_row
    # Row i of `sound` is the first row under a template for the i-th answer.
    first = first_row - ready.onset_frame
    there_first = max(first, 0)
    there_end = max(min(first + n_rows + n_frames - 1, len(frames_db)), there_first)
    sound = np.zeros((ready.n_fft, n_mels), np.float32)
    if there_end > there_first:
        there = frames_db[there_first:there_end]
        # What is subtracted from a band does not matter; small numbers keep float32 exact enough.
        sound[there_first - first : there_end - first] = there - there.mean(axis=0)

    under_first = np.clip(there_first - first - np.arange(n_rows), 0, n_frames)
    under_end = np.clip(there_end - first - np.arange(n_rows), under_first, n_frames)
    n_under = np.maximum(under_end - under_first, 1)
    band_sum = _moving_sum(sound, n_rows, n_frames)
    band_mean = band_sum / n_under[:, None]
    square = np.einsum("rb,rb->r", sound, sound, dtype=np.float64)[:, None]
    energy = _moving_sum(square, n_rows, n_frames)[:, 0] - np.einsum("rb,rb->r", band_sum, band_mean)

    product = _products(sound, ready)[:n_rows]
    cut = np.flatnonzero(under_end - under_first < n_frames)
    product[cut] -= np.einsum(
        "rtb,rb->rt", _template_sums(ready, under_first[cut], under_end[cut]), band_mean[cut]
    )
    still = n_mels * n_under * STILLNESS_DB**2
    score = product / np.sqrt(np.maximum(energy, 0.0) + still)[:, None]
    found: Floats = np.clip(score, -1.0, 1.0).astype(np.float32)
    return found


def _products(sound: Floats, ready: Matcher) -> npt.NDArray[np.float64]:
    """Sum over frames and bands of template times sound, shape (n_fft, n_templates), one per first row.

    The bands are added up as spectra, so that each template costs one inverse transform.
    """
    spectrum = rfft(np.ascontiguousarray(sound.T), axis=1)
    summed = np.einsum("bf,tbf->tf", spectrum, ready.spectra)
    products: npt.NDArray[np.float64] = irfft(summed, ready.n_fft, axis=1).T.astype(np.float64)
    return products


def _template_sums(
    ready: Matcher, first: npt.NDArray[np.intp], end: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Sum of each template's bands over frames ``[first, end)``, shape (len(first), n_templates, n_mels)."""
    n_templates, n_frames, n_mels = ready.templates.shape
    total = np.zeros((n_frames + 1, n_templates, n_mels))
    np.cumsum(ready.templates.transpose(1, 0, 2), axis=0, out=total[1:])
    sums: npt.NDArray[np.float64] = total[end] - total[first]
    return sums


def _moving_sum(rows: npt.NDArray[np.floating], n_sums: int, n_frames: int) -> npt.NDArray[np.float64]:
    """Sums over ``rows[i : i + n_frames]`` for the first ``n_sums`` i, shape (n_sums, n_columns)."""
    total = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, dtype=np.float64, out=total[1:])
    sums: npt.NDArray[np.float64] = total[n_frames : n_frames + n_sums] - total[:n_sums]
    return sums
