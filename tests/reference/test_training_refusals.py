"""What keeps or stops a training: mistakes, damage, memory and disks get a sentence each."""

from __future__ import annotations

import math
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from tests.reference.made_tasks import made_recipe, write_data, write_task
from tests.reference.made_trainings import short, steps
from velm_bench.errors import RunError, UsageError
from velm_bench.reference import saving, training
from velm_bench.reference.trainer import Trainer
from velm_bench.reference.training import train


@pytest.mark.parametrize(
    ("environment", "arguments", "sentence"),
    [
        ({"WORLD_SIZE": "2"}, {"processes": 2}, "torchrun and --processes both start processes"),
        ({"WORLD_SIZE": "3"}, {}, "3 processes cannot share a batch of 4"),
        ({"WORLD_SIZE": "two"}, {}, "WORLD_SIZE, LOCAL_RANK in the environment must be whole numbers"),
    ],
)
def test_what_torchrun_says_is_checked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    arguments: dict[str, Any],
    sentence: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=sentence):
        train(short(), tmp_path / "none", **arguments)
    assert not (tmp_path / "none").exists()


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    total = Trainer.total

    def spoiled(self: Trainer, losses: Any) -> torch.Tensor:
        return total(self, losses) * (math.nan if self.standing.step == 9 else 1)

    monkeypatch.setattr(Trainer, "total", spoiled)
    with pytest.raises(RunError, match=r"not a number at step 9.*kept"):
        train(short(), tmp_path, workers=0)
    assert (tmp_path / "best" / "model.safetensors").exists()
    assert (tmp_path / "state.safetensors").exists()


@pytest.mark.parametrize(
    ("error", "accumulate", "mend"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), 1, "8 of a batch's 8 pictures.*set optimizer.accumulate to 2"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "set optimizer.accumulate to 4"),
        (MemoryError(), 8, "lower batch or the model's sizes"),
    ],
)
def test_memory_that_runs_out_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, accumulate: int, mend: str
) -> None:
    def full(self: Trainer, *_: Any) -> Any:
        if self.standing.step == 9:
            raise error
        return losses(self, *_)

    losses = Trainer.losses
    monkeypatch.setattr(Trainer, "losses", full)
    with pytest.raises(RunError, match=f"Memory ran out with.*{mend}.*are kept"):
        train(short(8, optimizer={"accumulate": accumulate}), tmp_path, workers=0)
    assert (tmp_path / "best" / "model.safetensors").exists()


def test_another_error_of_torch_is_not_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Trainer, "losses", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(short(), tmp_path, workers=0)


def test_changed_data_does_not_go_on_in_the_same_folder(tmp_path: Path) -> None:
    write_data(tmp_path)
    write_task(tmp_path, "ner")
    ours = made_recipe("ner", images=16)
    train(ours, tmp_path / "made", beside=tmp_path, workers=0)
    train(ours, tmp_path / "made", beside=tmp_path, workers=0)
    told = [line["losses"] for line in steps(tmp_path / "made")]
    assert all(losses.keys() == {"ner", "total"} for losses in told)  # there is nothing to be written
    assert all(losses["total"] == pytest.approx(losses["ner"] / 2, abs=1e-4) for losses in told)
    sentences = (tmp_path / "train.txt").read_text()
    (tmp_path / "train.txt").write_text(sentences.replace("met1 ", "saw1 "))
    with pytest.raises(UsageError, match=r"data of the task is no longer that with which.*put it back, or --fresh"):
        train(ours, tmp_path / "made", beside=tmp_path, workers=0)


def test_time_that_ends_before_the_texts_gives_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One long step may lead from the pictures alone to the end of the minutes."""
    step, now = Trainer.step, [0.0]

    def slow(self: Trainer, *arguments: Any) -> dict[str, float]:
        now[0] += 100.0
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", slow)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with pytest.raises(RunError, match="before text was learned: give more --minutes"):
        train(short(), tmp_path, workers=0, minutes=1.0)


def test_a_worker_that_dies_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise BrokenProcessPool("a process was terminated abruptly")

    monkeypatch.setattr(training.Feeder, "next", broken)
    with pytest.raises(RunError, match=r"makes batches ahead ended unexpectedly.*fewer --workers.*kept"):
        train(short(), tmp_path, workers=0)


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("velm_bench.reference.saving.save_file", full)
    with pytest.raises(RunError, match="No space left on device"):
        train(short(), tmp_path, workers=0)


def test_a_full_disk_as_safetensors_says_it_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("velm_bench.reference.saving.save_file", full)
    with pytest.raises(RunError, match="No space left on device"):
        train(short(), tmp_path, workers=0)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not of a training"):
        train(short(), tmp_path, workers=0, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_beginning_anew_deletes_only_what_a_training_wrote(tmp_path: Path) -> None:
    saving.Folder(tmp_path, short())
    for name in ("state.safetensors", "state.partial", "log.jsonl", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "best").mkdir()
    saving.Folder(tmp_path, short(seed=1), fresh=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "recipe.json"]


def test_an_unusable_device_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--device nonsense cannot be used here"):
        train(short(), tmp_path / "none", device="nonsense")
    monkeypatch.setattr(training, "usable_device", lambda *_: "cuda")
    with pytest.raises(UsageError, match="--processes share a CPU"):
        train(short(), tmp_path / "none", processes=2)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "recipe.json", "tokenizer.json"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    saving.Folder(tmp_path, short())
    (tmp_path / name).write_text("{")
    with pytest.raises(UsageError, match=rf"{name} is damaged: --fresh begins anew"):
        train(short(), tmp_path, workers=0)


def test_a_training_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="before text was learned: give more --minutes"):
        train(short(), tmp_path, workers=0, minutes=1e-9)


def test_two_trainings_of_one_folder_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with saving.alone(tmp_path), pytest.raises(UsageError, match="Another training is at work"):
        train(short(), tmp_path, workers=0)
    with saving.alone(tmp_path):
        pass


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 processes cannot share a batch of 4"):
        train(short(), tmp_path, processes=3)
