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

from velm_bench.iob import entities, to_iob2
from velm_bench.metrics import build
from velm_bench.metrics.ner import entities_strict
from velm_bench.statistics import interval

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
        due = [np.nan if tag not in occurring and part != "support" else official[i] for i, tag in enumerate(TAGS)]
        assert [found[f"token_{part}/{tag}"] for tag in TAGS] == pytest.approx(due, nan_ok=True)


@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_strict_entities_of_iob2_are_those_of_conlleval(tags: list[str]) -> None:
    assert entities_strict(to_iob2(tags)) == entities(tags)


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


@pytest.mark.parametrize(("name", "suffix"), [("entity_f1", ""), ("entity_f1_strict", "_strict")])
def test_a_type_that_is_neither_predicted_nor_gold_has_no_scores(name: str, suffix: str) -> None:
    found = scores(name, [["B-PER", "O", "O"]], [["O", "B-LOC", "O"]])
    measures = [f"entity_{part}{suffix}" for part in ("f1", "precision", "recall")]
    assert [found[measure] for measure in measures] == [0.0, 0.0, 0.0]
    for kind in ("PER", "LOC"):
        assert [found[f"{measure}/{kind}"] for measure in measures] == [0.0, 0.0, 0.0]
    for kind in ("ORG", "MISC"):
        assert np.isnan([found[f"{measure}/{kind}"] for measure in measures]).all()


def test_a_tag_that_is_neither_predicted_nor_gold_has_a_support_and_no_scores() -> None:
    found = scores("token_report", [["B-PER"]], [["B-LOC"]])
    assert [found[f"token_{part}/B-PER"] for part in ("f1", "precision", "recall", "support")] == [0.0, 0.0, 0.0, 0.0]
    assert np.isnan([found[f"token_{part}/I-PER"] for part in ("f1", "precision", "recall")]).all()
    assert found["token_support/I-PER"] == 0.0
    assert found["token_f1_macro"] == found["token_f1_macro_all"] == 0.0


@pytest.mark.parametrize(
    ("name", "prefix", "of"), [("entity_f1", "entity_", "ORG"), ("token_report", "token_", "B-ORG")]
)
def test_a_replicate_without_a_rare_type_says_nothing_about_it(name: str, prefix: str, of: str) -> None:
    """One ORG in 20 sentences, found: a third of the replicates do not draw it, and none speaks against it."""
    gold = [["B-ORG"], *[["B-PER"]] * 19]
    metric = build(name, TYPES)
    groups = [f"sentence {place}" for place in range(20)]
    found = interval(metric, metric.statistics(gold, gold), groups, replicates=100)
    for part in ("f1", "precision", "recall"):
        assert found[f"{prefix}{part}/{of}"] == (1.0, 1.0, 1.0)
        assert np.isnan(found[f"{prefix}{part}/{of.replace('ORG', 'MISC')}"]).all()
