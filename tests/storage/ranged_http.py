"""A plain web server with ranges, as a university or a data archive runs one."""

import email.utils
import html
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class QuietServer(ThreadingHTTPServer):
    """Clients that hang up are no news here."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(handler: object) -> Iterator[int]:
    """Serve on a free port of this computer until the block ends; yields the port."""
    with QuietServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class RangedFiles(BaseHTTPRequestHandler):
    """GET and HEAD of files below ``root``, parts of files, and an index page for each folder.

    ``asked`` collects method, path and range of each request.
    """

    protocol_version = "HTTP/1.1"
    gives_parts = True

    def __init__(self, *arguments: object, root: Path, asked: list[tuple[str, str, str]]) -> None:
        self.root, self.asked = root, asked
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append((self.command, self.path, self.headers.get("Range", "")))
        path = self.root / unquote(self.path).strip("/")
        if path.is_dir():
            self._send(200, self._index(path), {"Content-Type": "text/html; charset=utf-8"})
        elif path.is_file():
            self._send_file(path)
        else:
            self._send(404, b"there is nothing here")

    def _index(self, folder: Path) -> bytes:
        """As nginx writes it: relative links, the folder above first."""
        names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
        links = "".join(f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in ["../", *names])
        return f"<html><body><h1>Index of /</h1><pre>{links}</pre></body></html>".encode()

    def _send_file(self, path: Path) -> None:
        told = path.stat()
        headers = {
            "Content-Type": "audio/x-wav",
            "Last-Modified": email.utils.formatdate(told.st_mtime, usegmt=True),
            "ETag": f'"{told.st_mtime_ns:x}-{told.st_size:x}"',
        }
        part = RANGE.fullmatch(self.headers.get("Range", "")) if self.gives_parts else None
        first, end = 0, told.st_size
        if part:
            first, end = int(part[1]), min(int(part[2] or end) + 1, end)
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{told.st_size}"
        if self.command == "HEAD":
            self._send(200, b"", headers | {"Content-Length": str(told.st_size)})
            return
        with path.open("rb") as file:
            file.seek(first)
            self._send(206 if part else 200, file.read(end - first), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def cut_off(connection: socket.socket) -> None:
    """Reset a connection instead of closing it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
