"""Which recording of one table is which of another: by path, else by a name that is unique."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ndoki.core.errors import LabelError

__all__ = ["Pairing", "pair_recordings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The same recordings under two names.

    Attributes
    ----------
    known_as
        For each name that was found, the name under which the recording is known; those that are not
        known are left out.
    by_name
        Those whose paths differ, so that the file's name alone had to decide.
    unknown
        Names that stand for none of the known recordings.
    """

    known_as: Mapping[str, str]
    by_name: tuple[str, ...]
    unknown: tuple[str, ...]


def pair_recordings(found: Iterable[str], known: Iterable[str]) -> Pairing:
    """Find out which known recording each found name stands for.

    Equal paths are the same recording. For what is left, equal file names are, where only one recording
    on either side has that name. A name without ending (of a label track) equals one with an ending.

    Parameters
    ----------
    found, known
        Paths or URLs; backslashes count as slashes.

    Raises
    ------
    LabelError
        A name fits several recordings: a guess could credit one recorder with another's events.
    """
    by_place = {_place(one): one for one in known}
    known_as = {one: by_place[_place(one)] for one in found if _place(one) in by_place}
    rest = [one for one in dict.fromkeys(found) if one not in known_as]
    free = [one for one in by_place.values() if one not in set(known_as.values())]
    fits = {one: [other for other in free if _same_name(one, other)] for one in rest}
    for one, others in fits.items():
        rivals = [other for other in rest if set(fits[other]) & set(others)]
        if len(others) > 1 or len(rivals) > 1:
            raise LabelError(
                f"{one}: by its name it could be any of {', '.join(others)}"
                + (f", and so could {', '.join(r for r in rivals if r != one)}" if len(rivals) > 1 else "")
                + "; several recordings share the name, so give tables that hold their full paths"
            )
    named = {one: others[0] for one, others in fits.items() if others}
    return Pairing(
        known_as=known_as | named,
        by_name=tuple(named),
        unknown=tuple(one for one, others in fits.items() if not others),
    )


def _place(source: str) -> str:
    """A path in one spelling."""
    return source if "://" in source else os.path.abspath(source.replace("\\", "/"))  # noqa: PTH100


def _same_name(one: str, other: str) -> bool:
    """Whether two file names are equal, or differ in that only one of them has an ending."""
    names = [PurePosixPath(source.replace("\\", "/")) for source in (one, other)]
    first, second = names
    return first.name in (second.name, second.stem) or second.name == first.stem
