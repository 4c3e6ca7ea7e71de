"""Metrics in the form of weighted statistics, by name; importing this room loads no metric and no Java."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from velm_bench.metrics.base import Array, Metric, MetricInputError, MetricUnavailableError
from velm_bench.registry import Registry

__all__ = ["METRICS", "Array", "Metric", "MetricInputError", "MetricUnavailableError", "build"]

METRICS: Registry[Callable[[Sequence[str]], Metric]] = Registry(
    "metric",
    "velm_bench.metrics",
    {
        "bleu": "velm_bench.metrics.caption:Bleu",
        "meteor": "velm_bench.metrics.meteor:Meteor",
        "rouge_l": "velm_bench.metrics.caption:RougeL",
        "cider": "velm_bench.metrics.caption:Cider",
        "truth": "velm_bench.metrics.truth:Truth",
        "vqa_accuracy": "velm_bench.metrics.vqa:VqaAccuracy",
        "vqa_accuracy_vqaeval": "velm_bench.metrics.vqa:VqaAccuracyVqaEval",
        "exact_match": "velm_bench.metrics.vqa:ExactMatch",
        "pair_accuracy": "velm_bench.metrics.vqa:PairAccuracy",
        "accuracy": "velm_bench.metrics.classification:Accuracy",
        "accuracy_top5": "velm_bench.metrics.classification:AccuracyTop5",
        "macro_f1": "velm_bench.metrics.classification:MacroF1",
        "ece": "velm_bench.metrics.classification:CalibrationError",
        "entity_f1": "velm_bench.metrics.ner:EntityF1",
        "entity_f1_strict": "velm_bench.metrics.ner:EntityF1Strict",
        "token_report": "velm_bench.metrics.ner:TokenReport",
    },
)
"""Factories of metrics: each takes the task's labels (classes, entity types; often none)."""


def build(name: str, labels: Sequence[str] = ()) -> Metric:
    """The metric of that name for a task with these labels; UsageError with the nearest name if there is none."""
    return METRICS.get(name)(labels)
