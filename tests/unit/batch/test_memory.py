"""Freed memory stays with the process: the same arrays again cost no pages from the system."""

import platform
import subprocess
import sys
from textwrap import dedent

import pytest

from ndoki.batch.memory import keep_freed_memory

KEEPS = "from ndoki.batch.memory import keep_freed_memory; keep_freed_memory()"
WORKER = """
from ndoki.audio.access import Access
from ndoki.batch.order import order_for
from ndoki.batch.worker import Orders
from ndoki.detectors.registry import load_detector
from ndoki.events.pick import Picker
Orders(order_for("template", load_detector("template"), Picker(threshold=0.3), Access())).setup(None)
"""
ARRAYS = """
import resource
import numpy as np
def taken():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.full(1 << 20, i, np.float32) for i in range(24)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
taken()
print(taken())
"""
PAGES = 24 * (1 << 22) // 4096
glibc_only = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are"
)


def pages_taken(preparation: str) -> int:
    """Pages that the system gave for 96 MB which the process had held, and freed, before."""
    code = dedent(preparation) + ARRAYS
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@glibc_only
@pytest.mark.parametrize("preparation", [KEEPS, WORKER], ids=["process", "worker"])
def test_freed_memory_serves_again(preparation: str) -> None:
    assert pages_taken("") > PAGES // 2
    assert pages_taken(preparation) < PAGES // 20


def test_it_says_whether_it_will() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
