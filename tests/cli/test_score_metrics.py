"""Metrics on a user's own rows, from a task's YAML to the result: numbers found by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Called, Velm, World

QUESTION = {"id": "id", "question": "q", "answers": "a"}
CAPTION = {"id": "id", "captions": "a"}
LABEL = {"id": "id", "label": "a"}
TAGS = {"id": "id", "tokens": "t", "tags": "a"}
FIELDS = {"vqa": QUESTION, "captioning": CAPTION, "classification": LABEL, "ner": TAGS}
ALIKE = {"q": "?"}
"""The question, which no answer from a file depends on."""


@dataclass(frozen=True)
class Case:
    """Rows, each with the answer to it, and the scores they must have."""

    kind: str
    metrics: list[str]
    rows: list[tuple[dict[str, Any], Any]]
    scores: dict[str, float]
    fields: dict[str, Any]
    section: dict[str, Any]
    """More of the task's `source`."""
    n: int | None = None
    """The `n` of the first metric, where it is not the number of rows."""


def case(
    kind: str,
    metrics: str,
    rows: list[tuple[Any, Any]],
    *,
    scores: dict[str, float],
    fields: dict[str, Any] | None = None,
    n: int | None = None,
    **section: Any,
) -> Case:
    """Rows are the references alone, or columns with the references as "a"."""
    full = [(row if isinstance(row, dict) else {"a": row}, said) for row, said in rows]
    return Case(kind, metrics.split(), full, scores, fields or {}, section, n)


def task_of(world: World, one: Case) -> Path:
    """The case's task and data, in files."""
    rows = [{"id": f"r{place}", **ALIKE, **row} for place, (row, _) in enumerate(one.rows)]
    world.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    source = {"type": "jsonl", "path": "rows.jsonl", "fields": {**FIELDS[one.kind], **one.fields}, **one.section}
    return world.write(
        "own.yaml", json.dumps({"name": "own", "kind": one.kind, "source": source, "metrics": one.metrics})
    )


def answers_of(world: World, one: Case) -> Path:
    """The case's answers, in a file."""
    return world.predictions(*({"id": f"r{place}", "prediction": said} for place, (_, said) in enumerate(one.rows)))


def scored(velm: Velm, world: World, one: Case) -> Called:
    """`velm-bench score` of the case."""
    return velm("score", "-t", task_of(world, one), "-p", answers_of(world, one), "--replicates", "10", "--json")


GQA = case(
    "vqa",
    "gqa",
    [
        ({"a": "red", "next": ["r1", "r2"], "valid": ["red", "blue"], "likely": ["red"], "balanced": True}, "Red."),
        ({"a": "yes", "next": ["r0"], "valid": ["yes", "no"], "balanced": True}, "yes"),
        ({"a": "no", "next": ["r0"], "valid": ["yes", "no"], "balanced": False}, "blue"),
        ({"a": "dog", "next": [], "valid": ["dog", "cat"], "likely": ["dog"], "balanced": True}, "seven"),
    ],
    fields={"facts": {"entailed": "next", "valid": "valid", "plausible": "likely", "balanced": "balanced"}},
    # r0 is right and one of its two entailed questions is, r1 is right and so is its one; r2 is not balanced
    scores={"gqa_accuracy": 2 / 3, "gqa_consistency": 0.75, "gqa_validity": 2 / 3, "gqa_plausibility": 1 / 2},
    n=3,
)
NLVR = case(
    "vqa",
    "nlvr",
    [
        ({"a": "True", "key": "s1"}, "true"),
        ({"a": "False", "key": "s1"}, "No."),
        ({"a": "True", "key": 2}, "yes"),
        ({"a": "False", "key": 2}, "true"),
        ({"a": "True", "key": None}, "false"),
    ],
    fields={"facts": {"sentence": "key"}},
    scores={"nlvr_accuracy": 3 / 5, "nlvr_consistency": 1 / 2},
)
PAIRS = case(
    "vqa",
    "pair_accuracy",
    [
        ({"a": ["red", "red", "blue"], "twin": "p"}, "red"),
        ({"a": ["no"], "twin": "p"}, "No"),
        ({"a": ["two"], "twin": "q"}, "2"),
        ({"a": ["three"], "twin": "q"}, "4"),
        ({"a": ["alone"], "twin": "r"}, "alone"),
        ({"a": ["none"], "twin": ""}, "none"),
        ({"a": ["none"]}, "none"),
    ],
    fields={"facts": {"pair": "twin"}},
    scores={"pair_accuracy": 1 / 2},
    n=2,
)
WORDS = {"kitten": "cat", "puppy": "dog", "hot dog": ""}
CHAIR = case(
    "captioning",
    "chair",
    [
        ({"a": ["an animal"], "there": ["cat"], "words": WORDS}, "a kitten and two puppies near a hot dog"),
        ({"a": ["a puppy"], "there": ["cat"], "words": WORDS}, "a dog"),
    ],
    fields={"facts": {"objects": "there", "synonyms": "words"}},
    # of three mentions the puppies alone are not there; of the three objects a cat and a dog are mentioned
    scores={"chair_i": 1 / 3, "chair_s": 1 / 2, "chair_recall": 2 / 3},
)
SEVERAL = case(
    "classification",
    "mean_average_precision",
    [
        (["cat", "dog"], {"cat": 0.6, "dog": 0.4}),
        (["dog"], {"cat": 0.3, "dog": 0.5, "eel": 0.2}),
        ([], {"cat": 0.5, "dog": 0.1, "eel": 0.4}),
        ("cat", {"cat": 0.2, "dog": 0.7, "eel": 0.1}),
    ],
    names=["cat", "dog", "eel"],
    # cats come first (1/1) and last (2/4), dogs second (1/2) and third (2/3); there is no eel
    scores={"mean_average_precision": ((1 + 2 / 4) / 2 + (1 / 2 + 2 / 3) / 2) / 2},
)
INDEPENDENT = case(
    "classification",
    "mean_average_precision",
    [
        (["cat", "dog"], {"cat": 0.9, "dog": 0.8}),
        (["dog"], {"cat": 0.2, "dog": 0.7}),
        ([], {"cat": 0.3, "dog": 0.01}),
    ],
    names=["cat", "dog"],
    # each label's probability stands for itself: normalised per sample, the last one's cat would come first
    scores={"mean_average_precision": 1.0},
)
ANY_OF_SEVERAL = case(
    "classification",
    "accuracy accuracy_top:2 brier",
    [(["cat", "dog"], {"dog": 0.9, "eel": 0.1}), (["eel"], {"dog": 0.4, "cat": 0.6}), (["eel"], {"cat": 1.0})],
    names=["cat", "dog", "eel"],
    # of the first sample's right labels the likelier one counts: 0.1² twice; of the others none has any: 1.52 and 2
    scores={"accuracy": 1 / 3, "accuracy_top2": 1 / 3, "brier": (0.02 + 1.52 + 2) / 3},
)
CHOICE = case(
    "vqa",
    "multiple_choice",
    [
        ({"a": "dog", "o": ["cat", "dog"]}, "B"),
        ({"a": "A", "o": ["red", "green", "blue"]}, "The answer is (A)."),
        ({"a": "one", "o": ["one", "two"]}, "maybe"),
        ({"a": "one", "o": ["one", "two"]}, "two"),
    ],
    fields={"options": "o"},
    scores={"multiple_choice_accuracy": 1 / 2, "multiple_choice_unparsed": 1 / 4},
)
YES_NO = case(
    "vqa",
    "yes_no",
    [("yes", "Yes, it is."), ("yes", "no"), ("no", "No."), ("no", "perhaps"), ("red", "yes")],
    # a hit, a miss, a rejection, and a false alarm that says neither; red is no answer of its kind
    scores={
        **{"yes_no_accuracy": 1 / 2, "yes_no_f1": 1 / 2, "yes_no_precision": 1 / 2, "yes_no_recall": 1 / 2},
        **{"yes_no_rate": 1 / 4, "yes_no_unparsed": 1 / 4},
    },
    n=4,
)
CLASSES = case(
    "classification",
    "accuracy brier ece mcc balanced_accuracy macro_f1 micro_f1 weighted_f1 class_report accuracy_top5",
    [
        ("a", {"a": 0.9, "b": 0.1}),
        ("a", {"a": 0.8, "b": 0.2}),
        ("a", {"a": 0.4, "b": 0.6}),
        ("b", {"a": 0.3, "b": 0.7}),
    ],
    # of three a two are found, and the one b; b is said twice
    scores={
        **{"accuracy": 3 / 4, "micro_f1": 3 / 4, "accuracy_top5": 1.0},
        "brier": 2 * (0.1**2 + 0.2**2 + 0.6**2 + 0.3**2) / 4,
        "ece": (0.1 + 0.2 + 0.6 + 0.3) / 4,
        "mcc": 2 / 12**0.5,
        "balanced_accuracy": (2 / 3 + 1) / 2,
        **{"macro_f1": (4 / 5 + 2 / 3) / 2, "class_f1": (4 / 5 + 2 / 3) / 2},
        "weighted_f1": (3 * 4 / 5 + 2 / 3) / 4,
        **{"class_precision/a": 1.0, "class_recall/a": 2 / 3, "class_f1/b": 2 / 3, "class_support/a": 3.0},
    },
)
ENTITIES = case(
    "ner",
    "entity_errors",
    [
        ({"t": "Ann Lee saw Rome", "a": "B-PER I-PER O B-LOC"}, ["B-PER", "O", "O", "B-LOC"]),
        ({"t": "Bob ran", "a": "B-PER O"}, ["B-LOC", "O"]),
        ({"t": "in Oslo now", "a": "O B-LOC O"}, ["O", "O", "B-PER"]),
    ],
    scores={
        **{f"entity_count/{what}": 1.0 for what in ("correct", "wrong_type", "wrong_boundary", "missed", "spurious")},
        **{"entity_count/wrong_both": 0.0, "entity_rate/correct": 1 / 4, "entity_rate/spurious": 1 / 4},
        **{"entity_partial_f1": (2 + 1 / 2) / 4, "entity_exact_f1": 2 / 4, "entity_type_f1": 2 / 4},
    },
)
READING = {
    "anls": case("vqa", "anls", [("hello", "Hallo"), ("abcd", "wxyz")], scores={"anls": (4 / 5 + 0) / 2}),
    "token_f1": case(
        "vqa",
        "token_f1",
        [("a red bus", "the red car"), (["cat", "dog"], "The Dog!")],
        scores={"token_f1": (1 / 2 + 1) / 2, "token_exact_match": 1 / 2},
    ),
    "relaxed_accuracy": case(
        "vqa",
        "relaxed_accuracy",
        [("100", "104"), ("100", "106"), ("5%", "0.05"), ("Peru", "Chile")],
        scores={"relaxed_accuracy": 2 / 4},
    ),
}
TEXTS = {
    "wer": case(
        "captioning",
        "wer cer",
        [("the cat sat", "The dog sat down."), ("go on", "go")],
        # cat, down and on; d-o-g for c-a-t, five characters more, three fewer
        scores={
            **{"wer": 3 / 5, "wer_substitutions": 1 / 5, "wer_insertions": 1 / 5, "wer_deletions": 1 / 5},
            "cer": (3 + 5 + 3) / (11 + 5),
        },
    ),
    "distinct_and_length": case(
        "captioning",
        "distinct length",
        [("one two three four", "a a b"), ("one two three four", "a c")],
        scores={"distinct_1": 3 / 5, "distinct_2": 1.0, "length": 5 / 2, "length_ratio": 5 / 8},
    ),
}
CASES = {
    **{"gqa": GQA, "nlvr": NLVR, "pair_accuracy": PAIRS, "chair": CHAIR, "mean_average_precision": SEVERAL},
    **{"any_of_several_labels": ANY_OF_SEVERAL, "multiple_choice": CHOICE, "yes_no": YES_NO, "classes": CLASSES},
    **{"independent_labels": INDEPENDENT, "entity_errors": ENTITIES, **READING, **TEXTS},
}


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_found_by_hand(velm: Velm, world: World, name: str) -> None:
    one = CASES[name]
    done = scored(velm, world, one)
    assert done.code == 0, done.err
    result = done.json["runs"][0]["result"]
    found = {output: result["scores"][output]["value"] for output in one.scores}
    assert found == pytest.approx(one.scores)
    assert (result["n"], result["n_errors"], result["skipped"]) == (len(one.rows), 0, {})
    assert result["scores"][result["primary"]]["n"] == (len(one.rows) if one.n is None else one.n)
    assert velm("tasks", "check", task_of(world, one)).code == 0


def test_a_changed_fact_is_other_data(velm: Velm, world: World) -> None:
    before = scored(velm, world, PAIRS).json["runs"][0]["result"]
    twins = [({**row, "twin": "p"}, said) for row, said in PAIRS.rows]
    after = scored(velm, world, Case(**{**vars(PAIRS), "rows": twins})).json["runs"][0]["result"]
    assert after["scores"]["pair_accuracy"]["value"] == 0.0
    assert before["data"]["fingerprint"] != after["data"]["fingerprint"]
    assert before["run_id"] != after["run_id"]


def test_a_fact_is_nothing_that_a_prompt_can_show(velm: Velm, world: World) -> None:
    task = task_of(world, NLVR)
    task.write_text(json.dumps({**json.loads(task.read_text()), "prompt": "{question} {sentence}"}), encoding="utf-8")
    assert "uses {sentence}, which sample 'r0' lacks" in velm("tasks", "check", task).sentence


NO_LABEL = case("classification", "accuracy", [("a", "a"), (["b"], "b"), ([], "a")], scores={})


def test_no_label_at_all_is_a_defect_of_a_sample_that_must_have_one(velm: Velm, world: World) -> None:
    done = scored(velm, world, NO_LABEL)
    assert done.code == 4
    assert "1 of 3 samples of own failed" in done.err
    assert "The reference list is empty" in done.err
    assert world.result()["scores"]["accuracy"]["value"] == 2 / 3


UNFIT = {
    "no_objects": (
        case("captioning", "chair", [("a cat", "a cat")], scores={}),
        "'r0' has no facts['objects']",
    ),
    "a_report_of_several_labels": (
        Case(**{**vars(SEVERAL), "rows": SEVERAL.rows[:2], "metrics": ["macro_f1"]}),
        "'r0' has 2 right labels: macro_f1 is defined for one",
    ),
    "the_accuracy_of_no_label": (
        Case(**{**vars(SEVERAL), "metrics": ["accuracy", "mean_average_precision"]}),
        "'r2' needs a list of at least one reference",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_a_metric_lacks_is_said_by_the_check_and_takes_no_other_score(velm: Velm, world: World, name: str) -> None:
    one, sentence = UNFIT[name]
    done = velm("tasks", "check", task_of(world, one))
    assert done.code == 2
    assert f"The metric '{one.metrics[0]}' cannot score this data: Sample {sentence}" in done.sentence
    assert "not valid" in done.out
    skipped = scored(velm, world, one).json["runs"][0]["result"]["skipped"]
    assert list(skipped) == one.metrics[:1]
    assert sentence.partition(" ")[2] in skipped[one.metrics[0]]


def test_an_empty_list_of_labels_leaves_the_oracle_nothing_to_say(velm: Velm, world: World) -> None:
    done = velm("run", "-m", "baseline:oracle", "-t", task_of(world, SEVERAL), "--replicates", "10", "--json")
    assert done.code == 0
    assert done.json["runs"][0]["result"]["n_errors"] == 0
