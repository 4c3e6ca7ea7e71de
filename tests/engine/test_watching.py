"""What a run tells who watches it, what it notes beside its journal, and what it measures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.journal import Journal, Line, look
from velm_bench.engine.measuring import MOST_PIECES, forget_peak, pieces, process_peak
from velm_bench.engine.noting import read_note
from velm_bench.engine.outcomes import Outcome
from velm_bench.engine.runner import evaluate
from velm_bench.engine.table import Judged
from velm_bench.engine.watching import StoppedError, Watched
from velm_bench.errors import RunError, UsageError
from velm_bench.results.schema import Timing


class Watcher:
    """Keeps what it is told; stops after so many batches."""

    def __init__(self, batches: int = 10**9) -> None:
        self.titles: list[str] = []
        self.seen: list[list[tuple[str, bool]]] = []
        self.batches = batches

    def begin(self, run: Watched) -> None:
        self.titles.append(run.title)

    def see(self, rows: Sequence[Judged]) -> None:
        self.seen.append([(row.sample.id, row.prediction is not None) for row in rows])
        if len(self.seen) == self.batches:
            raise StoppedError("enough")


def test_every_batch_but_the_last_is_shown_in_the_order_asked(tmp_path: Path) -> None:
    model, watcher = Toy(), Watcher()
    model.poison = {"s003"}
    evaluate(make_task(tmp_path / "data", 12), model, settings(tmp_path / "out", control="blank"), watch=watcher)
    assert watcher.titles == ["toy (blank)"]
    assert [len(batch) for batch in watcher.seen] == [4, 4]
    shown = [name for batch in watcher.seen for name, _ in batch]
    first = list(dict.fromkeys(model.asked))
    assert shown == first[:8]
    assert {name for batch in watcher.seen for name, answered in batch if not answered} <= {"s003"}


def test_what_is_known_is_shown_first_unless_nothing_is_left(tmp_path: Path) -> None:
    task = make_task(tmp_path / "data", 12)
    with pytest.raises(StoppedError):
        evaluate(task, Toy(), settings(tmp_path / "out"), watch=Watcher(2))
    model, again = Toy(), Watcher(2)
    with pytest.raises(StoppedError):
        evaluate(task, model, settings(tmp_path / "out"), watch=again)
    assert (model.asked, [len(batch) for batch in again.seen]) == ([], [4, 4])
    evaluate(task, model, settings(tmp_path / "out"))
    assert len(model.asked) == 4
    whole = Watcher(1)
    evaluate(task, Toy(), settings(tmp_path / "out"), watch=whole)
    assert whole.seen == []


def test_a_note_lies_beside_the_journal_as_long_as_that_is_there(tmp_path: Path) -> None:
    task = make_task(tmp_path / "data", 12, generation={"max_new_tokens": 3})
    with pytest.raises(StoppedError):
        evaluate(task, Toy(), settings(tmp_path / "out", limit=9, seed=5, control="blank"), watch=Watcher(1))
    (path,) = tmp_path.glob("out/*/*/*/plan.json")
    noted = read_note(path.parent)
    assert (noted.title, noted.limit, noted.seed, noted.digest) == ("toy (blank)", 9, 5, task.task.digest())
    assert noted.task["generation"] == {"max_new_tokens": 3}
    evaluate(task, Toy(), settings(tmp_path / "out", limit=9, seed=5, control="blank"))
    assert sorted(one.name for one in path.parent.iterdir()) == ["result.json", "samples.parquet"]


def test_a_run_that_never_asks_leaves_no_note(tmp_path: Path) -> None:
    model = Toy()
    model.load = lambda: (_ for _ in ()).throw(RunError("no weights"))  # type: ignore[method-assign]
    with pytest.raises(RunError):
        evaluate(make_task(tmp_path / "data", 12), model, settings(tmp_path / "out"))
    assert not list(tmp_path.glob("out/*/*/*/*"))


def test_looking_neither_locks_nor_cuts(tmp_path: Path) -> None:
    line = Line((Outcome("a", "k", {"text": "ja", "tokens": 2}),), 0.5, 4, 4)
    with Journal(tmp_path, pytest.fail) as journal:
        journal.append(line)
        with journal.path.open("ab") as stream:
            stream.write(b'{"rows"')
        held = journal.path.read_bytes()
        assert look(tmp_path).lines == [line]
        assert journal.path.read_bytes() == held
    with pytest.raises(UsageError, match="cannot be read"):
        look(tmp_path / "nothing")


def lines(count: int, samples: int = 2) -> list[Line]:
    found = tuple(Outcome(str(place), "k", error="x") for place in range(samples))
    return [Line(found, 0.25, 4, 4) for _ in range(count)]


@pytest.mark.parametrize("count", [0, 1, 7, 100, 101, 250, 5000])
def test_batches_are_folded_into_pieces_and_none_is_lost(count: int) -> None:
    found = pieces(lines(count))
    assert len(found) == min(count, MOST_PIECES)
    assert sum(samples for samples, _ in found) == 2 * count
    assert sum(seconds for _, seconds in found) == pytest.approx(0.25 * count, rel=1e-5)
    sizes = {samples for samples, _ in found}
    assert max(sizes, default=0) - min(sizes, default=0) <= 2


def test_a_run_keeps_its_speed_by_pieces_and_its_memory(tmp_path: Path) -> None:
    class Heavy(Toy):
        peaks = 0

        def peak_memory(self) -> int:
            self.peaks += 1
            return 1000 * self.peaks

    task = make_task(tmp_path / "data", 12)
    timing = evaluate(task, Heavy(), settings(tmp_path / "out")).result.timing
    assert [samples for samples, _ in timing.pieces] == [4, 4, 4]
    assert sum(seconds for _, seconds in timing.pieces) == pytest.approx(timing.answering, rel=1e-4)
    assert timing.device_memory == 2000
    assert timing.process_memory is not None
    assert timing.process_memory > 10_000_000
    again = evaluate(task, Heavy(), settings(tmp_path / "out", replicates=60)).result.timing
    assert (again.asked, again.pieces, again.process_memory) == (0, [], None)


def test_the_peak_is_that_since_it_was_forgotten() -> None:
    held = bytearray(200_000_000)
    high = process_peak()
    del held
    forget_peak()
    low = process_peak()
    assert high is not None
    assert low is not None
    assert 0 < low <= high - 100_000_000


def test_timing_of_an_earlier_version_can_be_read() -> None:
    old = {"wall": 1.0, "phases": {}, "asked": 3, "reused": 0, "answering": 0.5, "samples_per_second": 6.0}
    assert Timing.model_validate(old).pieces == []
    kept = Timing(pieces=[(3, 0.5)], process_memory=5)
    assert Timing.model_validate(json.loads(json.dumps(kept.model_dump(mode="json")))) == kept
