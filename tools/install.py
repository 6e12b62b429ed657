"""Install sections of ``constraints.txt`` and then this checkout into the environment that runs this.

Usage: ``.venv/bin/python tools/install.py base [train] [test]``

Every package comes in the version and with a hash that the file names; pip resolves nothing. That is
why it runs with ``--no-deps``: pip's hash mode would otherwise refuse what the checkout itself needs.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADING = "# == "
ACCELERATOR = "accelerator"
TORCH = "torch=="
NO_BUILDS = ("--only-binary", ":all:")


def read_sections(text: str) -> dict[str, list[str]]:
    """Pinned requirements by section; one text of several lines each."""
    sections: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(HEADING):
            pins = sections[line.strip("# =")] = []
        elif line.startswith(" "):
            pins[-1] += f"\n{line}"
        else:
            pins.append(line)
    return sections


def pip(verb: str, *arguments: str | Path) -> None:
    """Run this environment's pip; leave when it fails, its own message stands above ours."""
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, *arguments], check=False)
    if done.returncode:
        sys.exit(f"install: pip {verb} failed (exit {done.returncode}); the reason stands above")


def install_pinned(pins: list[str]) -> None:
    """Install pinned requirements: hashes required, wheels only, nothing built."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "pinned.txt"
        requirements.write_text("\n".join(pins), encoding="utf-8")
        pip("install", *NO_BUILDS, "--require-hashes", "--requirement", requirements)


def install_torch(pin: str) -> None:
    """Install torch, its small CPU build where one is on offer and its hash is known.

    In hash mode pip ranks a wheel in a plain folder below the registry's, whatever its version says, so
    the wheel is fetched by version first and its hash is checked here.
    """
    wanted = pin.split()[0]
    if f"{TORCH}{installed_version('torch').partition('+')[0]}" == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        pip("download", *NO_BUILDS, "--dest", folder, wanted)
        (wheel,) = Path(folder).iterdir()
        if f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in pin:
            pip("install", wheel)
            return
    say(f"The {wanted} that is on offer here is none of those in constraints.txt: taking the registry's")
    install_pinned([pin])


def installed_version(name: str) -> str:
    """Version of an installed package, empty when it is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def torch_wants_accelerator() -> bool:
    """Whether the torch that was installed links against CUDA libraries (its CPU build does not)."""
    wanted = importlib.metadata.requires("torch") or []
    return any(one.startswith(("nvidia-", "cuda-")) for one in wanted)


def say(sentence: str) -> None:
    """Tell what is going on; at once, as pip writes to the same terminal."""
    print(sentence, flush=True)


def main(names: list[str]) -> None:
    """Install the named sections in the file's order, then the checkout, editable."""
    sections = read_sections((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    if not names or not set(names) <= set(sections):
        sys.exit(f"install: expected some of {', '.join(sections)}, got {', '.join(names) or 'nothing'}")
    pins = [pin for section in sections if section in names for pin in sections[section]]
    say(f"Installing what constraints.txt pins for {', '.join(names)}")
    install_pinned([pin for pin in pins if not pin.startswith(TORCH)])
    for pin in pins:
        if pin.startswith(TORCH):
            install_torch(pin)
            if torch_wants_accelerator():
                say("This build of torch uses CUDA: installing its libraries too")
                install_pinned(sections[ACCELERATOR])
    say("Installing ndoki from this folder")
    pip("install", "--no-build-isolation", "--no-index", "--editable", ROOT)


if __name__ == "__main__":
    main(sys.argv[1:])
