"""Where results go: a folder, or a server's folder by way of one.

A ledger is written to thousands of times and needs a disk of this computer. A run with an address for its
output therefore works in a local folder that belongs to that address, and what it wrote is copied at its end.
"""

import hashlib
import json
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ndoki.audio.access import access, file_system, is_url, kind_of
from ndoki.audio.patience import begin, patiently, result_of
from ndoki.audio.remote_file import is_there
from ndoki.audio.storage import open_binary
from ndoki.audio.store_calls import write
from ndoki.batch.session import ledger_path
from ndoki.core.errors import ConfigError, InputError, OutputError, RemoteError
from ndoki.tables.atomic import is_leftover, write_bytes

__all__ = ["Outlet", "announce", "fetch_ledger", "outlet", "publish"]

_AT_ONCE = 8
_INSIDE = re.compile(r"(\.before-[^/\\]*)?[/\\]")
_LEDGER = ".ndoki/ledger.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """``folder`` is on this computer; ``url`` is where its content is copied to, None if nowhere."""

    folder: Path
    url: str | None = None

    def __str__(self) -> str:
        return self.url or str(self.folder)

    def holds(self, source: str) -> bool:
        """Whether a recording lies among the results, those that --restart moved aside included."""
        place = self.url or os.path.abspath(self.folder)  # noqa: PTH100
        return source.startswith(place) and _INSIDE.match(source, len(place)) is not None


def outlet(out: str | Path) -> Outlet:
    """What is meant by ``--out``.

    Raises
    ------
    ConfigError
        Nothing can be written to an address of that kind.
    """
    given = str(out)
    if not is_url(given):
        return Outlet(folder=Path(given))
    url = given.rstrip("/")
    if kind_of(url) in (None, "http"):
        raise ConfigError(
            f"{url}: results cannot be written there; give a folder, or az://, abfs://, s3:// or gs://"
        )
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Outlet(
        folder=Path(cache) / "ndoki" / "runs" / f"{url.rpartition('/')[2] or 'run'}-{digest}", url=url
    )


def announce(place: Outlet) -> None:
    """Say on the server where the run is at work; whether it may be written to shows now, not after days.

    Raises
    ------
    OutputError
        It may not.
    """
    if place.url:
        told = {"host": socket.gethostname(), "folder": str(place.folder.absolute())}
        _put_all(place, {".ndoki/run.json": lambda: json.dumps(told).encode()})


def publish(place: Outlet) -> None:
    """Copy the results to the server; ``summary.json`` comes last, so that where it is, all is.

    Raises
    ------
    OutputError
        The server does not take them. They are still in the local folder.
    """
    if not place.url:
        return
    contents = {
        path.relative_to(place.folder).as_posix(): path.read_bytes
        for path in sorted(place.folder.rglob("*"))
        if path.is_file() and not is_leftover(path) and path.parent != ledger_path(place.folder).parent
    }
    last = {name: contents.pop(name) for name in ("summary.json",) if name in contents}
    _put_all(place, contents | {_LEDGER: ledger_path(place.folder).read_bytes})
    _put_all(place, last)


def fetch_ledger(place: Outlet) -> None:
    """Get the ledger of a finished run from its server, where this computer has none.

    Raises
    ------
    OutputError
        The server does not say whether there is one.
    """
    path, url = ledger_path(place.folder), f"{place.url}/{_LEDGER}"
    if not place.url or path.exists():
        return
    try:
        if is_there(url):
            with open_binary(url) as file:
                write_bytes(path, file.read())
    except (InputError, RemoteError) as error:
        raise OutputError(f"{place.url}: cannot be looked into: {error}") from error


def _put_all(place: Outlet, contents: Mapping[str, Callable[[], bytes]]) -> None:
    """Write files to the server, several at a time; contents are read when their turn comes."""
    waiting: deque[Future[None]] = deque()
    try:
        for name, content in contents.items():
            if len(waiting) >= _AT_ONCE:
                result_of(waiting.popleft())
            url, data = f"{place.url}/{name}", content()
            fs, path = file_system(url)
            put = partial(write, kind_of(url) or "", fs, path, data)
            waiting.append(begin(patiently(put, access(), n_bytes=len(data))))
        while waiting:
            result_of(waiting.popleft())
    except (InputError, RemoteError) as error:
        raise OutputError(
            f"{place.url}: cannot be written to: {error}; what there is of the results is in {place.folder}, "
            "and the same command goes on from there"
        ) from error
    finally:
        for left in waiting:
            left.cancel()
