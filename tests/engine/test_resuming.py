"""What a second run of the same asks again: nothing that was answered, whatever ended the first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.toys import Toy, draw, make_task, saying, settings
from velm_bench.engine.journal import JOURNAL
from velm_bench.engine.progress import Silent
from velm_bench.engine.runner import Run, evaluate
from velm_bench.errors import RunError
from velm_bench.results import store
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import read_result, read_samples


def test_nothing_is_asked_again_nor_loaded(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = Toy()
    second = evaluate(task, again, settings(tmp_path / "out"))
    assert (again.asked, again.loads) == ([], 0)
    assert second.result == first.result
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_fresh_asks_everything_again(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    evaluate(task, Toy(), settings(tmp_path / "out"))
    again = Toy()
    evaluate(task, again, settings(tmp_path / "out", fresh=True))
    assert len(again.asked) == 12


def said(run: Run) -> set[str]:
    return {json.loads(text)["text"] for text in read_samples(run.folder)["answer"].to_pylist()}


def test_a_fresh_run_that_cannot_begin_leaves_all_as_it_was(tmp_path: Path) -> None:
    class Unloadable(Toy):
        def load(self) -> None:
            raise RunError("The weights are gone.")

    task = make_task(tmp_path)
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with pytest.raises(RunError, match="gone"):
        evaluate(task, Unloadable(), settings(tmp_path / "out", fresh=True))
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before
    again = Toy()
    evaluate(task, again, settings(tmp_path / "out"))
    assert again.asked == []


@pytest.mark.parametrize("asks", [0, 2])
def test_an_interrupted_fresh_run_keeps_the_earlier_result_but_revives_no_answer(asks: int, tmp_path: Path) -> None:
    task = make_task(tmp_path)
    first = evaluate(task, saying("old"), settings(tmp_path / "out"))
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, interrupted_after(asks), settings(tmp_path / "out", fresh=True))
    assert read_result(first.folder) == first.result
    assert said(first) == {"old"}
    again = Toy()
    run = evaluate(task, again, settings(tmp_path / "out"))
    assert len(again.asked) == 12 - 4 * asks
    assert "old" not in said(run)
    assert run.result.stable() == evaluate(task, Toy(), settings(tmp_path / "whole")).result.stable()


def test_a_fresh_run_forgets_an_interrupted_one_and_its_batch_size(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    model = interrupted_after(4)
    model.capacity = 2
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, model, settings(tmp_path / "out"))
    again = Toy()
    evaluate(task, again, settings(tmp_path / "out", fresh=True))
    assert [len(batch) for batch in again.batches] == [4, 4, 4]


def test_the_time_of_a_fresh_run_is_its_own(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    evaluate(task, Toy(), settings(tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("*/*/*/result.json")
    content = json.loads(path.read_text())
    content["timing"]["answering"] = 1e6
    path.write_text(json.dumps(content))
    assert evaluate(task, Toy(), settings(tmp_path / "out", fresh=True)).result.timing.answering < 1e6


def test_a_metric_added_later_scores_the_stored_answers(tmp_path: Path) -> None:
    evaluate(make_task(tmp_path, metrics=["exact_match"]), Toy(), settings(tmp_path / "out"))
    again = Toy()
    run = evaluate(make_task(tmp_path, metrics=["vqa_accuracy", "exact_match"]), again, settings(tmp_path / "out"))
    assert again.asked == []
    assert run.result.primary == "vqa_accuracy"
    assert run.result.timing.answering > 0
    assert run.result.provenance.device == "cpu"


def test_a_changed_picture_is_asked_again(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    draw(tmp_path / "pictures" / "2.png", 200)
    again = Toy()
    second = evaluate(make_task(tmp_path), again, settings(tmp_path / "out"))
    assert sorted(again.asked) == ["s004", "s005"]
    assert second.folder == first.folder
    assert second.result.data.content != first.result.data.content


def test_only_failures_are_asked_again(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    broken = Toy()
    broken.poison = {"s003", "s007"}
    evaluate(task, broken, settings(tmp_path / "out"))
    mended = Toy()
    run = evaluate(task, mended, settings(tmp_path / "out"))
    assert sorted(mended.asked) == ["s003", "s007"]
    whole = evaluate(task, Toy(), settings(tmp_path / "whole"))
    assert run.result.stable() == whole.result.stable()
    assert (run.result.timing.asked, run.result.timing.reused) == (2, 10)


def test_an_interrupted_run_keeps_its_journal(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    model = interrupted_after(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, model, settings(tmp_path / "out"))
    again = Toy()
    run = evaluate(task, again, settings(tmp_path / "out"))
    assert len(again.asked) == 4
    assert run.result.stable() == evaluate(task, Toy(), settings(tmp_path / "whole")).result.stable()


def test_a_resumed_run_may_use_another_batch_size(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    model = interrupted_after(2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, model, settings(tmp_path / "out"))
    answered = {sample_id for batch in model.batches[:2] for sample_id in batch}
    again = Toy()
    evaluate(task, again, settings(tmp_path / "out", batch_size=5))
    assert not answered & set(again.asked)
    assert len(again.asked) == 4


def test_a_resumed_run_remembers_what_memory_allows(tmp_path: Path) -> None:
    task = make_task(tmp_path, 16)
    model = interrupted_after(4)
    model.capacity = 2
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, model, settings(tmp_path / "out"))
    again = Toy()
    evaluate(task, again, settings(tmp_path / "out"))
    assert {len(batch) for batch in again.batches} == {2}


def interrupted_after(asks: int) -> Toy:
    """A model during whose next ask somebody presses Ctrl-C."""
    model = Toy()
    take = model._take

    def stop(prepared: Any) -> None:
        if len(model.batches) == asks:
            raise KeyboardInterrupt
        take(prepared)

    model._take = stop  # type: ignore[method-assign]
    return model


def test_a_damaged_samples_file_is_asked_again(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    run = evaluate(task, Toy(), settings(tmp_path / "out"))
    (run.folder / "samples.parquet").write_bytes(b"PAR1 no more")
    again = Toy()
    assert evaluate(task, again, settings(tmp_path / "out")).result.stable() == run.result.stable()
    assert len(again.asked) == 12


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def rewrite(path: Path, column: str, values: list[Any]) -> None:
    """Put other values in a column of a samples file, as by hand."""
    table = pq.read_table(path)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values)), path)


@pytest.mark.parametrize("column", ["id", "key", "answer", "error"])
@pytest.mark.parametrize("value", [3, b"x", ["a"]], ids=str)
def test_samples_of_another_type_are_damaged(column: str, value: Any, tmp_path: Path) -> None:
    task, notes, again = make_task(tmp_path), Notes(), Toy()
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    rewrite(first.folder / "samples.parquet", column, [value] * 12)
    (first.folder / "result.json").unlink()
    run = evaluate(task, again, settings(tmp_path / "out"), notes)
    assert ["damaged" in text for text in notes.said] == [True]
    assert len(again.asked) == 12
    assert run.result.stable() == first.result.stable()


def test_samples_edited_by_hand_are_no_answers(tmp_path: Path) -> None:
    task, notes, again = make_task(tmp_path), Notes(), Toy()
    first = evaluate(task, Toy(), settings(tmp_path / "out"))
    rewrite(first.folder / "samples.parquet", "answer", ['{"text": "edited", "tokens": 1}'] * 12)
    run = evaluate(task, again, settings(tmp_path / "out"), notes)
    assert len(again.asked) == 12
    assert ["asked again" in text for text in notes.said] == [True]
    assert run.result.stable() == first.result.stable()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_a_stop_between_the_two_files_loses_no_answer(
    stop: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, data: bytes) -> None:
        if path.name == "result.json":
            raise stop
        write_bytes(path, data)

    evaluate(make_task(tmp_path, metrics=["exact_match"]), Toy(), settings(tmp_path / "out"))
    task = make_task(tmp_path, metrics=["exact_match", "vqa_accuracy"])
    monkeypatch.setattr(store, "write_bytes", interrupted)
    with pytest.raises((KeyboardInterrupt, RunError)):
        evaluate(task, Toy(), settings(tmp_path / "out"))
    monkeypatch.undo()
    again, notes = Toy(), Notes()
    run = evaluate(task, again, settings(tmp_path / "out"), notes)
    assert again.asked == []
    assert ["stopped run" in text for text in notes.said] == [True]
    assert not (run.folder / JOURNAL).exists()
