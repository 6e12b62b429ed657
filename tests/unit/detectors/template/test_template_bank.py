import numpy as np
import pytest

from ndoki.core.errors import ConfigError, ModelError, OutputError
from ndoki.detectors.template.bank import TemplateBank, read_bank, write_bank
from ndoki.detectors.template.detector import load
from ndoki.features.mel import MelSpec


def make(**changes):
    fields = {
        "mel": MelSpec(n_mels=3, low_hz=100, high_hz=900),
        "patches": np.random.default_rng(0).normal(-50, 9, size=(2, 6, 3)).astype(np.float16),
        "onset_frame": 2,
        "duration_s": np.array([0.4, 0.9], np.float32),
        "low_hz": np.array([50, 60], np.float32),
        "high_hz": np.array([700, 800], np.float32),
        "names": ("près", "loin"),
        "name": "près de Mbeli",
        "provenance": '{"licence": "CC BY 4.0"}',
    }
    return TemplateBank(**(fields | changes))


def test_what_is_written_is_read(tmp_path):
    bank = make()
    write_bank(bank, tmp_path / "t.npz")
    back = read_bank(tmp_path / "t.npz")
    assert back.digest == bank.digest
    for name in ("patches", "duration_s", "low_hz", "high_hz"):
        np.testing.assert_array_equal(getattr(back, name), getattr(bank, name))
        assert getattr(back, name).dtype == getattr(bank, name).dtype
    for name in ("mel", "onset_frame", "name", "names", "provenance", "n_frames"):
        assert getattr(back, name) == getattr(bank, name)
    assert load(tmp_path / "t.npz").bank.digest == bank.digest
    assert load(tmp_path / "t.npz").id.name == "près de Mbeli"


def test_a_name_changes_no_score():
    assert make(name="other").digest == make().digest


def test_the_same_bank_gives_the_same_bytes_and_no_other_file(tmp_path):
    write_bank(make(), tmp_path / "a.npz")
    write_bank(make(), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_writing_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_bank(make(), tmp_path / "file" / "t.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 torn"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"t\.npz: cannot be read as a template bank"):
        read_bank(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read as a template bank"):
        read_bank(tmp_path)


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "t.npz"
    write_bank(make(), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match="cannot be read as a template bank"):
        read_bank(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": np.zeros(3)}, "cannot be read as a template bank"),
        ({"header": np.array("no json")}, "cannot be read as a template bank"),
        ({"header": np.array("[1]")}, "cannot be read as a template bank"),
        (
            {"header": np.array('{"kind": "x"}')},
            "template bank of kind 'x'; expected 'ndoki-template-bank-1'",
        ),
        ({"header": np.array([{"kind": 1}], dtype=object)}, "cannot be read as a template bank"),
    ],
)
def test_other_archives_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(ModelError, match=message):
        read_bank(tmp_path / "t.npz")


def test_an_array_of_numbers_is_refused(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros(3))
    with pytest.raises(ModelError, match="cannot be read as a template bank"):
        read_bank(tmp_path / "t.npy")


def test_content_that_was_changed_is_noticed(tmp_path):
    path = tmp_path / "t.npz"
    write_bank(make(), path)
    with np.load(path) as arrays:
        content = dict(arrays)
    content["patches"] = content["patches"] + np.float16(1)
    np.savez(path, **content)
    with pytest.raises(ModelError, match="content does not fit its digest"):
        read_bank(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patches": np.zeros((2, 6, 4), np.float16)}, "expected .templates, frames, 3."),
        ({"patches": np.zeros((0, 6, 3), np.float16)}, "none of them 0"),
        ({"patches": np.zeros((6, 3), np.float16)}, "templates have shape"),
        ({"patches": np.full((2, 6, 3), np.nan, np.float16)}, "not finite"),
        ({"onset_frame": 6}, "lies outside a template of 6 frames"),
        ({"onset_frame": -1}, "lies outside"),
        ({"names": ("one",)}, "must each be 2 long"),
        ({"low_hz": np.zeros(3, np.float32)}, "must each be 2 long"),
    ],
)
def test_a_bank_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make(**changes)
