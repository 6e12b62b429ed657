"""Parts of a detector that travel in the metadata of its network's file."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from ndoki.core.errors import ConfigError, ModelError
from ndoki.detectors.network.session import UNREADABLE

__all__ = ["part_from", "part_to"]

T = TypeVar("T")
_DAMAGES: tuple[type[Exception], ...] = (KeyError, TypeError, ConfigError, *UNREADABLE)


def part_to(name: str, version: int, values: dict[str, Any]) -> dict[str, str]:
    """Key and value for an ONNX file's metadata."""
    return {_key(name): json.dumps({"format": version, **values}, sort_keys=True)}


def part_from(
    metadata: dict[str, str], name: str, version: int, source: str, made: Callable[[dict[str, Any]], T]
) -> T | None:
    """Inverse of `part_to`; None for a file without that part.

    Parameters
    ----------
    made
        From its values, without the format, to the part.

    Raises
    ------
    ModelError
        The part is damaged or of another format.
    """
    key = _key(name)
    if key not in metadata:
        return None
    try:
        values = dict(json.loads(metadata[key]))
        if values.pop("format") != version:
            raise ModelError(
                f"{source}: its {name} was written by another version of Ndoki; "
                "update Ndoki or train it again"
            )
        return made(values)
    except _DAMAGES as error:
        raise ModelError(
            f"{source}: its {key!r} metadata is damaged ({error}); take the file from its source again"
        ) from error


def _key(name: str) -> str:
    return f"ndoki_{name}"
