"""A run in parts: disjoint, complete, and only joined when they belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.batch.ledger import Ledger
from ndoki.batch.shards import SHARD, check_shards, merge_shards, parse_shard, shard_of
from ndoki.core.errors import ConfigError
from ndoki.core.types import Recording
from ndoki.events.stitch import Thinned

SETTINGS = {"--detector": "gunshot 12", "--threshold": "0.5"}


@given(source=st.text(st.characters(exclude_categories=[])), n_parts=st.integers(1, 1000))
def test_every_recording_is_in_one_part(source, n_parts):
    assert 1 <= shard_of(source, n_parts) <= n_parts
    assert shard_of(source, n_parts) == shard_of(source, n_parts)


def test_parts_are_about_alike_and_never_change():
    counts = [0] * 8
    for i in range(8000):
        counts[shard_of(f"/cards/R{i}.wav", 8) - 1] += 1
    assert min(counts) > 850
    assert max(counts) < 1150
    assert [shard_of(name, 8) for name in ("a.wav", "/x/R1.wav", "s3://b/é.flac")] == GOLDEN


GOLDEN = [3, 4, 7]
"""Parts that run for weeks, with versions of Ndoki between them, must stay disjoint."""


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/4", "1.0/4"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ConfigError, match=r"is no part of a whole; write 1/8"):
        parse_shard(text)


def test_a_part_is_two_numbers():
    assert parse_shard(" 2/8 ") == (2, 8)


@pytest.fixture
def part(tmp_path):
    """Make the folder of a part that heard one stretch of a recording named like the part."""

    def made(number, of=2, *, is_done=True, settings=SETTINGS):
        folder, source = tmp_path / f"part{number}", f"{number}.wav"
        with Ledger.begun(folder, settings | {SHARD: f"{number}/{of}"}, [source]) as ledger:
            entry = ledger.recording(0, source, "id", Recording(source=source, rate_hz=8000, n_samples=8000))
            ledger.heard(entry, 0, Thinned(first_frame=0, end_frame=number), 1.0, number)
            if is_done:
                ledger.done()
        return folder

    return made


def test_what_parts_heard_stands_in_one_ledger(part, tmp_path):
    folders = [part(2), part(1)]
    sources = check_shards(folders, SETTINGS)
    assert sources == ["2.wav", "1.wav"]
    with Ledger.begun(tmp_path / "whole", SETTINGS, sources) as ledger:
        for _ in range(2):
            merge_shards(ledger, folders, sorted(sources))
            heard = ledger.recordings()
            assert [one.source for _, one in heard] == ["1.wav", "2.wav"]
            assert [ledger.stretches(key)[0][0].end_frame for key, _ in heard] == [1, 2]
            assert ledger.heard_s() == 2.0


def test_parts_that_do_not_belong_together_are_refused(part, tmp_path):
    first, second = part(1), part(2)
    for given_, said in (
        ([first], r"parts 1/2 were given"),
        ([first, second, first], r"parts 1/2, 1/2, 2/2 were given"),
        ([first, part(3, of=3)], r"parts 1/2, 3/3 were given"),
        ([first, tmp_path], r"holds no run"),
        ([first, part(4, is_done=False)], r"part4 is not finished; give its command again"),
        ([first, part(5, settings=SETTINGS | {"--threshold": "0.3"})], r"--threshold was 0.3 and is now 0.5"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_shards(given_, SETTINGS)
