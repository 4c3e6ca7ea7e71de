"""The grid of batches, and what is prepared ahead of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.batching import lay_grid, unanswered
from velm_bench.engine.plan import Row
from velm_bench.engine.prefetch import prepared_batches
from velm_bench.engine.runner import evaluate
from velm_bench.results.store import SAMPLES
from velm_bench.samples import ChooseRequest, GenerateRequest, Request, Sample


def row(sample_id: str, length: int, make: Callable[..., Request] = GenerateRequest) -> Row:
    return Row(Sample(sample_id), "", make(sample_id, (), "x" * length), f"key of {sample_id}")


def length(request: Request) -> int:
    return len(request.prompt)


def ids(batches: list[tuple[Row, ...]]) -> list[list[str]]:
    return [[one.id for one in batch] for batch in batches]


def test_the_costliest_come_first_and_ties_stay_in_the_order_of_the_data() -> None:
    """Pictures lie in that order in their files, which are read piece by piece."""
    rows = [row("d", 2), row("b", 5), row("a", 5), row("c", 9), Row(Sample("e"), "", error="no")]
    assert ids(lay_grid(rows, length, 2)) == [["c", "b"], ["a", "d"]]


def test_classes_of_requests_are_never_mixed() -> None:
    rows = [row("a", 3), row("b", 9, ChooseRequest), row("c", 1), row("d", 2, ChooseRequest)]
    for batch in lay_grid(rows, length, 3):
        assert len({type(one.request) for one in batch}) == 1


def test_what_is_answered_leaves_the_other_batches_as_they_are() -> None:
    grid = lay_grid([row(name, 1) for name in "abcdef"], length, 2)
    assert ids(unanswered(grid, {"a", "b"})) == [["c", "d"], ["e", "f"]]
    assert ids(unanswered(grid, {"a", "d"})) == [["b"], ["c"], ["e", "f"]]


@pytest.mark.parametrize("kind", ["vqa", "classification", "ner"])
def test_the_batch_size_changes_neither_answers_nor_files(kind: str, tmp_path: Path) -> None:
    task = make_task(tmp_path, kind=kind)
    runs = [evaluate(task, Toy(), settings(tmp_path / str(size), batch_size=size)) for size in (1, 5, None)]
    assert len({(run.folder / SAMPLES).read_bytes() for run in runs}) == 1
    assert all(run.result.stable() == runs[0].result.stable() for run in runs)


def test_the_automatic_batch_size_is_the_models(tmp_path: Path) -> None:
    model = Toy()
    evaluate(make_task(tmp_path), model, settings(tmp_path / "out", batch_size=None))
    assert [len(batch) for batch in model.batches] == [8, 4]


@pytest.mark.parametrize(("size", "workers", "window"), [(1, 1, 1), (4, 2, 8), (4, 3, 4), (7, 2, 20)])
def test_no_more_than_a_window_is_prepared_ahead(size: int, workers: int, window: int) -> None:
    lock, made, used, most = threading.Lock(), 0, 0, 0

    def prepare(request: Request) -> str:
        nonlocal made, most
        with lock:
            made += 1
            most = max(most, made - used)
        return request.sample_id

    grid = lay_grid([row(f"{i:02d}", 1) for i in range(30)], length, size)
    seen = []
    for batch in prepared_batches(prepare, grid, workers, window):
        assert all(ready.prepared == ready.row.id for ready in batch)
        seen.append([ready.row.id for ready in batch])
        with lock:
            used += len(batch)
    assert seen == ids(grid)
    assert most <= size + max(window, size)


def test_leaving_early_stops_the_preparing() -> None:
    made = []
    grid = lay_grid([row(f"{i:02d}", 1) for i in range(50)], length, 2)
    batches = prepared_batches(lambda request: made.append(request.sample_id), grid, 2, 4)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert len(made) <= 2 + 4 + 2
