"""Who can be compared: keys for addresses, names that tell apart, runs of the same samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.board.made_listings import made_listing, run_row, score_row
from tests.made_runs import HOSTILE, made_board
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.comparing import compare_frame, metrics_of
from velm_bench.board.pages.entrants import best_two, common_runs, entrant_key, entrants, find_entrants


@pytest.fixture(scope="module")
def listing(real_results: Path) -> Listing:
    return list_results(real_results)


def test_every_model_and_control_has_a_key_of_its_own(listing: Listing) -> None:
    found = entrants(listing)
    pairs = {(one.submission, one.control) for one in found.values()}
    assert pairs == set(zip(listing.runs["submission"], listing.runs["control"], strict=True))
    assert all(key == one.key and key.startswith(one.submission[:12]) for key, one in found.items())
    assert not any("," in key for key in found)
    assert sum(len(runs) for one in found.values() for runs in one.runs.values()) == len(listing.runs)


def test_a_key_is_found_whole_by_its_first_digits_and_with_its_control(listing: Listing) -> None:
    blank = next(one for one in entrants(listing).values() if one.control == "blank")
    plain = entrant_key(blank.submission)
    for spelled in (plain, blank.submission):
        assert [one.control for one in find_entrants(listing, [spelled])] == [""]
        assert [one.control for one in find_entrants(listing, [spelled], "blank")] == ["blank"]
        assert [one.control for one in find_entrants(listing, [f"{spelled}:blank"])] == ["blank"]
    assert find_entrants(listing, ["0" * 12, "", "x:y"]) == []
    assert len(find_entrants(listing, [plain, plain, blank.key])) == 2


def test_a_control_with_a_comma_stands_in_an_address(listing: Listing) -> None:
    runs = listing.runs.assign(control=listing.runs["control"].replace("blank", "blank, 2 shots"))
    (one,) = [one for one in entrants(replace(listing, runs=runs)).values() if one.control]
    assert "," not in one.key
    assert one.label.endswith("(blank, 2 shots)")
    assert find_entrants(replace(listing, runs=runs), [one.key]) == [one]


def test_two_of_one_name_are_told_apart(listing: Listing) -> None:
    renamed = replace(listing, runs=listing.runs.assign(model="same"))
    labels = [one.label for one in entrants(renamed).values()]
    assert len(set(labels)) == len(labels)
    assert all(label.startswith("same") for label in labels)


def test_those_that_do_not_count_come_last(listing: Listing) -> None:
    first = next(iter(entrants(listing).values()))
    status = listing.runs["status"].mask(listing.runs["submission"] == first.submission, "withdrawn")
    found = list(entrants(replace(listing, runs=listing.runs.assign(status=status))).values())
    assert found[-1].submission == first.submission
    assert not found[-1].counts


def test_names_of_strangers_are_harmless(tmp_path: Path) -> None:
    listing = list_results(made_board(tmp_path / "results"))
    bidi = replace(listing, runs=listing.runs.assign(model=listing.runs["model"] + "\u202e"))
    labels = [one.label for one in entrants(bidi).values()]
    assert any(HOSTILE[:20] in label for label in labels)
    assert not any("\u202e" in label for label in labels)


def test_runs_of_the_same_size_are_compared(listing: Listing) -> None:
    chosen = list(entrants(listing).values())[:2]
    task = next(iter(chosen[0].runs))
    larger = listing.runs[listing.runs["run"].isin(chosen[0].runs[task])].assign(run="larger", n=5000)
    both = replace(listing, runs=pd.concat([listing.runs, larger], ignore_index=True))
    again = find_entrants(both, [one.key for one in chosen])
    assert again[0].runs[task] == ("larger", *chosen[0].runs[task])
    assert common_runs(both, again, task) == [chosen[0].runs[task][0], chosen[1].runs[task][0]]
    assert common_runs(both, again[:1], task) == ["larger"]
    assert common_runs(both, again, "no such task") == ["", ""]


def test_a_page_begins_with_the_two_best(listing: Listing) -> None:
    task = next(iter(listing.tasks))
    ordinary = listing.runs[(listing.runs["task"] == task) & (listing.runs["control"] == "")]
    best = ordinary.sort_values("score", ascending=False)["submission"].head(2)
    assert best_two(listing) == best_two(listing, task) == [one[:12] for one in best]
    assert best_two(replace(listing, runs=listing.runs.head(0))) == []


def test_runs_that_nobody_recomputed_can_be_chosen_and_say_why_there_is_nothing() -> None:
    rows = [run_row(n * 16**60, name, score) for n, name, score in ((1, "a", None), (2, "b", 0.5), (3, "c", None))]
    rows = [row if row["score"] else {**row, "n": None, "level": "valid"} for row in rows]
    listing = made_listing(rows, [score_row(str(rows[1]["run"]), "accuracy", 0.5)])
    keys = list(entrants(listing))
    assert common_runs(listing, find_entrants(listing, keys), "seen") == [str(row["run"]) for row in rows]
    for pair in (keys[:2], keys[1:], keys[::2]):
        frame = compare_frame(listing, pair, "seen")
        assert frame["difference"].isna().all()
        assert frame["note"].str.contains("not on this machine").all()
        assert metrics_of(listing, pair, "seen") == []
