"""Numbers that a processor multiplies fast."""

import torch

__all__ = ["knows_bfloat16"]


def knows_bfloat16() -> bool:
    """Whether matrices of bfloat16 are multiplied faster than those of float32, not slower.

    A processor without AVX-512 takes each number apart, which is slower.
    """
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")
