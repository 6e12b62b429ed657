"""Who hears what, and what counts as a false alarm."""

import shutil
from dataclasses import replace

import pytest

from ndoki.batch.run import Failure, Heard, Job, Stretch
from ndoki.core.errors import ConfigError, ModelError
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.curation.mining import Hearing, by_folds, false_alarms_in, hear, load_folds
from ndoki.curation.shot_free import ShotFree, shot_free_sounds
from ndoki.datasets.manifest import fold_of
from ndoki.detectors.network.detector import shipped_bytes
from ndoki.detectors.registry import load_detector
from ndoki.events.pick import Picker

PICKER = Picker(threshold=0.05)


def event(at_s: float, score: float, source: str = "a.wav", channel: int = 0) -> Event:
    first = round(8000 * at_s)
    return Event(
        recording=Recording(source=source, rate_hz=8000, n_samples=80000, n_channels=2), channel=channel,
        first_sample=first, end_sample=first + 800, peak_sample=first, label="gunshot", score=score,
        low_hz=60.0, high_hz=900.0, detector=DetectorId(name="x", digest=""),
    )  # fmt: skip


def test_reports_close_together_are_one_false_alarm():
    near = [event(1.0, 0.3), event(1.4, 0.6), event(1.6, 0.2), event(4.0, 0.4), event(4.1, 0.5, channel=1)]
    heard = [Heard(recording=near[0].recording, events=tuple(near))]
    found = false_alarms_in(heard, [ShotFree(source="a.wav")])
    assert [(one.event.score, one.event.channel) for one in found] == [(0.6, 0), (0.5, 1), (0.4, 0)]
    assert {one.group for one in found} == {"a.wav"}


def test_all_is_heard_once_and_what_fails_is_said(looks_shot_free, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    sounds = (ShotFree(source=str(broken)), ShotFree(source=str(looks_shot_free)))
    hearing = Hearing(
        folder=tmp_path / "out", job=Job(detector=load_detector(), picker=PICKER, unit_s=15.0), sounds=sounds
    )
    heard: list[Heard] = []
    results = list(hear(hearing, heard))
    assert [type(one) for one in results] == [Failure, Stretch, Stretch, Stretch]
    assert [one.recording.source for one in heard] == [str(looks_shot_free)]
    onsets_s = [
        round(one.event.start_s, 1) for one in false_alarms_in(heard, sounds) if one.event.score > 0.5
    ]
    assert sorted(onsets_s) == [5.0, 14.0, 23.0, 32.0]

    again: list[Heard] = []
    assert [type(one) for one in hear(hearing, again)] == [Failure], "nothing is heard a second time"
    assert again == heard


def test_a_stopped_run_goes_on(looks_shot_free, tmp_path):
    job = Job(detector=load_detector(), picker=PICKER, unit_s=10.0)
    sounds = (ShotFree(source=str(looks_shot_free)),)
    hearing = Hearing(folder=tmp_path / "out", job=job, sounds=sounds)
    stopped: list[Heard] = []
    running = hear(hearing, stopped)
    next(running)
    running.close()
    assert not stopped
    heard: list[Heard] = []
    left = list(hear(hearing, heard))
    assert 0 < len(left) < 4
    whole: list[Heard] = []
    list(hear(replace(hearing, folder=tmp_path / "whole"), whole))
    assert heard == whole
    hearing_lower = replace(hearing, job=replace(job, picker=Picker(threshold=0.01)))
    running = hear(hearing_lower, [])
    next(running)
    running.close()
    with pytest.raises(ConfigError, match=r"--min-score was 0\.01 and is now 0\.05"):
        list(hear(hearing, []))


def test_each_clip_is_heard_by_the_network_that_left_it_out(data_set, tmp_path):
    folds = [load_detector(), load_detector("template")]
    hearings = by_folds(shot_free_sounds([str(data_set)], data_set), folds, tmp_path, PICKER, 1)
    assert [one.job.detector for one in hearings] == folds
    assert len({one.folder for one in hearings}) == 2
    for fold, one in enumerate(hearings):
        assert {fold_of(sound.clip.group, 2) for sound in one.sounds} == {fold}
    assert sum(len(one.sounds) for one in hearings) == 5


def test_a_recording_of_ones_own_has_no_fold(looks_shot_free, tmp_path):
    with pytest.raises(ConfigError, match="in no manifest, so it belongs to no fold; leave out --folds-from"):
        by_folds([ShotFree(source=str(looks_shot_free))], [load_detector()], tmp_path, PICKER)


def test_folds_are_found_by_their_names(tmp_path):
    with pytest.raises(ModelError, match="holds no networks; expected those of one cross-validation"):
        load_folds(tmp_path)
    for k in (0, 1, 2):
        (tmp_path / f"x-fold{k}.onnx").write_bytes(shipped_bytes())
    assert len(load_folds(tmp_path)) == 3
    shutil.move(tmp_path / "x-fold1.onnx", tmp_path / "x-fold4.onnx")
    with pytest.raises(ModelError, match=r"holds x-fold0\.onnx, x-fold2\.onnx, x-fold4\.onnx; expected"):
        load_folds(tmp_path)
    shutil.move(tmp_path / "x-fold4.onnx", tmp_path / "y-fold1.onnx")
    with pytest.raises(ModelError, match="those of one cross-validation"):
        load_folds(tmp_path)
