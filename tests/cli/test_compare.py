"""`velm-bench compare` on real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.made_boards import command


def compared(*words: str, folder: Path) -> dict[str, Any]:
    """What `compare --json` prints."""
    found: dict[str, Any] = json.loads(
        command("compare", *words, "--json", "--replicates", "1000", folder=folder).stdout
    )
    return found


def test_two_models_on_all_their_tasks(real_results: Path) -> None:
    found = compared("ref:concat", "ref:prefix", folder=real_results.parent)
    tasks = list(dict.fromkeys(row["task"] for row in found["rows"]))
    assert len(tasks) == 4
    assert {row["metric"] for row in found["rows"] if "captioning" in row["task"]} >= {"cider", "bleu_4", "meteor"}
    for row in found["rows"]:
        assert row["low"] <= row["change"] <= row["high"]
        assert row["wins"] is None or row["wins"] + row["losses"] + row["ties"] == row["n"]
    primary = [row for row in found["rows"] if row["p_adjusted"] is not None]
    assert len(primary) == 4, "one score per task is adjusted"


def test_the_other_way_round_every_change_turns(real_results: Path) -> None:
    there = compared("ref:concat", "ref:prefix", folder=real_results.parent)["rows"]
    back = compared("ref:prefix", "ref:concat", folder=real_results.parent)["rows"]
    for one, other in zip(there, back, strict=True):
        assert one["change"] == pytest.approx(-other["change"])
        assert one["p"] == pytest.approx(other["p"], abs=0.03)


def test_the_table_says_what_json_says(real_results: Path) -> None:
    words = ("compare", "ref:concat", "ref:prefix", "--replicates", "1000")
    shown = command(*words, folder=real_results.parent).stdout
    row = next(
        one for one in compared(*words[1:3], folder=real_results.parent)["rows"] if one["metric"] == "vqa_accuracy"
    )
    line = next(text for text in shown.splitlines() if "vqa_accuracy " in text)
    assert f"{row['change']:+.4f}" in line
    assert f"[{row['low']:.4f}, {row['high']:.4f}]" in line


def test_metric_slices_flips_alpha_and_seed_change_what_is_told(real_results: Path) -> None:
    folder = real_results.parent
    sides = ("ref:concat", "ref:prefix")
    plain = compared(*sides, folder=folder)
    vqa = [
        str(next((real_results / name).glob("scenes_vqa*/*/result.json")).parent)
        for name in ("ref=concat", "ref=prefix")
    ]
    metric = compared(*vqa, "--metric", "exact_match", folder=folder)
    assert [row["metric"] for row in metric["rows"]] == ["exact_match"]
    sliced = compared(*vqa, "--by", "question_type", folder=folder)
    assert {row["slice"].partition("=")[0] for row in sliced["slices"]} == {"question_type"}
    assert {row["metric"] for row in sliced["slices"]} == {"vqa_accuracy"}
    single = compared(*vqa, "--by", "question_type=count", folder=folder)
    assert [row["slice"] for row in single["slices"]] == ["question_type=count"]
    everything = compared(*vqa, "--by", "all", folder=folder)
    assert len({row["slice"].partition("=")[0] for row in everything["slices"]}) > 1
    flips = compared(*vqa, "--flips", "2", folder=folder)["flips"]
    assert len(flips) == 4
    assert flips[0]["change"] <= flips[1]["change"] < 0 < flips[2]["change"]
    assert flips[0]["baseline_answer"] != flips[0]["candidate_answer"]
    wide = compared(*sides, "--alpha", "0.01", folder=folder)
    assert wide["rows"][0]["low"] < plain["rows"][0]["low"]
    seeded = compared(*sides, "--seed", "1", folder=folder)
    assert seeded["rows"][0]["low"] != plain["rows"][0]["low"]
    assert seeded["rows"][0]["change"] == plain["rows"][0]["change"]


def test_of_several_tasks_each_gives_the_scores_and_slices_that_it_has(real_results: Path) -> None:
    found = compared("ref:concat", "ref:prefix", "--metric", "vqa_accuracy", folder=real_results.parent)
    assert [row["metric"] for row in found["rows"]] == ["vqa_accuracy"]
    sliced = compared("ref:concat", "ref:prefix", "--by", "question_type", folder=real_results.parent)
    assert len(sliced["rows"]) > 4
    assert {row["slice"].partition("=")[0] for row in sliced["slices"]} == {"question_type"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--alpha", "0.7"), "--alpha must lie between"),
        (("--metric", "vqa_acuracy"), "There is no score 'vqa_acuracy'"),
        (("--by", "question_typ"), "There is no slice 'question_typ'"),
        (("--by", "question_type=zebra"), "'question_type=zebra' of"),
    ],
)
def test_what_makes_no_sense_is_refused(real_results: Path, words: tuple[str, str], said: str) -> None:
    vqa = [
        str(next((real_results / name).glob("scenes_vqa*/*/result.json")).parent)
        for name in ("ref=concat", "ref=prefix")
    ]
    found = command("compare", *vqa, *words, folder=real_results.parent, expect=2)
    assert said in found.stderr
    assert found.stdout == ""


def test_runs_of_other_tasks_are_refused_with_each_difference(real_results: Path) -> None:
    runs = [
        str(next((real_results / "ref=prefix").glob(f"{task}*/*/result.json")).parent)
        for task in ("scenes_vqa", "scenes_ner")
    ]
    said = command("compare", *runs, folder=real_results.parent, expect=2).stderr
    assert "the task differs" in said
    assert "the data set differs" in said
    assert said.count("\n") == 1
