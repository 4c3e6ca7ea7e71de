"""What a training costs: its speed, and the most memory it has held."""

from __future__ import annotations

import sys

import torch

_KILO = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit in which the system counts resident memory."""


def memory(device: torch.device) -> dict[str, float]:
    """The most memory held so far, in MB: of this process (`memory_mb`) and of its GPU (`gpu_memory_mb`)."""
    found: dict[str, float] = {}
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        found["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILO / 1e6, 1)
    if device.type == "cuda":
        found["gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    return found
