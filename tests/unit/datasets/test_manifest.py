import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import LabelError
from ndoki.datasets.manifest import (
    FIELD_LABEL,
    Clip,
    field_clips,
    fold_of,
    load_sounds,
    manifest_digest,
    read_manifest,
)

RATE = 8000
HEADER = ("path", "kind", "label", "group", "split", "source", "notes")


def write(folder: Path, *rows, header=HEADER) -> Path:
    path = folder / "clips.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def clip(folder: Path, name: str, samples, *, group="g", kind="gunshot", rate_hz=RATE) -> Clip:
    path = folder / name
    soundfile.write(path, samples, rate_hz, subtype="FLOAT" if path.suffix == ".wav" else "PCM_16")
    return Clip(path=path, kind=kind, label="gunshot", group=group, split="train")


@pytest.fixture
def recording(rng) -> np.ndarray:
    """20 s from which clips are cut."""
    return (0.1 * rng.standard_normal(20 * RATE)).astype(np.float32)


def cut(recording, first_s, end_s) -> np.ndarray:
    return recording[round(first_s * RATE) : round(end_s * RATE)]


def test_rows_become_clips_with_paths_beside_the_manifest(tmp_path):
    path = write(
        tmp_path,
        ("a/b.flac", "gunshot", "gunshot", "g1", "train", "Belize", "far"),
        ("c.flac", "background", FIELD_LABEL, "g2", "val", "", ""),
        ("d.flac", "background", "river", "g3", "val", "", ""),
        ("e.flac", "confuser", "door", "g4", "train", "", ""),
    )
    clips = read_manifest(path)
    assert clips[0] == Clip(
        path=tmp_path / "a/b.flac", kind="gunshot", label="gunshot", group="g1", split="train",
        source="Belize", notes="far",
    )  # fmt: skip
    shots, backgrounds = field_clips(clips)
    assert (shots, backgrounds) == ([clips[0]], [clips[1]])


def test_source_and_notes_may_be_absent(tmp_path):
    (only,) = read_manifest(write(tmp_path, ("a.flac", "gunshot", "x", "g", "train"), header=HEADER[:5]))
    assert (only.source, only.notes) == ("", "")


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ((), HEADER, "has a header but no rows"),
        ((("a", "b"),), ("path", "kind"), r"lacks the column\(s\) group, label, split"),
        ((("a.flac", "shot", "x", "g", "train", "", ""),), HEADER, "a.flac is of kind 'shot'; known are"),
        (
            (
                ("a.flac", "gunshot", "x", "g7", "train", "", ""),
                ("b.flac", "gunshot", "x", "g7", "val", "", ""),
            ),
            HEADER,
            "group 'g7' lies in two splits",
        ),
    ],
)
def test_a_mistake_is_named(tmp_path, rows, header, message):
    with pytest.raises(LabelError, match=message):
        read_manifest(write(tmp_path, *rows, header=header))


def test_a_missing_or_empty_manifest_is_said(tmp_path):
    with pytest.raises(LabelError, match=r"clips\.csv: the manifest cannot be read \(No such file"):
        read_manifest(tmp_path / "clips.csv")
    with pytest.raises(LabelError, match=r"clips\.csv: the manifest cannot be read \(No such file"):
        manifest_digest(tmp_path / "clips.csv")
    (tmp_path / "clips.csv").touch()
    with pytest.raises(LabelError, match="lacks the column"):
        read_manifest(tmp_path / "clips.csv")


def test_the_digest_is_that_of_the_bytes(tmp_path):
    path = write(tmp_path, ("a.flac", "gunshot", "x", "g", "train", "", ""))
    before = manifest_digest(path)
    assert manifest_digest(path) == before
    assert len(before) == 64
    path.write_bytes(path.read_bytes() + b"\n")
    assert manifest_digest(path) != before


def test_folds_are_those_of_the_released_networks():
    """Written down once: another rule would mix training and test of every network that exists."""
    groups = ("gunshot_0", "belize_nd151", "gunshot_100", "été")
    assert [fold_of(group, 5) for group in groups] == [4, 3, 3, 2]


@given(st.text(), st.integers(1, 20))
def test_a_fold_depends_on_the_name_alone(group, n_folds):
    assert 0 <= fold_of(group, n_folds) < n_folds
    assert fold_of(group, n_folds) == fold_of(group, n_folds)


def test_folds_are_about_equal():
    counts = np.bincount([fold_of(f"group_{i}", 5) for i in range(1000)], minlength=5)
    assert counts.min() > 150


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_clips_that_overlap_are_joined_in_any_order(tmp_path, recording, order):
    """Three clips of 4 s, each 2 s after the one before: one sound of 8 s."""
    parts = [cut(recording, 2 * i, 2 * i + 4) for i in range(3)]
    clips = [clip(tmp_path, f"{i}.wav", part) for i, part in enumerate(parts)]
    (sound,) = load_sounds([clips[i] for i in order])
    expected = cut(recording, 0, 8)
    np.testing.assert_allclose(sound.samples, expected - expected.mean(), atol=1e-7)
    assert sound.rate_hz == RATE
    by_name = dict(zip((c.path.name for c in sound.clips), sound.first_samples, strict=True))
    assert by_name == {"0.wav": 0, "1.wav": 2 * RATE, "2.wav": 4 * RATE}
    assert sound.n_clip_samples == (4 * RATE,) * 3
    assert sound.clip is sound.clips[0]


def test_the_last_clip_may_be_shorter(tmp_path, recording):
    clips = [
        clip(tmp_path, "a.wav", cut(recording, 0, 4)),
        clip(tmp_path, "b.wav", cut(recording, 2, 5.5)),
        clip(tmp_path, "inside.wav", cut(recording, 2, 3)),
    ]
    (sound,) = load_sounds(clips)
    assert len(sound.samples) == 5.5 * RATE
    assert sorted(sound.n_clip_samples) == [RATE, 3.5 * RATE, 4 * RATE]


@pytest.mark.parametrize(
    ("second_s", "group", "kind"),
    [(4.0, "g", "gunshot"), (3.0, "g", "gunshot"), (2.0, "other", "gunshot"), (2.0, "g", "background")],
    ids=["adjoining", "another step", "another group", "another kind"],
)
def test_what_does_not_overlap_by_2_s_stays_apart(tmp_path, recording, second_s, group, kind):
    first = clip(tmp_path, "a.wav", cut(recording, 0, 4))
    second = clip(tmp_path, "b.wav", cut(recording, second_s, second_s + 4), group=group, kind=kind)
    sounds = load_sounds([first, second])
    assert [len(sound.samples) for sound in sounds] == [4 * RATE, 4 * RATE]
    assert [sound.clips for sound in sounds] == [(first,), (second,)]


def test_one_changed_sample_keeps_clips_apart(tmp_path, recording):
    changed = cut(recording, 2, 6).copy()
    changed[5] += np.float32(1e-4)
    clips = [clip(tmp_path, "a.wav", cut(recording, 0, 4)), clip(tmp_path, "b.wav", changed)]
    assert len(load_sounds(clips)) == 2


def test_a_clip_that_was_cut_twice_counts_once(tmp_path, recording):
    clips = [clip(tmp_path, name, cut(recording, 0, 4)) for name in ("a.wav", "b.wav")]
    (sound,) = load_sounds(clips)
    assert len(sound.samples) == 4 * RATE
    assert sound.first_samples == (0, 0)


def test_the_offset_is_removed(tmp_path, recording):
    (sound,) = load_sounds([clip(tmp_path, "a.wav", cut(recording, 0, 4) + np.float32(0.2))])
    assert abs(float(sound.samples.mean())) < 1e-6
    assert sound.samples.dtype == np.float32


def test_a_clip_that_cannot_be_read_is_named(tmp_path):
    missing = Clip(path=tmp_path / "none.flac", kind="gunshot", label="x", group="g", split="train")
    with pytest.raises(LabelError, match=r"none\.flac: the clip cannot be read"):
        load_sounds([missing])
    (tmp_path / "text.flac").write_text("no sound")
    with pytest.raises(LabelError, match=r"text\.flac: the clip cannot be read"):
        load_sounds([Clip(path=tmp_path / "text.flac", kind="gunshot", label="x", group="g", split="train")])


def test_a_stereo_clip_is_refused(tmp_path, recording):
    both = clip(tmp_path, "both.wav", recording[: 2 * RATE].reshape(-1, 2))
    with pytest.raises(LabelError, match="has 2 channels; training clips are mono"):
        load_sounds([both])


def test_the_real_manifest_holds_what_the_network_needs(shared_data):
    clips = read_manifest(shared_data / "clips.csv")
    shots, backgrounds = field_clips(clips)
    assert len(shots) > 400
    assert len(backgrounds) > 1000
    for n_folds in (2, 5):
        for split in ("train", "val"):
            folds = {fold_of(c.group, n_folds) for c in shots if c.split == split}
            assert folds == set(range(n_folds))


def test_real_clips_that_share_audio_are_joined(shared_data):
    shots, _ = field_clips(read_manifest(shared_data / "clips.csv"))
    group = [one for one in shots if one.group == "belize_nd151"]
    assert len(group) == 2
    sounds = load_sounds(group)
    assert len(sounds) == 1
    assert len(sounds[0].samples) > 4 * RATE


def test_what_a_person_struck_out_is_left_out(tmp_path):
    rows = [
        (f"{i}.wav", "background", "mined", "g", "train", verdict)
        for i, verdict in enumerate(("", "no shot", "Shot", " unsure ", "No  Shot"))
    ]
    path = write(tmp_path, *rows, header=(*HEADER[:5], "verdict"))
    assert [clip.path.name for clip in read_manifest(path)] == ["0.wav", "1.wav", "4.wav"]
    with pytest.raises(LabelError, match="all of them are struck out"):
        read_manifest(write(tmp_path, rows[2], header=(*HEADER[:5], "verdict")))


def test_an_unknown_verdict_is_an_error(tmp_path):
    """A word that is not understood might mean that it is a shot."""
    row = ("a.wav", "background", "mined", "g", "train", "gun!")
    path = write(tmp_path, row, header=(*HEADER[:5], "verdict"))
    with pytest.raises(LabelError, match="verdict 'gun!'; known are nothing, no shot, shot, unsure"):
        read_manifest(path)


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path):
    path = write(tmp_path, ("a.wav", "gunshot", "gunshot", "g", "train", "", ""))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [clip.path.name for clip in read_manifest(path)] == ["a.wav"]
