"""Which recordings lie in a folder, on a disk or on a server, told as they are found."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ndoki.audio.access import access, file_system, is_url, kind_of
from ndoki.audio.patience import begin, failures, is_missing, patiently, reason, result_of
from ndoki.audio.remote_file import ask, is_there
from ndoki.audio.store_calls import PAGED, page
from ndoki.core.errors import InputError, RemoteError

__all__ = ["RECORDING_SUFFIXES", "list_recordings"]

RECORDING_SUFFIXES = frozenset(
    {".wav", ".w64", ".rf64", ".bwf", ".wave", ".aif", ".aiff", ".flac", ".ogg", ".oga", ".mp3"}
)
_BINS = (".trash", "$recycle.bin")  # an SD card carries its deleted recordings along
_FIRST_ATTEMPTS = 5  # whoever mistyped an address sits and waits
_log = logging.getLogger(__name__)


def list_recordings(given: str) -> Iterator[list[tuple[str, str]]]:
    """Recordings that one input stands for, some at a time.

    Yields
    ------
    Name, which begins as ``given`` does, and what it really is: two names of one file have that in common.

    Raises
    ------
    InputError
        It does not exist, or cannot be listed.
    """
    if not is_url(given):
        return _on_disk(given)
    return _on_server(given) if kind_of(given) else _elsewhere(given)


def _nothing_there(given: str) -> InputError:
    return InputError(f"there is no file or folder {given}; check the name and whether the card is mounted")


def _is_left_out(name: str) -> bool:
    return name.lower().startswith((*_BINS, "._"))


def _is_recording(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in RECORDING_SUFFIXES  # noqa: PTH122 -- called for each of millions


def _on_disk(given: str) -> Iterator[list[tuple[str, str]]]:
    if not os.path.lexists(given) or not Path(given).exists():
        raise _nothing_there(given)
    real = os.path.realpath(given)
    if not Path(given).is_dir():
        yield [(given, real)]
        return
    pending, seen = [(given, real)], set()
    while pending:
        folder, real = pending.pop()
        if real in seen:
            continue
        seen.add(real)
        found, inner, linked = _in_folder(folder, real)
        pending += inner
        pending[:0] = linked  # last of all, so that a folder is met by its own name first
        yield found


_Named = list[tuple[str, str]]


def _in_folder(folder: str, real: str) -> tuple[_Named, _Named, _Named]:
    """Recordings, folders and linked folders in a folder on disk."""
    found: _Named = []
    inner: _Named = []
    linked: _Named = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_left_out(entry.name):
                    continue
                path = f"{folder.rstrip(os.sep)}{os.sep}{entry.name}"
                if entry.is_symlink():
                    if entry.is_dir():
                        linked.append((path, os.path.realpath(path)))
                    elif _is_recording(entry.name):
                        found.append((path, os.path.realpath(path)))
                elif entry.is_dir():
                    inner.append((path, f"{real.rstrip(os.sep)}{os.sep}{entry.name}"))
                elif _is_recording(entry.name):
                    found.append((path, f"{real.rstrip(os.sep)}{os.sep}{entry.name}"))
    except OSError as error:
        _log.warning("cannot list %s: %s", folder, error.strerror or error)
    return found, inner, linked


def _on_server(given: str) -> Iterator[list[tuple[str, str]]]:
    kind = kind_of(given) or ""
    fs, root = file_system(given)
    try:
        if not _is_folder(given, kind, root):
            yield [(given, given)]
            return
        root = root.rstrip("/")
        pages = _pages(kind, fs, root) if kind in PAGED else _walked(partial(_http_folder, fs), root, given)
        is_there = False
        for names in pages:
            is_there = is_there or bool(names)
            inside = (name[len(root) + 1 :] for name in names if name.startswith(f"{root}/"))
            yield _named(given, inside)
        if kind in PAGED and not is_there:
            raise _nothing_there(given)
    except RemoteError as error:
        cause = error.__cause__
        if cause is not None and is_missing(cause):
            raise _nothing_there(given) from error
        raise InputError(f"cannot look into {given}: {error}") from error


def _named(given: str, inside: Iterable[str]) -> list[tuple[str, str]]:
    """Recordings among names below a folder, with the folder's own name before them."""
    return [
        (f"{given.rstrip('/')}/{name}",) * 2
        for name in inside
        if _is_recording(name) and not any(map(_is_left_out, name.split("/")))
    ]


def _is_folder(given: str, kind: str, path: str) -> bool:
    """Whether an address is one of a folder. Of a missing object, it is: nothing else says so in a bucket."""
    if given.endswith("/") or (kind in PAGED and "/" not in path.strip("/")):
        return True
    if kind in PAGED:
        return not is_there(given, attempts=_FIRST_ATTEMPTS)
    return ask(given, attempts=_FIRST_ATTEMPTS).is_folder


def _pages(kind: str, fs: Any, root: str) -> Iterator[list[str]]:
    token: str | None = None
    attempts: int | None = _FIRST_ATTEMPTS
    while True:
        names, token = result_of(
            begin(patiently(partial(page, kind, fs, root, token), access(), attempts=attempts))
        )
        yield names
        if token is None:
            return
        attempts = None


_Folder = Callable[[str], list[tuple[str, bool]]]


def _http_folder(fs: Any, folder: str) -> list[tuple[str, bool]]:
    """Links of an index page, and whether each is a folder."""
    entries = result_of(begin(patiently(partial(fs._ls_real, f"{folder}/"), access())))
    return [(entry["name"].rstrip("/"), entry["name"].endswith("/")) for entry in entries]


def _walked(list_folder: _Folder, root: str, given: str) -> Iterator[list[str]]:
    """Files below a folder; folder by folder. One that cannot be listed is told, unless it is the first."""
    pending, seen = [root], {root}
    while pending:
        folder = pending.pop()
        try:
            entries = list_folder(folder)
        except failures() as error:
            if folder == root:
                raise
            _log.warning("cannot list %s in %s: %s", folder, given, reason(error))
            continue
        # A page also links to the folder above.
        inner = [name for name, is_folder in entries if is_folder and name.startswith(f"{root}/")]
        pending += [name for name in inner if name not in seen]
        seen.update(inner)
        yield [name for name, is_folder in entries if not is_folder]


def _elsewhere(given: str) -> Iterator[list[tuple[str, str]]]:
    """Whatever else fsspec knows, as it comes."""
    from fsspec.core import url_to_fs

    def list_folder(folder: str) -> list[tuple[str, bool]]:
        return [
            (str(one["name"]).rstrip("/"), one["type"] == "directory") for one in fs.ls(folder, detail=True)
        ]

    try:
        fs, path = url_to_fs(given)
        exists, is_folder = fs.exists(path), fs.isdir(path)
        if not exists:
            raise _nothing_there(given)
        if not is_folder:
            yield [(given, given)]
            return
        root = path.rstrip("/")
        for names in _walked(list_folder, root, given):
            inside = (name[len(root) + 1 :] for name in names)
            yield _named(given, inside)
    except failures(ImportError, ValueError) as error:
        raise InputError(f"cannot look into {given}: {reason(error)}") from error
