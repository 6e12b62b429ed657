"""Requests that fail: made again where that can help, and told in a sentence where it cannot."""

import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from random import SystemRandom
from typing import Any, TypeVar

from ndoki.audio.access import Access, access
from ndoki.core.errors import NdokiError, RemoteError

__all__ = [
    "abandon_requests",
    "begin",
    "failures",
    "is_missing",
    "patiently",
    "reason",
    "result_of",
    "take_requests",
]

_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 60.0
_SLOWEST_BYTES_PER_S = 8192
_WORTH_ANOTHER_TRY = frozenset((408, 425, 429))
_FOREIGN = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
)
_CUT_OFF = "aiohttp.http_exceptions"
_NO_CREDENTIALS = ("NoCredentials", "PartialCredentials", "CredentialUnavailable", "ClientAuthentication",
                   "DefaultCredentials", "ProfileNotFound", "TokenRetrieval", "RefreshError")  # fmt: skip
_requests: "set[Future[Any]]" = set()
_is_stopped, _changing = threading.Event(), threading.Lock()
_random = SystemRandom()
T = TypeVar("T")


def failures(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What a request may raise, and others; of the packages that are loaded, as none has to be installed."""
    foreign = [getattr(sys.modules[module], name) for module, name in _FOREIGN if module in sys.modules]
    return (OSError, *foreign, *others)


async def patiently(
    ask: Callable[[], Awaitable[T]], wanted: Access, *, n_bytes: int = 0, attempts: int | None = None
) -> T:
    """Ask until there is an answer, an error that stays, or no patience left.

    Parameters
    ----------
    ask
        Makes the request once.
    n_bytes
        How much is moved. A line that moves less than 8 kB per second is taken for dead.
    attempts
        Instead of ``wanted.attempts``.

    Raises
    ------
    Exception
        One of `failures`.
    """
    import asyncio

    attempts = attempts or wanted.attempts
    for attempt in range(1, attempts + 1):
        try:
            return await asyncio.wait_for(ask(), 2 * wanted.timeout_s + n_bytes / _SLOWEST_BYTES_PER_S)
        except failures() as error:
            if attempt == attempts or _is_lasting(error):
                raise
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 1))
        # Many workers that met the same hiccup must not come back at the same moment.
        await asyncio.sleep(_random.uniform(wait_s / 2, wait_s))
    raise RemoteError("no attempt was allowed")


def begin(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start a request in the background.

    Raises
    ------
    RemoteError
        Requests were abandoned.
    """
    import asyncio

    from fsspec.asyn import get_loop

    with _changing:
        if _is_stopped.is_set():
            work.close()
            raise RemoteError("the run was stopped")
        future = asyncio.run_coroutine_threadsafe(work, get_loop())
        _requests.add(future)
    future.add_done_callback(_requests.discard)
    return future


def result_of(future: "Future[T]") -> T:
    """Wait for a request, and tell its failure as one of this package.

    Raises
    ------
    RemoteError
        No answer, or one that helps nobody. The message lacks the file's name.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise RemoteError("the run was stopped") from error
    except NdokiError:
        raise
    except failures() as error:
        raise RemoteError(reason(error)) from error


def abandon_requests() -> None:
    """Give up all requests: who waits for one, or makes one, gets a RemoteError at once."""
    with _changing:
        _is_stopped.set()
        under_way = list(_requests)
    for future in under_way:
        future.cancel()


def take_requests() -> None:
    """Make requests again, after `abandon_requests`."""
    _is_stopped.clear()


def is_missing(error: BaseException) -> bool:
    """Whether a server says that there is no such file."""
    status = _status(error)
    return status == 404 or (status is None and isinstance(error, FileNotFoundError))


def reason(error: BaseException) -> str:
    """What went wrong and what to do, in one sentence."""
    status, kinds = _status(error), [type(one).__name__ for one in _chain(error)]
    if is_missing(error):
        return "there is no such file"
    if status in (401, 403) or isinstance(error, PermissionError) or _lacks_credentials(kinds):
        return (
            "access is refused; check credentials in the environment, or give --anonymous if it is public "
            "(docs/reference/storage.md)"
        )
    if any(isinstance(one, socket.gaierror) for one in _chain(error)) or any("DNS" in one for one in kinds):
        return "the server's name cannot be resolved; check the address and the network"
    if isinstance(error, TimeoutError) or any("Timeout" in one for one in kinds):
        return f"the server gave no answer within {access().timeout_s:g} s, in {access().attempts} attempts"
    if status is not None:
        return f"the server answers with error {status}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or kinds[0]


def _is_lasting(error: BaseException) -> bool:
    """Whether the same request would fail again."""
    status = _status(error)
    if status is not None:
        return 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
    kinds = [type(one).__name__ for one in _chain(error)]
    lasting = (FileNotFoundError, PermissionError, IsADirectoryError, NdokiError)
    return isinstance(error, lasting) or _lacks_credentials(kinds)


def _lacks_credentials(kinds: list[str]) -> bool:
    return any(kind.startswith(_NO_CREDENTIALS) for kind in kinds)


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or getattr(following, "os_error", None) or following.__context__


def _status(error: BaseException) -> int | None:
    """Status code of the answer, where there was one, by whichever name a package gives it."""
    for one in _chain(error):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0) or None
        # aiohttp has a code 400 for answers that were cut off.
        named = ("status", "status_code", "code") if type(one).__module__ != _CUT_OFF else ()
        for name in named:
            value = getattr(one, name, None)
            if isinstance(value, int) and value >= 400:
                return value
    return None
