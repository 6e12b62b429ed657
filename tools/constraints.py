"""Renew ``constraints.txt``: exact versions and hashes of everything that Ndoki installs, and no addresses.

The file holds one section per set of packages: ``base`` (what `ndoki` needs, and what builds it), one per
extra of ``pyproject.toml`` (only what the sections above lack) and ``accelerator`` (what torch's registry
build for Linux links against and its CPU build does not). ``tools/install.py`` installs by section.

Versions that the file already pins are kept where they still fit. Delete it first to take the newest.
Run by ``make constraints``; needs the network and takes a scratch environment of its own.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "constraints.txt"
LOWEST_PYTHON = "3.11"
# One torch for everybody: a recipe must train to the same weights wherever it is run.
PINNED = ("torch==2.13.0",)
ACCELERATOR = re.compile(r"(nvidia|cuda)-|triton$")
HEADING = "# == {} =="
ADDRESS = re.compile(r"://|^\s*-|\s@\s")
HASH = re.compile(r"sha256:[0-9a-f]{64}")
PLAIN = (
    *("--quiet", "--no-config", "--generate-hashes", "--no-header", "--no-annotate"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)

Pins = dict[str, list[str]]  # "name==version" → the lines that pin it


def run(*command: Path | str, given: str | None = None) -> None:
    """Run a command to its end; its output is dropped, its complaints are not."""
    subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.DEVNULL)


def read_pins(text: str) -> Pins:
    """Split a pinned file into its requirements; comments and blank lines are left out."""
    pins: Pins = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            pins[line.split()[0]] = lines = []
        lines.append(line)
    return pins


def name_of(pin: str) -> str:
    """Name of a package in ``name==version``."""
    return pin.partition("==")[0]


def compile_pins(uv: Path, project: dict[str, Any], extras: list[str], known: Path, output: Path) -> Pins:
    """Let uv resolve the project with some extras, for every platform and Python at once."""
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in extras:
        wanted += project["project"]["optional-dependencies"][extra]
    command: list[Path | str] = [
        uv,
        "pip",
        "compile",
        "-",
        "--universal",
        "--python-version",
        LOWEST_PYTHON,
        *PLAIN,
    ]
    command += ["--constraints", known, "--output-file", output]
    run(*command, given="\n".join(wanted))
    return read_pins(output.read_text(encoding="utf-8"))


def offered_hashes(pip: list[Path | str], pin: str, scratch: Path) -> list[str]:
    """Hash of the build that pip takes on this machine, which need not be one that the registry lists."""
    folder = scratch / "offered"
    run(*pip, "download", "--quiet", "--no-deps", "--dest", folder, pin)
    return [f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" for wheel in folder.iterdir()]


def add_hashes(lines: list[str], more: list[str]) -> list[str]:
    """Put further hashes to a pinned requirement, sorted and once each."""
    head = lines[0].removesuffix("\\").strip()
    hashes = sorted({*HASH.findall("\n".join(lines)), *more})
    return [" \\\n".join([head, *(f"    --hash={one}" for one in hashes)])]


def sections(uv: Path, project: dict[str, Any], everything: Pins, scratch: Path) -> dict[str, list[str]]:
    """Deal the pins out to ``base``, the extras and ``accelerator``; each stands in one section."""
    known = scratch / "all.txt"
    output = scratch / "section.txt"
    dealt: dict[str, list[str]] = {}
    left = dict.fromkeys(everything)
    for section in ("base", *project["project"]["optional-dependencies"]):
        output.unlink(missing_ok=True)
        needed = compile_pins(uv, project, [] if section == "base" else [section], known, output)
        dealt[section] = [pin for pin in needed if pin in left and not ACCELERATOR.match(name_of(pin))]
        left = {pin: None for pin in left if pin not in dealt[section]}
    dealt["accelerator"] = [pin for pin in left if ACCELERATOR.match(name_of(pin))]
    lost = set(left) - set(dealt["accelerator"])
    if lost:
        raise SystemExit(f"constraints: no section asks for {', '.join(sorted(lost))}")
    return dealt


def address_in(text: str) -> str | None:
    """First line that holds anything but names, versions, markers and hashes; None when all is well."""
    return next((line for line in text.splitlines() if ADDRESS.search(line.replace("--hash=", ""))), None)


def resolve(scratch: Path) -> tuple[Pins, dict[str, list[str]]]:
    """Pin everything, and deal it out to sections."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    venv.create(scratch / "venv", with_pip=True)
    pip: list[Path | str] = [scratch / "venv/bin/python", "-m", "pip"]
    run(*pip, "install", "--quiet", "uv")
    uv = scratch / "venv/bin/uv"
    before = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    fixed, output = scratch / "fixed.txt", scratch / "all.txt"
    fixed.write_text("\n".join(PINNED), encoding="utf-8")
    output.write_text(before, encoding="utf-8")
    everything = compile_pins(uv, project, [*project["project"]["optional-dependencies"]], fixed, output)
    for pin in PINNED:
        kept = HASH.findall("\n".join(read_pins(before).get(pin, [])))
        everything[pin] = add_hashes(everything[pin], [*kept, *offered_hashes(pip, pin, scratch)])
    return everything, sections(uv, project, everything, scratch)


def main() -> None:
    """Write the file in one step, after a look that no address got in."""
    with tempfile.TemporaryDirectory() as folder:
        everything, dealt = resolve(Path(folder))
    lines: list[str] = []
    for section, pins in dealt.items():
        lines += [HEADING.format(section), *(line for pin in sorted(pins) for line in everything[pin])]
    text = "\n".join(lines) + "\n"
    if found := address_in(text):
        sys.exit(f"constraints: an address got in: {found}")
    partial = TARGET.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(TARGET)
    print(f"{TARGET.name}: " + ", ".join(f"{len(pins)} {section}" for section, pins in dealt.items()))


if __name__ == "__main__":
    main()
