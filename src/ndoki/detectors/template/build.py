"""The templates that Ndoki ships, made again from labelled clips."""

import csv
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ndoki.core.errors import LabelError
from ndoki.detectors.template.bank import TemplateBank
from ndoki.detectors.template.cut import Template, choose, cut_template, make_bank
from ndoki.detectors.template.patches import PatchSpec
from ndoki.detectors.template.shots import Shot

__all__ = ["BuildSpec", "build_default"]

_COLUMNS = {"path", "kind", "source", "licence", "attribution", "group", "split"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSpec:
    """Which clips, and how templates are made of them.

    Parameters
    ----------
    kind, split, source
        Clips to take, by the manifest's columns.
    n_templates
        How many to choose.
    least_rise_db
        Shots that rise less over what is before them are too faint to be a template.
    patch
        What is cut out around a shot.
    """

    kind: str = "gunshot"
    split: str = "train"
    source: str = "Belize (Katsis et al. 2022)"
    n_templates: int = 7
    least_rise_db: float = 6.0
    patch: PatchSpec = field(default_factory=PatchSpec)


def build_default(clips_csv: Path, spec: BuildSpec | None = None) -> TemplateBank:
    """Cut one shot out of every group of clips and keep the medoids of their clusters.

    No chance is involved: equal clips give an equal bank.

    Parameters
    ----------
    clips_csv
        Manifest; paths in it are relative to its folder.
    spec
        Which clips and how; the shipped templates' own by default.

    Raises
    ------
    LabelError
        The manifest cannot be read or names no such clip.
    AudioError
        A clip cannot be read.
    ConfigError
        Fewer usable shots than templates.
    """
    spec = spec or BuildSpec()
    clips = _clips(clips_csv, spec)
    templates: list[Template] = []
    used: list[dict[str, str]] = []
    groups: set[str] = set()
    for clip in clips:
        # Clips of one group are the same shot; it must not count twice.
        if clip["group"] in groups:
            continue
        source = str(clips_csv.parent / clip["path"])
        template = cut_template(Shot(source=source, name=clip["path"], told_by=source), spec.patch)
        if template.rise_db >= spec.least_rise_db and template.is_whole:
            groups.add(clip["group"])
            templates.append(template)
            used.append(clip)
    chosen = choose(templates, spec.n_templates)
    names = {one.shot.name for one in chosen}
    credit = [clip for clip in used if clip["path"] in names]
    return make_bank(chosen, spec.patch, provenance=_provenance(clips_csv, spec, credit, len(templates)))


def _clips(clips_csv: Path, spec: BuildSpec) -> list[dict[str, str]]:
    """Rows of the manifest that the spec asks for, in the manifest's order."""
    try:
        with clips_csv.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = sorted(_COLUMNS - set(reader.fieldnames or ()))
            if missing:
                raise LabelError(f"{clips_csv}: the manifest lacks the column(s) {', '.join(missing)}")
            rows = [row for row in reader if _wanted(row, spec)]
    except OSError as error:
        raise LabelError(
            f"{clips_csv}: cannot be read ({error.strerror}); give the path of a clips.csv"
        ) from error
    if not rows:
        raise LabelError(
            f"{clips_csv}: names no clip of kind {spec.kind!r}, split {spec.split!r} and "
            f"source {spec.source!r}; check the recipe against the manifest"
        )
    return rows


def _wanted(row: dict[str, str], spec: BuildSpec) -> bool:
    return (row["kind"], row["split"], row["source"]) == (spec.kind, spec.split, spec.source)


def _provenance(clips_csv: Path, spec: BuildSpec, chosen: list[dict[str, str]], n_shots: int) -> str:
    """JSON: what the templates were made of and how, with the credit that must go with them."""
    return json.dumps(
        {
            "attribution": sorted({clip["attribution"] for clip in chosen}),
            "changes": "resampled to 4 kHz, cut around the onset, turned into log-mel levels in dB",
            "licence": sorted({clip["licence"] for clip in chosen}),
            "manifest_sha256": hashlib.sha256(clips_csv.read_bytes()).hexdigest(),
            "n_shots": n_shots,
            "recipe": asdict(spec),
        },
        sort_keys=True,
        ensure_ascii=False,
    )
