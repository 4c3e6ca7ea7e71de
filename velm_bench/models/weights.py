"""Weights as safetensors hold them."""

from __future__ import annotations

import json
import math
from pathlib import Path

from velm_bench.errors import UsageError


def count_weights(path: Path) -> int:
    """How many weights a safetensors file holds, from its header; running statistics are none.

    UsageError for a damaged file.
    """
    try:
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(size, path.stat().st_size)))
        shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__" and "running_" not in name]
        return sum(math.prod(map(int, shape)) for shape in shapes if shape)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"The weights file {path} is damaged: get it anew.") from error
