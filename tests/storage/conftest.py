"""One folder of recordings on four kinds of storage, each behind a real server."""

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from places import NDOKI, Place, Reach, files_of, put_on_azure, put_on_s3
from ranged_http import RangedFiles, serving
from servers import (
    azure_environment,
    azurite,
    azurite_command,
    moto,
    s3_environment,
)

RATE = 8000
DAYS = range(5, 29)
"""Enough files that some of their requests fail."""


@pytest.fixture(scope="session")
def card(forest: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two sites: long and short, compressed, two channels, one broken, and a text."""
    folder = tmp_path_factory.mktemp("storage") / "card"
    sound = forest(40.0, np.arange(1.0, 39.0, 3.1))
    for name, samples in {
        "nn03a/nn03a_20260104_053000.wav": np.tile(sound, 5),
        "nn03a/nn03a_20260104_063000.flac": sound,
        "kp10/kp10_20260104_053000.wav": np.stack([sound, sound[::-1]], axis=1),
        "kp2/kp2_20260104_053000.ogg": sound,
        "kp2/deep/kp2_20260104_060000.wav": sound[: 9 * RATE],
        **{
            f"kp10/2026-01-{day:02}/kp10_202601{day:02}_000000.wav": sound[day * RATE :][: 4 * RATE]
            for day in DAYS
        },
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, samples, RATE)
    (folder / "kp2" / "kp2_20260104_070000.wav").write_bytes(b"RIFF")
    (folder / "kp2" / "._kp2_20260104_060000.wav").write_bytes(b"apple")
    (folder / "notes.txt").write_text("not sound")
    return folder


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with moto(tmp_path_factory.mktemp("moto")) as port:
        yield port


@pytest.fixture(scope="session")
def s3(card: Path, s3_port: int) -> Place:
    put_on_s3(s3_port, "forest", {f"2026/card/{name}": data for name, data in files_of(card).items()})
    return Place(lambda _: "s3://forest/2026/card", s3_port, s3_environment)


@pytest.fixture(scope="session")
def azure_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    command = azurite_command()
    if command is None:
        pytest.skip("needs Azurite, which `make test` installs where there is npm")
    with azurite(command, tmp_path_factory.mktemp("azurite")) as port:
        yield port


@pytest.fixture(scope="session")
def azure(card: Path, azure_port: int) -> Place:
    put_on_azure(azure_port, "forest", {f"2026/card/{name}": data for name, data in files_of(card).items()})
    return Place(lambda _: "az://forest/2026/card", azure_port, azure_environment)


@pytest.fixture(scope="session")
def http(card: Path) -> Iterator[Place]:
    with serving(partial(RangedFiles, root=card.parent, asked=[])) as port:
        yield Place("http://127.0.0.1:{}/card".format, port, lambda _: {})


@pytest.fixture
def ndoki(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command in a process of its own, with nothing of this machine's credentials."""

    def run(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "FSSPEC_"))}
        quiet = {"COLUMNS": "200", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
        own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            [NDOKI, *arguments],
            capture_output=True,
            text=True,
            env=plain | quiet | own | environment,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reach]:
    """For tests within this process."""
    import adlfs
    import s3fs

    def to(place: Place, port: int) -> str:
        for name, value in place.environment(port).items():
            monkeypatch.setenv(name, value)
        # fsspec keeps file systems, with whatever the environment said when they were made.
        for kind in (adlfs.AzureBlobFileSystem, s3fs.S3FileSystem):
            kind.clear_instance_cache()
        return place.url(port)

    yield to
    for kind in (adlfs.AzureBlobFileSystem, s3fs.S3FileSystem):
        kind.clear_instance_cache()
