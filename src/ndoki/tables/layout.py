"""Which file holds what: names that every system accepts, one per recording, none twice."""

import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ndoki.core.errors import TableError
from ndoki.core.types import Event, Recording
from ndoki.tables.row import source_in_files

__all__ = ["events_by_recording", "mirrored_names", "safe_name", "unique_name"]

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MAX_BYTES = 120


def safe_name(text: str) -> str:
    """One folder or file name that Windows, macOS and Linux accept, as near to ``text`` as possible.

    Forbidden characters become ``_``; names that Windows keeps for devices get one in front; the length
    is at most 120 bytes of UTF-8, which leaves room for endings. Never empty.
    """
    name = _FORBIDDEN.sub("_", text)
    name = name.encode("utf-8")[:_MAX_BYTES].decode("utf-8", errors="ignore").strip(" ").rstrip(". ")
    if not name or _RESERVED.fullmatch(name):
        name = f"_{name}"
    return name


def _folded(name: str) -> str:
    """Two names that are equal here are one file on some system."""
    return unicodedata.normalize("NFC", name).casefold()


def unique_name(name: str, taken: set[str]) -> str:
    """``name``, or ``name-2``, ``name-3`` … if it is taken; adds what it returns to ``taken``."""
    candidate, number = name, 1
    while _folded(candidate) in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(_folded(candidate))
    return candidate


def mirrored_names(sources: Sequence[str]) -> list[PurePosixPath]:
    """A relative path without ending for each recording, mirroring their folders below the common root.

    ``/cards/a/R1.wav`` and ``/cards/b/R1.wav`` give ``a/R1`` and ``b/R1``. Where two recordings differ in
    their ending only, the ending stays in the name; what is still equal is numbered.

    Parameters
    ----------
    sources
        Paths or URLs, as given.

    Returns
    -------
    list of PurePosixPath
        One for each source, in their order; unique also where upper and lower case are the same.
    """
    split = [_parts(source) for source in sources]
    n_root = _n_common([parts[:-1] for parts in split])
    folders = [PurePosixPath(*map(_folder_name, parts[n_root:-1])) for parts in split]
    stems = [
        str(folder / safe_name(PurePosixPath(parts[-1]).stem))
        for folder, parts in zip(folders, split, strict=True)
    ]
    count = Counter(map(_folded, stems))
    taken: set[str] = set()
    return [
        PurePosixPath(
            unique_name(stem if count[_folded(stem)] == 1 else str(folder / safe_name(parts[-1])), taken)
        )
        for stem, folder, parts in zip(stems, folders, split, strict=True)
    ]


def _parts(source: str) -> tuple[str, ...]:
    """Folders and name of a source, without scheme, root, ``.`` and resolvable ``..``."""
    path = source_in_files(source)
    if "://" in path:
        path = path.split("://", 1)[1]
    parts = tuple(part for part in posixpath.normpath(path).split("/") if part not in ("", "."))
    return parts or ("_",)


def _folder_name(part: str) -> str:
    # A leading `..` must not lead out of the output folder.
    return "_up" if part == ".." else safe_name(part)


def _n_common(folders: Iterable[tuple[str, ...]]) -> int:
    """How many leading folders all have in common."""
    n_common = 0
    for names in zip(*folders, strict=False):
        if len(set(names)) > 1:
            break
        n_common += 1
    return n_common


def events_by_recording(
    events: Sequence[Event], recordings: Sequence[Recording]
) -> dict[Recording, list[Event]]:
    """Events of each recording, recordings and events in the order given; also those without events.

    Raises
    ------
    TableError
        An event belongs to a recording that is not listed.
    """
    groups: dict[Recording, list[Event]] = {recording: [] for recording in recordings}
    for event in events:
        if event.recording not in groups:
            raise TableError(
                f"an event lies in {event.recording.source}, which is not among the {len(groups)} recordings "
                "given; expected every event's recording; pass all recordings in the order they were opened"
            )
        groups[event.recording].append(event)
    return groups
