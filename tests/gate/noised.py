"""Models that really are worse: a shipped checkpoint with seeded noise on its weights, as a folder for `ref:DIR`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.conftest import REPOSITORY

CHECKPOINTS = REPOSITORY / "velm_bench" / "reference" / "checkpoints"
WEIGHTS = "model.safetensors"


def noised(target: Path, scale: float, seed: int = 0, model: str = "prefix") -> Path:
    """`target`, a copy of a shipped checkpoint to each of whose weights normal noise is added.

    The noise of a tensor has `scale` times the standard deviation of its own values; 0 leaves the weights as they are.
    """
    source = CHECKPOINTS / model
    shutil.copytree(source, target)
    draw = np.random.default_rng(seed)
    tensors = load_file(source / WEIGHTS)
    for name, tensor in sorted(tensors.items()):
        if "running_" in name or not tensor.ndim:  # what batch norm counted, no weight: a variance below zero is NaN
            continue
        values = tensor.astype(np.float64)
        noise = draw.standard_normal(values.shape) * scale * values.std()
        tensors[name] = (values + noise).astype(tensor.dtype)
    with safe_open(source / WEIGHTS, "numpy") as file:
        about = file.metadata()
    save_file(tensors, target / WEIGHTS, about)
    return target
