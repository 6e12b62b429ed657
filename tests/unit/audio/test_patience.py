"""Which failures are met again with a request, and how they are told."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp.http_exceptions import ContentLengthError
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from ndoki.audio import patience
from ndoki.audio.access import Access
from ndoki.audio.patience import (
    abandon_requests,
    begin,
    is_missing,
    patiently,
    reason,
    result_of,
    take_requests,
)
from ndoki.core.errors import RemoteError

WANTED = Access(attempts=5, timeout_s=0.05)


def aws(status: int) -> ClientError:
    return ClientError({"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


def web(status: int) -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(None, (), status=status)  # type: ignore[arg-type]


def azure(status: int, kind: type[HttpResponseError] = HttpResponseError) -> HttpResponseError:
    error = kind("said")
    error.status_code = status
    return error


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, without waiting."""
    waited: list[float] = []
    sleep = asyncio.sleep

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", wait)
    return waited


def failing(n: int, error: Exception) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    asked: list[int] = []

    async def ask() -> str:
        asked.append(1)
        if len(asked) <= n:
            raise error
        return "here"

    return ask, asked


PASSING = [
    web(500), web(503), web(429), web(408), aws(500), aws(503), azure(500), azure(503),
    ConnectionResetError(104, "Connection reset by peer"), aiohttp.ClientPayloadError("cut"),
    caused_by(aiohttp.ClientPayloadError("cut"), ContentLengthError("not enough")),
    aiohttp.ServerDisconnectedError(), ServiceRequestError("no way there"), TimeoutError(), OSError("half"),
    EndpointConnectionError(endpoint_url="http://x"),
]  # fmt: skip
LASTING = [
    (web(404), "there is no such file"),
    (aws(404), "there is no such file"),
    (azure(404), "there is no such file"),
    (FileNotFoundError(2, "x"), "there is no such file"),
    (web(403), "access is refused"),
    (caused_by(PermissionError("Forbidden"), aws(403)), "access is refused"),
    (azure(401, ClientAuthenticationError), "access is refused"),
    (NoCredentialsError(), "access is refused"),
    (web(416), "the server answers with error 416"),
    (RemoteError("no parts of files"), "no parts of files"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_asked_for_again(error: Exception, waits: list[float]) -> None:
    ask, asked = failing(4, error)
    assert result_of(begin(patiently(ask, WANTED))) == "here"
    assert len(asked) == 5
    assert len(waits) == 4
    for i, waited_s in enumerate(waits):
        assert 0.125 * 2**i <= waited_s <= 0.25 * 2**i


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_patience_ends(error: Exception, waits: list[float]) -> None:
    ask, asked = failing(9, error)
    with pytest.raises(RemoteError):
        result_of(begin(patiently(ask, WANTED)))
    assert len(asked) == 5


@pytest.mark.parametrize(("error", "said"), LASTING, ids=repr)
def test_what_stays_is_said_at_once(error: Exception, said: str, waits: list[float]) -> None:
    ask, asked = failing(1, error)
    with pytest.raises(RemoteError, match=said):
        result_of(begin(patiently(ask, WANTED)))
    assert (len(asked), waits) == (1, [])


def test_waits_grow_to_a_minute(waits: list[float]) -> None:
    ask, _ = failing(15, OSError("half"))
    result_of(begin(patiently(ask, Access(attempts=16))))
    assert min(waits[-4:]) >= 30
    assert max(waits) <= 60


def test_an_answer_that_never_comes() -> None:
    async def ask() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(RemoteError, match="no answer within"):
        result_of(begin(patiently(ask, WANTED, attempts=1)))


def test_whoever_stops_a_run_waits_for_no_answer() -> None:
    async def ask() -> str:
        await asyncio.Event().wait()
        return "never"

    waiting = begin(patiently(ask, Access(timeout_s=3600)))
    try:
        abandon_requests()
        with pytest.raises(RemoteError, match="the run was stopped"):
            result_of(waiting)
        with pytest.raises(RemoteError, match="the run was stopped"):
            begin(patiently(ask, WANTED))
    finally:
        take_requests()
    assert not patience._requests


def test_reasons() -> None:
    unknown = socket.gaierror(-2, "Name or service not known")
    assert "name cannot be resolved" in reason(caused_by(ServiceRequestError("cannot connect"), unknown))
    assert reason(OSError(28, "No space left on device")) == "No space left on device"
    assert reason(ValueError("first line\nsecond")) == "first line"
    assert reason(TimeoutError()).startswith("the server gave no answer within 30 s, in 9 attempts")
    assert is_missing(caused_by(FileNotFoundError("x"), aws(404)))
    assert not is_missing(caused_by(FileNotFoundError("x"), web(503)))
