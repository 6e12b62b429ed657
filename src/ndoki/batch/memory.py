"""What is freed stays with the process, for the next stretch."""

import ctypes
import platform

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_BYTES, _KEPT_BYTES = 1 << 25, 1 << 28


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory instead of giving it back to the system; says whether it will.

    Every stretch needs the same few arrays of megabytes. glibc would take them anew from the system each
    time, which has to fill them with zeros, page by page: a tenth of a run's time. Peak memory stays. Other
    C libraries are left as they are.

    References
    ----------
    mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_BYTES) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))
