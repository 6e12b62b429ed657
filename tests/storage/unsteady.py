"""A proxy that fails some of the requests that pass through it, in the ways that networks have."""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler

from ranged_http import cut_off, serving

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}
STATUS = {"error": 500, "busy": 503}


class Unsteady:
    """Which of the requests fail, and how; ``seen`` counts those that were answered, and each failure."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.seen = share, Counter[str]()
        self._random, self._lock = random.Random(seed), threading.Lock()

    def __call__(self, path: str) -> str:
        with self._lock:
            fails = self._random.random() < self.share
            fate = self._random.choice(["error", "busy", "reset", "cut"]) if fails else "ok"
            self.seen[fate] += 1
            return fate


class Passing(BaseHTTPRequestHandler):
    """Passes a request on, and its answer back, as fate wants it."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object, target_port: int, fate: Callable[[str], str]) -> None:
        self.target_port, self.fate = target_port, fate
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *arguments: object) -> None:
        pass

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fate = self.fate(self.path)
        if fate == "reset":
            self._hang_up()
        elif fate in STATUS:
            self._answer(STATUS[fate], [], b"", 0)
        else:
            onward = http.client.HTTPConnection("127.0.0.1", self.target_port, timeout=60)
            try:
                onward.request(self.command, self.path, body, dict(self.headers))
                answer = onward.getresponse()
                content, headers = answer.read(), answer.getheaders()
            finally:
                onward.close()
            n_bytes = int(answer.getheader("Content-Length") or len(content))
            self._answer(
                answer.status, headers, content[: len(content) // 2 if fate == "cut" else None], n_bytes
            )
            if fate == "cut":
                self._hang_up()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, n_bytes: int) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(n_bytes))
        self.end_headers()
        self.wfile.write(content)

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        cut_off(self.connection)


@contextmanager
def passing(target_port: int, fate: Callable[[str], str]) -> Iterator[int]:
    """Pass requests on to a port of this computer; yields the proxy's port."""
    with serving(partial(Passing, target_port=target_port, fate=fate)) as port:
        yield port


@contextmanager
def unsteady(target_port: int, share: float, seed: int = 20261122) -> Iterator[tuple[int, Unsteady]]:
    """A proxy that fails a share of the requests; yields its port, and what happened to them."""
    fate = Unsteady(share, seed)
    with passing(target_port, fate) as port:
        yield port, fate
