"""Where recordings lie: local folders now; whatever fsspec can open (az://, s3://, https://) alike."""

import hashlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ndoki.core.errors import AudioError, InputError

__all__ = ["RECORDING_SUFFIXES", "content_identity", "find_recordings", "in_order", "open_binary"]

RECORDING_SUFFIXES = frozenset(
    {".wav", ".w64", ".rf64", ".bwf", ".wave", ".aif", ".aiff", ".flac", ".ogg", ".oga", ".mp3"}
)
_BINS = (".trash", "$recycle.bin")  # an SD card carries its deleted recordings along
_IDENTITY_BYTES = 1 << 16
_CHANGED_KEYS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated")  # by kind of storage
_log = logging.getLogger(__name__)


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
    if not inputs:
        raise InputError("no input was given; name at least one sound file or folder")
    found: list[str] = []
    for given in inputs:
        names = list(_expand(given))
        found += names
        if not names:
            raise InputError(
                f"the folder {given} holds no recording; "
                f"expected files that end in {', '.join(sorted(RECORDING_SUFFIXES))}"
            )
    once: dict[str, str] = {}
    for name in sorted(found, key=lambda name: (_is_detour(name), _natural_key(name))):
        once.setdefault(_identity(name), name)
    return in_order(once.values())


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
        fs, path = _locate(source)
        return cast("BinaryIO", fs.open(path, "rb"))
    except (OSError, ImportError, ValueError) as error:
        raise AudioError(f"cannot open {source}: {_reason(error)}") from error


def content_identity(source: str) -> str:
    """Text that changes when a file's content does: size, time of change, digest of its first 64 KiB.

    Hashing all of it would cost as much as hearing it.

    Raises
    ------
    AudioError
        When the file does not exist or may not be read.
    """
    try:
        fs, path = _locate(source)
        if isinstance(fs, LocalFileSystem):
            told = Path(path).stat()
            size, changed = told.st_size, str(told.st_mtime_ns)
        else:
            info = fs.info(path)
            size = info.get("size")
            changed = str(next((info[key] for key in _CHANGED_KEYS if info.get(key)), ""))
        with fs.open(path, "rb") as file:
            digest = hashlib.sha256(file.read(_IDENTITY_BYTES)).hexdigest()
    except (OSError, ImportError, ValueError) as error:
        raise AudioError(f"cannot open {source}: {_reason(error)}") from error
    return f"{size} {changed} {digest}"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _is_url(source: str) -> bool:
    return "://" in source


def _locate(source: str) -> tuple[AbstractFileSystem, str]:
    # A local name is not parsed as a URL: brackets, '#', '::' and '%' are legal in it.
    if _is_url(source):
        fs, path = url_to_fs(source)
        return fs, path
    return LocalFileSystem(), os.fspath(Path(source).absolute())


def _identity(source: str) -> str:
    return source if _is_url(source) else os.path.realpath(source)


def _is_detour(source: str) -> bool:
    """Whether a path leads through links or ``..``; the plain name of a file is the better one."""
    return not _is_url(source) and os.fspath(Path(source).absolute()) != os.path.realpath(source)


def _expand(given: str) -> Iterator[str]:
    """Recordings that one input stands for."""
    try:
        fs, path = _locate(given)
        exists, is_folder = fs.exists(path), fs.isdir(path)
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"cannot look into {given}: {_reason(error)}") from error
    if not exists:
        raise InputError(
            f"there is no file or folder {given}; check the name and whether the card is mounted"
        )
    if not is_folder:
        yield given
        return
    root = path.rstrip("/") or "/"
    for file in _walk(fs, root):
        yield f"{given.rstrip('/')}/{file[len(root) :].lstrip('/')}"


def _walk(fs: AbstractFileSystem, root: str) -> Iterator[str]:
    """Recordings below a folder; a folder that is reached twice through links is listed once."""
    pending, seen = [root], set()
    while pending:
        folder = pending.pop()
        real = os.path.realpath(folder) if isinstance(fs, LocalFileSystem) else folder
        if real in seen:
            continue
        seen.add(real)
        try:
            entries = fs.ls(folder, detail=True)
        except OSError as error:
            _log.warning("cannot list %s: %s", folder, _reason(error))
            continue
        for entry in entries:
            path = str(entry["name"])
            name = re.split(r"[/\\]", path)[-1].lower()
            if name.startswith((*_BINS, "._")):
                continue
            if entry["type"] == "directory":
                pending.append(path)
            elif entry.get("islink") and fs.isdir(path):
                pending.insert(0, path)  # last of all, so that a folder is met by its own name first
            elif Path(name).suffix in RECORDING_SUFFIXES:
                yield path


def _natural_key(source: str) -> tuple[list[list[str | int]], str]:
    parts = re.split(r"[/\\]", source.casefold())
    # Splitting at digits alternates text and number, so that like is compared with like.
    return [
        [int(piece) if i % 2 else piece for i, piece in enumerate(re.split("([0-9]+)", part))]
        for part in parts
    ], source
