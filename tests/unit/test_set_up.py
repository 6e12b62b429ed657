"""What `make demo` and `make test` stand on: constraints.txt, its tools, and the environment script."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
HASH = "sha256:" + "0a" * 32


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tools_{name}", CHECKOUT / "tools" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install = load("install")
constraints = load("constraints")
attribution = load("attribution")


def project() -> dict[str, dict]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def pinned() -> dict[str, list[str]]:
    return install.read_sections((CHECKOUT / "constraints.txt").read_text(encoding="utf-8"))


def names(pins: list[str]) -> set[str]:
    return {canonicalize_name(pin.partition("==")[0]) for pin in pins}


def closure(requirements: list[str]) -> set[str]:
    """Names of all that these requirements bring on this machine, told by what is installed."""
    found: set[str] = set()
    waiting = [(Requirement(one), "") for one in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(importlib.metadata.version(name), prereleases=True), requirement
        if name in found and not requirement.extras:
            continue
        found.add(name)
        for needed in importlib.metadata.requires(name) or []:
            waiting += [(Requirement(needed), one) for one in ("", *requirement.extras)]
    return found


def test_constraints_hold_versions_and_hashes_and_no_address() -> None:
    text = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    assert constraints.address_in(text) is None
    pins = [pin for section in pinned().values() for pin in section]
    assert len(pins) > 30
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==[\w.+!]+ ", pin), pin
        assert re.fullmatch(r"(\s+--hash=sha256:[0-9a-f]{64}( \\)?)+", pin.partition("\\")[2]), pin


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "--find-links wheels",
        "ndoki @ file:///tmp/ndoki",
        "# via https://example.org",
        "-e .",
    ],
)
def test_an_address_is_seen(line: str) -> None:
    assert constraints.address_in(f"click==8.5.1 \\\n    --hash={HASH}\n{line}\n") == line


def test_each_requirement_stands_in_its_section_or_above() -> None:
    sections = pinned()
    configured = project()
    above = names(sections["base"])
    wanted = [*configured["project"]["dependencies"], *configured["build-system"]["requires"]]
    assert {canonicalize_name(Requirement(one).name) for one in wanted} <= above
    for extra, requirements in configured["project"]["optional-dependencies"].items():
        above |= names(sections[extra])
        assert {canonicalize_name(Requirement(one).name) for one in requirements} <= above


def test_each_pin_satisfies_the_project() -> None:
    configured = project()["project"]
    wanted = [Requirement(one) for one in configured["dependencies"]]
    wanted += [Requirement(one) for extra in configured["optional-dependencies"].values() for one in extra]
    for pin in (pin for section in pinned().values() for pin in section):
        name, _, rest = pin.partition("==")
        for requirement in wanted:
            if canonicalize_name(requirement.name) == name:
                assert requirement.specifier.contains(rest.split()[0]), pin


def test_base_brings_no_torch() -> None:
    """Followed through the metadata of what is installed, and read off the pins."""
    base = closure(project()["project"]["dependencies"])
    assert "numpy" in base
    assert "torch" not in base
    assert base <= names(pinned()["base"])
    assert "torch" not in names(pinned()["base"])
    assert not [name for name in names(pinned()["base"]) if name.startswith(("nvidia-", "cuda-"))]


def test_all_that_is_needed_is_pinned() -> None:
    """Installing with --no-deps is only right when no dependency is forgotten."""
    configured = project()["project"]
    extras = [one for extra in configured["optional-dependencies"].values() for one in extra]
    everything = {name for section in pinned().values() for name in names(section)}
    assert closure([*configured["dependencies"], *extras]) <= everything


def test_each_package_stands_in_one_section() -> None:
    pins = [pin.split("\\")[0].strip() for section in pinned().values() for pin in section]
    assert len(pins) == len(set(pins))
    by_section = [names(section) for section in pinned().values()]
    assert sum(map(len, by_section)) == len(set().union(*by_section))


def test_sections_are_read_whole() -> None:
    hashed = f"    --hash={HASH}"
    lines = ["# == base ==", "a==1 \\", hashed, "b==2 \\", f"{hashed} \\", hashed, "# == test =="]
    sections = install.read_sections("\n".join(lines))
    assert [len(pin.splitlines()) for pin in sections["base"]] == [2, 3]
    assert sections["test"] == []


def test_install_refuses_an_unknown_section() -> None:
    with pytest.raises(SystemExit, match=r"some of base, .*, train, test, accelerator, got everything"):
        install.main(["everything"])


def test_install_refuses_no_section() -> None:
    with pytest.raises(SystemExit, match="got nothing"):
        install.main([])


@given(st.lists(st.integers(0, 2**256 - 1), max_size=4), st.lists(st.integers(0, 2**256 - 1), max_size=4))
def test_added_hashes_are_sorted_and_once_each(before: list[int], more: list[int]) -> None:
    def written(numbers: list[int]) -> list[str]:
        return [f"sha256:{number:064x}" for number in numbers]

    lines = ["torch==2.13.0 \\", *(f"    --hash={one} \\" for one in written(before))]
    (merged,) = constraints.add_hashes(lines, written(more))
    assert merged.splitlines()[0].removesuffix("\\").strip() == "torch==2.13.0"
    assert constraints.HASH.findall(merged) == sorted({*written(before), *written(more)})
    assert constraints.read_pins(merged) == {"torch==2.13.0": merged.splitlines()}


def test_pins_keep_their_markers() -> None:
    text = f"numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash={HASH}\n"
    pins = constraints.read_pins("# == base ==\n\n" + text)
    assert list(pins) == ["numpy==2.4.6"]
    assert "\n".join(pins["numpy==2.4.6"]) + "\n" == text


def write_manifest(folder: Path, rows: list[str]) -> Path:
    manifest = folder / "clips.csv"
    manifest.write_text("path,source,licence,attribution\n" + "".join(rows), encoding="utf-8")
    return manifest


def test_attribution_groups_by_source_and_names_each_author_once(tmp_path: Path) -> None:
    rows = [
        "a.flac,Little,CC0,Ann\n",
        'b.flac,Big,CC BY 4.0,"Bob,  2020"\n',
        'c.flac,Big,CC BY 4.0,"Bob, 2020"\n',
        "d.flac,Big,CC0,Ćirić\n",
    ]
    text = attribution.render(*attribution.read_sources(write_manifest(tmp_path, rows)))
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Big (3 files)", "Little (1 files)"]
    assert re.findall(r"^Licence: (.*)$", text, re.MULTILINE) == [
        "CC BY 4.0 (2 files)",
        "CC0 (1 files)",
        "CC0 (1 files)",
    ]
    assert re.findall(r"^- (.*)$", text, re.MULTILINE) == ["Bob, 2020", "Ćirić", "Ann"]


def test_attribution_says_which_column_is_missing(tmp_path: Path) -> None:
    manifest = tmp_path / "clips.csv"
    manifest.write_text("path,source\na.flac,Big\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"clips\.csv has no column attribution, licence"):
        attribution.read_sources(manifest)


def test_attribution_is_up_to_date(shared_data: Path) -> None:
    text = attribution.render(*attribution.read_sources(shared_data / "clips.csv"))
    assert (CHECKOUT / "docs/models/ATTRIBUTION.md").read_text(encoding="utf-8") == text


def make_command(folder: Path, name: str, script: str) -> None:
    command = folder / name
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)


def run_venv(target: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", CHECKOUT / "tools/venv.sh", target],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_refused_in_a_sentence(tmp_path: Path) -> None:
    make_command(tmp_path, "python3", 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi')
    done = run_venv(tmp_path / "venv", str(tmp_path))
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, found Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_python_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = run_venv(tmp_path / "venv", str(tmp_path))
    assert done.returncode == 1
    assert "found no python3" in done.stderr


def test_missing_ensurepip_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    """As on a bare Debian for somebody who is neither root nor may become root."""
    make_command(tmp_path, "python3", f'case "$2" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"')
    make_command(tmp_path, "apt-get", "exit 1")
    make_command(tmp_path, "id", "echo 1000")
    done = run_venv(tmp_path / "venv", str(tmp_path))
    assert done.returncode == 1
    wanted = f"python3.{sys.version_info.minor}-venv"
    assert f"sudo apt-get install -y --no-install-recommends {wanted}" in done.stderr


def test_missing_ensurepip_is_installed_by_root(tmp_path: Path) -> None:
    broken = 'case "$2" in *ensurepip*|venv) exit 1;; esac'
    make_command(tmp_path, "python3", f'{broken}\nexec {sys.executable} "$@"')
    make_command(tmp_path, "apt-get", f'echo "$@" >> {tmp_path}/asked')
    make_command(tmp_path, "id", "echo 0")
    for name in ("env", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = run_venv(tmp_path / "venv", str(tmp_path))
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in asked] == ["update", "install"]
    assert f"python3.{sys.version_info.minor}-venv" in asked[1]
    assert "-m venv failed" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_broken_environment_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "kept").write_text("mine", encoding="utf-8")
    done = run_venv(tmp_path / "venv", os.environ["PATH"])
    assert done.returncode == 1
    assert "make clean" in done.stderr
    assert (tmp_path / "venv" / "kept").read_text(encoding="utf-8") == "mine"


def test_a_usable_environment_is_kept() -> None:
    done = run_venv(Path(sys.prefix), os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_check_can_be_run() -> None:
    for name in (".ci/run", "tools/venv.sh"):
        assert (CHECKOUT / name).stat().st_mode & stat.S_IXUSR, name
    assert "make test" in (CHECKOUT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_help_lists_every_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets
    documented = re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)
    assert sorted(documented) == sorted(targets[1].split())
