"""The public surface: what it is, and that asking for it costs nothing until it is used."""

import subprocess
import sys

import ndoki


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_every_public_name_is_there_and_documented():
    assert len(ndoki.__all__) == 12
    for name in ndoki.__all__:
        assert getattr(ndoki, name).__doc__, name
        assert f"`{name}`" in ndoki.__doc__


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(ndoki, "skan")


def test_import_loads_no_numpy():
    assert run("import ndoki, sys; print('numpy' in sys.modules)") == "False"


def test_scan_can_be_called_whatever_was_imported_before():
    for first in ("import ndoki", "import ndoki.scan", "from ndoki.scan import scan"):
        assert run(f"{first}\nimport ndoki\nprint(callable(ndoki.scan))") == "True"
