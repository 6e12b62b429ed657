"""Recordings are told apart by path; a name decides only where it can mean one thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndoki.core.errors import LabelError
from ndoki.evaluation.pairing import pair_recordings

PATHS = st.lists(
    st.sampled_from([f"{f}/{n}" for f in "abc" for n in ("R1.wav", "R2.wav", "R3")]), unique=True
)


def test_equal_paths_are_equal_however_they_are_spelt() -> None:
    paired = pair_recordings(["./site/../site/a.wav", "D:\\x\\b.wav"], ["site/a.wav", "D:/x/b.wav"])
    assert paired.known_as == {"./site/../site/a.wav": "site/a.wav", "D:\\x\\b.wav": "D:/x/b.wav"}
    assert (paired.by_name, paired.unknown) == ((), ())


def test_a_path_decides_before_a_name() -> None:
    paired = pair_recordings(["x/R1.wav", "y/R1.wav"], ["y/R1.wav", "x/R1.wav"])
    assert paired.known_as == {"x/R1.wav": "x/R1.wav", "y/R1.wav": "y/R1.wav"}


def test_unique_names_decide_where_paths_differ() -> None:
    paired = pair_recordings(
        ["/mnt/R1.wav", "/mnt/R2.wav", "new/R9.wav"], ["D:\\card\\R1.wav", "/mnt/R2.wav"]
    )
    assert paired.known_as == {"/mnt/R1.wav": "D:\\card\\R1.wav", "/mnt/R2.wav": "/mnt/R2.wav"}
    assert paired.by_name == ("/mnt/R1.wav",)
    assert paired.unknown == ("new/R9.wav",)


def test_a_name_without_ending_fits_one_with_an_ending_but_endings_differ() -> None:
    assert pair_recordings(["labels/R1"], ["R1.wav"]).known_as == {"labels/R1": "R1.wav"}
    assert pair_recordings(["x/R1.wav"], ["R1"]).known_as == {"x/R1.wav": "R1"}
    assert pair_recordings(["x/R1.flac"], ["R1.wav"]).unknown == ("x/R1.flac",)


def test_urls_stay_urls() -> None:
    assert pair_recordings(["s3://a/R.wav"], ["s3://a/R.wav"]).by_name == ()
    assert pair_recordings(["s3://a/R.wav"], ["s3://b/R.wav"]).by_name == ("s3://a/R.wav",)


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (["mnt/R1.wav"], ["a/R1.wav", "b/R1.wav"]),
        (["a/R1.wav", "b/R1.wav"], ["R1.wav"]),
        (["mnt/R1"], ["mnt/R1.wav", "mnt/R1.flac"]),
    ],
)
def test_a_name_that_could_mean_several_is_an_error(found: list[str], known: list[str]) -> None:
    with pytest.raises(LabelError, match="full paths") as caught:
        pair_recordings(found, known)
    assert all(one in str(caught.value) for one in [*found, *known])


@given(found=PATHS, known=PATHS)
def test_no_recording_is_ever_two(found: list[str], known: list[str]) -> None:
    try:
        paired = pair_recordings(found, known)
    except LabelError:
        return
    assert len(set(paired.known_as.values())) == len(paired.known_as)
    assert set(paired.known_as) | set(paired.unknown) == set(found)
    assert all(paired.known_as[one] == one for one in set(found) & set(known))
