"""The words in which Google Cloud Storage is asked, against a stand-in; there is no server like it to start.

Runs only where gcsfs is installed: it brings 60 MB of packages, and is not among those that tests need.
"""

import json
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from places import files_of
from ranged_http import RANGE, serving

from ndoki.audio import listing
from ndoki.audio.access import Access, reached_by
from ndoki.audio.storage import content_identity, find_recordings, open_binary
from ndoki.batch.outlet import announce, outlet
from ndoki.core.errors import InputError

gcsfs = pytest.importorskip("gcsfs", reason="needs gcsfs, which is not among the packages for tests")


class Google(BaseHTTPRequestHandler):
    """Objects of one bucket, by the JSON interface; pages of 4 names."""

    protocol_version = "HTTP/1.1"
    contents: dict[str, bytes] = {}  # noqa: RUF012

    def log_message(self, *arguments: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = urllib.parse.urlsplit(self.path)
        assert asked.path == "/upload/storage/v1/b/forest/o"
        (name,) = urllib.parse.parse_qs(asked.query)["name"]
        self.contents[name] = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(json.dumps({"name": name}).encode())

    def do_GET(self) -> None:
        asked = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(asked.query)
        path = asked.path.removeprefix("/download").removeprefix("/storage/v1/b/forest/o")
        if not path.strip("/"):
            names = sorted(name for name in self.contents if name.startswith(query.get("prefix", [""])[0]))
            first = int(query.get("pageToken", ["0"])[0])
            more = {"nextPageToken": str(first + 4)} if first + 4 < len(names) else {}
            self._send(
                json.dumps({"items": [{"name": name} for name in names[first : first + 4]]} | more).encode()
            )
            return
        content = self.contents.get(urllib.parse.unquote(path.strip("/")))
        if content is None:
            self._send(b"{}", 404)
        elif query.get("alt") == ["media"]:
            part = RANGE.fullmatch(self.headers["Range"])
            assert part
            self._send(content[int(part[1]) : int(part[2]) + 1], 206)
        else:
            self._send(json.dumps({"size": str(len(content)), "etag": "x", "name": path}).encode())

    def _send(self, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def bucket(card: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    monkeypatch.setattr(Google, "contents", {f"2026/{name}": data for name, data in files_of(card).items()})
    with serving(Google) as port, reached_by(Access(anonymous=True, attempts=2)):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        gcsfs.GCSFileSystem.clear_instance_cache()
        yield Google.contents
        gcsfs.GCSFileSystem.clear_instance_cache()


def test_names_and_bytes(bucket: dict[str, bytes], card: Path) -> None:
    expected = [one.removeprefix(str(card)) for one in find_recordings([str(card)])]
    assert [one.removeprefix("gs://forest/2026") for one in find_recordings(["gs://forest/2026"])] == expected
    assert {"gcs"} <= listing.PAGED
    source = f"gs://forest/2026{expected[0]}"
    with open_binary(source) as file:
        assert file.read() == bucket[f"2026{expected[0]}"]
        assert content_identity(source, file).startswith(f"{len(bucket[f'2026{expected[0]}'])} x ")
    with pytest.raises(InputError, match="there is no file or folder gs://forest/none"):
        find_recordings(["gs://forest/none.wav"])


def test_results(bucket: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    announce(outlet("gs://forest/out"))
    assert "folder" in json.loads(bucket["out/.ndoki/run.json"])
