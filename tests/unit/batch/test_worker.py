"""What a worker does with an order, asked without a cluster."""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ndoki.audio.access import Access, access
from ndoki.audio.reader import open_samples
from ndoki.audio.recording import describe
from ndoki.audio.storage import content_identity, open_binary
from ndoki.batch.hands import hear_stretches
from ndoki.batch.order import order_for
from ndoki.batch.wire import bytes_from_thinned, text_from_recording
from ndoki.batch.worker import Orders, hear
from ndoki.core.errors import ClusterError
from ndoki.detectors.registry import load_detector
from ndoki.events.pick import Picker

SHIPPED = Path(__file__).parents[3] / "src" / "ndoki" / "models" / "template.npz"
CUTS = ((0, 300), (300, 600))


@pytest.fixture
def detector():
    return load_detector("template")


@pytest.fixture
def shots(tmp_path, forest):
    path = tmp_path / "a.wav"
    soundfile.write(path, forest(20.0, np.arange(1.0, 19.0, 2.9)), 8000)
    return str(path)


def asked(orders, source, identity=None, cuts=CUTS):
    with open_binary(source) as file:
        identity = identity or content_identity(source, file)
    return hear(orders.name, (source, identity, text_from_recording(describe(source)), 0, cuts))


@pytest.mark.parametrize("by", ["template", "file"])
def test_an_order_is_carried_out_as_here(shots, detector, tmp_path, by):
    path = tmp_path / "mine.npz"
    shutil.copy(SHIPPED, path)
    name, picker = (str(path) if by == "file" else by), Picker(threshold=0.3)
    orders = pickle.loads(pickle.dumps(Orders(order_for(name, detector, picker, Access()))))
    path.unlink()
    orders.setup(None)
    told, reason = asked(orders, shots)
    with open_samples(shots) as samples:
        here = hear_stretches(samples, describe(shots), 0, CUTS, detector, picker)
    assert reason is None
    assert told == [(p.first_frame, p.end_frame, bytes_from_thinned(p), n) for p, n in here]
    assert sum(n for *_, n in told) > 2
    assert access() == Access()


def test_another_detector_or_version_is_refused(shots, detector):
    order = order_for("template", detector, Picker(threshold=0.3), Access())
    other = Orders(replace(order, digest="0" * 64))
    with pytest.raises(ClusterError, match=r"is not that of the run .digest .* instead of 000000000000"):
        other.setup(None)
    old = Orders(order)
    old.version, old.name = "0.0.1", "old"
    with pytest.raises(ClusterError, match=r"instead of 0\.0\.1; install the same version"):
        old.setup(None)
    with pytest.raises(ClusterError, match="no order from this run"):
        asked(old, shots)


def test_a_file_that_the_worker_does_not_see_is_told_as_such(shots, detector, tmp_path):
    orders = Orders(order_for("template", detector, Picker(threshold=0.3), Access()))
    orders.setup(None)
    described = text_from_recording(describe(shots))
    gone = str(tmp_path / "gone.wav")
    told, reason = hear(orders.name, (gone, "1 2 3", described, 0, CUTS))
    assert told == []
    for words in ("the worker on", "cannot open", "gone.wav", "under the same path"):
        assert words in reason
    told, reason = asked(orders, shots, identity="1 2 3")
    assert told == []
    assert "another file on the worker" in reason


def test_what_was_heard_before_a_failure_is_told(shots, detector):
    orders = Orders(order_for("template", detector, Picker(threshold=0.3), Access()))
    orders.setup(None)
    told, reason = asked(orders, shots, cuts=((0, 300), (10**6, 10**6 + 300), (300, 600)))
    assert [(first, end) for first, end, _, _ in told] == [(0, 300)]
    assert reason
