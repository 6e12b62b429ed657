"""The extent of a placed shot is the one that detectors are trained on, wherever in a file it lies."""

import pytest
import soundfile

from ndoki.audio.reader import open_samples
from ndoki.curation.extent import extent_of
from ndoki.datasets.onsets import visible_box
from ndoki.features.floor import FloorSpec, above_floor
from ndoki.features.mel import MelSpec, log_mel


@pytest.mark.parametrize("onset_s", [1.0, 14.0, 27.9])
def test_as_seen_on_the_frames_of_the_whole_file(tmp_path, forest, onset_s):
    mel = MelSpec()
    sound = forest(28.0, [onset_s], mel.rate_hz, 25.0)
    soundfile.write(tmp_path / "a.wav", sound, mel.rate_hz, subtype="FLOAT")
    above = above_floor(log_mel(sound, mel), FloorSpec())
    frame = min(mel.grid.frame_at(round(onset_s * mel.rate_hz), mel.rate_hz), len(above) - 1)
    whole = visible_box(above[: frame + round(5.0 / mel.grid.hop_s)], frame, mel.centres_hz, mel.grid.hop_s)
    with open_samples(str(tmp_path / "a.wav")) as samples:
        found = extent_of(samples, 0, round(onset_s * mel.rate_hz))
    assert found.low_hz == whole.low_hz
    assert found.high_hz == whole.high_hz
    assert found.duration_s == pytest.approx(whole.duration_s, abs=2 * mel.grid.hop_s)
    if onset_s < 20:
        assert found.duration_s > 0.15
