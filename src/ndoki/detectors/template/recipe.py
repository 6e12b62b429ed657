"""The recipe of a template bank: a TOML file that says everything."""

from dataclasses import dataclass
from pathlib import Path

from ndoki.core.config import from_table, read_toml
from ndoki.core.errors import ConfigError
from ndoki.detectors.template.build import BuildSpec

__all__ = ["TemplateRecipe", "read_recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRecipe:
    """What a recipe says, key for key.

    Attributes
    ----------
    detector
        ``template``.
    manifest
        Path of the list of clips, as written.
    manifest_sha256
        Digest that the list had when the recipe was written.
    build
        Which clips to take, and how templates are made of them.
    """

    detector: str
    manifest: str
    manifest_sha256: str
    build: BuildSpec

    def __post_init__(self) -> None:
        if self.detector != "template":
            raise ConfigError(f'is not for this detector, but {self.detector!r}; expected "template"')


def read_recipe(path: Path) -> TemplateRecipe:
    """Read and check a recipe. Every key is needed and no other is allowed: a recipe is complete.

    Raises
    ------
    ConfigError
        The file is missing or no TOML, is not for this detector, lacks a key, has one that is not known,
        or a value of the wrong type or size.
    """
    return from_table(TemplateRecipe, read_toml(path), str(path), is_complete=True)
