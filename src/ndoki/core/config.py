"""TOML → frozen dataclass. An unknown key is an error that names the nearest known one."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ndoki.core.errors import ConfigError

__all__ = ["from_table", "read_toml"]

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: the file cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error


def from_table(kind: type[T], table: Mapping[str, Any], where: str, *, is_complete: bool = False) -> T:
    """Build a dataclass from a TOML table; tables inside become dataclasses, lists become tuples.

    Parameters
    ----------
    kind
        A dataclass type with annotated fields.
    where
        What to call the table in messages, e.g. ``recipes/x.toml [loop]``.
    is_complete
        Whether every key has to be there, also those of fields that have a default.

    Raises
    ------
    ConfigError
        An unknown or missing key, or a value of the wrong type or that the dataclass refuses.
    """
    if not is_dataclass(kind):
        raise TypeError(f"{kind} is not a dataclass")
    known = {field.name: field for field in fields(kind)}
    hints = get_type_hints(kind)
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {key!r}{hint}")
    for name, field in known.items():
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if name not in table and (is_complete or not has_default):
            raise ConfigError(f"{where}: the key {name!r} is missing")
    values = {
        key: _converted(hints[key], value, f"{where} {key}", is_complete) for key, value in table.items()
    }
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _converted(hint: Any, value: Any, where: str, is_complete: bool) -> Any:
    if get_origin(hint) is UnionType and NoneType in get_args(hint):
        if value is None:
            return None
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, found {value!r}")
        return from_table(hint, value, where, is_complete=is_complete)
    if get_origin(hint) is tuple:
        return _tuple(hint, value, where, is_complete)
    wanted = (int, float) if hint is float else hint
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, wanted):
        raise ConfigError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {value!r}")
    return float(value) if hint is float else value


def _tuple(hint: Any, value: Any, where: str, is_complete: bool) -> tuple[Any, ...]:
    kinds = get_args(hint)
    if not isinstance(value, list):
        raise ConfigError(f"{where}: expected a list, found {value!r}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ConfigError(f"{where}: expected {len(kinds)} values, found {len(value)}")
    return tuple(_converted(kind, item, where, is_complete) for kind, item in zip(kinds, value, strict=True))
