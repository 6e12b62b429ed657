"""Write ``docs/models/ATTRIBUTION.md``: whose sounds the shipped detectors learned from, and how licensed.

Reads the manifest of the training audio. Run by ``make attribution``.
Usage: ``.venv/bin/python tools/attribution.py [clips.csv]``
"""

import csv
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT.parent / "shared" / "data" / "clips.csv"
TARGET = ROOT / "docs" / "models" / "ATTRIBUTION.md"
NEEDED = {"source", "licence", "attribution"}
INTRODUCTION = """\
# Whose sounds the shipped detectors learned from

Written by `make attribution` from the manifest of the training audio. Every recording was mixed down to
one channel and brought to 8 kHz; training then cuts, mixes, filters and scales it. The weights are
under CC BY 4.0; name this file when you pass them on.
"""


def read_sources(manifest: Path) -> tuple[Counter[tuple[str, str]], dict[tuple[str, str], set[str]]]:
    """Count files, and collect the different attributions, by source and licence."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if lacking := NEEDED - set(rows.fieldnames or ()):
            sys.exit(f"attribution: {manifest.name} has no column {', '.join(sorted(lacking))}")
        n_files: Counter[tuple[str, str]] = Counter()
        attributions: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in rows:
            key = row["source"], row["licence"]
            n_files[key] += 1
            attributions[key].add(" ".join(row["attribution"].split()))
    return n_files, attributions


def render(n_files: Counter[tuple[str, str]], attributions: dict[tuple[str, str], set[str]]) -> str:
    """Markdown: a heading per source, largest first, a list per licence, a line per attribution."""
    by_source: Counter[str] = Counter()
    for (source, _), n in n_files.items():
        by_source[source] += n
    parts = [INTRODUCTION]
    for source, n_of_source in sorted(by_source.items(), key=lambda item: (-item[1], item[0])):
        parts.append(f"## {source} ({n_of_source} files)\n")
        for key in sorted(key for key in n_files if key[0] == source):
            listed = "\n".join(f"- {one}" for one in sorted(attributions[key]))
            parts.append(f"Licence: {key[1]} ({n_files[key]} files)\n\n{listed}\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> None:
    """Render and write in one step."""
    manifest = Path(arguments[0]) if arguments else MANIFEST
    if not manifest.is_file():
        sys.exit(f"attribution: no manifest at {manifest}; give the path of clips.csv")
    text = render(*read_sources(manifest))
    partial = TARGET.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {text.count(chr(10) + '- ')} attributions")


if __name__ == "__main__":
    main(sys.argv[1:])
