"""Old against new on the same clips: kept, refused, and said in figures."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.core.types import DetectorId, Event, Recording
from ndoki.curation.verdict import compare
from ndoki.datasets.manifest import Clip
from ndoki.training.heldout import Heldout
from ndoki.training.validation import ScannedClip

IDS = (DetectorId(name="old", digest="1"), DetectorId(name="new", digest="2"))
RECALLS = (0.5, 1.0)


def scanned(kind: str, i: int, score: float | None, duration_s: float = 360.0) -> ScannedClip:
    path = Path(f"{kind}{i}.flac")
    clip = Clip(path=path, kind=kind, label="x", group=f"g{i}", split="val")
    recording = Recording(source=str(path), rate_hz=8000, n_samples=80000)
    events = () if score is None else (
        Event(
            recording=recording, channel=0, first_sample=800, end_sample=900, peak_sample=800,
            label="gunshot", score=score, low_hz=60.0, high_hz=900.0, detector=IDS[0],
        ),
    )  # fmt: skip
    return ScannedClip(clip=clip, events=events, duration_s=duration_s)


def heard(shots, backgrounds) -> Heldout:
    """Ten backgrounds make an hour."""
    return Heldout(
        shots=tuple(scanned("gunshot", i, score) for i, score in enumerate(shots)),
        backgrounds=tuple(scanned("background", i, score) for i, score in enumerate(backgrounds)),
    )


OLD = heard([0.9, 0.8, 0.7, 0.2], [0.85, 0.6, 0.5, 0.3, 0.1, 0.1, None, None, None, None])


def test_fewer_false_alarms_at_equal_recall_are_kept():
    """Other scores on the whole, so that only ranks count."""
    new = heard([0.5, 0.45, 0.4, 0.3], [0.42, 0.1, 0.1, 0.1, 0.1, 0.1, None, None, None, None])
    verdict = compare(OLD, new, IDS, RECALLS)
    assert verdict.is_kept
    at_recall = verdict.false_alarms_at_recall
    assert [one.at for one in at_recall] == [0.5, 1.0]
    assert [one.old for one in at_recall] == pytest.approx([1, 4])
    assert [one.new for one in at_recall] == pytest.approx([0, 1])
    mean = verdict.mean
    assert (mean.old, mean.new, mean.difference.value) == pytest.approx((2.5, 0.5, -2.0))
    assert verdict.mean.difference.low <= -2.0 <= verdict.mean.difference.high <= 0.0
    assert verdict.sentence.startswith(
        "Kept: on 4 clips with shots and 1.00 h without, false alarms per hour at a recall of 0.50, 1.00 "
        "were 1.0, 4.0 and are 0.0, 1.0; their mean went from 2.5 to 0.5, −2.0 ["
    )
    assert (verdict.n_shot_clips, verdict.background_hours) == (4, pytest.approx(1.0))


def test_more_false_alarms_at_equal_recall_are_refused():
    new = heard([0.9, 0.8, 0.7, 0.1], [0.85, 0.6, 0.5, 0.3, 0.2, 0.2, 0.1, None, None, None])
    verdict = compare(OLD, new, IDS, RECALLS)
    assert not verdict.is_kept
    assert verdict.mean.difference.value > 0
    assert verdict.sentence.startswith("Refused: ")


def test_the_same_network_is_not_worse_and_the_difference_is_surely_nil():
    verdict = compare(OLD, OLD, IDS, RECALLS)
    assert verdict.is_kept
    difference = verdict.mean.difference
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert all(one.difference.low == one.difference.high == 0 for one in verdict.recall_at_false_alarms)
    assert verdict.sentence.endswith("which may be chance.")


def test_lost_shots_are_refused_however_few_false_alarms():
    new = heard([0.9, 0.8, 0.7, None], [None] * 10)
    verdict = compare(OLD, new, IDS, RECALLS)
    assert not verdict.is_kept
    assert verdict.false_alarms_at_recall[1].new == math.inf
    assert verdict.sentence.endswith("and are 0.0, out of reach; a recall of 1.00 is lost.")
    plain = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert plain["false_alarms_at_recall"][1]["new"] is None
    assert plain["new"] == {"name": "new", "digest": "2"}


def test_recalls_that_the_old_network_does_not_reach_are_left_out():
    old = heard([0.9, 0.8, 0.7, None], [0.5, 0.6, *[None] * 8])
    verdict = compare(old, OLD, IDS, (0.5, 1.0))
    assert [one.at for one in verdict.false_alarms_at_recall] == [0.5]
    with pytest.raises(
        LabelError, match=r"reaches none of the recalls 0\.9, 1 on the 4 validation shots; give"
    ):
        compare(old, OLD, IDS, (0.9, 1.0))


def test_both_must_have_heard_the_same_clips():
    with pytest.raises(LabelError, match="heard different clips"):
        compare(OLD, replace(OLD, shots=OLD.shots[::-1]), IDS, RECALLS)


def test_the_interval_knows_that_both_heard_the_same(rng):
    """A new network that is better by a little everywhere: sure in pairs, though either alone is not."""
    shots = np.sort(rng.uniform(0.5, 1.0, 40))
    backgrounds = rng.uniform(0.0, 1.0, 60)
    better = heard(shots.tolist(), (0.9 * backgrounds).tolist())
    verdict = compare(heard(shots.tolist(), backgrounds.tolist()), better, IDS, (0.8, 0.9))
    assert verdict.mean.difference.high < 0
    assert "chance" not in verdict.sentence
    spread = verdict.mean.difference.high - verdict.mean.difference.low
    assert spread < 2 * abs(verdict.mean.difference.value)
