"""Where the sound lies that a table is about: tables travel, and sounds are moved."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ndoki.core.errors import TableError
from ndoki.tables.recognise import recording_of

__all__ = ["locate"]


def locate(named: str, table: Path, sounds: Sequence[str] | None) -> str:
    """Find the sound that a table names.

    Parameters
    ----------
    named
        Path or name as the table tells it; an empty one stands for the sound of the table's own name.
    table
        Where the table lies.
    sounds
        What there is to choose from: the one that shares most of the path wins. When None, the sound is
        looked for at its path, and beside the table.

    Raises
    ------
    TableError
        It is not there, or several sounds could be it.
    """
    if "://" in named:
        return named
    if sounds is None:
        return _beside(named, table)
    if not named and len(sounds) == 1:
        return sounds[0]
    shown = PurePosixPath(named or recording_of(table)).name
    wanted = _parts(named or recording_of(table))
    by_tail: dict[int, list[str]] = {}
    for source in sounds:
        by_tail.setdefault(_n_common_tail(wanted, _parts(source)), []).append(source)
    n_best = max(by_tail)
    if n_best == 0:
        raise TableError(
            f"is about {shown}, which is not among the {len(sounds)} recording(s) of --audio; give the "
            "folder that holds it"
        )
    if len(by_tail[n_best]) > 1:
        raise TableError(
            f"is about {shown}, which could be any of {', '.join(by_tail[n_best])}; "
            "give a folder with --audio that holds one of them"
        )
    return by_tail[n_best][0]


def _beside(named: str, table: Path) -> str:
    """The sound at its path as told, else with as much of that path as is there beside the table.

    A path that is not absolute is never taken to begin where the command runs: recorders share file names.
    """
    if not named:
        own = Path(recording_of(table))
        if own.is_file():
            return str(own)
        raise TableError(
            "does not say which sound it is about (no Begin Path, no Begin File), and none of its name lies "
            "beside it; give the sound with --audio"
        )
    if Path(named).is_absolute() and Path(named).is_file():
        return named
    parts = [part for part in PurePosixPath(named).parts if part not in ("/", "..")]
    tails = (table.parent.joinpath(*parts[first:]) for first in range(len(parts)))
    for path in tails:
        if path.is_file():
            return str(path)
    raise TableError(
        f"is about {named}, which is neither there nor beside the table; give its folder with --audio"
    )


def _n_common_tail(wanted: Sequence[str], found: Sequence[str]) -> int:
    """How many last parts of two paths are alike; a wanted name may lack its ending."""
    last = found[-1]
    if wanted[-1] not in (last, PurePosixPath(last).stem):
        return 0
    n_common = 1
    for one, other in zip(reversed(wanted[:-1]), reversed(found[:-1]), strict=False):
        if one != other:
            break
        n_common += 1
    return n_common


def _parts(source: str) -> list[str]:
    return [part.casefold() for part in source.replace("\\", "/").split("/") if part] or [""]
