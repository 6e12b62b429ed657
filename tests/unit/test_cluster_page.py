"""What docs/ says of clusters, as far as it can be checked without one."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from ndoki.batch.cluster_place import settings_in

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "docs" / "cluster"
PAGE = (CHECKOUT / "docs" / "reference" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = [text for kind, text in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL) if kind == "yaml"]
INSTRUCTIONS = {"FROM", "ARG", "COPY", "RUN", "USER", "WORKDIR", "ENV", "CMD"}


def test_the_image_asks_for_what_there_is() -> None:
    """No builder is needed: lines, instructions, extras and copied files."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert {line.split()[0] for line in lines} == INSTRUCTIONS
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = [line.partition("=")[2] for line in lines if line.startswith("ARG")]
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert (CHECKOUT / "constraints.txt").is_file()


def test_the_job_array_is_a_script() -> None:
    subprocess.run(["bash", "-n", FOLDER / "slurm-array.sh"], check=True)


@pytest.mark.parametrize("text", [(FOLDER / "slurm.yaml").read_text(encoding="utf-8"), *BLOCKS])
def test_files_are_understood(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    own = settings_in(str(path))["cluster"]
    assert own.keys() == {"class", "arguments"}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (CHECKOUT / "docs" / "reference" / target).is_file(), target
