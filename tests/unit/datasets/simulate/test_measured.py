"""Near-field recordings as sources."""

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.datasets.simulate.measured import NearShots, load_near_shots, trimmed_to_onset, weapon_of_notes
from ndoki.datasets.simulate.specs import WEAPONS


@pytest.mark.parametrize(
    ("notes", "weapon"),
    [
        ("weapon: shotgun; flac source", "shotgun"),
        ("weapon: pistol 9mm; credits.md in folder", "pistol"),
        ("weapon: revolver S&W 642 .38; outdoor range", "pistol"),
        ("weapon: rifle AK-47 7.62x39; outdoor range", "automatic"),
        ("weapon: smg PPSh 7.62x25 (single shot); x", "automatic"),
        ("weapon: rifle Mosin Nagant 7.62x54R; y", "rifle"),
        ("weapon: rifle_small; z", "rifle"),
        ("weapon: machine_gun_auto; whole burst", ""),
        ("weapon: assault_rifle_auto; whole burst", ""),
        ("clipped", ""),
        ("", ""),
    ],
)
def test_weapon_of_notes(notes, weapon):
    assert weapon_of_notes(notes) == weapon


def test_trimming_begins_at_the_onset():
    samples = np.full(8000, 0.1, np.float32)
    samples[500:2000:2] += 0.01  # hiss before the shot
    samples[2000:2100] += np.linspace(0.8, -0.8, 100, dtype=np.float32)
    trimmed = trimmed_to_onset(samples, 8000)
    assert len(trimmed) == 1600
    assert np.argmax(np.abs(trimmed)) < 3
    assert np.abs(trimmed).max() == pytest.approx(1.0)
    assert abs(trimmed.sum()) < 1e-2
    assert np.abs(trimmed[1000:]).max() < 0.05


def test_rifles_stand_for_automatic_weapons_but_not_the_other_way():
    near = NearShots(rate_hz=8000, samples=(), weapons=("automatic", "rifle", "shotgun"), names=())
    assert near.indices_of("automatic") == (0, 1)
    assert near.indices_of("rifle") == (1,)
    assert near.indices_of("pistol") == ()


def test_loading_the_shared_near_shots(shared_data):
    train, val = (load_near_shots(shared_data, split) for split in ("train", "val"))
    assert len(train) > 30
    assert len(val) >= 4
    assert not set(train.names) & set(val.names)
    assert set(train.weapons) == set(WEAPONS)
    assert all(samples.dtype == np.float32 and len(samples) > 200 for samples in train.samples)


def test_missing_data_are_named(tmp_path):
    with pytest.raises(LabelError, match=r"clips\.csv: not found"):
        load_near_shots(tmp_path, "train")
    (tmp_path / "clips.csv").write_text("path,kind,split,notes\na.flac,background,train,\n")
    with pytest.raises(LabelError, match=r"no near_shot of split 'train'"):
        load_near_shots(tmp_path, "train")
