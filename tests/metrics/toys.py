"""Twelve small samples for every metric, one of them failed: what all metrics must hold is tried on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from velm_bench.metrics import BUILTIN, Metric, build
from velm_bench.metrics.base import Array, MeanMetric
from velm_bench.samples import Form

LABELS = ("PER", "LOC")
SAMPLES = 12
ARGUMENTS = {"accuracy_top": "accuracy_top:1", "clipscore": "clipscore:absent", "bertscore": "bertscore:absent"}
"""Metrics that cannot be without an argument; the checkpoints of the two are never looked at here."""
WITHOUT_DATA = frozenset({"clipscore", "bertscore", "spice"})
"""Metrics whose statistics need a checkpoint or a download: made-up rows stand for them."""

CAPTIONS = ["a dog", "two dogs run on grass", "a red circle", "", "the cat sat on the mat", "a dog and a cat"] * 2
CAPTIONS[5] = "a blue square and a green square"
ANSWERS = ["yes", "no", "2", "Yes.", "the dog", "5%", "A", "no", "b) cat", "", "true", "false"]
GOLD = ["yes", "yes", "2", "no", "dog", "0.05", "yes", "no", "yes", "no", "yes", "no"]
TAGS = [["B-PER", "I-PER", "O"], ["O", "B-LOC", "O"], ["B-LOC", "I-LOC", "I-LOC"], ["O", "O", "B-PER"]] * 3
FOUND_TAGS = [["B-PER", "O", "O"], ["O", "B-LOC", "O"], ["B-LOC", "I-LOC", "O"], ["B-LOC", "O", "B-PER"]] * 3
PLACES = [LABELS[place % 2] for place in range(SAMPLES)]


def label(place: int) -> dict[str, Any]:
    """A classification in the form that the kind gives."""
    first = place % 2 if place % 4 else 1 - place % 2
    ranked = [LABELS[first], LABELS[1 - first]]
    return {
        "label": ranked[0],
        "ranked": ranked,
        "probabilities": {ranked[0]: 0.6 + 0.03 * place, ranked[1]: 0.01 + 0.001 * place},
    }


def truths(place: int) -> dict[str, Any]:
    """What is in a scene."""
    words = {"colours": {"red": "red", "blue": "blue", "green": "green"}, "shapes": {"circle": "c", "square": "s"}}
    return {"pairs": [["red", "c"]] if place % 2 else [["blue", "s"]], "vocabulary": words}


def boxes(place: int) -> list[dict[str, Any]]:
    """What a detector found."""
    sides = [10.0 + place, 40.0, 100.0][: 1 + place % 3]
    return [
        {"category": LABELS[(place + number) % 2], "score": 0.9 - 0.1 * number, "bbox": [1.0, 1.0, side, 9.0]}
        for number, side in enumerate(sides)
    ]


def objects(place: int) -> dict[str, Any]:
    """What is there to be found."""
    return {"objects": [{"category": LABELS[place % 2], "bbox": [1.0, 1.0, 10.0, 9.0], "area": 90.0, "iscrowd": 0}]}


def data(name: str) -> tuple[list[Any], list[Any]]:
    """Predictions and references of a metric, the last but one failed."""
    places = range(SAMPLES)
    forms: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {
        "caption": (CAPTIONS, [["a dog on grass", "the dog"], ["a red circle"], ["two dogs"]] * 4),
        "answer": (ANSWERS, [[text, "yes"] for text in GOLD]),
        "label": ([label(place) for place in places], [[one] for one in PLACES]),
        "tags": (FOUND_TAGS, TAGS),
        "iobes": ([["S-PER", "B-LOC", "E-LOC"]] * SAMPLES, [["S-PER", "O", "S-LOC"], ["O", "B-LOC", "E-LOC"]] * 6),
        "truth": (CAPTIONS, [truths(place) for place in places]),
        "chair": (CAPTIONS, [{"objects": ["dog"], "captions": ["a cat"]} for _ in places]),
        "pair": (ANSWERS, [([text], place // 2) for place, text in enumerate(GOLD)]),
        "nlvr": (ANSWERS, [(["True" if text == "yes" else "False"], place // 3) for place, text in enumerate(GOLD)]),
        "choice": (ANSWERS, [(["cat"], ["dog", "cat"]) for _ in places]),
        "mixed": (ANSWERS, [(["cat"], ["dog", "cat"]) if place % 2 else ([GOLD[place]], []) for place in places]),
        "circular": (ANSWERS, [((["cat"], ["dog", "cat"]), place % 9 + 1_000_000 * (place // 9)) for place in places]),
        "ranking": ([["a", "b", "c"][place % 3 :] for place in places], [["c"]] * SAMPLES),
        "detection": ([boxes(place) for place in places], [objects(place) for place in places]),
        "given": ([{"score": 0.1 * place} for place in places], [None] * SAMPLES),
        "transcript": (["a dog ran", "a dog", "the dog runs"] * 4, [["a dog runs"], ["a cat runs"]] * 6),
    }
    predictions, references = forms[FORMS[name]]
    return [None if place == SAMPLES - 2 else one for place, one in enumerate(predictions)], list(references)


FORMS = {
    **dict.fromkeys(("bleu", "meteor", "rouge_l", "cider", "cider_plain", "distinct", "length"), "caption"),
    **dict.fromkeys(("vqa_accuracy", "vqa_accuracy_vqaeval", "vqa_accuracy_2015", "exact_match", "anls"), "answer"),
    **dict.fromkeys(("relaxed_accuracy", "token_f1", "yes_no", "yes_no_pope", "gqa"), "answer"),
    **dict.fromkeys(("accuracy", "accuracy_norm", "accuracy_top5", "accuracy_top", "macro_f1", "micro_f1"), "label"),
    **dict.fromkeys(("balanced_accuracy", "mcc", "class_report", "ece", "brier", "mean_average_precision"), "label"),
    "weighted_f1": "label",
    **dict.fromkeys(("entity_f1", "entity_f1_strict", "entity_f1_iob1", "entity_errors", "token_report"), "tags"),
    "entity_f1_iobes": "iobes",
    **{"truth": "truth", "chair": "chair", "pair_accuracy": "pair", "nlvr": "nlvr", "multiple_choice": "choice"},
    **{"mixed_choice": "mixed", "circular_choice": "circular", "direct_answer": "answer"},
    **{"retrieval": "ranking", "detection": "detection", "wer": "transcript", "cer": "transcript", "given": "given"},
}
"""Which data a metric reads."""


def some_statistics(name: str) -> tuple[Metric, Array]:
    """A metric and its statistics of the twelve samples."""
    metric = build(ARGUMENTS.get(name, name), LABELS)
    if name in WITHOUT_DATA:
        rows = np.random.default_rng(7).integers(0, 4, size=(SAMPLES, len(metric.columns))).astype(float)
        rows[:, -1] = 1.0
        return metric, rows
    return metric, metric.statistics(*data(name))


ALL: dict[str, tuple[Metric, Array]] = {name: some_statistics(name) for name in sorted(BUILTIN)}
"""Every metric of ours with its statistics; what another package registers is not tried."""


class FirstLetter(MeanMetric):
    """A metric as someone else might write it."""

    name = "first_letter"
    signature = "first-letter|v:1"
    form = Form.TEXT

    def score(self, prediction: Any, reference: Any) -> float:
        return float(prediction[:1] == reference[0][:1])
