"""The command as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from running import Ran, Run
from sound_files import wav


@pytest.fixture
def ndoki(tmp_path: Path) -> Run:
    """Run ``ndoki detect … --out`` in a process of its own; every file it leaves is below ``tmp_path``."""

    def run(*arguments: str | Path, out: Path | None = None) -> Ran:
        out = out or tmp_path / "results"
        given = [str(argument) for argument in arguments]
        done = subprocess.run(
            [Path(sys.executable).with_name("ndoki"), "detect", *given, "--out", out],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200", "PYTHONUTF8": "1"},
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr, out)

    return run


@pytest.fixture
def save() -> Callable[[Path, Sequence[float] | np.ndarray], Path]:
    """Write a sound, and make the folders that it needs."""

    def saved(path: Path, samples: Sequence[float] | np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(np.asarray(samples, np.float32)))
        return path

    return saved
