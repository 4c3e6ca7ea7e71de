"""The registry of kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from velm_bench.registry import Registry

if TYPE_CHECKING:
    from velm_bench.tasks.base import Kind

KINDS: Registry[type[Kind]] = Registry(
    "kind",
    "velm_bench.kinds",
    {
        "captioning": "velm_bench.tasks.captioning:Captioning",
        "vqa": "velm_bench.tasks.vqa:Vqa",
        "classification": "velm_bench.tasks.classification:Classification",
        "multiple_choice": "velm_bench.tasks.multiple_choice:MultipleChoice",
        "ner": "velm_bench.tasks.ner:Ner",
    },
)
