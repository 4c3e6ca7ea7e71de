"""Recomputing: the same numbers to the last digit from the answers alone, and a sentence for whatever does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.board.made_bundles import changed_line, runs_of, with_claims, with_lines
from tests.board.toy_boards import ToyBoard
from tests.engine.toys import Toy
from velm_bench.board.bundles.packing import pack
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import AnswerLine, RunEntry
from velm_bench.board.verification.recomputing import Recomputed, Recomputer
from velm_bench.errors import UnavailableError, UsageError
from velm_bench.results.schema import Result
from velm_bench.results.store import STATISTICS, read_result, read_samples, statistics_of, write_run
from velm_bench.tasks.registry import resolve

TASKS = "captioning:lite,vqa:lite,classification:lite,ner:lite"
MODELS = ("baseline=constant", "baseline=majority", "baseline=oracle", "baseline=random", "ref=concat", "ref=prefix")
NER, VQA, CLASSES = "scenes_ner=lite", "scenes_vqa=lite", "scenes_classification=lite"


@pytest.fixture(scope="module")
def recomputer(tmp_path_factory: pytest.TempPathFactory) -> Recomputer:
    return Recomputer(create_board(str(tmp_path_factory.mktemp("board")), "Real", resolve(TASKS)))


@pytest.fixture(scope="module")
def bundle(real_results: Path) -> Bundle:
    return pack(runs_of(real_results, "ref=prefix"), {})[0]


def entry(bundle: Bundle, name: str) -> RunEntry:
    return next(one for one in bundle.manifest.runs if one.name == name)


def refused(recomputer: Recomputer, bundle: Bundle, name: str, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        recomputer.recompute(bundle, entry(bundle, name))
    said = str(caught.value)
    assert all(word in said for word in words), said
    return said


def told(result: Result) -> dict[str, Any]:
    """All that a result says but where and when it was made."""
    return {key: value for key, value in result.stable().items() if key != "samples_digest"}


@pytest.mark.parametrize("model", MODELS)
def test_every_number_of_a_real_run_comes_out_again(
    recomputer: Recomputer, real_results: Path, tmp_path: Path, model: str
) -> None:
    folders = runs_of(real_results, model)
    packed = pack(folders, {})[0]
    own = {
        (result.task.name, result.control): (folder, result) for folder in folders if (result := read_result(folder))
    }
    for run in packed.manifest.runs:
        folder, result = own[run.task, run.control]
        again = recomputer.recompute(packed, run)
        assert told(again.result) == told(result)
        assert same_statistics(again, folder)
        written = write_run(tmp_path / run.name, again.result, again.table)
        assert read_result(tmp_path / run.name) == written
        assert read_samples(tmp_path / run.name).column("prediction") == read_samples(folder).column("prediction")


def same_statistics(again: Recomputed, folder: Path) -> bool:
    """Whether all columns of statistics are the same, byte for byte."""
    table = read_samples(folder)
    names = [name for name in table.column_names if name.startswith(STATISTICS)]
    assert names == [name for name in again.table.column_names if name.startswith(STATISTICS)]
    metrics = [name.removeprefix(STATISTICS) for name in names]
    return all(statistics_of(table, one).tobytes() == statistics_of(again.table, one).tobytes() for one in metrics)


def test_what_is_verified_is_recomputed_and_not_claimed(recomputer: Recomputer, bundle: Bundle) -> None:
    def boast(claims: dict[str, Any]) -> None:
        claims["scores"]["vqa_accuracy"] |= {"value": 0.99, "signature": "vqa|v:0"}

    again = recomputer.recompute(with_claims(bundle, VQA, boast), entry(bundle, VQA)).verified
    honest = recomputer.recompute(bundle, entry(bundle, VQA)).verified
    assert again.scores == honest.scores
    assert again.claimed["vqa_accuracy"] == 0.99
    assert honest.claimed["vqa_accuracy"] == honest.scores["vqa_accuracy"].value
    assert set(honest.slices) == {"question_type", "answer_type"}
    assert again.answers == honest.answers


def raised(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        for part in path[:-1]:
            claims = claims[part]
        claims[path[-1]] += 1 / 400 if isinstance(claims[path[-1]], float) else 1

    return change


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("scores", "vqa_accuracy", "value"), ["'vqa_accuracy' of 0.8"]),
        (("scores", "exact_match", "answered"), ["'exact_match' (answered)"]),
        (("scores", "exact_match", "n"), ["'exact_match' (n) of 401", "give 400"]),
        (("slices", "question_type", "count", "scores", "vqa_accuracy", "value"), ["for question_type=count"]),
        (("n_errors",), ["number of errors of 1", "give 0"]),
        (("parse_failures",), ["parse failures of 1"]),
    ],
)
def test_a_claim_that_the_answers_do_not_give_is_refused(
    recomputer: Recomputer, bundle: Bundle, path: tuple[str, ...], words: list[str]
) -> None:
    refused(recomputer, with_claims(bundle, VQA, raised(*path)), VQA, f"'{VQA}'", "result.json", *words)


def test_a_claim_within_rounding_is_none_the_worse(recomputer: Recomputer, bundle: Bundle) -> None:
    def other_machine(claims: dict[str, Any]) -> None:
        claims["scores"]["vqa_accuracy"]["value"] *= 1 + 1e-12

    recomputer.recompute(with_claims(bundle, VQA, other_machine), entry(bundle, VQA))


def test_one_changed_prediction_gives_another_score(recomputer: Recomputer, bundle: Bundle) -> None:
    changed = with_lines(bundle, VQA, changed_line(0, answer={"text": "something else", "tokens": 2}))
    refused(recomputer, changed, VQA, "claims", "answers give")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (VQA, lambda lines: lines[1:], ["is missing", "400 samples"]),
        (VQA, changed_line(3, id="lite/99999/q0"), ["'lite/99999/q0'", "none of those"]),
        (VQA, changed_line(3, content="0" * 64), ["another question"]),
        (VQA, changed_line(3, content="0" * 64, pictures=("0" * 64,)), ["another picture", "'pictures'"]),
        (VQA, changed_line(3, answer={"logprobs": [-1.0, -2.0]}), ["'answer'", "does not fit"]),
        (VQA, changed_line(3, answer={"tags": ["O"]}), ["'answer'", "does not fit"]),
        (CLASSES, changed_line(3, answer={"logprobs": [-1.0]}), ["'answer'", "1 log-probabilities"]),
        (NER, changed_line(3, answer={"tags": ["O"]}), ["'answer'", "1 tags"]),
        (NER, changed_line(3, answer={"tags": ["B-GOD"] * 90}), ["'answer'"]),
    ],
)
def test_lines_that_do_not_fit_the_task_name_the_sample(
    recomputer: Recomputer,
    bundle: Bundle,
    name: str,
    change: Callable[[list[AnswerLine]], list[AnswerLine]],
    words: list[str],
) -> None:
    refused(recomputer, with_lines(bundle, name, change), name, f"runs/{name}/answers.jsonl.gz", "sample", *words)


def test_the_lines_stand_in_the_order_of_the_samples(recomputer: Recomputer, bundle: Bundle) -> None:
    """As a machine without the data demands as well, so that both take the same bundles."""
    turned = with_lines(bundle, NER, lambda lines: lines[::-1])
    refused(recomputer, turned, NER, "answers.jsonl.gz", "not in the order of the task's samples")


def test_a_task_that_the_board_lacks_is_named(recomputer: Recomputer, bundle: Bundle) -> None:
    with pytest.raises(UsageError, match=r"'chess', which this board does not have.*scenes_ner:lite"):
        recomputer.recompute(bundle, RunEntry(name="chess", task="chess"))


@pytest.fixture
def toys(tmp_path: Path) -> ToyBoard:
    return ToyBoard(tmp_path)


def test_failed_samples_stay_failed_and_count_as_wrong(tmp_path: Path) -> None:
    toys = ToyBoard(tmp_path)
    model = Toy()
    model.poison = {"s004", "s007"}
    run = toys.run(model)
    packed = pack([run.folder], {})[0]
    again = toys.recomputer.recompute(packed, packed.manifest.runs[0])
    assert again.verified.n_errors == run.result.n_errors == 2
    assert again.result.scores == run.result.scores
    assert again.table.column("error") == read_samples(run.folder).column("error")


def test_an_answer_to_what_cannot_be_asked_does_not_count(tmp_path: Path) -> None:
    from tests.engine.toys import rows_of

    rows = rows_of("classification", 12)
    rows[2]["gold"] = "purple"  # no label of the task: nobody is asked
    toys = ToyBoard(tmp_path, kind="classification", rows=rows)
    packed = toys.bundle(Toy())
    without = with_lines(packed, "toy", changed_line(2, answer={"logprobs": [-9.0, 0.0]}, error=""))
    refused(toys.recomputer, without, "toy", "0 samples have an 'error'", "claims 'n_errors' of 1")
    cheated = with_lines(packed, "toy", changed_line(2, answer={"logprobs": [-9.0, 0.0]}))
    assert (
        toys.recomputer.recompute(cheated, packed.manifest.runs[0]).verified
        == toys.recomputer.recompute(packed, packed.manifest.runs[0]).verified
    )


@pytest.mark.parametrize("control", ["blank", "shuffled", "absent", "noise:2", "typos:3"])
def test_an_answer_is_about_the_sample_as_it_was_shown(toys: ToyBoard, control: str) -> None:
    run = toys.run(Toy(), control=control)
    packed = pack([run.folder], {})[0]
    again = toys.recomputer.recompute(packed, packed.manifest.runs[0])
    assert (again.result.control, again.result.run_id) == (control, run.result.run_id)
    assert again.result.scores == run.result.scores


def test_a_control_is_drawn_with_the_boards_seed(toys: ToyBoard) -> None:
    packed = toys.bundle(Toy(), control="shuffled", seed=7)
    with pytest.raises(UsageError, match=r"--seed 7.*with 0"):
        toys.recomputer.recompute(packed, packed.manifest.runs[0])


def test_a_limit_keeps_the_samples_of_the_board(tmp_path: Path, real_results: Path) -> None:
    board = create_board(str(tmp_path / "board"), "Part", resolve("ner:lite"), limit=50, seed=3)
    assert board.tasks["scenes_ner:lite"].samples == 50
    packed = pack([run for run in runs_of(real_results, "ref=prefix") if run.parent.name == NER], {})[0]
    with pytest.raises(UsageError, match=r"only 50 samples are asked"):
        Recomputer(board).recompute(packed, packed.manifest.runs[0])


def test_without_the_data_nothing_can_be_recomputed(toys: ToyBoard) -> None:
    packed = toys.bundle(Toy())
    with pytest.raises(UnavailableError, match=r"task 'toy' cannot be had here.*--data"):
        Recomputer(toys.board).recompute(packed, packed.manifest.runs[0])


def test_other_data_is_not_the_data_that_was_pinned(toys: ToyBoard) -> None:
    packed = toys.bundle(Toy())
    path = toys.folder / "task" / "data.jsonl"
    path.write_text(path.read_text().replace("How many?", "How few?"))
    with pytest.raises(UnavailableError, match="another version than the one that was pinned"):
        toys.recomputer.recompute(packed, packed.manifest.runs[0])


def test_a_changed_task_file_is_the_boards_own_fault(toys: ToyBoard) -> None:
    path = Path(toys.board.place) / "tasks" / "toy.yaml"
    task = json.loads(path.read_text())
    path.write_text(json.dumps({**task, "prompt": "Guess: {question}"}))
    with pytest.raises(UsageError, match=r"tasks/toy.yaml of the board .* restore it"):
        toys.recomputer.require_intact()
    with pytest.raises(UsageError, match="restore it"):
        toys.recomputer.ground(Board.open(toys.board.place).tasks["toy"])


@pytest.mark.parametrize(("claimed", "kept"), [(12.5, 12.5), (-1e308, None), (1e12, None), (None, None)])
def test_a_speed_that_nothing_has_is_not_kept(tmp_path: Path, claimed: float | None, kept: float | None) -> None:
    toys = ToyBoard(tmp_path)

    def change(value: dict[str, Any]) -> None:
        value["timing"]["samples_per_second"] = claimed

    changed = with_claims(toys.bundle(Toy()), "toy", change)
    found = toys.recomputer.recompute(changed, entry(changed, "toy"))
    assert found.verified.samples_per_second == kept
