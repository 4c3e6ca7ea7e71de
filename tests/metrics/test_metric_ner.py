"""Entity scores against conlleval and seqeval, the token report against scikit-learn."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.metrics import build
from velm_bench.metrics.ner import entities, entities_strict, to_iob2

TYPES = ("PER", "LOC", "ORG", "MISC")
CASES = json.loads((Path(__file__).parent / "cases" / "ner.json").read_text())
TAGS = ["O", *(f"{prefix}-{kind}" for kind in ("PER", "LOC") for prefix in "BI")]
CORPUS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1, max_size=8
)


def split(corpus: list[list[tuple[str, str]]]) -> tuple[list[list[str]], list[list[str]]]:
    return [[a for a, _ in line] for line in corpus], [[b for _, b in line] for line in corpus]


def scores(
    name: str, predictions: list[Any], references: list[Any], labels: tuple[str, ...] = TYPES
) -> dict[str, float]:
    metric = build(name, labels)
    values = metric.values(metric.statistics(predictions, references))
    return dict(zip(metric.outputs, values.tolist(), strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
@pytest.mark.parametrize(("name", "mode"), [("entity_f1", "lenient"), ("entity_f1_strict", "strict")])
def test_counts(case: dict[str, Any], name: str, mode: str) -> None:
    metric = build(name, TYPES)
    rows = metric.statistics([case["pred"]], [case["gold"]])
    assert [rows[0, part:-1:3].sum() for part in range(3)] == case[mode]


def official_counts(stdout: str) -> list[float]:
    found = re.search(r"with (\d+) phrases; found: (\d+) phrases; correct: (\d+)", stdout)
    assert found
    return [float(found[3]), float(found[2]), float(found[1])]


def test_conlleval_cases(shared: Path) -> None:
    cases = json.loads((shared / "metric_cases" / "ner_conlleval.json").read_text())["cases"]
    assert len(cases) == 10
    for case in cases:
        kinds = tuple(sorted({kind for tags in case["gold"] + case["pred"] for kind, _, _ in entities(tags)}))
        metric = build("entity_f1", kinds)
        totals = metric.totals(metric.statistics(case["pred"], case["gold"]))
        assert [totals[part:-1:3].sum() for part in range(3)] == official_counts(case["conlleval_stdout"]), case["name"]
        values = dict(zip(metric.outputs, 100 * metric.finalize(totals), strict=True))
        for kind, p, r, f in re.findall(
            r"(\S*): precision: +([\d.]+)%; recall: +([\d.]+)%; FB1: +([\d.]+)",
            case["conlleval_stdout"].partition("\n")[2].partition("\n")[2],
        ):
            found = [values[f"entity_{part}/{kind}"] for part in ("precision", "recall", "f1")]
            assert found == pytest.approx([float(p), float(r), float(f)], abs=0.005), case["name"]


def test_strict_cases(shared: Path) -> None:
    for case in json.loads((shared / "metric_cases" / "ner_conlleval.json").read_text())["cases"]:
        official = case["seqeval"]["strict IOB2"]
        if not isinstance(official, str):
            found = scores("entity_f1_strict", case["pred"], case["gold"], ("PER", "LOC", "ORG"))
            got = [100 * found[f"entity_{part}_strict"] for part in ("precision", "recall", "f1")]
            assert got == pytest.approx(official, abs=0.005), case["name"]


@settings(max_examples=80, deadline=None)
@given(CORPUS)
@pytest.mark.filterwarnings("ignore")
def test_entity_f1_equals_seqeval(corpus: list[list[tuple[str, str]]]) -> None:
    from seqeval.metrics import f1_score, precision_score, recall_score
    from seqeval.scheme import IOB2

    predictions, golden = split(corpus)
    for name, suffix, options in (
        ("entity_f1", "", {}),
        ("entity_f1_strict", "_strict", {"mode": "strict", "scheme": IOB2}),
    ):
        if suffix and not any(entities_strict(tags) for tags in [*predictions, *golden]):
            continue  # seqeval fails on a corpus without entities
        found = scores(name, predictions, golden)
        official = [
            score(golden, predictions, average="micro", zero_division=0, **options)
            for score in (precision_score, recall_score, f1_score)
        ]
        assert [found[f"entity_{part}{suffix}"] for part in ("precision", "recall", "f1")] == pytest.approx(official)


@settings(max_examples=60, deadline=None)
@given(CORPUS)
@pytest.mark.filterwarnings("ignore")
def test_token_report_equals_scikit_learn(corpus: list[list[tuple[str, str]]]) -> None:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    predictions, golden = split(corpus)
    golden = [to_iob2(tags) for tags in golden]
    found = scores("token_report", predictions, golden, ("PER", "LOC"))
    flat, right = list(chain.from_iterable(predictions)), list(chain.from_iterable(golden))
    assert found["token_accuracy"] == pytest.approx(accuracy_score(right, flat))
    occurring = sorted({*flat, *right})
    for average, labels in (("micro", TAGS[1:]), ("macro", occurring), ("weighted", occurring)):
        for suffix, tags in (("", [tag for tag in labels if tag != "O"]), ("_all", labels)):
            if not tags or f"token_f1_{average}{suffix}" not in found:
                continue
            official = precision_recall_fscore_support(right, flat, labels=tags, average=average, zero_division=0)[:3]
            ours = [found[f"token_{part}_{average}{suffix}"] for part in ("precision", "recall", "f1")]
            assert ours == pytest.approx(official)
    each = precision_recall_fscore_support(right, flat, labels=TAGS, zero_division=0)
    for part, official in zip(("precision", "recall", "f1", "support"), each, strict=True):
        assert [found[f"token_{part}/{tag}"] for tag in TAGS] == pytest.approx(official)


@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_iob2_is_a_fixed_point_with_the_same_entities(tags: list[str]) -> None:
    rewritten = to_iob2(tags)
    assert to_iob2(rewritten) == rewritten
    assert entities(rewritten) == entities(tags) == entities_strict(rewritten)


def test_entities_of_a_sentence() -> None:
    assert entities(["I-PER", "I-PER", "B-PER", "O", "I-geo-loc"]) == [("PER", 0, 2), ("PER", 2, 3), ("geo-loc", 4, 5)]
    assert entities([]) == []
    assert entities(["", "O", ""]) == []


def test_supports_of_the_real_test_set(shared: Path) -> None:
    text = (shared / "conll2003" / "eng.testb").read_text()
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    golden = [[line.split()[-1] for line in block if line] for block in blocks if not block[0].startswith("-DOCSTART-")]
    found = scores("token_report", golden, golden)
    assert len(golden) == 3453
    assert {name.partition("/")[2]: value for name, value in found.items() if "support" in name} == {
        "O": 38323, "B-PER": 1617, "I-PER": 1156, "B-LOC": 1668, "I-LOC": 257,
        "B-ORG": 1661, "I-ORG": 835, "B-MISC": 702, "I-MISC": 216,
    }  # fmt: skip
    assert scores("entity_f1", golden, golden)["entity_f1"] == 1.0


def test_a_failed_sentence_misses_everything() -> None:
    gold = [["B-PER", "O"], ["B-PER", "O"]]
    found = scores("entity_f1", [gold[0], None], gold)
    assert (found["entity_precision"], found["entity_recall"]) == (1.0, 0.5)
    assert scores("token_report", [gold[0], None], gold)["token_accuracy"] == 0.5


@pytest.mark.parametrize("name", ["entity_f1", "entity_f1_strict", "token_report"])
@pytest.mark.parametrize("tags", [["O"], "OO", ["O", "O", "O"]])
def test_a_tag_too_few_or_many_is_an_error(name: str, tags: Any) -> None:
    with pytest.raises(ValueError, match="Sample 0 has 2 tokens"):
        build(name, TYPES).statistics([tags], [["O", "B-PER"]])


@pytest.mark.parametrize("name", ["entity_f1", "entity_f1_strict", "token_report"])
def test_without_entities_scores_are_zero_and_without_samples_unknown(name: str) -> None:
    metric = build(name, TYPES)
    rows = metric.statistics([["O"]], [["O"]])
    assert metric.value(rows) == 0.0
    assert np.isnan(metric.values(rows[:0])).all()
