"""How soon and how steadily many small files in a bucket are heard.

Lists 100 000 objects of a bucket and hears the first 10 000 of them, 2 s each: when the first stretch is
done, when the last name is known, and memory on the way. The server is a process of its own that speaks
enough of S3 for that, and waits 20 ms before each answer, as a near data centre would.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

N_OBJECTS, N_HEARD, PAGE = 100_000, 10_000, 1000
RATE_HZ, LENGTH_S, ROUND_TRIP_S = 8000, 2, 0.02


class Bucket(BaseHTTPRequestHandler):
    """Objects ``site/000000.wav`` and on, all of the same content."""

    protocol_version = "HTTP/1.1"
    content = b""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Size and ETag."""
        is_there = self.path.endswith(".wav")
        self._send(b"", len(self.content) if is_there else 0, 200 if is_there else 404)

    def do_GET(self) -> None:
        """A page of names, or bytes."""
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" not in asked:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            part = self.content[int(first) : int(last) + 1]
            self._send(part, len(part), 206)
            return
        first_name = int(asked.get("continuation-token", ["0"])[0])
        end = min(first_name + PAGE, N_OBJECTS)
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < N_OBJECTS else ""
        names = "".join(
            f"<Contents><Key>site/{i:06}.wav</Key><Size>{len(self.content)}</Size></Contents>"
            for i in range(first_name, end)
        )
        body = f"<ListBucketResult>{more}{names}</ListBucketResult>".encode()
        self._send(body, len(body))

    def _send(self, body: bytes, n_bytes: int, status: int = 200) -> None:
        time.sleep(ROUND_TRIP_S)
        self.send_response(status)
        self.send_header("Content-Length", str(n_bytes))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)


def serve(wav: Path) -> None:
    """Serve a bucket on a free port, which is printed."""
    Bucket.content = wav.read_bytes()
    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    print(server.server_address[1], flush=True)
    server.serve_forever()


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """A bucket in a process of its own; yields its port."""
    import soundfile

    samples = np.random.default_rng(1).uniform(-0.01, 0.01, LENGTH_S * RATE_HZ)
    soundfile.write(folder / "sound.wav", samples, RATE_HZ, subtype="PCM_16")
    command = [sys.executable, __file__, "--serve", str(folder / "sound.wav")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.kill()


def memory_mb() -> float:
    """What this process holds."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def measure(folder: Path) -> None:
    """Hear, and print."""
    from ndoki.audio.storage import stream_recordings
    from ndoki.batch.incoming import Incoming
    from ndoki.batch.ledger import Ledger
    from ndoki.batch.run import Job, hear_all
    from ndoki.detectors.registry import load_detector
    from ndoki.events.pick import Picker

    job = Job(detector=load_detector("template"), picker=Picker(threshold=0.5), jobs=os.cpu_count() or 1)
    marks = {1, 100, 1000, 2500, 5000, 7500, N_HEARD}
    with Ledger.begun(folder / "out", {}, None) as ledger:
        began_s = time.perf_counter()
        incoming = Incoming(stream_recordings(["s3://bucket/site"]), lambda _: True)
        print(f"{'files heard':>12} {'after (s)':>10} {'names known':>12} {'memory (MB)':>12}")
        for n_heard, _ in enumerate(islice(hear_all(incoming, job, ledger), N_HEARD), 1):
            if n_heard in marks:
                after_s = time.perf_counter() - began_s
                print(
                    f"{n_heard:12} {after_s:10.1f} {len(incoming.names):12} {memory_mb():12.0f}", flush=True
                )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    wav = parser.parse_args().serve
    if wav:
        serve(wav)
        return
    with tempfile.TemporaryDirectory() as temporary, served(Path(temporary)) as port:
        own = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
        os.environ.update(own, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
        measure(Path(temporary))


if __name__ == "__main__":
    main()
