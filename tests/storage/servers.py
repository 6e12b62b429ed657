"""Servers of object storage that the tests start: moto for S3, Azurite for Azure Blob Storage."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
START_S = 60.0
WATCH = """
import select, subprocess, sys
with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as server:
    while server.poll() is None and not select.select([sys.stdin], [], [], 0.2)[0]:
        pass
    server.kill()
"""
"""Ends a server when its own input is closed: also when the tests are killed."""
AZURITE_ACCOUNT = "devstoreaccount1"
# Azurite's own well-known key, which is no secret.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def process(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server in a process of its own, from when it listens; ended when the block ends."""
    watched = [sys.executable, "-c", WATCH, *command]
    with (
        log.open("wb") as output,
        subprocess.Popen(watched, stdin=subprocess.PIPE, stdout=output, stderr=output) as running,
    ):
        try:
            deadline_s = time.monotonic() + START_S
            while not is_listening(port):
                assert running.poll() is None, f"{command[0]} ended: {log.read_text()}"
                assert time.monotonic() < deadline_s, f"{command[0]} does not listen: {log.read_text()}"
                time.sleep(0.05)
            yield
        finally:
            running.communicate()


def is_listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def moto(folder: Path) -> Iterator[int]:
    """S3; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with process(command, port, folder / "moto.log"):
        yield port


def azurite_command() -> str | None:
    """Azurite's program: the one named in AZURITE_BLOB, where tools/azurite.sh puts it, or on the PATH."""
    installed = CHECKOUT / ".venv" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    named = os.environ.get("AZURITE_BLOB")
    return named or (str(installed) if installed.is_file() else shutil.which("azurite-blob"))


@contextmanager
def azurite(command: str, folder: Path) -> Iterator[int]:
    """Azure Blob Storage; yields its port."""
    port = free_port()
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with process(
        [command, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options], port, folder / "azurite.log"
    ):
        yield port


def s3_environment(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def azure_environment(port: int) -> dict[str, str]:
    endpoint = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
    return {
        "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};"
        f"AccountKey={AZURITE_KEY};BlobEndpoint={endpoint};"
    }
