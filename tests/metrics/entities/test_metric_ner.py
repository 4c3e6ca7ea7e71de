"""Entity scores against conlleval, seqeval and a plain reading of each scheme."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.entities.tagging import (
    ANY_TAG,
    PLAIN,
    TYPES,
    Tags,
    file_of,
    pairs_of,
    plain_iob2,
    real_tags,
    scores,
    split,
)
from velm_bench.iob import entities, split_tag, to_iob2
from velm_bench.metrics import MetricInputError, build
from velm_bench.statistics import interval

CASES = json.loads((Path(__file__).parents[1] / "cases" / "ner.json").read_text())
PREFIXES = {"entity_f1": "BI", "entity_f1_strict": "BI", "entity_f1_iob1": "BI", "entity_f1_iobes": "BIES"}
SUFFIXES = {name: name.removeprefix("entity_f1") for name in PREFIXES}
MEASURES = ("precision", "recall", "f1")
STRICT = tuple(PREFIXES)[1:]
ALL = ("entity_f1", *STRICT, "entity_errors", "token_report")


def of_scheme(name: str) -> st.SearchStrategy[str]:
    """Gold tags that a metric accepts."""
    return st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in PREFIXES[name] for kind in ("PER", "LOC", ""))])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
@pytest.mark.parametrize(("name", "mode"), [("entity_f1", "lenient"), ("entity_f1_strict", "strict")])
def test_counts(case: dict[str, Any], name: str, mode: str) -> None:
    metric = build(name, TYPES)
    rows = metric.statistics([case["pred"]], [case["gold"]])
    assert [rows[0, part:-1:3].sum() for part in range(3)] == case[mode]


def conlleval_cases(shared: Path) -> list[dict[str, Any]]:
    cases = json.loads((shared / "metric_cases" / "ner_conlleval.json").read_text())["cases"]
    assert len(cases) == 10
    return list(cases)


def test_conlleval_cases(shared: Path) -> None:
    for case in conlleval_cases(shared):
        kinds = tuple(sorted({kind for tags in case["gold"] + case["pred"] for kind, _, _ in entities(tags)}))
        metric = build("entity_f1", kinds)
        totals = metric.totals(metric.statistics(case["pred"], case["gold"]))
        counts = re.search(r"with (\d+) phrases; found: (\d+) phrases; correct: (\d+)", case["conlleval_stdout"])
        assert counts
        assert [totals[part:-1:3].sum() for part in (2, 1, 0)] == [*map(float, counts.groups())], case["name"]
        values = dict(zip(metric.outputs, 100 * metric.finalize(totals), strict=True))
        lines = re.findall(
            r"(\S*): +(?:\S+; )?precision: +([\d.]+)%; recall: +([\d.]+)%; FB1: +([\d.]+)", case["conlleval_stdout"]
        )
        assert len(lines) == len(kinds) + 1, case["name"]
        for kind, *official in lines:
            names = [f"entity_{part}" if kind == "accuracy" else f"entity_{part}/{kind}" for part in MEASURES]
            assert [values[name] for name in names] == pytest.approx([*map(float, official)], abs=0.005), case["name"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("entity_f1", "lenient (default)"),
        ("entity_f1_strict", "strict IOB2"),
        ("entity_f1_iob1", "strict IOB1"),
        ("entity_f1_iobes", "strict IOBES"),
    ],
)
def test_cases_of_seqeval(shared: Path, name: str, mode: str) -> None:
    compared = 0
    for case in conlleval_cases(shared):
        official = case["seqeval"][mode]
        prefixes = {split_tag(tag)[0] for tags in [*case["gold"], *case["pred"]] for tag in tags}
        if isinstance(official, str) and prefixes <= {"S", "B", "I", "E", "O"}:
            with pytest.raises(MetricInputError, match="Sample 0: the reference tag 'S-LOC' is not strict-"):
                scores(name, case["pred"], case["gold"])
        elif not isinstance(official, str) and (name != "entity_f1" or not prefixes & {"S", "E"}):
            found = scores(name, case["pred"], case["gold"])
            got = [100 * found[f"entity_{part}{SUFFIXES[name]}"] for part in MEASURES]
            assert got == pytest.approx(official, abs=0.005), case["name"]
            compared += 1
    assert compared >= 7


def seqeval(predictions: list[Tags], golden: list[Tags], name: str) -> tuple[list[float], dict[str, list[float]]]:
    """seqeval's micro precision, recall and F1, and those of each type that occurs."""
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as lenient
    from seqeval.metrics.v1 import precision_recall_fscore_support as strict
    from seqeval.scheme import IOB1, IOB2, IOBES

    options = {"entity_f1_strict": {"scheme": IOB2}, "entity_f1_iob1": {"scheme": IOB1}}
    options["entity_f1_iobes"] = {"scheme": IOBES}
    call, given = (lenient, {}) if name == "entity_f1" else (strict, options[name])
    micro = call(golden, predictions, average="micro", zero_division=0, **given)[:3]
    each = np.asarray(call(golden, predictions, average=None, zero_division=0, **given)[:3]).T
    kinds = {kind for tags in [*predictions, *golden] for kind, _, _ in PLAIN[name](tags)}
    return list(micro), dict(zip(sorted(kinds), each.tolist(), strict=True))


@pytest.mark.parametrize(("name", "files"), [("entity_f1", 500), *((name, 300) for name in STRICT)])
def test_random_files_score_as_in_seqeval(name: str, files: int) -> None:
    chance = random.Random(20030531)
    compared = 0
    for _ in range(files):
        predictions, golden = file_of(chance, PREFIXES[name], TYPES[: chance.randrange(1, 5)])
        if not any(PLAIN[name](tags) for tags in [*predictions, *golden]):
            continue  # seqeval fails on a file without entities
        compared += 1
        found = scores(name, predictions, golden)
        micro, each = seqeval(predictions, golden, name)
        assert [found[f"entity_{part}{SUFFIXES[name]}"] for part in MEASURES] == pytest.approx(micro)
        for kind in TYPES:
            got = [found[f"entity_{part}{SUFFIXES[name]}/{kind}"] for part in MEASURES]
            assert got == pytest.approx(each.get(kind, [np.nan] * 3), nan_ok=True)
    assert compared > 0.9 * files


def plain_row(name: str, tags: Tags | None, gold: Tags, labels: tuple[str, ...]) -> list[float]:
    """The statistics of one sentence by the plain reading of it."""
    right, found = PLAIN[name](gold), [] if tags is None else PLAIN[name](tags)
    counts = [Counter(kind for kind, _, _ in part) for part in (set(right) & set(found), found, right)]
    named = [float(part[kind]) for kind in labels for part in counts]
    return [*named, *(float(sum(n for kind, n in part.items() if kind not in labels)) for part in counts), 1.0]


@pytest.mark.parametrize("name", PREFIXES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_statistics_are_those_of_a_plain_reading(name: str, data: st.DataObject) -> None:
    gold = ANY_TAG if name == "entity_f1" else of_scheme(name)
    predictions, golden = split(data.draw(pairs_of(gold, ANY_TAG)))
    metric = build(name, ("PER", "geo-loc"))
    due = [plain_row(name, tags, right, metric.labels) for tags, right in zip(predictions, golden, strict=True)]
    rows = metric.statistics(predictions, golden)
    assert rows.dtype == np.float64
    assert rows.tolist() == due


@pytest.mark.parametrize("name", PREFIXES)
def test_a_sentence_has_the_same_statistics_alone_and_among_others(name: str) -> None:
    predictions, golden = file_of(random.Random(4), PREFIXES[name], TYPES)
    metric = build(name, TYPES)
    rows = metric.statistics(predictions, golden)
    alone = [metric.statistics([tags], [gold]) for tags, gold in zip(predictions, golden, strict=True)]
    assert len(rows) > 3
    assert (rows == np.concatenate(alone)).all()
    each = np.concatenate([metric.values(row)[None] for row in alone])
    np.testing.assert_array_equal(metric.per_sample(rows), each)


@pytest.mark.parametrize(
    ("name", "last", "first", "due"),
    [
        ("entity_f1", "I-PER", "I-PER", [1, 1, 2]),
        ("entity_f1_strict", "B-PER", "I-PER", [1, 1, 1]),
        ("entity_f1_iob1", "I-PER", "I-PER", [1, 1, 2]),
        ("entity_f1_iobes", "B-PER", "E-PER", [0, 0, 0]),
    ],
)
def test_an_entity_ends_with_its_sentence(name: str, last: str, first: str, due: list[int]) -> None:
    rows = build(name, TYPES).statistics([["O", last], [], ["O"]], [["O", last], [], [first]])
    assert rows.sum(axis=0)[:3].tolist() == due


@given(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=12))
def test_iob2_means_the_same_to_conlleval_and_under_strict_iob2(tags: list[str]) -> None:
    gold = [to_iob2(tags)]
    strict, lenient = (build(name, TYPES).statistics(gold, gold) for name in ("entity_f1_strict", "entity_f1"))
    assert strict.tolist() == lenient.tolist()
    assert plain_iob2(gold[0]) == entities(tags)


def test_the_real_test_set(shared: Path) -> None:
    golden = real_tags(shared)
    chance = random.Random(3)
    tags = ["O", *(f"{prefix}-{kind}" for prefix in "BI" for kind in TYPES)]
    found = [[chance.choice(tags) if chance.random() < 0.03 else tag for tag in gold] for gold in golden]
    rows = build("entity_f1", TYPES).statistics(found, golden)
    assert rows[:, 2::3].sum(axis=0).tolist() == [1617, 1668, 1661, 702, 0]
    assert rows.tolist() == [plain_row("entity_f1", *pair, TYPES) for pair in zip(found, golden, strict=True)]
    assert scores("entity_f1", found, golden)["entity_f1"] == pytest.approx(seqeval(found, golden, "entity_f1")[0][2])
    iob1 = build("entity_f1_iob1", TYPES).statistics(golden, golden)
    assert iob1[:, 2::3].sum(axis=0).tolist() == [1617, 1668, 1661, 702, 0]


def test_a_failed_sentence_misses_everything() -> None:
    gold = [["B-PER", "O"], ["B-PER", "O"]]
    found = scores("entity_f1", [gold[0], None], gold)
    assert (found["entity_precision"], found["entity_recall"]) == (1.0, 0.5)
    assert scores("token_report", [gold[0], None], gold)["token_accuracy"] == 0.5
    assert scores("entity_errors", [gold[0], None], gold)["entity_count/missed"] == 1.0


@pytest.mark.parametrize("name", STRICT)
def test_a_predicted_tag_of_no_scheme_is_outside(name: str) -> None:
    whole = {"entity_f1_strict": "B-PER", "entity_f1_iob1": "I-PER", "entity_f1_iobes": "S-PER"}[name]
    found = scores(name, [["x", whole, "Q-PER"]], [["O", whole, "O"]])
    assert found[f"entity_f1{SUFFIXES[name]}"] == 1.0


@pytest.mark.parametrize("tag", ["S-PER", "x", "", "-"])
def test_a_gold_tag_of_another_scheme_is_an_error(tag: str) -> None:
    with pytest.raises(MetricInputError, match=f"Sample 2: the reference tag '{tag}' is not strict-iob2"):
        scores("entity_f1_strict", [[], ["O"], ["O", "O"], ["O"]], [[], ["O"], ["O", tag], ["x"]])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("tags", [["O"], "OO", b"OO", 2, float("nan"), {"O": 1}, ["O", "O", "O"], np.array(0)])
def test_what_is_not_a_tag_per_token_is_an_error(name: str, tags: Any) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1 has 2 tokens and needs a list of as many tags"):
        build(name, TYPES).statistics([["O"], tags], [["O"], ["O", "B-PER"]])
    if not isinstance(tags, list):
        with pytest.raises(MetricInputError, match=r"^Sample 1 needs a list of reference tags"):
            build(name, TYPES).statistics([["O"], ["O", "O"]], [["O"], tags])
    with pytest.raises(MetricInputError, match="There are 1 predictions for 2 references"):
        build(name, TYPES).statistics([["O"]], [["O"], ["O"]])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("tag", [None, float("nan"), b"O", 0, True, ["O"], {}])
def test_a_tag_that_is_no_text_is_an_error(name: str, tag: Any) -> None:
    for what, pair in (("predicted", ([["O"], ["O", tag]], [["O"], ["O", "O"]])), ("reference", ([["O"]], [[tag]]))):
        with pytest.raises(MetricInputError, match=f"^Sample {len(pair[0]) - 1}: the {what} tag .* give text.$"):
            build(name, TYPES).statistics(*pair)


@pytest.mark.parametrize("name", ALL)
def test_odd_containers_and_very_many_or_long_tags_are_fine(name: str) -> None:
    metric = build(name, TYPES)
    plain = metric.statistics([["O", "B-PER"], None], [["O", "B-PER"], ["O"]])
    assert (metric.statistics(np.array([["O", "B-PER"], None], dtype=object), (("O", "B-PER"), ["O"])) == plain).all()
    assert (metric.statistics([np.array(["O", "B-PER"]), None], [np.array(["O", "B-PER"]), ["O"]]) == plain).all()
    many = [[f"B-{kind}" for kind in range(3000)], ["B-" + "a" * 100_000], ["I-\ud800\x00\u2028"]]
    rows = metric.statistics(many, [["O"] * len(tags) for tags in many])
    assert rows.shape == (3, len(metric.columns))
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", PREFIXES)
def test_without_entities_scores_are_zero_and_without_samples_unknown(name: str) -> None:
    metric = build(name, TYPES)
    rows = metric.statistics([["O"], [], None], [["O"], [], []])
    assert rows[:, -1].tolist() == [1.0, 1.0, 1.0]
    assert metric.value(rows) == 0.0
    assert np.isnan(metric.values(rows[:0])).all()
    assert metric.statistics([], []).shape == (0, len(metric.columns))


@pytest.mark.parametrize(("name", "suffix"), [("entity_f1", ""), ("entity_f1_strict", "_strict")])
def test_a_type_that_is_neither_predicted_nor_gold_has_no_scores(name: str, suffix: str) -> None:
    found = scores(name, [["B-PER", "O", "O"]], [["O", "B-LOC", "O"]])
    measures = [f"entity_{part}{suffix}" for part in ("f1", "precision", "recall")]
    assert [found[measure] for measure in measures] == [0.0, 0.0, 0.0]
    for kind in ("PER", "LOC"):
        assert [found[f"{measure}/{kind}"] for measure in measures] == [0.0, 0.0, 0.0]
    for kind in ("ORG", "MISC"):
        assert np.isnan([found[f"{measure}/{kind}"] for measure in measures]).all()


def test_signatures_and_outputs_name_the_scheme() -> None:
    built = {name: build(name, ("PER",)) for name in PREFIXES}
    assert {name: metric.signature for name, metric in built.items()} == {
        "entity_f1": "entity-f1|conlleval|types:PER|v:1",
        "entity_f1_strict": "entity-f1|strict-iob2|types:PER|v:1",
        "entity_f1_iob1": "entity-f1|strict-iob1|types:PER|v:1",
        "entity_f1_iobes": "entity-f1|strict-iobes|types:PER|v:1",
    }
    assert [metric.outputs[1] for metric in built.values()] == [f"entity_precision{SUFFIXES[name]}" for name in built]


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
