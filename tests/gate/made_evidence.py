"""Evidence made up for the tests of the gate: answers right or wrong as told, or as drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from velm_bench.digests import digest_json
from velm_bench.gate.evidence import CONTENT_DIGITS, Evidence
from velm_bench.metrics import build
from velm_bench.results.schema import Score

DIGEST = "0" * 64


def made_evidence(
    right: Sequence[float],
    *,
    title: str = "scenes_vqa",
    model: str = "ref:prefix",
    groups: Sequence[str] | None = None,
    slices: Mapping[str, Sequence[str | None]] | None = None,
    output: str = "score",
    **changes: Any,
) -> Evidence:
    """One task whose only metric is the mean of these numbers, one per sample; `changes` replaces fields."""
    metric = build(f"given:{output}")
    statistics = metric.statistics([{output: float(one)} for one in right], [None] * len(right))
    ids = np.asarray([f"s{place}" for place in range(len(right))], dtype=np.str_)
    score = Score(
        value=float(metric.values(statistics)[0]) if len(right) else None,
        n=len(right),
        n_errors=0,
        signature=metric.signature,
        metric=f"given:{output}",
    )
    found = Evidence(
        source=f"made/{model}",
        model=model,
        model_digest=digest_json(model),
        run_id=digest_json([model, title])[:12],
        title=title,
        kind="vqa",
        task_digest=digest_json(title),
        fingerprint=DIGEST,
        primary=output,
        labels=(),
        limit=None,
        imported="",
        ids=ids,
        groups=ids if groups is None else np.asarray(groups, dtype=np.str_),
        contents=np.asarray([digest_json(one)[:CONTENT_DIGITS] for one in ids.tolist()], dtype=np.str_),
        failed=np.zeros(len(right), dtype=np.bool_),
        slices={name: tuple(values) for name, values in (slices or {}).items()},
        scores={output: score},
        statistics={f"given:{output}": statistics},
    )
    return replace(found, **changes)


def drawn_pair(
    n: int, seed: int, *, right: float = 0.7, flips: float = 0.1, drop: float = 0.0, per_group: int = 1
) -> tuple[Evidence, Evidence]:
    """A baseline and a candidate: a share `flips` of the samples differs, by `drop` more to the worse.

    With several samples per group these are right or wrong together more often than not.
    """
    draw = np.random.default_rng(seed)
    count = -(-n // per_group)
    ease = np.repeat(draw.random(count), per_group)[:n]
    first = (0.5 * ease + 0.5 * draw.random(n) < right).astype(float)
    lost = (draw.random(n) < (flips + drop) / 2 / max(first.mean(), 1e-9)) & (first == 1)
    won = (draw.random(n) < (flips - drop) / 2 / max(1 - first.mean(), 1e-9)) & (first == 0)
    second = np.where(lost, 0.0, np.where(won, 1.0, first))
    names = [f"g{place // per_group}" for place in range(n)]
    return made_evidence(first, groups=names), made_evidence(second, groups=names, model="candidate")
