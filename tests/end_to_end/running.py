"""How a run of the command ended."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ran", "Run"]


@dataclass(frozen=True)
class Ran:
    """How a run of the command ended."""

    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json."""
        return dict(json.loads((self.out / "summary.json").read_text(encoding="utf-8")))


Run = Callable[..., Ran]
