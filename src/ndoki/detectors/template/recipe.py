"""The recipe of a template bank: a TOML file that says everything."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ndoki.core.errors import ConfigError
from ndoki.detectors.template.build import BuildSpec
from ndoki.detectors.template.patches import PatchSpec
from ndoki.features.mel import MelSpec

__all__ = ["TemplateRecipe", "read_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRecipe:
    """What a recipe says.

    Attributes
    ----------
    manifest
        Path of the list of clips, as written.
    manifest_sha256
        Digest that the list had when the recipe was written; empty when not stated.
    build
        Which clips to take, and how templates are made of them.
    """

    manifest: Path
    manifest_sha256: str
    build: BuildSpec


_SECTIONS: dict[str, dict[str, Any]] = {
    "data": {"manifest": str, "manifest_sha256": str, "source": str, "kind": str, "split": str},
    "choice": {"n_templates": int, "least_rise_db": float},
    "patch": {item.name: item.type for item in fields(PatchSpec) if item.name != "mel"},
    "mel": {item.name: item.type for item in fields(MelSpec)},
}
_OPTIONAL = {"manifest_sha256"}


def read_recipe(path: Path) -> TemplateRecipe:
    """Read and check a recipe. Every key is needed and no other is allowed: a recipe is complete.

    Raises
    ------
    ConfigError
        The file is missing or no TOML, is not for this detector, lacks a key, has one that is not known,
        or a value of the wrong type or size.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a recipe") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is no TOML ({error})") from error
    if content.pop("detector", None) != "template":
        raise ConfigError(f'{path}: is not for this detector; expected the line detector = "template"')
    _check_keys(path, "the recipe", content, _SECTIONS)
    for section, keys in _SECTIONS.items():
        _check_keys(path, f"[{section}]", content[section], keys)
        for key, value in content[section].items():
            _check_type(path, f"[{section}] {key}", value, keys[key])
    data = content["data"]
    try:
        build = BuildSpec(
            kind=data["kind"],
            split=data["split"],
            source=data["source"],
            **content["choice"],
            patch=PatchSpec(mel=MelSpec(**content["mel"]), **content["patch"]),
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return TemplateRecipe(
        manifest=Path(data["manifest"]), manifest_sha256=data.get("manifest_sha256", ""), build=build
    )


def _check_keys(path: Path, place: str, found: object, known: Iterable[str]) -> None:
    """Exactly the known keys, but that some may be absent."""
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: {place} is {found!r}; expected a section")
    names = list(known)
    for key in found:
        if key not in names:
            near = get_close_matches(key, names, n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"{path}: {place} has an unknown key {key!r}; the nearest known one is {near!r}"
            )
    missing = [key for key in names if key not in found and key not in _OPTIONAL]
    if missing:
        raise ConfigError(f"{path}: {place} lacks {', '.join(missing)}")


def _check_type(path: Path, place: str, value: object, wanted: type) -> None:
    """A whole number may stand for a float; nothing else may stand for another type."""
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        raise ConfigError(f"{path}: {place} is {value!r}; expected {wanted.__name__}")
