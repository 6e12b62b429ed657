import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import ModelError
from ndoki.detectors.network.card import FORMAT, Card, from_metadata, to_metadata
from ndoki.features.floor import FloorSpec
from ndoki.features.mel import MelSpec

CARD = Card(
    name="été",
    mel=MelSpec(low_hz=60.0),
    floor=FloorSpec(tolerance_db=2.5),
    labels=("gunshot", "thunder"),
    before_frames=66,
    after_frames=129,
    calibration=((0.0, 0.0), (0.4, 0.7), (1.0, 1.0)),
    operating_points={"review": 0.2, "alert": 0.9},
    provenance={"recipe": {"seed": 1, "loop": {"n_steps": 5}}, "weights_licence": "CC BY 4.0"},
)
SCORES = st.floats(0, 1)


def damaged(**changes):
    values = json.loads(to_metadata(CARD)["ndoki"]) | changes
    return {"ndoki": json.dumps({key: value for key, value in values.items() if value is not ...})}


def test_what_is_written_reads_back():
    assert from_metadata(to_metadata(CARD), "a.onnx") == CARD


@given(
    st.lists(st.tuples(SCORES, SCORES), max_size=5),
    st.dictionaries(st.text(max_size=5), SCORES, max_size=3),
    st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=4),
)
def test_any_card_reads_back(calibration, points, labels):
    card = replace(CARD, calibration=tuple(calibration), operating_points=points, labels=tuple(labels))
    assert from_metadata(to_metadata(card), "a.onnx") == card


def test_other_metadata_do_no_harm():
    assert from_metadata({"author": "x", **to_metadata(CARD)}, "a.onnx") == CARD


def test_a_card_is_one_text():
    """The same card gives the same bytes: they are part of the digest."""
    assert to_metadata(CARD) == to_metadata(replace(CARD, operating_points={"alert": 0.9, "review": 0.2}))


@pytest.mark.parametrize("metadata", [{}, {"other": "{}"}])
def test_a_strange_onnx_file_is_said(metadata):
    with pytest.raises(ModelError, match=r"a\.onnx: an ONNX file, but not one of Ndoki's"):
        from_metadata(metadata, "a.onnx")


@pytest.mark.parametrize("version", [FORMAT + 1, 0, "1", None])
def test_another_format_is_said(version):
    with pytest.raises(ModelError, match=r"a\.onnx: written by another version of Ndoki; update"):
        from_metadata(damaged(format=version), "a.onnx")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": ...},
        {"mel": ...},
        {"mel": {"rate_hz": 4000, "colour": "red"}},
        {"mel": {"n_mels": 0}},
        {"mel": 5},
        {"floor": {"half_width_frames": 0}},
        {"labels": ...},
        {"labels": 7},
        {"calibration": [[0.0, 0.0], [1.0]]},
        {"calibration": [["low", "high"]]},
        {"before_frames": ...},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_damaged_card_is_a_model_error(changes):
    with pytest.raises(ModelError, match=r"a\.onnx: its 'ndoki' metadata is damaged"):
        from_metadata(damaged(**changes), "a.onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '"card"'])
def test_a_card_that_is_no_table_is_a_model_error(text):
    with pytest.raises(ModelError, match=r"a\.onnx: "):
        from_metadata({"ndoki": text}, "a.onnx")
