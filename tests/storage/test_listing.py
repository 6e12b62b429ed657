"""Folders on servers: what counts, page by page, and what is said when nothing is there."""

import sys
from pathlib import Path

import pytest
from places import Place, Reach
from ranged_http import serving

from ndoki.audio.access import Access, file_system, reached_by
from ndoki.audio.patience import begin, result_of
from ndoki.audio.storage import find_recordings, open_binary
from ndoki.audio.store_calls import page
from ndoki.core.errors import AudioError, InputError

HASTE = Access(attempts=2, timeout_s=2.0)


@pytest.fixture(params=["http", "s3", "azure"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


def test_the_same_names_as_on_a_disk(place: Place, card: Path, reach: Reach) -> None:
    url = reach(place, place.port)
    expected = [one.removeprefix(str(card)) for one in find_recordings([str(card)])]
    assert [one.removeprefix(url) for one in find_recordings([url])] == expected
    assert [one.removeprefix(url) for one in find_recordings([f"{url}/", f"{url}/kp2"])] == expected
    (one,) = find_recordings([f"{url}{expected[0]}"])
    with open_binary(one) as file:
        assert file.read() == (card / expected[0][1:]).read_bytes()


def test_nothing_there(place: Place, reach: Reach) -> None:
    url = reach(place, place.port)
    with reached_by(HASTE):
        for name in ("none.wav", "none"):
            with pytest.raises(InputError, match=f"there is no file or folder {url}/{name}"):
                find_recordings([url, f"{url}/{name}"])
        with pytest.raises(AudioError, match=r"cannot open .*none\.wav: there is no such file"):
            open_binary(f"{url}/none.wav")


def test_a_server_that_is_not_there(place: Place, reach: Reach) -> None:
    with serving(object) as closed:
        pass
    with reached_by(Access(attempts=1)), pytest.raises(InputError, match="cannot look into"):
        find_recordings([f"{reach(place, closed)}/none.wav"])


def test_a_bucket_or_container_that_is_not_there(s3: Place, reach: Reach) -> None:
    reach(s3, s3.port)
    with reached_by(HASTE), pytest.raises(InputError, match="there is no file or folder s3://nowhere"):
        find_recordings(["s3://nowhere"])


def test_no_credentials(s3: Place, reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    url = reach(s3, s3.port)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with reached_by(HASTE), pytest.raises(InputError, match=r"access is refused; .* --anonymous"):
        find_recordings([url])
    with reached_by(Access(anonymous=True)):
        assert len(find_recordings([url])) > 20


def test_a_private_container_without_credentials(
    azure: Place, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(azure, azure.port)
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    for kind in ("az", "abfs"):
        with pytest.raises(InputError, match=f"{kind}:// cannot be used: .*account_name"):
            find_recordings([f"{kind}://forest/2026"])


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_pages_follow_each_other(kind: str, request: pytest.FixtureRequest, card: Path, reach: Reach) -> None:
    place: Place = request.getfixturevalue(kind)
    fs, folder = file_system(reach(place, place.port))
    names, n_pages, token = [], 0, None
    while n_pages == 0 or token:
        some, token = result_of(begin(page(kind, fs, folder, token, n_names=7)))
        names += some
        n_pages += 1
        assert len(some) <= 7
    files = [path.relative_to(card).as_posix() for path in card.rglob("*") if path.is_file()]
    assert names == sorted(f"{folder}/{name}" for name in files)
    assert n_pages == -(-len(files) // 7)


@pytest.mark.parametrize(
    ("protocol", "package", "extra"),
    [("s3", "s3fs", "s3"), ("az", "adlfs", "azure"), ("gs", "gcsfs", "gcs"), ("https", "aiohttp", "http")],
)
def test_a_package_that_is_missing_is_named(
    protocol: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    for name in (protocol, "http", "abfs", "gcs"):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, name, raising=False)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=rf'{protocol}:// needs a package .* pip install "ndoki\[{extra}\]"'):
        find_recordings([f"{protocol}://forest/2026"])
