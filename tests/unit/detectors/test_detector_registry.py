import shutil
from importlib.resources import as_file, files

import pytest

from ndoki.core.errors import ModelError
from ndoki.detectors.registry import DETECTORS, load_detector, operating_points


def test_the_network_is_what_listens_unless_told_otherwise():
    assert load_detector().id == load_detector("gunshot").id
    assert load_detector().id.name == "gunshot"


@pytest.mark.parametrize(("name", "file"), [("gunshot", "gunshot.onnx"), ("template", "template.npz")])
def test_a_file_is_opened_by_its_ending_in_any_case(tmp_path, name, file):
    copy = tmp_path / file.upper()
    with as_file(files("ndoki") / "models" / file) as shipped:
        shutil.copy(shipped, copy)
    assert load_detector(str(copy)).id == load_detector(name).id


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("templat", "'templat' is neither a detector's name nor a file ending in .onnx or .npz; did you"),
        ("templat", "did you mean 'template'?"),
        ("elephants", "known are gunshot, template"),
        ("model.pt", "'model.pt' is neither"),
        ("", "known are gunshot, template"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(given, message):
    with pytest.raises(ModelError) as caught:
        load_detector(given)
    assert message in str(caught.value)


def test_endings_tell_detectors_apart():
    endings = [ending for ending, _ in DETECTORS.values()]
    assert len(set(endings)) == len(endings)
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


def test_operating_points_are_a_copy():
    detector = load_detector("gunshot")
    operating_points(detector)["mine"] = 0.5
    assert "mine" not in operating_points(detector)


def test_a_detector_without_a_card_has_no_operating_points():
    assert operating_points(load_detector("template")) == {}
