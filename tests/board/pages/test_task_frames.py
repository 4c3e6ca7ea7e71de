"""What a task's page says."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.board.made_listings import listed_task, made_listing, run_row, score_row
from velm_bench.board.pages.task_frames import (
    baseline_frame,
    blind_and_sighted,
    bounds_facts,
    definition_facts,
    origin_facts,
    ranked_rows,
    signature_frame,
    slice_frame,
)


def entrants() -> list[dict[str, object]]:
    return [
        run_row(1, "baseline:majority", 0.22),
        run_row(2, "baseline:oracle", 0.99),
        run_row(3, "ref:blind", 0.36),
        run_row(4, "Prism", 0.8),
        run_row(4, "Prism", 0.4, control="blank"),
        run_row(4, "Prism", 0.5, control="shuffled"),
        run_row(4, "Prism", 0.85, control="2 shots"),
        run_row(5, "Cheat", 0.9, status="rejected"),
        run_row(6, "Weak", 0.6),
    ]


def test_the_best_without_pictures_is_any_run_that_saw_none() -> None:
    frame = blind_and_sighted(made_listing(entrants()), "seen")
    assert list(zip(frame["sees"], frame["label"], frame["score"], strict=True)) == [
        ("blind", "Prism (blank)", 0.4),
        ("sighted", "Prism", 0.8),
    ]


def test_worked_examples_without_pictures_are_without_pictures_too() -> None:
    rows = [run_row(1, "Prism", 0.8), run_row(1, "Prism", 0.45, control="absent, 2 shots")]
    assert blind_and_sighted(made_listing(rows), "seen")["score"].tolist() == [0.45, 0.8]


def test_the_floor_is_the_best_without_pictures_where_nothing_beats_it() -> None:
    task = listed_task(floor=0.45, floor_by="baseline:prior")
    frame = blind_and_sighted(made_listing(entrants(), None, task), "seen")
    assert (frame["label"][0], frame["score"][0]) == ("baseline:prior", 0.45)
    assert pd.isna(frame["low"][0])
    low = listed_task(floor=0.1, floor_by="baseline:prior")
    assert blind_and_sighted(made_listing(entrants(), None, low), "seen")["score"][0] == 0.4


def test_where_lower_is_better_the_lowest_is_best() -> None:
    rows = [
        run_row(1, "baseline:random", 0.9),
        run_row(2, "ref:blind", 0.7),
        run_row(3, "Prism", 0.2),
        run_row(4, "B", 0.3),
    ]
    task = listed_task(higher_is_better=False, floor=0.8)
    assert blind_and_sighted(made_listing(rows, None, task), "seen")["score"].tolist() == [0.7, 0.2]


def test_a_task_without_runs_has_no_best() -> None:
    assert blind_and_sighted(made_listing([run_row(1, "x", task="other")]), "seen").empty


def test_baselines_and_blind_runs_are_listed_and_the_oracle_is_told_apart() -> None:
    frame = baseline_frame(made_listing(entrants()), "seen")
    assert list(zip(frame["model"], frame["control"], frame["sees"], strict=True)) == [
        ("baseline:oracle", "", "told what is there"),
        ("Prism", "blank", "blind"),
        ("ref:blind", "", "blind"),
        ("baseline:majority", "", "baseline"),
    ]


def test_slices_are_those_of_the_best_sighted_models() -> None:
    rows = entrants()
    scores = [
        score_row(str(row["run"]), "accuracy", float(str(row["score"])) + shift, part)
        for row in rows
        for part, shift in (("colour=red", 0.01), ("colour=blue", -0.01))
    ]
    frame = slice_frame(made_listing(rows, scores), "seen")
    assert list(frame.columns) == ["slice", "n", "Prism", "Weak"]
    assert list(frame["slice"]) == ["colour=red", "colour=blue"]
    assert frame["Prism"].tolist() == pytest.approx([0.81, 0.79])
    assert list(slice_frame(made_listing(rows, scores), "seen", most=1).columns) == ["slice", "n", "Prism"]
    assert slice_frame(made_listing(rows), "seen").empty


def test_a_definition_is_said_line_by_line_without_what_is_empty() -> None:
    definition = {
        "prompt": "Q: {question}", "generation": {"max_new_tokens": 8, "stop": []}, "source": {"type": "scenes"},
        "metrics": ["accuracy", "ece"], "licence": "MIT", "citation": "", "homepage": "http://x\u202e",
    }  # fmt: skip
    task = listed_task(definition=definition, limit=100, seed=3, floor=0.25, floor_by="baseline:majority", ceiling=1.0)
    facts = {fact.label: fact.text for fact in definition_facts(task)}
    assert facts["Samples"] == "100, chosen with --limit 100 and seed 3"
    assert facts["Generation"] == "max_new_tokens: 8"
    assert facts["Metrics"] == "accuracy, ece"
    assert "System prompt" not in facts
    assert [fact.text for fact in origin_facts(task)] == ["MIT", "http://x⟨202E⟩"]
    assert [fact.text for fact in bounds_facts(task)] == ["0.2500, set by baseline:majority", "1.0000"]


def test_signatures_are_listed_once_each() -> None:
    rows = [run_row(1, "a"), run_row(2, "b"), run_row(3, "c", task="other")]
    scores = [score_row(str(row["run"]), "accuracy", 0.5) for row in rows]
    scores += [score_row(str(rows[0]["run"]), "ece", 0.1, higher_is_better=False)]
    scores += [score_row(str(rows[0]["run"]), "accuracy", 0.1, "colour=red")]
    frame = signature_frame(made_listing(rows, scores), "seen")
    assert frame.to_numpy().tolist() == [["accuracy", "higher", "accuracy|v:1"], ["ece", "lower", "ece|v:1"]]


def test_ranks_get_names_and_words() -> None:
    listing = made_listing([run_row(1, "a", 0.5), run_row(2, "a", 0.6), run_row(3, "gone", None)])
    ids = listing.runs["submission"]
    ranks = pd.DataFrame(
        {
            "submission": ids,
            "control": "",
            "score": [0.5, 0.6, None],
            "rank_low": [1, 1, None],
            "rank_high": [2, 1, None],
        }
    ).astype({"rank_low": "Int64", "rank_high": "Int64"})
    frame = ranked_rows(listing, "seen", ranks)
    assert list(frame["ranks"]) == ["1–2", "1"]
    assert len(set(frame["label"])) == 2


def test_who_saw_is_told_by_what_was_run_and_not_by_its_card() -> None:
    rows = [
        run_row(1, "ref:blind", 0.9, ran="hf:a/b"),
        run_row(2, "Guess", 0.3, ran="baseline:prior"),
        run_row(3, "Told", 1.0, ran="baseline:oracle", control="blank"),
    ]
    frame = blind_and_sighted(made_listing(rows), "seen")
    assert list(zip(frame["sees"], frame["label"], strict=True)) == [("blind", "Guess"), ("sighted", "ref:blind")]
    told = baseline_frame(made_listing(rows), "seen")
    assert list(zip(told["model"], told["sees"], strict=True)) == [
        ("Told", "told what is there"),
        ("Guess", "baseline"),
    ]
