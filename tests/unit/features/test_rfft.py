"""Spectra are scipy's to the bit, whether or not its compiled module is found."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.fft

from ndoki.features import rfft
from ndoki.features.rfft import rfft_rows


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 2), (5, 128), (512, 256), (3, 255), (0, 16)])
def test_spectra_are_those_of_scipy(precision, shape):
    rows = np.random.default_rng(3).normal(0, 1, shape).astype(precision)
    kept = rows.copy()
    found = rfft_rows(rows)
    expected = scipy.fft.rfft(rows, axis=1)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(rows, kept)


def test_a_scipy_without_the_compiled_module_is_imported_as_usual(monkeypatch):
    rows = np.random.default_rng(4).normal(0, 1, (3, 64)).astype(np.float32)
    for broken in (lambda _: None, lambda _: type("Spec", (), {"submodule_search_locations": ["nowhere"]})):
        monkeypatch.setattr(rfft, "find_spec", broken)
        with pytest.raises(ImportError, match="no pypocketfft"):
            rfft._compiled()
        np.testing.assert_array_equal(rfft._first_that_works()(rows), rfft_rows(rows))


def test_frames_are_made_without_importing_scipy():
    """That takes longer than all else that a process needs before it hears."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys, ndoki.features.mel; print('scipy.fft' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"
