from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.made_listings import many, row, small
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.ranking import RANK_COLUMNS, rank_frame
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.frames import AFTER, BEFORE, TASK, View, board_frame, question, rising


def framed(listing: Listing, **view: Any) -> pd.DataFrame:
    """The frame of a view, ranked by the real ranking."""
    asked = View(**view)
    return board_frame(listing, asked, rank_frame(listing, **question(listing, asked)))


def who(frame: pd.DataFrame) -> list[str]:
    """The models in order, controls in brackets."""
    return [f"{m} [{c}]" if c else m for m, c in zip(frame["model"], frame["control"], strict=True)]


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    return small(tmp_path)


def test_the_columns_are_those_that_it_says(listing: Listing) -> None:
    frame = framed(listing)
    assert list(frame.columns) == [*BEFORE, *(TASK + name for name in listing.tasks), *AFTER]


def test_the_complete_stand_above_all_others_however_good_those_are(listing: Listing) -> None:
    frame = framed(listing)
    assert who(frame)[:2] == ["good", "fair"]
    assert list(frame["done"][:2]) == [3, 3]
    assert (frame["done"][2:] < 3).all()
    assert frame["score"][:2].notna().all()
    assert frame["score"][2:].isna().all()


def test_a_control_is_shown_where_its_score_puts_it_and_never_ranked(listing: Listing) -> None:
    frame = framed(listing, task="vqa_a")
    assert who(frame) == ["star", "good", "good [blank]", "fair"]
    assert frame["rank"].isna().tolist() == [False, False, True, False]
    assert frame["rank"].dropna().tolist() == [1, 2, 3]
    assert frame["score"].notna().all()
    assert "good [blank]" not in who(framed(listing, task="vqa_a", controls=False))


def test_only_what_counts_is_shown_unless_asked_for_and_it_is_not_ranked(listing: Listing) -> None:
    assert "gone" not in who(framed(listing))
    frame = framed(listing, task="ner_a", statuses=("listed", "withdrawn"))
    gone = frame[frame["model"] == "gone"].iloc[0]
    assert gone["status"] == "withdrawn"
    assert pd.isna(gone["rank"])
    assert gone["score"] == 0.99


@pytest.mark.parametrize(
    ("view", "left"),
    [
        ({"kind": "ner"}, {"good", "fair"}),
        ({"smallest": 2_000_000}, {"good"}),
        ({"largest": 2_000_000}, {"fair"}),
        ({"licences": ("mit",)}, {"fair"}),
        ({"levels": ("complete",)}, {"star"}),
        ({"since": "2026-03-01"}, {"star"}),
        ({"until": "2026-01-01"}, {"good"}),
        ({"search": "STA"}, {"star"}),
        ({"search": "mIt"}, {"fair"}),
        ({"search": "("}, set()),
        ({"search": "nobody"}, set()),
    ],
)
def test_a_filter_leaves_what_it_says(listing: Listing, view: dict[str, Any], left: set[str]) -> None:
    assert set(framed(listing, **view)["model"]) == left


def test_who_is_shown_changes_no_rank(listing: Listing) -> None:
    everybody = framed(listing, task="vqa_a").set_index("submission")["rank"]
    some = framed(listing, task="vqa_a", search="fair").set_index("submission")["rank"]
    assert some.to_dict() == {key: everybody[key] for key in some.index}
    assert some.tolist() == [3]


def test_a_kind_leaves_its_tasks_columns(listing: Listing) -> None:
    frame = framed(listing, kind="vqa")
    assert [name for name in frame.columns if name.startswith(TASK)] == ["task.vqa_a", "task.vqa_b"]


def test_of_several_runs_the_largest_counts_then_the_latest(tmp_path: Path) -> None:
    twice = small(tmp_path)
    extra = [
        row("good", "vqa_a", "vqa", 0.11, run="small", n=10),
        row("good", "vqa_a", "vqa", 0.22, run="late", submitted="2026-09-09"),
    ]
    runs = pd.concat([twice.runs, *extra], ignore_index=True)
    frame = framed(Listing(**{**vars(twice), "runs": runs, "identity": "twice"}), task="vqa_a")
    good = frame[(frame["model"] == "good") & (frame["control"] == "")]
    assert good["task.vqa_a"].tolist() == [0.22]


def test_lower_is_better_puts_the_smallest_first() -> None:
    errors = pd.concat([row(name, "t", "ocr", value, better=False) for name, value in [("a", 0.5), ("b", 0.1)]])
    listing = many(errors)
    assert framed(listing, task="t")["model"].tolist() == ["b", "a"]


def test_a_metric_and_a_slice_replace_the_primary_score(real_results: Path) -> None:
    listing = list_results(real_results)
    task = "scenes_vqa:lite"
    for view in ({"metric": "exact_match"}, {"part": "question_type=count"}):
        frame = framed(listing, task=task, **view)
        asked = listing.scores[(listing.scores["metric"] == view.get("metric", "vqa_accuracy"))]
        asked = asked[asked["slice"] == view.get("part", "")]
        runs = listing.runs[listing.runs["task"] == task].merge(asked, on="run", suffixes=("_of_run", ""))
        expected = runs.set_index(["submission", "control"])["score"].to_dict()
        found = frame.set_index(["submission", "control"])["score"].to_dict()
        assert found == pytest.approx(expected)
        assert frame["score"].is_monotonic_decreasing


def test_a_results_folder_has_task_columns_and_no_common_score(real_results: Path) -> None:
    frame = framed(list_results(real_results))
    assert frame["score"].isna().all()
    assert frame["done"].is_monotonic_decreasing
    assert len(frame) == 7
    assert frame.iloc[-1]["control"] == "blank"


def test_no_task_can_take_the_place_of_a_column() -> None:
    frame = framed(many(pd.concat([row("a", "score", "vqa", 0.5), row("a", "model", "vqa", 0.7)])))
    assert frame["model"].tolist() == ["a"]
    assert frame["task.model"].tolist() == [0.7]


def test_texts_of_strangers_hide_nothing() -> None:
    frame = framed(many(row("a\u202egnp", "t", "vqa", 0.5, licence="m\u200bit", reason="x\ny")))
    assert frame["model"].tolist() == ["a⟨202E⟩gnp"]
    assert frame["licence"].tolist() == ["m⟨200B⟩it"]
    assert frame["reason"].tolist() == ["x y"]


def test_nothing_gives_a_frame_with_all_columns() -> None:
    nothing = many(row("a", "t", "vqa", 0.5).iloc[:0])
    frame = board_frame(nothing, View(), pd.DataFrame({name: [] for name in RANK_COLUMNS}).astype(dict(RANK_COLUMNS)))
    assert frame.empty
    assert list(frame.columns) == [*BEFORE, *AFTER]


def test_many_rows_are_in_order_and_lose_nothing() -> None:
    rng = np.random.default_rng(3)
    count, tasks = 400, 5
    names = [f"m{place:04d}" for place in range(count)]
    runs = pd.concat([row(name, f"t{t}", "vqa", float(rng.random())) for name in names[:3] for t in range(tasks)])
    wide = pd.concat([runs.assign(submission=f"{k:064d}", model=names[k]) for k in range(count)], ignore_index=True)
    wide["score"] = pd.array(rng.random(len(wide)), dtype="Float64")
    wide["run"] = [f"r{place}" for place in range(len(wide))]
    wide = wide.drop_duplicates(["submission", "task"]).reset_index(drop=True)
    frame = framed(many(wide), task="t2")
    expected = wide[wide["task"] == "t2"].set_index("submission")["score"]
    assert frame.set_index("submission")["task.t2"].to_dict() == pytest.approx(expected.to_dict())
    assert frame["score"].is_monotonic_decreasing


def test_of_one_task_alone_the_score_is_its_own_whatever_is_asked() -> None:
    errors = pd.concat([row(name, "t", "ocr", value, better=False) for name, value in [("a", 0.5), ("b", 0.1)]])
    listing = many(errors)
    frame = framed(listing)
    assert frame["model"].tolist() == ["b", "a"]
    assert frame["rank"].tolist() == [1, 2]
    assert frame["score"].tolist() == frame["task.t"].tolist() == [0.1, 0.5]
    assert not rising(listing, View())


def test_a_metric_over_several_tasks_is_ordered_by_its_own_direction() -> None:
    rows = [row(name, task, "ocr", value, better=False) for name, value in [("a", 0.5), ("b", 0.1)] for task in "tu"]
    frame = framed(many(pd.concat(rows)), metric="accuracy")
    assert frame["rank"].tolist() == [1, 2]
    assert frame["model"].tolist() == ["b", "a"]


def test_rows_without_a_common_score_are_ordered_by_the_first_tasks_direction() -> None:
    rows = [row(name, task, "ocr", value, better=False) for name, value in [("a", 0.5), ("b", 0.1)] for task in "tu"]
    listing = many(pd.concat(rows))
    bare = {name: replace(task, floor=None, ceiling=None) for name, task in listing.tasks.items()}
    frame = framed(replace(listing, tasks=bare))
    assert frame["score"].isna().all()
    assert frame["model"].tolist() == ["b", "a"]
