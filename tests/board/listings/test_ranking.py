"""Ranks on a listing: the default aggregate, single scores, intervals, and what is kept of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.board.small_board import create, found, from_result, pinned, say, submit
from tests.made_runs import made_result, made_score, write_made
from velm_bench.board.export.snapshot import arrange
from velm_bench.board.folder import Board
from velm_bench.board.listings import ranking as ranking_module
from velm_bench.board.listings import replicates as replicates_module
from velm_bench.board.listings.board_listing import list_board
from velm_bench.board.listings.index import INDEX
from velm_bench.board.listings.kept_ranks import kept
from velm_bench.board.listings.listing import RUN_COLUMNS, SCORE_COLUMNS, ListedTask, Listing
from velm_bench.board.listings.ranking import RANK_COLUMNS, rank_frame
from velm_bench.board.listings.results_listing import framed, list_results
from velm_bench.board.listings.speaking import odd_ones
from velm_bench.board.pages.entrants import entrants
from velm_bench.board.pages.frames import View, board_frame
from velm_bench.board.schema import EventKind, RunEntry
from velm_bench.results.pairing import paired
from velm_bench.results.store import SAMPLES, list_runs, safe_name

TASKS = {
    "scenes_captioning:lite": "cider", "scenes_vqa:lite": "vqa_accuracy", "scenes_classification:lite": "accuracy",
    "scenes_ner:lite": "entity_f1",
}  # fmt: skip
KINDS = {"t0": "vqa", "t1": "vqa", "t2": "ner"}


def made(scores: dict[str, dict[str, float | None]], **columns: dict[str, Any]) -> Listing:
    """A listing of scores by model and task without any runs; t2 is an error rate, whose ceiling is below its floor."""
    rows = [
        {
            "submission": model, "run": f"{model}/{task}", "model": model, "task": task, "kind": KINDS[task],
            "metric": "m", "score": score, "low": None if score is None else score - 0.1,
            "high": None if score is None else score + 0.1, "n": 10, "status": "listed",
            "higher_is_better": task != "t2", **columns.get(model, {}),
        }
        for model, by_task in scores.items() for task, score in by_task.items()
    ]  # fmt: skip
    parts = [
        {
            "run": row["run"], "metric": "m", "slice": part, "score": row["score"], "low": row["low"],
            "high": row["high"], "n": 10, "higher_is_better": row["higher_is_better"],
        }
        for row in rows for part in ("", "type=a") if row["score"] is not None
    ]  # fmt: skip
    bounds = {"t0": (0.25, 1.0), "t1": (0.0, 1.0), "t2": (1.0, 0.0)}
    tasks = {
        name: ListedTask(name, kind, "m", name != "t2", 10, {}, bounds[name][0], "", bounds[name][1])
        for name, kind in KINDS.items()
    }
    return Listing(
        "made", "Made", Path("nowhere"), False, tasks, framed(rows, RUN_COLUMNS), framed(parts, SCORE_COLUMNS)
    )


SCORE = st.none() | st.integers(0, 8).map(lambda eighths: eighths / 8)
MODEL = st.fixed_dictionaries(dict.fromkeys(KINDS, SCORE))


@given(st.lists(MODEL, min_size=1, max_size=6), MODEL)
@settings(max_examples=30)
def test_adding_a_model_moves_nobody(models: list[dict[str, float | None]], another: dict[str, float | None]) -> None:
    before = {f"model {place}": scores for place, scores in enumerate(models)}
    first, second = (rank_frame(made(board)) for board in (before, {"another": another, **before}))
    kept = second[second["submission"] != "another"].reset_index(drop=True)
    columns = ["submission", "control", "score", "low", "high", "done", "of", "complete"]
    pd.testing.assert_frame_equal(first[columns], kept[columns])
    both = first["rank"].dropna()
    np.testing.assert_array_equal(kept["rank"].dropna().rank(method="min"), both.rank(method="min"))


def test_the_default_aggregate_is_the_mean_over_kinds_of_corrected_scores() -> None:
    frame = rank_frame(made({"one": {"t0": 0.625, "t1": 1.0, "t2": 0.4}}))
    assert frame["score"].tolist() == pytest.approx([((0.5 + 1.0) / 2 + 0.6) / 2])
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == dict(RANK_COLUMNS)
    several = rank_frame(made({"one": {"t0": 0.625, "t1": 1.0, "t2": 0.4}}), ["t0", "t2"])
    assert several["score"].tolist() == pytest.approx([(0.5 + 0.6) / 2])


def test_incomplete_ones_stand_below_all_others() -> None:
    board = {
        "none": {"t0": None, "t1": None, "t2": None},
        "two": {"t0": 1.0, "t1": 1.0},
        "bad": {"t0": 0.0, "t1": 0.0, "t2": 1.0},
        "one": {"t0": 1.0},
        "good": {"t0": 1.0, "t1": 1.0, "t2": 0.0},
    }
    frame = rank_frame(made(board))
    assert frame["submission"].tolist() == ["good", "bad", "two", "one", "none"]
    assert frame["done"].tolist() == [3, 3, 2, 1, 0]
    assert set(frame["of"]) == {3}
    assert frame["rank"].tolist()[:2] == [1, 2]
    assert frame.iloc[2:][["rank", "score"]].isna().all(axis=None)
    assert frame["rank_low"].isna().all()  # nobody's runs are here
    assert rank_frame(made(board), ["t0"])["submission"].tolist() == ["good", "one", "two", "bad", "none"]


def test_controls_and_what_does_not_count_are_not_ranked() -> None:
    whole = {"t0": 0.5, "t1": 0.5, "t2": 0.5}
    better = dict.fromkeys(whole, 0.9)
    said = {"blank": {"control": "blank"}, "out": {"status": "rejected"}, "doubted": {"status": "flagged"}}
    frame = rank_frame(made({"blank": better, "out": better, "doubted": whole, "plain": whole}, **said), ["t0"])
    ranks = dict(zip(frame["submission"], frame["rank"].astype(object), strict=True))
    assert ranks == {"blank": pd.NA, "out": pd.NA, "doubted": 1, "plain": 1}
    assert frame["score"].notna().all()


def test_one_task_is_its_own_score_and_the_smaller_error_is_the_better() -> None:
    board = made({"one": {"t0": 0.625, "t2": 0.4}, "other": {"t0": 0.5, "t2": 0.3}})
    plain, error = rank_frame(board, ["t0"]), rank_frame(board, ["t2"])
    assert plain[["submission", "score", "low", "rank"]].to_numpy().tolist() == [
        ["one", 0.625, pytest.approx(0.525), 1], ["other", 0.5, pytest.approx(0.4), 2],
    ]  # fmt: skip
    assert error["submission"].tolist() == ["other", "one"]
    assert error["rank"].tolist() == [1, 2]


def test_a_metric_is_the_mean_over_the_tasks_that_have_it() -> None:
    board = made({"one": {"t0": 0.5, "t1": 0.75}, "other": {"t0": 1.0}})
    frame = rank_frame(board, metric="m", part="type=a")
    assert frame["score"].tolist()[0] == pytest.approx(0.625)
    assert frame["complete"].tolist() == [True, False]
    assert rank_frame(board, metric="unheard of")["of"].tolist() == [0, 0]
    assert not rank_frame(board, ["unheard of"])["complete"].any()


# --- with real runs, their samples on this machine


def real_board(place: Path, results: Path, skip: tuple[str, ...] = ()) -> Board:
    """The real runs as submissions, as if they had been recomputed."""
    runs = list_runs(results, pytest.fail)
    tasks = [pinned(name, primary, ceiling=2.0 if primary == "cider" else 1.0) for name, primary in TASKS.items()]
    board = create(place, tasks)
    for model in sorted({result.model.name for _, result in runs}):
        own = {
            RunEntry(name=safe_name(result.title), task=result.task.name, control=result.control): (folder, result)
            for folder, result in runs if result.model.name == model
        }  # fmt: skip
        submission = submit(board, model, {entry: from_result(result) for entry, (_, result) in own.items()})
        for entry, (folder, _) in own.items() if model not in skip else ():
            shutil.copytree(folder, board.runs / submission / entry.name)
    return board


@pytest.fixture(scope="module")
def results(real_results: Path) -> Path:
    return real_results


def named(listing: Listing, frame: pd.DataFrame) -> pd.DataFrame:
    names = dict(zip(listing.runs["submission"], listing.runs["model"], strict=True))
    return frame.assign(model=frame["submission"].map(names)).set_index("model")


def test_the_real_board(results: Path, tmp_path: Path) -> None:
    listing = list_board(real_board(tmp_path / "board", results))
    frame = named(listing, rank_frame(listing))
    ordinary = frame[frame["control"] == ""]
    assert ordinary["complete"].all()
    assert frame[frame["control"] == "blank"]["rank"].isna().all()
    assert (ordinary["low"] < ordinary["score"]).all()
    assert (ordinary["score"] < ordinary["high"]).all()
    assert (ordinary["rank_low"] <= ordinary["rank"]).all()
    assert (ordinary["rank"] <= ordinary["rank_high"]).all()
    assert ordinary.loc["baseline:oracle", "rank_high"] == 1
    assert (frame.loc[["baseline:constant", "baseline:random"], "rank_low"] >= 4).all()
    one = rank_frame(listing, ["scenes_vqa:lite"])
    assert one["score"].notna().sum() == 7  # the grey pictures too


def test_the_aggregates_replicates_are_those_of_its_tasks(results: Path, tmp_path: Path) -> None:
    """One task alone, corrected: the interval is the run's own, but for other draws."""
    listing = list_board(real_board(tmp_path / "board", results))
    task = "scenes_vqa:lite"
    alone = replace(listing, tasks={task: listing.tasks[task]}, is_board=False)
    scores = named(alone, rank_frame(alone))
    twice = replace(alone, tasks={task: listing.tasks[task], "scenes_ner:lite": listing.tasks["scenes_ner:lite"]})
    both = named(twice, rank_frame(twice))
    run = listing.runs[(listing.runs["model"] == "ref:prefix") & (listing.runs["control"] == "")].set_index("task")
    mean = run.loc[list(twice.tasks), "corrected"].mean()
    assert both[both["control"] == ""].loc["ref:prefix", "score"] == pytest.approx(mean)
    low = scores[scores["control"] == ""].loc["ref:prefix", "low"]
    assert low == pytest.approx(run.loc[task, "corrected_low"])


def test_a_difference_that_ranks_tell_is_one_that_a_comparison_tells(results: Path, tmp_path: Path) -> None:
    listing = list_board(real_board(tmp_path / "board", results))
    frame = named(listing, rank_frame(listing, ["scenes_vqa:lite"]))
    frame = frame[frame["control"] == ""]
    runs = listing.runs[(listing.runs["task"] == "scenes_vqa:lite") & (listing.runs["control"] == "")]
    folders = {row.model: listing.root / row.run for row in runs.itertuples()}
    for better in frame.index:
        for worse in frame.index:
            if frame.loc[better, "group"] < frame.loc[worse, "group"]:
                leader = frame[frame["group"] == frame.loc[better, "group"]].index[0]
                assert paired(folders[worse], folders[leader], "vqa_accuracy").low > 0


def test_two_identical_models_share_a_group(results: Path, tmp_path: Path) -> None:
    board = real_board(tmp_path / "board", results)
    listing = list_board(board)
    one = listing.runs[(listing.runs["model"] == "ref:concat")]
    entries = {
        RunEntry(name=run.split("/")[1], task=task): run for run, task in zip(one["run"], one["task"], strict=True)
    }
    own = one["submission"].iloc[0]
    known = {name: run for event in board.events() if event.submission == own for name, run in event.runs.items()}
    twin = submit(board, "a twin", {entry: known[entry.name] for entry in entries}, 5)
    shutil.copytree(board.runs / one["submission"].iloc[0], board.runs / twin)
    after = list_board(board)
    for question in ((), ("scenes_vqa:lite",), ("scenes_ner:lite",)):
        frame = named(after, rank_frame(after, question))
        pair = frame.loc[["ref:concat", "a twin"], ["score", "rank", "rank_low", "rank_high", "group"]]
        assert pair.iloc[0].tolist() == pair.iloc[1].tolist()
        assert pair.notna().all(axis=None)


def test_whose_runs_are_not_here_has_a_score_and_no_interval(results: Path, tmp_path: Path) -> None:
    board = real_board(tmp_path / "board", results, skip=("ref:concat",))
    listing = list_board(board)
    frame = named(listing, rank_frame(listing))
    assert frame.loc["ref:concat", ["score", "rank"]].notna().all()
    assert frame.loc["ref:concat", ["low", "rank_low", "rank_high", "group"]].isna().all()
    assert frame.loc["baseline:oracle", "rank_high"] >= 2  # the one without could be anywhere
    for folder, result in list_runs(results, pytest.fail):
        if result.model.name == "ref:concat":
            submission = listing.runs[listing.runs["model"] == "ref:concat"]["submission"].iloc[0]
            shutil.copytree(folder, board.runs / submission / safe_name(result.title))
    assert (
        named(listing, rank_frame(listing)).loc["ref:concat", ["low", "rank_low"]].notna().all()
    )  # what is kept was made without


def test_what_is_kept_is_used_until_something_is_said(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = real_board(tmp_path / "board", results)
    listing = list_board(board)
    first = rank_frame(listing)
    kept = list((board.derived / "ranks").iterdir())
    assert len(kept) == 1
    calls: list[int] = []
    whole = ranking_module.model_replicates
    monkeypatch.setattr(ranking_module, "model_replicates", lambda *given: calls.append(1) or whole(*given))
    pd.testing.assert_frame_equal(rank_frame(listing), first)
    assert calls == []
    rank_frame(listing, ["scenes_vqa:lite"])
    assert len(calls) == 1
    say(board, listing.runs["submission"].iloc[0], EventKind.WITHDRAWN, 30)
    after = rank_frame(list_board(board))
    assert len(calls) == 2
    assert after["rank"].notna().sum() == first["rank"].notna().sum() - 1
    assert not kept[0].exists()
    kept = list((board.derived / "ranks").iterdir())
    kept[0].write_bytes(b"damaged")
    pd.testing.assert_frame_equal(rank_frame(list_board(board)), after)


def test_models_read_in_pieces_are_ranked_alike(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = replace(list_board(real_board(tmp_path / "board", results)), is_board=False)
    whole = rank_frame(listing)
    monkeypatch.setattr(replicates_module, "PIECE", 1)
    pd.testing.assert_frame_equal(rank_frame(listing), whole)


def test_a_results_folder_is_ranked_task_by_task(results: Path) -> None:
    listing = list_results(results)
    assert rank_frame(listing)["score"].isna().all()  # no floors are known
    frame = named(listing, rank_frame(listing, ["scenes_vqa:lite"], part="question_type=count"))
    assert frame.loc["baseline:oracle", "rank"] == 1
    assert frame["rank_high"].notna().sum() == 6
    assert not (results.parent / "ranks").exists()


def test_a_damaged_run_costs_only_its_own_interval(results: Path, tmp_path: Path) -> None:
    board = real_board(tmp_path / "board", results)
    listing = list_board(board)
    run = listing.runs[listing.runs["model"] == "ref:prefix"]["run"].iloc[0]
    (board.runs / run / SAMPLES).write_bytes(b"PAR1")
    frame = named(listing, rank_frame(listing))
    ordinary = frame[frame["control"] == ""]
    assert ordinary["rank_low"].isna().sum() == 1
    assert ordinary["score"].notna().all()


# --- which runs speak, and which are compared


def twice(**second: Any) -> Listing:
    """Three models on t0, the first of which ran it twice; `second` changes the second run."""
    listing = made({"one": {"t0": 0.5}, "other": {"t0": 0.75}, "third": {"t0": 0.25}})
    again = listing.runs[listing.runs["submission"] == "one"].assign(run="one/again", **second)
    scores = listing.scores[listing.scores["run"] == "one/t0"].assign(run="one/again", score=second.get("score", 0.5))
    return replace(
        listing,
        runs=pd.concat([listing.runs, again], ignore_index=True),
        scores=pd.concat([listing.scores, scores], ignore_index=True),
    )


@pytest.mark.parametrize(
    ("second", "spoken"),
    [
        ({"score": 0.9}, 0.9),  # of equals the first by name
        ({"score": 0.9, "submitted": "2026-01-01"}, 0.9),
        ({"score": 0.9, "n": 9, "submitted": "2026-01-01"}, 0.5),
        ({"score": 0.9, "n": 11, "asked": "other samples"}, 0.5),
        ({"score": None, "n": 99}, 0.5),
        ({"score": 0.9, "n": pd.NA}, 0.5),
    ],
)
def test_one_run_speaks_everywhere(second: dict[str, Any], spoken: float) -> None:
    listing = twice(**second)
    ranks = rank_frame(listing, ["t0"]).set_index("submission")
    assert ranks.loc["one", "score"] == spoken
    assert ranks.loc["one", "rank"] == (1 if spoken == 0.9 else 2)
    shown = board_frame(listing, View(task="t0"), rank_frame(listing, ["t0"])).set_index("submission")
    assert shown.loc["one", ["score", "task.t0"]].tolist() == [spoken, spoken]
    assert entrants(listing)["one"].runs["t0"][0] == ("one/again" if spoken == 0.9 else "one/t0")
    row = next(row for row in arrange(listing, {"": rank_frame(listing)}).rows if row.submission == "one")
    assert row.runs["t0"]["score"] == spoken


def test_only_what_was_asked_and_scored_alike_is_ranked() -> None:
    listing = made({name: {"t0": score} for name, score in (("odd", 1.0), ("one", 0.5), ("other", 0.75))})
    listing = replace(listing, runs=listing.runs.assign(asked=["other samples", "", ""]))
    ranks = rank_frame(listing, ["t0"])
    assert ranks.set_index("submission")["rank"].dropna().to_dict() == {"other": 1, "one": 2}
    shown = board_frame(listing, View(task="t0"), ranks)
    assert shown["submission"].tolist() == ["other", "one", "odd"]
    assert shown["score"].tolist() == [0.75, 0.5, 1.0]
    (note,) = odd_ones(listing.runs, is_board=False)
    assert note.startswith("On t0, 1 of 3 runs were asked or scored in another way than most")
    assert "(odd)" in note
    assert odd_ones(made({"one": {"t0": 0.5, "t1": None}}).runs, is_board=True) == []


def test_a_results_folder_ranks_runs_of_the_same_samples(tmp_path: Path) -> None:
    for model, level, content in (("a", 0.9, "9" * 64), ("b", 0.5, "3" * 64), ("c", 0.6, "3" * 64)):
        result = made_result(model, "scenes_vqa", "vqa", {"vqa_accuracy": made_score(level, "vqa_accuracy")})
        data = result.data.model_copy(update={"content": content})
        write_made(tmp_path / "results", result.model_copy(update={"data": data}))
    listing = list_results(tmp_path / "results")
    ranks = named(listing, rank_frame(listing, ["scenes_vqa"]))
    assert ranks["rank"].dropna().to_dict() == {"c": 1, "b": 2}
    assert any("(a)" in note for note in listing.notes)
    shutil.move(tmp_path / "results", tmp_path / "moved")
    assert list_results(tmp_path / "moved").identity == listing.identity


def test_what_is_kept_follows_the_samples_that_are_there(tmp_path: Path) -> None:
    root = tmp_path / "derived" / "runs"
    (root / "one" / "t0").mkdir(parents=True)
    (tmp_path / "derived" / INDEX).write_bytes(b"")
    listing = replace(made({"one": {"t0": 0.5}}), root=root, is_board=True)
    made_times: list[int] = []
    frame = rank_frame(listing, ["t0"])

    def ask(identity: str = "made") -> int:
        asked = replace(listing, identity=identity)
        found = kept(asked, "t0", ["one/t0"], lambda: made_times.append(1) or frame, dict(RANK_COLUMNS))
        pd.testing.assert_frame_equal(found, frame)
        return len(made_times)

    assert [ask(), ask()] == [1, 1]
    (root / "one" / "t0" / SAMPLES).write_bytes(b"damaged")
    assert [ask(), ask()] == [2, 2]
    (root / "one" / "t0" / SAMPLES).write_bytes(b"something else")
    assert [ask(), ask()] == [3, 3]
    (root / "one" / "t0" / SAMPLES).unlink()
    assert [ask(), ask()] == [4, 4]
    assert [ask("another"), ask("another")] == [5, 5]


def test_a_mended_submission_is_ranked_again(tmp_path: Path) -> None:
    board = create(tmp_path / "board", [pinned("scenes_vqa", "vqa_accuracy")])
    for place, name in enumerate(("one", "other")):
        submit(board, name, {RunEntry(name="r", task="scenes_vqa"): found(0.5 + place / 10, "vqa_accuracy")}, place)
    event = next(path for path in (tmp_path / "board" / "events").iterdir() if ".verified." in path.name)
    whole = event.read_bytes()
    event.write_bytes(b"{}")
    damaged = list_board(board)
    assert rank_frame(damaged)["rank"].notna().sum() == 1
    event.write_bytes(whole)
    mended = list_board(board)
    assert mended.identity == board.identity() != damaged.identity
    assert rank_frame(mended)["rank"].notna().sum() == 2


def test_replicates_that_say_nothing_are_left_out_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = made({"one": {"t0": 0.5}, "other": {"t0": 0.75}, "rare": {"t0": 0.6}})
    drawn = np.random.default_rng(0).normal([0.5, 0.75, 0.6], 0.01, (200, 3))
    whole = drawn.copy()
    drawn[:5, 0] = np.nan
    drawn[50:, 2] = np.nan
    monkeypatch.setattr(ranking_module, "model_replicates", lambda *_: ([1, 0, 2], drawn))
    monkeypatch.setattr(ranking_module, "_folders", lambda *_: [[], [], []])
    seen: list[Any] = []
    rank = ranking_module.rank_intervals
    monkeypatch.setattr(ranking_module, "rank_intervals", lambda *given: seen.append(given) or rank(*given))
    frame = rank_frame(listing, ["t0"])
    assert frame["rank"].tolist() == [1, 2, 3]
    assert frame["rank_low"].isna().sum() == 1
    np.testing.assert_array_equal(seen[0][1], whole[5:, :2])
