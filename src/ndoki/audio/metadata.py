"""Everything that a file's metadata chunks say, in one place and in order of precedence. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from ndoki.audio.audiomoth import read_artist, read_comment
from ndoki.audio.guano import read_guano
from ndoki.audio.notes import RecorderNotes, merged
from ndoki.audio.song_meter import read_wamd

__all__ = ["RecorderNotes", "read_metadata"]

_READERS = MappingProxyType(
    {"guan": read_guano, "wamd": read_wamd, "ICMT": read_comment, "IART": read_artist}
)


def read_metadata(chunks: Mapping[str, bytes]) -> RecorderNotes:
    """Merge what ``guan``, ``wamd``, ``ICMT`` and ``IART`` say; for each field the first to tell it counts.

    Parameters
    ----------
    chunks
        Raw chunks by their four letters, as in ``Header.metadata``; others are passed over.
    """
    notes = RecorderNotes()
    for name, read in _READERS.items():
        if chunks.get(name):
            notes = merged(notes, read(chunks[name]))
    return notes
