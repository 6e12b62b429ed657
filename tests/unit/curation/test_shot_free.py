"""What may be mined, and what is refused."""

from datetime import UTC, datetime

import pytest

from ndoki.core.errors import InputError, LabelError
from ndoki.core.types import Recording
from ndoki.curation.shot_free import ShotFree, group_of, shot_free_sounds
from ndoki.datasets.manifest import read_manifest


def test_a_manifest_stands_for_its_training_backgrounds(data_set):
    sounds = shot_free_sounds([str(data_set)], data_set)
    expected = [c for c in read_manifest(data_set) if c.kind == "background" and c.split == "train"]
    assert [sound.clip for sound in sounds] == expected
    assert len(expected) == 5


def test_a_file_of_the_manifest_is_known_by_whatever_path(data_set, tmp_path):
    clip = next(c for c in read_manifest(data_set) if c.kind == "background" and c.split == "train")
    (tmp_path / "linked.flac").symlink_to(clip.path)
    (sound,) = shot_free_sounds([str(tmp_path / "linked.flac"), str(clip.path)], data_set)
    assert sound.clip == clip


@pytest.mark.parametrize(
    ("kind", "split", "message"),
    [
        ("background", "val", r"1 clip\(s\) of split 'val' .* on which networks are compared"),
        ("gunshot", "train", r"lists as gunshot \(gunshot\); only backgrounds are taken for shot-free"),
        ("confuser", "train", r"lists as confuser \(thunder\)"),
    ],
)
def test_what_must_not_be_learned_from_is_refused(data_set, tmp_path, kind, split, message):
    clip = next(c for c in read_manifest(data_set) if (c.kind, c.split) == (kind, split))
    (tmp_path / "linked.flac").symlink_to(clip.path)
    for path in (clip.path, tmp_path / "linked.flac"):
        with pytest.raises(LabelError, match=message):
            shot_free_sounds([str(path)], data_set)


def test_a_folder_that_holds_validation_clips_is_refused(data_set):
    with pytest.raises(LabelError, match=r"mine the training split alone, `ndoki mine .*clips\.csv`"):
        shot_free_sounds([str(data_set.parent)], data_set)


def test_recordings_of_ones_own_need_no_manifest(looks_shot_free, tmp_path):
    (sound,) = shot_free_sounds([str(looks_shot_free.parent)], tmp_path / "none.csv")
    assert sound == ShotFree(source=str(looks_shot_free))


def test_a_manifest_without_training_backgrounds_is_said(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_text("path,kind,label,group,split\na.flac,background,river,g,val\n")
    with pytest.raises(LabelError, match="lists no background of split 'train'"):
        shot_free_sounds([str(path)], path)
    with pytest.raises(InputError, match="no sound was given"):
        shot_free_sounds([], path)


def test_clips_of_one_site_and_day_are_never_split(data_set):
    recording = Recording(source="x/a.wav", rate_hz=8000, n_samples=80000)
    dated = Recording(
        source="x/a.wav",
        rate_hz=8000,
        n_samples=1,
        site="nn03a",
        started_at=datetime(2018, 8, 17, tzinfo=UTC),
    )
    (first, *_) = shot_free_sounds([str(data_set)], data_set)
    assert group_of(first, dated) == first.clip.group
    assert group_of(ShotFree(source="x/a.wav"), dated) == "nn03a 2018-08-17"
    assert group_of(ShotFree(source="x/a.wav"), recording) == "x/a.wav"
