"""Releases, predecessors and speed."""

from __future__ import annotations

import pytest

from tests.board.made_listings import listed_task, made_listing, run_row, submission_id
from velm_bench.board.pages.releases import lineage, names, predecessor, release_frame, speed_frame, task_scores


def family() -> list[dict[str, object]]:
    return [
        run_row(1, "Base", 0.3, released="2025-01-01"),
        run_row(2, "Prism", 0.5, parent="Base", released="2026-01-01", revision="1"),
        run_row(3, "Prism", 0.6, parent="Base", released="2026-02-01", revision="2"),
        run_row(4, "Prism", 0.9, parent="Base", released="2026-03-01", revision="3", status="rejected"),
        run_row(5, "Tuned", 0.7, parent="Prism", submitted="2026-04-01"),
        run_row(6, "Sibling", 0.4, parent="Base"),
        run_row(7, "Stranger", 0.8, parent="Not here"),
    ]


def test_a_lineage_is_what_it_was_made_from_and_what_was_made_from_it() -> None:
    assert lineage(made_listing(family()), "Prism") == {
        "Base": "what it was made from",
        "Prism": "this model",
        "Tuned": "made from it",
    }


def test_a_circle_of_parents_ends() -> None:
    rows = [
        run_row(1, "A", parent="B"),
        run_row(2, "B", parent="C"),
        run_row(3, "C", parent="A"),
        run_row(4, "D", parent="D"),
    ]
    assert set(lineage(made_listing(rows), "A")) == {"A", "B", "C"}
    assert set(lineage(made_listing(rows), "D")) == {"D"}


def test_the_history_holds_every_release_in_order_also_those_that_do_not_count() -> None:
    listing = made_listing(family())
    frame = release_frame(listing, submission_id(3), task_scores(listing, "seen"))
    assert list(frame["date"]) == ["2025-01-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]
    assert list(frame["score"]) == [0.3, 0.5, 0.6, 0.9, 0.7]
    assert list(frame["shown"]) == [False, False, True, False, False]
    assert list(frame["status"]) == ["listed", "listed", "listed", "rejected", "listed"]
    assert list(frame["low"]) == pytest.approx([score - 0.02 for score in frame["score"]])


def test_a_release_without_the_score_stays_in_the_history() -> None:
    rows = [run_row(1, "Prism"), run_row(2, "Prism", task="other", submitted="2026-06-01")]
    listing = made_listing(rows)
    frame = release_frame(listing, submission_id(1), task_scores(listing, "seen"))
    assert len(frame) == 2
    assert frame["score"].isna().tolist() == [False, True]


def test_a_release_is_compared_with_the_one_before_it_that_counts_else_with_its_parent() -> None:
    listing = made_listing(family())
    assert predecessor(listing, submission_id(3)) == submission_id(2)
    assert predecessor(listing, submission_id(2)) == submission_id(1)
    assert predecessor(listing, submission_id(5)) == submission_id(3)  # the last of Prism's was rejected
    assert predecessor(listing, submission_id(7)) == ""


def test_speeds_are_those_of_submissions_that_count_and_told_them() -> None:
    rows = [
        run_row(1, "Fast", samples_per_second=1000.0, device="cpu"),
        run_row(2, "Silent"),
        run_row(3, "Rejected", samples_per_second=5.0, status="rejected"),
        run_row(4, "Zero", samples_per_second=0.0),
        run_row(5, "Grey", samples_per_second=3.0, control="blank"),
        run_row(6, "Failed", None, samples_per_second=3.0),
    ]
    listing = made_listing(rows)
    assert list(speed_frame(listing, "seen", submission_id(1))["model"]) == ["Fast"]
    shown = speed_frame(listing, "seen", submission_id(3))
    assert dict(zip(shown["model"], shown["shown"], strict=True)) == {"Fast": False, "Rejected": True}


def test_names_that_would_cover_each_other_give_way_to_the_one_of_the_page() -> None:
    speeds = {1: 100.0, 2: 101.0, 3: 10.0, 4: 1000.0}
    rows = [run_row(n, f"m{n}", 0.5 + n / 1000, samples_per_second=speed) for n, speed in speeds.items()]
    rows += [run_row(9, "low", 0.1, samples_per_second=50.0)]
    frame = speed_frame(made_listing(rows), "seen", submission_id(1)).set_index("label")
    assert frame["name"].to_dict() == {"m1": "m1", "m2": "", "m3": "m3", "m4": "m4", "low": "low"}


def test_names_say_as_much_as_it_takes() -> None:
    rows = [
        run_row(1, "Alone", revision="7"),
        run_row(2, "Twice", revision="1"),
        run_row(3, "Twice", revision="2"),
        run_row(10**60, "Same", revision="1"),
        run_row(2 * 10**60, "Same", revision="1"),
        run_row(6, "Grey", control="blank"),
        run_row(7, "e\u202evil"),
    ]
    found = names(made_listing(rows).runs)
    assert found[0] == "Alone"
    assert found[1:3] == ["Twice 1", "Twice 2"]
    assert len(set(found)) == len(rows)
    assert found[5] == "Grey (blank)"
    assert found[6] == "e⟨202E⟩vil"


def test_the_best_are_named_and_kept_where_smaller_is_better() -> None:
    rows = [run_row(place, f"m{place}", 0.5 + place / 1000, samples_per_second=5.0) for place in range(1, 9)]
    listing = made_listing(rows, None, listed_task(higher_is_better=False))
    frame = speed_frame(listing, "seen", submission_id(8), most=3)
    assert sorted(frame["model"]) == ["m1", "m2", "m8"]
    alone = speed_frame(listing, "seen", "nobody", most=3)
    assert [name for name in alone["name"] if name] == ["m1", "m2", "m3"]
    crowd = [run_row(place, f"m{place}", 0.5 + (place > 1) / 1e9, samples_per_second=5.0) for place in (2, 1, 3)]
    crowd.append(run_row(9, "far", 0.9, samples_per_second=5.0))
    close = speed_frame(made_listing(crowd, None, listed_task(higher_is_better=False)), "seen", "nobody")
    assert sorted(name for name in close["name"] if name) == ["far", "m1"]
