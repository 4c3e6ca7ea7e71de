"""Baselines made up for tests, and their files taken apart and forged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.gate.made_evidence import made_evidence
from velm_bench.gate.baselines import Entry, load_baseline, open_or_begin, update
from velm_bench.gate.baselines.blocks import block_digest
from velm_bench.gate.baselines.layout import encode_baseline
from velm_bench.gate.evidence import Evidence


def release(seed: int, *, title: str = "scenes_vqa", n: int = 120, **changes: Any) -> Evidence:
    """A run of n questions, four to an image; another seed is another model's."""
    draw = np.random.default_rng(seed)
    groups = [f"eval/{place // 4:05d}" for place in range(n)]
    slices = {"question_type": [("count", "colour", None)[place % 3] for place in range(n)]}
    right = draw.choice([0.0, 0.3, 0.6, 0.9, 1.0], n)
    made = made_evidence(right, title=title, model=f"hf:team/model-{seed}", groups=groups, slices=slices)
    ids = np.asarray([f"{group}/q{place % 4}" for place, group in enumerate(groups)])
    return replace(made, **{"ids": ids, **changes})


def put(path: Path, *runs: Evidence, did: str = "set", **options: Any) -> Path:
    """The file, with these runs in it."""
    options = {"reason": "for the tests", **options}
    update(open_or_begin(path), runs, Entry(did, **options))  # type: ignore[arg-type]
    return path


def forge(path: Path, change: Callable[[dict[str, Any]], None], title: str = "scenes_vqa") -> Path:
    """Change a block and give it the right digest: what nobody does by accident."""
    blocks = json.loads(path.read_bytes())["tasks"]
    del blocks[""]
    change(blocks[title])
    blocks[title]["digest"] = block_digest(title, blocks[title])
    path.write_bytes(encode_baseline(blocks))
    return path


def held(path: Path, title: str = "scenes_vqa") -> Evidence:
    """What a file holds of a task."""
    return load_baseline(path).tasks[title].evidence
