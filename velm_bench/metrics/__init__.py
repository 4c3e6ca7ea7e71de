"""Metrics in the form of weighted statistics, by name; importing this room loads no metric and no Java.

Each stands alone as well: `from velm_bench.metrics import CiderD; CiderD().compute(captions, references)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.metrics.base import Array, Metric, MetricInputError, MetricUnavailableError
from velm_bench.registry import Registry

BUILTIN = {
    "bleu": "velm_bench.metrics.captions.overlap:Bleu",
    "meteor": "velm_bench.metrics.captions.meteor:Meteor",
    "rouge_l": "velm_bench.metrics.captions.overlap:RougeL",
    "cider": "velm_bench.metrics.captions.cider:CiderD",
    "cider_plain": "velm_bench.metrics.captions.cider:Cider",
    "spice": "velm_bench.metrics.captions.spice:Spice",
    "clipscore": "velm_bench.metrics.neural.clipscore:ClipScore",
    "bertscore": "velm_bench.metrics.neural.bertscore:BertScore",
    "distinct": "velm_bench.metrics.captions.diversity:Distinct",
    "length": "velm_bench.metrics.captions.diversity:Length",
    "chair": "velm_bench.metrics.captions.chair:Chair",
    "truth": "velm_bench.metrics.captions.truth:Truth",
    "vqa_accuracy": "velm_bench.metrics.questions.vqa:VqaAccuracy",
    "vqa_accuracy_vqaeval": "velm_bench.metrics.questions.vqa:VqaAccuracyVqaEval",
    "vqa_accuracy_2015": "velm_bench.metrics.questions.vqa:VqaAccuracy2015",
    "direct_answer": "velm_bench.metrics.questions.direct:DirectAnswer",
    "exact_match": "velm_bench.metrics.questions.vqa:ExactMatch",
    "pair_accuracy": "velm_bench.metrics.questions.pairs:PairAccuracy",
    "nlvr": "velm_bench.metrics.questions.pairs:Nlvr",
    "anls": "velm_bench.metrics.questions.reading:Anls",
    "relaxed_accuracy": "velm_bench.metrics.questions.reading:RelaxedAccuracy",
    "token_f1": "velm_bench.metrics.questions.reading:TokenF1",
    "yes_no": "velm_bench.metrics.questions.closed:YesNo",
    "yes_no_pope": "velm_bench.metrics.questions.closed:YesNoPope",
    "multiple_choice": "velm_bench.metrics.questions.closed:MultipleChoice",
    "mixed_choice": "velm_bench.metrics.questions.mixed:MixedChoice",
    "circular_choice": "velm_bench.metrics.questions.mixed:CircularChoice",
    "gqa": "velm_bench.metrics.questions.gqa:Gqa",
    "accuracy": "velm_bench.metrics.classes.classification:Accuracy",
    "accuracy_norm": "velm_bench.metrics.classes.classification:AccuracyNorm",
    "accuracy_top5": "velm_bench.metrics.classes.classification:AccuracyTop5",
    "accuracy_top": "velm_bench.metrics.classes.classification:AccuracyTop",
    "macro_f1": "velm_bench.metrics.classes.classification:MacroF1",
    "micro_f1": "velm_bench.metrics.classes.classification:MicroF1",
    "weighted_f1": "velm_bench.metrics.classes.classification:WeightedF1",
    "balanced_accuracy": "velm_bench.metrics.classes.classification:BalancedAccuracy",
    "mcc": "velm_bench.metrics.classes.classification:Mcc",
    "class_report": "velm_bench.metrics.classes.classification:ClassReport",
    "ece": "velm_bench.metrics.classes.calibration:CalibrationError",
    "brier": "velm_bench.metrics.classes.calibration:Brier",
    "mean_average_precision": "velm_bench.metrics.ranking:MeanAveragePrecision",
    "retrieval": "velm_bench.metrics.ranking:Retrieval",
    "entity_f1": "velm_bench.metrics.entities.entity_f1:EntityF1",
    "entity_f1_strict": "velm_bench.metrics.entities.entity_f1:EntityF1Strict",
    "entity_f1_iob1": "velm_bench.metrics.entities.entity_f1:EntityF1Iob1",
    "entity_f1_iobes": "velm_bench.metrics.entities.entity_f1:EntityF1Iobes",
    "entity_errors": "velm_bench.metrics.entities.entity_errors:EntityErrors",
    "token_report": "velm_bench.metrics.entities.token_report:TokenReport",
    "detection": "velm_bench.metrics.detection:Detection",
    "wer": "velm_bench.metrics.transcription:WordErrorRate",
    "cer": "velm_bench.metrics.transcription:CharacterErrorRate",
    "given": "velm_bench.metrics.given:GivenScore",
}

METRICS: Registry[Callable[..., Metric]] = Registry("metric", "velm_bench.metrics", BUILTIN)
"""Factories of metrics: each takes the task's labels (classes, entity types; often none)."""

_CLASSES = {target.partition(":")[2]: name for name, target in BUILTIN.items()}

__all__ = ["METRICS", "Array", "Metric", "MetricInputError", "MetricUnavailableError", "build", "split_name", *_CLASSES]


def split_name(name: str) -> tuple[str, str | None]:
    """A metric's registered name and its argument, which stands after a colon ("clipscore:DIR"); None without one."""
    known, colon, argument = name.partition(":")
    return known, argument if colon else None


def build(name: str, labels: Sequence[str] = ()) -> Metric:
    """The metric of that name for a task with these labels; UsageError with the nearest name if there is none.

    UsageError also where an argument is given to a metric that takes none, or lacks or misfits where one is needed.
    """
    known, argument = split_name(name)
    factory = METRICS.get(known)
    if argument is None:
        return factory(labels)
    if not getattr(factory, "takes", ""):
        raise UsageError(f"The metric '{known}' takes nothing after a colon: write '{known}', not '{name}'.")
    return factory(labels, argument)


def __getattr__(name: str) -> Any:
    """A metric's class, imported when first asked for."""
    if name in _CLASSES:
        return METRICS.get(_CLASSES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
