"""From rows of tables to what is counted."""

from collections.abc import Mapping

import numpy as np
import pytest

from ndoki.core.errors import LabelError
from ndoki.evaluation.material import complete, counted, rows_of_label, truths_from_rows, with_shot_free
from ndoki.tables.row import Row


def row(
    start_s: float,
    *,
    file: str = "a.wav",
    score: float | None = None,
    label: str = "gunshot",
    channel: int = 0,
    site: str = "",
    extra: Mapping[str, str] | None = None,
    weapon: str = "",
) -> Row:
    return Row(
        file=file, start_s=start_s, end_s=start_s + 0.5, peak_s=start_s, offset_s=0, score=score, label=label,
        channel=channel, site=site, extra=extra or {}, weapon=weapon,
    )  # fmt: skip


def test_labels_are_compared_without_case_and_blank_is_a_gunshot() -> None:
    rows = [row(1, label=" GunShot "), row(2, label=""), row(3, label="thunder"), row(4, label="Shot")]
    chosen, others = rows_of_label(rows, ["gunshot", "shot"])
    assert [r.start_s for r in chosen] == [1, 2, 4]
    assert [r.label for r in others] == ["thunder"]


def test_tags_are_read_under_the_names_that_tables_use() -> None:
    truths = truths_from_rows(
        [
            row(1, extra={"snr_db": "6.5", "burst": "3", "weapon": "rifle"}),
            row(2, extra={"Distance(m)": "1100,5", "burst": " ", "Gun type": "AK"}, weapon="shotgun"),
        ]
    )
    assert truths.tags["snr_db"].tolist() == pytest.approx([6.5, np.nan], nan_ok=True)
    assert truths.tags["distance_m"].tolist() == pytest.approx([np.nan, 1100.5], nan_ok=True)
    assert truths.tags["weapon"].tolist() == ["rifle", "shotgun"]
    assert truths.tags["burst"].tolist() == ["a.wav#0 3", "row 1"]
    assert truths.onset_s.tolist() == [1, 2]
    assert "recorder" not in truths.tags


def test_bursts_of_one_number_in_two_recordings_are_two() -> None:
    truths = truths_from_rows([row(1, extra={"burst": "1"}), row(1, file="b.wav", extra={"burst": "1"})])
    assert len(set(truths.tags["burst"].tolist())) == 2


def test_sites_are_recorders_where_there_are_several() -> None:
    truths = truths_from_rows([row(1, site="nn03a"), row(2, site="kp01")])
    assert truths.tags["recorder"].tolist() == ["nn03a", "kp01"]


def test_tags_that_nobody_gave_are_not_there() -> None:
    assert truths_from_rows([row(1), row(2)]).tags == {}


def test_a_level_that_is_no_number_is_named() -> None:
    with pytest.raises(LabelError, match=r"a\.wav: the shot at 1\.000 s has snr_db 'loud'"):
        truths_from_rows([row(1, extra={"snr_db": "loud"})])


def test_in_labelled_sound_whatever_is_beside_all_shots_is_false() -> None:
    events = [row(t, score=s) for t, s in ((10.0, 0.9), (10.25, 0.5), (10.4, 0.4), (50.0, 0.3))]
    material = complete(
        events, [row(10.05)], [row(49.0, label="thunder")], hours_by_recording={"a.wav#0": 2.0}
    )
    assert material.background.onset_s.tolist() == [10.4, 50.0]
    assert len(material.detections) == 4
    assert (material.hours, material.is_complete) == (2.0, True)
    assert material.lookalikes.tags["label"].tolist() == ["thunder"]


def test_the_collar_decides_what_is_beside() -> None:
    events = [row(10.0, score=0.9)]
    for collar_s, n_false in ((0.1, 1), (0.2, 0)):
        material = complete(events, [row(10.2)], [], hours_by_recording={"a.wav#0": 1.0}, collar_s=collar_s)
        assert len(material.background) == n_false


def test_channels_are_apart() -> None:
    material = complete(
        [row(10.0, score=0.9, channel=1)], [row(10.0)], [], hours_by_recording={"a.wav#0": 1.0}
    )
    assert len(material.background) == 1


def test_shot_free_sound_is_apart() -> None:
    material = with_shot_free(
        [row(10.0, score=0.9), row(99.0, score=0.8)],
        [row(10.0)],
        [row(5.0, file="free.wav", score=0.2)],
        hours_by_recording={"free.wav#0": 0.5},
    )
    assert material.background.recording.tolist() == ["free.wav#0"]
    assert (len(material.detections), material.hours, material.is_complete) == (2, 0.5, False)


def test_a_decimal_score_reaches_the_threshold_of_the_same_decimals() -> None:
    material = complete([row(1.0, score=0.53)], [row(1.0)], [], hours_by_recording={"a.wav#0": 1.0})
    assert material.detections.score.tolist() == [0.53]


def test_without_any_scores_all_count_alike_but_some_missing_are_an_error() -> None:
    material = complete([row(1.0), row(2.0)], [row(1.0)], [], hours_by_recording={"a.wav#0": 1.0})
    assert material.detections.score.tolist() == [1.0, 1.0]
    with pytest.raises(LabelError, match="has no score"):
        complete([row(1.0), row(2.0, score=0.5)], [row(1.0)], [], hours_by_recording={"a.wav#0": 1.0})


def test_labels_are_told_with_their_number() -> None:
    assert counted(["rain", "thunder", "thunder"]) == "thunder 2, rain 1"
