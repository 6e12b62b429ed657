"""``ndoki demo``: from nothing to a table of shots and a picture."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_the_demo_finds_its_own_shots(tmp_path):
    ndoki = Path(sys.executable).with_name("ndoki")
    done = subprocess.run(
        [ndoki, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found, of = map(int, re.findall(r"Detected shots: (\d+) of (\d+) simulated ones", done.stdout)[0])
    assert of >= 3
    assert found >= 0.6 * of
    (picture,) = re.findall(r"A picture: (\S+\.png)", done.stdout.replace("\n", ""))
    with Image.open(tmp_path / picture) as image:
        assert image.size == (1200, 480)
    assert (tmp_path / "build" / "demo" / "results" / "detections.csv").is_file()
