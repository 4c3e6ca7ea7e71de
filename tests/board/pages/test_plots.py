from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_listings import many, row, small
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.ranking import rank_frame
from velm_bench.board.pages import plots
from velm_bench.board.pages.facets import facets, named
from velm_bench.board.pages.frames import View, board_frame, question


def frame_of(listing: Listing, view: View) -> pd.DataFrame:
    return board_frame(listing, view, rank_frame(listing, **question(listing, view)))


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_nothing_beats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost, worth = rng.integers(1, 8, 30).astype(float), rng.integers(1, 8, 30).astype(float)
    beaten = [
        bool(((cost <= c) & (worth >= w) & ((cost < c) | (worth > w))).any()) for c, w in zip(cost, worth, strict=True)
    ]
    front = plots.pareto(pd.Series(cost), pd.Series(worth))
    assert front.tolist() == [not one for one in beaten]


def test_nothing_has_no_front() -> None:
    nothing = pd.Series([], dtype=float)
    assert plots.pareto(nothing, nothing).tolist() == []


def sized() -> Listing:
    sizes = {"tiny": (1_000_000, 0.3), "small": (2_000_000, 0.6), "poor": (3_000_000, 0.5), "large": (9_000_000, 0.7)}
    rows = [row(name, "t", "vqa", score, parameters=size) for name, (size, score) in sizes.items()]
    return many(pd.concat([*rows, row("unsized", "t", "vqa", 0.9)]))


def test_size_against_quality_leaves_out_what_has_no_size() -> None:
    made = plots.size_against_quality(frame_of(sized(), View(task="t")))
    assert made["model"].tolist() == ["tiny", "small", "poor", "large"]
    assert made["front"].tolist() == [True, True, False, True]


def test_of_an_error_the_front_is_the_lowest() -> None:
    made = plots.size_against_quality(frame_of(sized(), View(task="t")), rising=False)
    assert made["model"][made["front"]].tolist() == ["tiny"]


def test_the_best_so_far_never_falls_and_a_day_has_one_record() -> None:
    when = {"a": ("2026-01-01", 0.5), "b": ("2026-01-01", 0.6), "c": ("2026-02-01", 0.4), "d": ("2026-03-01", 0.9)}
    rows = [row(name, "t", "vqa", score, released=day) for name, (day, score) in when.items()]
    made = plots.score_over_time(frame_of(many(pd.concat(rows)), View(task="t")))
    assert made["best"].tolist() == [0.6, 0.6, 0.6, 0.9]
    assert made["model"][made["record"]].tolist() == ["b", "d"]


def test_what_does_not_count_and_controls_set_no_record(tmp_path: Path) -> None:
    view = View(task="ner_a", statuses=("listed", "withdrawn"))
    assert "gone" not in set(plots.score_over_time(frame_of(small(tmp_path), view))["model"])
    kinds = plots.score_by_row(frame_of(small(tmp_path), view)).set_index("model")["kind"]
    assert kinds["gone"] == "not counted"
    shown = plots.score_by_row(frame_of(small(tmp_path), View(task="vqa_a"))).set_index("label")["kind"]
    assert shown.to_dict() == {"star": "model", "good": "model", "good (blank)": "control", "fair": "model"}


def test_labels_tell_rows_apart() -> None:
    rows = pd.concat(
        [row("a", "t", "vqa", 0.5, submission=f"{k}" * 64, revision=said) for k, said in enumerate(["v1", "v2", "v2"])]
    )
    labels = plots.labelled(frame_of(many(rows), View(task="t")))
    assert sorted(labels) == ["a @ v1", f"a @ v2 · {'1' * 12}", f"a @ v2 · {'2' * 12}"]


def test_a_profile_has_a_mean_per_kind_that_is_whole(tmp_path: Path) -> None:
    listing = small(tmp_path)
    ids = listing.runs.drop_duplicates("model").set_index("model")["submission"]
    made = plots.per_kind_profile(listing, [ids["star"], ids["fair"]])
    assert made[["model", "kind"]].to_numpy().tolist() == [["fair", "vqa"], ["fair", "ner"]]
    assert made["score"].tolist() == pytest.approx([0.5, 0.5])
    assert not made["corrected"].any()


def test_facets_hold_what_can_be_chosen(tmp_path: Path) -> None:
    found = facets(small(tmp_path))
    assert found.kinds == ("vqa", "ner")
    assert found.tasks == {"vqa": ("vqa_a", "vqa_b"), "ner": ("ner_a",)}
    assert found.licences == ("mit",)
    assert found.levels == ("complete", "recomputed")
    assert found.statuses == ("listed", "withdrawn")
    assert (found.smallest, found.largest) == (1_000_000, 3_000_000)
    assert (found.first, found.last) == ("2026-01-01", "2026-03-03")
    assert found.controls


def test_submissions_of_one_name_have_names_of_their_own() -> None:
    rows = pd.concat([row("a", "t", "vqa", 0.5, submission=f"{k}" * 64) for k in range(2)])
    assert list(named(rows).values()) == [f"a · {'0' * 12}", f"a · {'1' * 12}"]


@pytest.mark.parametrize("rising", [True, False])
def test_of_very_many_rows_the_best_are_drawn_and_every_record(rising: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "DRAWN", 12)
    scores = [0.1, 0.2, 0.9, *(0.5 + place / 1000 for place in range(30))]
    rows = pd.concat(
        [
            row(f"m{place}", "t", "vqa", score, released=f"2026-01-{1 + place % 28:02d}", parameters=40 - place)
            for place, score in enumerate(scores if rising else [-score for score in scores])
        ]
    )
    frame = frame_of(many(rows), View(task="t"))
    for drawn, mark in (
        (plots.score_over_time(frame, rising), "record"),
        (plots.size_against_quality(frame, rising), "front"),
    ):
        assert len(drawn) == 12
        monkeypatch.setattr(plots, "DRAWN", 1000)
        make = plots.score_over_time if mark == "record" else plots.size_against_quality
        whole = make(frame, rising)
        monkeypatch.setattr(plots, "DRAWN", 12)
        assert set(whole.loc[whole[mark], "submission"]) <= set(drawn["submission"])
        assert whole.loc[whole["score"].abs().idxmax(), "submission"] in set(drawn["submission"])
