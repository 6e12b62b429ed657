"""Where recordings lie: local folders, and whatever fsspec can open (az://, s3://, https://) alike."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from ndoki.audio.access import is_url, kind_of
from ndoki.audio.listing import RECORDING_SUFFIXES, list_recordings
from ndoki.audio.patience import failures, reason
from ndoki.audio.remote_file import RemoteFile
from ndoki.core.errors import AudioError, InputError, RemoteError

__all__ = [
    "RECORDING_SUFFIXES",
    "content_identity",
    "find_recordings",
    "in_order",
    "open_binary",
    "stream_recordings",
]

_IDENTITY_BYTES = 1 << 16
_DIGITS = re.compile("([0-9]+)")
_SEPARATORS = str.maketrans("/\\", "\0\0")
_CHANGED_KEYS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "created", "updated")


def find_recordings(inputs: Sequence[str]) -> list[str]:
    """Files as they are, folders walked to the bottom.

    Parameters
    ----------
    inputs
        Paths or URLs of files and folders. A file is taken whatever its name; in folders only names that
        end in one of `RECORDING_SUFFIXES` (in any case) count, and neither AppleDouble companions
        (``._x.wav``) nor what lies in a card's waste-bin folder.

    Returns
    -------
    Sorted as people sort (``day2`` before ``day10``), each file once even if it was reached twice. Names
    begin as the input began: relative stays relative.

    Raises
    ------
    InputError
        When an input does not exist, cannot be listed, or is a folder without any recording.
    """
    return in_order(name for some in stream_recordings(inputs) for name in some)


def stream_recordings(inputs: Sequence[str]) -> Iterator[list[str]]:
    """What `find_recordings` finds, in no order, as soon as it is found: local files first, all at once.

    Raises
    ------
    InputError
        As `find_recordings`. That every input is there, and holds something, is seen before anything is
        yielded.
    """
    if not inputs:
        raise InputError("no input was given; name at least one sound file or folder")
    local = [one for given in inputs if not is_url(given) for one in _all_of(given)]
    remote = [_begun(given) for given in inputs if is_url(given)]
    return _each_once(_by_plainest_name(local), remote)


def _all_of(given: str) -> list[tuple[str, str]]:
    found = [one for some in list_recordings(given) for one in some]
    if not found:
        raise _empty(given)
    return found


def _begun(given: str) -> Iterator[list[tuple[str, str]]]:
    """The listing of a URL, looked into up to its first recording."""
    parts = list_recordings(given)
    for some in parts:
        if some:
            return chain([some], parts)
    raise _empty(given)


def _empty(given: str) -> InputError:
    return InputError(
        f"the folder {given} holds no recording; "
        f"expected files that end in {', '.join(sorted(RECORDING_SUFFIXES))}"
    )


def _by_plainest_name(local: list[tuple[str, str]]) -> list[str]:
    """Each file by one name; one that leads through no links or ``..``, where it has such a name."""
    real = dict(local)
    if len(set(real.values())) == len(real):
        return in_order(real)
    here = os.getcwd()  # noqa: PTH109 -- with os.path.join, for each of many files
    plain: dict[str, str] = {}
    for name in in_order(real):
        if os.path.join(here, name) == real[name]:  # noqa: PTH118
            plain[real[name]] = name
        else:
            plain.setdefault(real[name], name)
    return in_order(plain.values())


def _each_once(local: list[str], remote: list[Iterator[list[tuple[str, str]]]]) -> Iterator[list[str]]:
    if local:
        yield local
    seen: set[str] = set()
    for parts in remote:
        for some in parts:
            new = [name for name, _ in some if name not in seen]
            seen.update(new)
            yield in_order(set(new))


def in_order(sources: Iterable[str]) -> list[str]:
    """Names as people sort them: ``day2`` before ``day10``."""
    return sorted(sources, key=_natural_key)


def open_binary(source: str) -> BinaryIO:
    """Open a file for reading bytes at any position. The caller closes it.

    Raises
    ------
    AudioError
        When the file does not exist or may not be read.
    """
    try:
        if kind_of(source):
            return cast("BinaryIO", RemoteFile(source))
        if is_url(source):
            from fsspec.core import url_to_fs

            fs, path = url_to_fs(source)
            return cast("BinaryIO", fs.open(path, "rb"))
        return Path(source).open("rb")
    except RemoteError as error:
        raise RemoteError(f"cannot open {source}: {error}") from error
    except failures(InputError, ImportError, ValueError) as error:
        raise AudioError(f"cannot open {source}: {reason(error)}") from error


def content_identity(source: str, file: BinaryIO) -> str:
    """Text that changes when a file's content does: size, time of change, digest of its first 64 KiB.

    Hashing all of it would cost as much as hearing it. Of a file on a server, what counts is the version that
    the server tells (ETag), or the time of change where it tells none.

    Parameters
    ----------
    source, file
        The file's name, and what `open_binary` made of it. It is left at another position.

    Raises
    ------
    AudioError
        When it cannot be read.
    """
    try:
        size, changed = _version(source, file)
        file.seek(0)
        digest = hashlib.sha256(file.read(_IDENTITY_BYTES)).hexdigest()
    except RemoteError as error:
        raise RemoteError(f"cannot read {source}: {error}") from error
    except failures() as error:
        raise AudioError(f"cannot read {source}: {reason(error)}") from error
    return f"{size} {changed} {digest}"


def _version(source: str, file: BinaryIO) -> tuple[int, str]:
    if isinstance(file, RemoteFile):
        return file.told.size_bytes, file.told.changed
    if is_url(source):
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(source)
        info = fs.info(path)
        return info.get("size"), str(next((info[key] for key in _CHANGED_KEYS if info.get(key)), ""))
    told = os.fstat(file.fileno())
    return told.st_size, str(told.st_mtime_ns)


def _natural_key(source: str) -> tuple[list[str | int], str]:
    # Splitting at digits alternates text and number, so that like is compared with like. A separator sorts
    # before every character, so that folder is compared with folder.
    pieces: list[str | int] = list(_DIGITS.split(source.casefold().translate(_SEPARATORS)))
    pieces[1::2] = map(int, pieces[1::2])
    return pieces, source
