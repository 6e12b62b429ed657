"""What docs/ says of clusters, as far as it can be checked without one."""

import re
import subprocess
from pathlib import Path

import pytest

from ndoki.batch.cluster_place import settings_in

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "docs" / "cluster"
PAGE = (CHECKOUT / "docs" / "reference" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = [text for kind, text in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL) if kind == "yaml"]
INSTRUCTIONS = {"FROM", "COPY", "RUN", "USER", "WORKDIR", "ENV", "CMD"}


def test_the_image_asks_for_what_there_is() -> None:
    """No builder is needed: lines, instructions and what is installed."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert {line.split()[0] for line in lines} == INSTRUCTIONS
    # pip takes no hashes for a folder, and an install without them would not be the one that was tested.
    (install,) = [line for line in lines if line.startswith("RUN")]
    sections = re.search(r"/opt/ndoki/tools/install\.py ([a-z0-9 ]+?) +&&", install)
    assert sections
    pins = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8")
    assert all(f"# == {name} ==" in pins for name in sections[1].split())
    assert set(sections[1].split()) == {"base", "azure", "cluster", "gcs", "s3"}


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
