"""Fourier transforms of the rows of a matrix: scipy's, without importing all of ``scipy.fft``.

With it come special functions and Fortran bindings that nothing here needs, and that take 0.2 s to import: a
third of what a command takes to begin. So the compiled module behind it is opened by itself. A scipy that
keeps it elsewhere, or wants it called otherwise, is imported as usual.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["rfft_rows"]

_Real = npt.NDArray[np.floating[Any]]
_Transform = Callable[[_Real], npt.NDArray[np.complexfloating[Any, Any]]]


def rfft_rows(rows: _Real) -> npt.NDArray[np.complexfloating[Any, Any]]:
    """Half spectra.

    Parameters
    ----------
    rows
        float32 or float64, shape (n_rows, n).

    Returns
    -------
    complex64 or complex128, shape (n_rows, n // 2 + 1)
    """
    return _transform(rows)


def _compiled() -> _Transform:
    """That of scipy's compiled module.

    Raises
    ------
    ImportError, AttributeError, TypeError
        This scipy has none, or one that is called otherwise.
    """
    scipy = find_spec("scipy")
    folders = [] if scipy is None else scipy.submodule_search_locations or []
    spec = PathFinder.find_spec("pypocketfft", [str(Path(each, "fft", "_pocketfft")) for each in folders])
    if spec is None or spec.loader is None:
        raise ImportError("scipy has no pypocketfft where it is looked for")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    transform: _Transform = partial(module.r2c, axes=(1,), forward=True, inorm=0, nthreads=1)
    transform(np.zeros((1, 2), np.float32))
    return transform


def _public() -> _Transform:
    from scipy.fft import rfft

    return partial(rfft, axis=1)


def _first_that_works() -> _Transform:
    with suppress(ImportError, AttributeError, TypeError):
        return _compiled()
    return _public()


_transform = _first_that_works()
