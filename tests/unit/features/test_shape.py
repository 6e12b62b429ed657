"""Event shapes: written and read back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ndoki.features.mel import MelSpec
from ndoki.features.shape import decode_shape, encode_shape

SPEC = MelSpec()


@given(st.floats(0.05, 5.0), st.floats(50, 1000), st.floats(1000, 2000))
def test_decoding_gives_back_what_was_encoded(duration_s, low_hz, high_hz):
    found = decode_shape(encode_shape(duration_s, low_hz, high_hz, SPEC)[None], SPEC)
    assert np.allclose(np.array(found).ravel(), [duration_s, low_hz, high_hz], rtol=1e-4)


def test_what_lies_outside_is_clipped():
    assert np.array_equal(encode_shape(60.0, 0.0, 9000.0, SPEC), [1.0, 0.0, 1.0])
