"""A run in parts: which part hears which recording, and how their ledgers become one."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ndoki.batch.ledger import Ledger
from ndoki.batch.session import DONE, ledger_path, opened
from ndoki.core.errors import ConfigError

__all__ = ["SHARD", "check_shards", "merge_shards", "parse_shard", "shard_of"]

SHARD = "--shard"
"""The setting that says which part a run is."""


def parse_shard(text: str) -> tuple[int, int]:
    """``2/8`` → (2, 8): the second of eight parts.

    Raises
    ------
    ConfigError
        For anything else.
    """
    parts = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    part, n_parts = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if not 1 <= part <= n_parts:
        raise ConfigError(f"--shard {text!r} is no part of a whole; write 1/8 to 8/8 for eight parts")
    return part, n_parts


def shard_of(source: str, n_parts: int) -> int:
    """Part, from 1 to ``n_parts``, that hears a recording. It depends on nothing but the path."""
    digest = hashlib.blake2s(source.encode("utf-8", errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % n_parts + 1


def check_shards(folders: Sequence[Path], settings: Mapping[str, str]) -> list[str]:
    """Sources of all parts of a run, in no order.

    Parameters
    ----------
    folders
        Output folders of the parts.
    settings
        What they must all have been run with.

    Raises
    ------
    ConfigError
        A part is missing, unfinished, given twice, or was run with other settings.
    """
    sources: list[str] = []
    parts: list[tuple[int, int]] = []
    for folder in folders:
        if not ledger_path(folder).is_file():
            raise ConfigError(f"{folder} holds no run; give the --out folders of `ndoki detect --shard`")
        with opened(ledger_path(folder)) as connection:
            had = dict(connection.execute("SELECT name, value FROM setting"))
            last = connection.execute("SELECT state FROM session ORDER BY id DESC LIMIT 1").fetchone()
            rows = connection.execute("SELECT source FROM recording WHERE place IS NOT NULL")
            sources += [source for (source,) in rows]
        differing = [name for name in settings if had.get(name) != settings[name]]
        if differing:
            said = "; ".join(f"{name} was {had.get(name)} and is now {settings[name]}" for name in differing)
            raise ConfigError(f"{folder} was run with other settings: {said}; give the same options to merge")
        if last is None or last[0] != DONE:
            raise ConfigError(f"the run in {folder} is not finished; give its command again, then merge")
        parts.append(parse_shard(had.get(SHARD, "1/1")))
    n_parts = parts[0][1] if parts else 0
    if sorted(parts) != [(part, n_parts) for part in range(1, n_parts + 1)]:
        said = ", ".join(f"{part}/{of}" for part, of in sorted(parts))
        raise ConfigError(f"parts {said} were given; expected each of 1/n to n/n once")
    return sources


def merge_shards(ledger: Ledger, folders: Sequence[Path], in_order: Sequence[str]) -> None:
    """Copy what the parts heard into one ledger.

    Parameters
    ----------
    folders, in_order
        What `check_shards` accepted, and the sources that it returned, in the order of the tables.
    """
    ledger.forget()
    for folder in folders:
        ledger.take(ledger_path(folder))
    ledger.place(in_order)
