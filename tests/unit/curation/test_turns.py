"""By turns: what is likely at first makes a rhythm, and that makes others likely."""

import numpy as np
import pytest
import soundfile

from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.core.types import Evidence
from ndoki.curation.fired import Fired
from ndoki.curation.onset_estimate import listen
from ndoki.curation.plausibility import Weights
from ndoki.curation.turns import by_turns
from ndoki.curation.windows import LooseLabel, window_of

RATE_HZ = 8000
BURST_S = [6.0 + 0.1 * i for i in range(6)]
BY_RHYTHM = Weights(
    score=0,
    evidence=0,
    likeness=0,
    rhythm=10,
    fired=0,
    log_odds=0,
    between=0,
    follows=0,
    is_meant=0,
    offset=-5,
)
"""Only what keeps time with likely shots is one."""


@pytest.fixture
def judged(tmp_path, forest, events_at):
    """``judged(chance)``: six rounds that the detector hardly heard, fired by a gun with some chance each."""
    path = tmp_path / "a.wav"
    soundfile.write(path, forest(12.0, BURST_S, RATE_HZ, snr_db=30.0), RATE_HZ)
    recording = describe(str(path))
    events = events_at(recording, BURST_S, [0.02] * len(BURST_S))
    window = window_of(LooseLabel(file=str(path)), recording, 0.0)
    nothing = Evidence(frame=np.array([], np.int64), log_odds=np.array([], np.float32))

    def judge(chance):
        fired = Fired(
            onset_s=np.array(BURST_S),
            chance=np.full(len(BURST_S), chance),
            is_regular=np.ones(len(BURST_S), bool),
            evidence=nothing,
        )
        with open_samples(recording.source) as samples:
            stretches = [listen(samples, 0, event.first_sample) for event in events]
        return by_turns(events, [window], stretches, fired, BY_RHYTHM, 0.5)

    return judge


def test_a_burst_of_which_the_detector_heard_little_gets_its_rhythm_from_what_a_gun_could_have_fired(judged):
    found = judged(0.9)
    np.testing.assert_allclose(found.onset_s, BURST_S, atol=0.02)
    assert (found.probability > 0.9).all()


def test_what_a_gun_hardly_fired_makes_no_rhythm(judged):
    assert (judged(0.1).probability < 0.1).all()
