"""A look at a run that goes on: the same evidence as in the run itself, and nothing of the run is touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import Toy, settings
from tests.gate.watched import SAMPLES, baseline, folder_of, many, wrong
from velm_bench.engine.noting import read_note
from velm_bench.engine.runner import evaluate
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.failfast import peek
from velm_bench.gate.schema import Outcome
from velm_bench.tasks.registry import Definition, resolve


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Definition:
    return many(tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def before(task: Definition, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return baseline(task, tmp_path_factory.mktemp("before"))


def stopped(task: Definition, root: Path, model: Toy, samples: int = 120, **changes: Any) -> Path:
    """The folder of a run that was interrupted when it had asked so many samples."""
    spoil = model.spoil

    def answer(sample: str, given: Any) -> Any:
        if len(model.asked) > samples:
            raise KeyboardInterrupt
        return spoil(sample, given)

    model.spoil = answer
    with pytest.raises(KeyboardInterrupt):
        evaluate(task, model, settings(root, **changes))
    model.spoil = spoil
    return folder_of(root)


@pytest.fixture
def broken(task: Definition, tmp_path: Path) -> Path:
    return stopped(task, tmp_path / "out", wrong(lambda place: place % 3 == 0))


def test_a_broken_candidate_is_seen_and_nothing_is_touched(broken: Path, before: Evidence) -> None:
    held = {path.name: path.read_bytes() for path in broken.iterdir()}
    found = peek(broken, [before])
    assert (found.outcome, found.exit_code, found.title) == (Outcome.REGRESSION, 1, "toy")
    assert (found.samples, found.planned) == (120, SAMPLES)
    assert found.evidence >= 20
    for part in ("120 of 200", before.source, "no verdict", str(broken)):
        assert part in found.summary
    assert {path.name: path.read_bytes() for path in broken.iterdir()} == held


def test_an_unchanged_one_goes_on(task: Definition, before: Evidence, tmp_path: Path) -> None:
    found = peek(stopped(task, tmp_path / "out", Toy(name="toy:same")), [before])
    assert (found.outcome, found.exit_code, found.evidence) == (Outcome.INCONCLUSIVE, 3, 1.0)
    assert "go on" in found.summary


def test_the_margin_and_alpha_count(broken: Path, before: Evidence) -> None:
    assert peek(broken, [before], margin=0.4).exit_code == 3
    assert peek(broken, [before], alpha=1e-12).exit_code == 3


@pytest.mark.parametrize("margin", [1.5, -0.1, float("nan")])
def test_a_margin_is_a_share(broken: Path, before: Evidence, margin: float) -> None:
    with pytest.raises(UsageError, match="--margin, with --fail-fast, must lie between 0 and 1"):
        peek(broken, [before], margin=margin)


def test_a_torn_last_line_and_a_damaged_one_are_passed_over(broken: Path, before: Evidence) -> None:
    path = broken / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([b"{}", *lines[1:-2], lines[-2][:40]]))
    assert peek(broken, [before]).samples == 112


def test_a_run_that_holds_its_journal_can_be_looked_at(task: Definition, before: Evidence, tmp_path: Path) -> None:
    seen: list[int] = []

    class Looking(Toy):
        def _take(self, prepared: Any) -> None:
            super()._take(prepared)
            if len(self.asked) == 100:
                seen.append(peek(folder_of(tmp_path), [before]).samples)

    evaluate(task, Looking(name="toy:same"), settings(tmp_path))
    assert seen == [96]


def test_a_sample_that_failed_and_was_answered_later_counts_with_its_answer(
    task: Definition, before: Evidence, tmp_path: Path
) -> None:
    model = Toy(name="toy:same")
    model.poison = set(before.ids[:100].tolist())
    folder = stopped(task, tmp_path / "out", model, samples=350)
    assert peek(folder, [before]).exit_code == 1
    model.poison = set()
    stopped(task, tmp_path / "out", model, samples=len(model.asked) + 100)
    assert peek(folder, [before]).evidence < 20


def test_a_fresh_run_beside_its_earlier_result_is_under_way(task: Definition, before: Evidence, tmp_path: Path) -> None:
    model = wrong(lambda place: place % 3 == 0)
    evaluate(task, model, settings(tmp_path / "out"))
    with pytest.raises(UsageError, match="is over: leave out --fail-fast"):
        peek(folder_of(tmp_path / "out"), [before])
    folder = stopped(task, tmp_path / "out", model, samples=len(model.asked) + 100, fresh=True)
    assert peek(folder, [before]).exit_code == 1


def test_a_control_is_compared_with_the_same_control(task: Definition, before: Evidence, tmp_path: Path) -> None:
    folder = stopped(task, tmp_path / "out", wrong(lambda place: place % 3 == 0), control="blank")
    with pytest.raises(UsageError, match=r"no task toy \(blank\), only toy"):
        peek(folder, [before])
    blank = baseline(task, tmp_path, control="blank")
    assert peek(folder, [before, blank]).title == "toy (blank)"


def test_data_may_lie_elsewhere_by_now(tmp_path: Path) -> None:
    task = many(tmp_path / "data")
    before = baseline(task, tmp_path)
    folder = stopped(task, tmp_path / "out", wrong(lambda place: place % 3 == 0))
    shutil.move(tmp_path / "data", tmp_path / "moved")
    with pytest.raises(UsageError, match="--data"):
        peek(folder, [before])
    assert peek(folder, [before], data=[tmp_path / "moved"]).exit_code == 1


def test_data_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    task = many(tmp_path / "data")
    before = baseline(task, tmp_path)
    folder = stopped(task, tmp_path / "out", Toy(name="toy:same"))
    path = tmp_path / "data" / "data.jsonl"
    path.write_text(path.read_text().replace("How many?", "How few?"))
    with pytest.raises(UsageError, match="is not what the run"):
        peek(folder, [before])


def test_a_picture_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    task = many(tmp_path / "data")
    before = baseline(task, tmp_path)
    folder = stopped(task, tmp_path / "out", Toy(name="toy:same"))
    pictures = tmp_path / "data" / "pictures"
    shutil.copy(pictures / "1.png", pictures / "0.png")
    with pytest.raises(UsageError, match="the content of sample 's000' differs"):
        peek(folder, [before])


NOTES = {
    "damaged": b"{",
    "another version": b'{"note_version": 2}',
    "of another version": b"[]",
    "'task' is missing": b'{"note_version": 1}',
    "is damaged": b"[" * 100_000,
    "damaged: the run": b"\xff\xfe",
}


@pytest.mark.parametrize("said", NOTES)
def test_a_damaged_note_is_one_sentence(said: str, broken: Path, before: Evidence) -> None:
    (broken / "plan.json").write_bytes(NOTES[said])
    with pytest.raises(UsageError, match=said):
        peek(broken, [before])


def test_a_changed_note_is_refused(broken: Path, before: Evidence) -> None:
    path = broken / "plan.json"
    note = json.loads(path.read_text())
    path.write_text(json.dumps({**note, "task": {**note["task"], "prompt": "Say: {question}"}}))
    with pytest.raises(UsageError, match="cannot be opened from its note"):
        peek(broken, [before])


@pytest.mark.parametrize("absent", ["plan.json", "journal.jsonl"])
def test_a_folder_without_a_run_that_goes_on_is_refused(absent: str, broken: Path, before: Evidence) -> None:
    (broken / absent).unlink()
    with pytest.raises(UsageError, match=f"{absent} .*cannot be read"):
        peek(broken, [before])
    with pytest.raises(UsageError, match="no folder of a run"):
        peek(broken / "nothing", [before])


def test_another_baseline_is_refused(broken: Path, before: Evidence) -> None:
    with pytest.raises(UsageError, match="the task differs"):
        peek(broken, [replace(before, task_digest="f" * 64)])


def test_a_secret_split_cannot_be_opened_from_the_note(tmp_path: Path, before: Evidence) -> None:
    secret = Definition(resolve("vqa:fresh:S3CRETKEY")[0].task, resolve("vqa")[0].path)
    folder = stopped(secret, tmp_path / "out", Toy(name="toy:same"), samples=8, limit=16)
    held = replace(before, title=read_note(folder).title, task_digest=secret.task.digest())
    assert b"S3CRETKEY" not in (folder / "plan.json").read_bytes()
    with pytest.raises(UsageError, match="its split is a secret"):
        peek(folder, [held])
