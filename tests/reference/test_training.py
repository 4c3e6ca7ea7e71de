"""A tiny training: the loss falls, a kill changes nothing, mistakes get a sentence."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from tests.reference.conftest import RECIPES
from velm_bench.errors import RunError, UsageError
from velm_bench.reference import saving, training
from velm_bench.reference.cards import Made, card
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.parallel import joined, led, quietly
from velm_bench.reference.recipe import Recipe, read_recipe
from velm_bench.reference.teacher import SightTeacher, mean_cross_entropy
from velm_bench.reference.training import Progress, Trainer, train


def recipe(**changes: Any) -> Recipe:
    content = read_recipe(RECIPES / "tiny.yaml").model_dump()
    return Recipe.model_validate(content | changes)


def short(**changes: Any) -> Recipe:
    judged = {"every": 4, "scenes": 4, "patience": 50}
    return recipe(images=96, batch=8, validation=judged, **changes)


def steps(folder: Path) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if "losses" in line]


def test_the_tiny_recipe_learns(tmp_path: Path) -> None:
    seen: list[Progress] = []
    checkpoint = train(recipe(), tmp_path / "tiny", workers=0, progress=seen.append)
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "recipe.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.jsonl",
    ]
    text = (checkpoint / "README.md").read_text()
    assert "960 training scenes" in text
    assert "60 steps of 16" in text
    assert "`velm-bench train recipes/tiny.yaml`" in text
    assert "The text window is 96 tokens, answer included" in text
    losses = [line["losses"]["text"] for line in steps(tmp_path / "tiny") if "text" in line["losses"]]
    assert losses[-1] < 0.8 * losses[0]
    assert seen[-1].step == seen[-1].steps == 60
    assert seen[-1].done == 1
    assert seen[-1].images_per_second > 0
    assert {"vqa", "class", "ner", "caption_loss", "score"} <= seen[-1].scores.keys()


def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(short(), tmp_path / "whole", workers=0)

    step = Trainer.step

    def killed(self: Trainer, *arguments: Any) -> dict[str, float]:
        if self.standing.step == 7:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        train(short(), tmp_path / "killed", workers=0)
    monkeypatch.setattr(Trainer, "step", step)
    resumed = train(short(), tmp_path / "killed", workers=0)
    assert (whole / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()
    mine, theirs = (
        load_file(tmp_path / "whole" / "state.safetensors"),
        load_file(tmp_path / "killed" / "state.safetensors"),
    )
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    losses = [[line["losses"] for line in steps(tmp_path / name)] for name in ("whole", "killed")]
    assert losses[0] == losses[1]


def test_a_training_whose_time_is_spent_is_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the time ran out while the state was being saved."""
    save, now = saving.Folder.save, [0.0]

    def slow_save(folder: saving.Folder, trainer: Trainer) -> None:
        save(folder, trainer)
        now[0] += 100.0

    monkeypatch.setattr(saving.Folder, "save", slow_save)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: now[0]))
    train(short(), tmp_path, workers=0, minutes=1.0)
    log = (tmp_path / "log.jsonl").read_text()
    train(short(), tmp_path, workers=0, minutes=1.0)
    assert (tmp_path / "log.jsonl").read_text() == log


def test_workers_and_processes_change_nothing_of_what_is_seen(tmp_path: Path) -> None:
    alone = train(short(), tmp_path / "alone", workers=0)
    helped = train(short(), tmp_path / "helped", workers=1)
    assert (alone / "model.safetensors").read_bytes() == (helped / "model.safetensors").read_bytes()
    shared = train(short(), tmp_path / "shared", workers=0, processes=2, device="cpu")
    mine, theirs = load_file(alone / "model.safetensors"), load_file(shared / "model.safetensors")
    assert mine.keys() == theirs.keys()
    apart = np.mean([float((mine[name].float() - theirs[name].float()).abs().mean()) for name in mine])
    assert apart < 0.02


def test_another_recipe_does_not_go_on_in_the_same_folder(tmp_path: Path) -> None:
    train(short(), tmp_path, workers=0)
    with pytest.raises(UsageError, match="another recipe"):
        train(short(seed=1), tmp_path, workers=0)
    train(short(seed=1), tmp_path, workers=0, fresh=True)


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    total = Trainer.total

    def spoiled(self: Trainer, losses: Any) -> torch.Tensor:
        return total(self, losses) * (math.nan if self.standing.step == 9 else 1)

    monkeypatch.setattr(Trainer, "total", spoiled)
    with pytest.raises(RunError, match=r"not a number at step 9.*kept"):
        train(short(), tmp_path, workers=0)
    assert (tmp_path / "best" / "model.safetensors").exists()
    assert (tmp_path / "state.safetensors").exists()


def test_minutes_end_the_training_sooner(tmp_path: Path) -> None:
    train(recipe(images=10**7), tmp_path, workers=0, minutes=0.02)
    last = steps(tmp_path)[-1]
    assert last["step"] < 1000


def test_training_stops_when_nothing_gets_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.Judge, "scores", lambda *_: {"score": 0.5})
    train(recipe(validation={"every": 2, "scenes": 4, "patience": 3}), tmp_path, workers=0)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] < 30


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


def test_the_tied_head_is_stored_once(tmp_path: Path, model: VelmForGeneration, tokenizer: Tokenizer) -> None:
    saving.write_checkpoint(tmp_path / "made", model, tokenizer, torch.float32)
    assert "head.weight" not in load_file(tmp_path / "made" / "model.safetensors")
    loaded, about = VelmForGeneration.from_pretrained(
        tmp_path / "made", dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    assert not about["missing_keys"]
    assert loaded.head.weight is loaded.language.words.weight
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


def test_an_unusable_device_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--device nonsense cannot be used here"):
        train(short(), tmp_path / "none", device="nonsense")
    monkeypatch.setattr(training, "usable_device", lambda _: "cuda")
    with pytest.raises(UsageError, match="--processes share a CPU"):
        train(short(), tmp_path / "none", processes=2)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "recipe.json"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    saving.Folder(tmp_path, short())
    (tmp_path / name).write_text("{")
    with pytest.raises(UsageError, match=rf"{name} is damaged: --fresh begins anew"):
        train(short(), tmp_path, workers=0)


def test_a_training_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="before text was learned: give more --minutes"):
        train(short(), tmp_path, workers=0, minutes=1e-9)


def test_losses_over_nothing_are_zero() -> None:
    teacher = SightTeacher(8, [3, 2], 5)
    lessons = {
        "looks": torch.full((2, 4, 2), -100),
        "centres": torch.zeros(2, 4),
        "offsets": torch.full((2, 4, 2), math.nan),
        "visual_tags": torch.zeros(2, 5),
    }
    assert all(torch.isfinite(loss) for loss in teacher.loss(torch.randn(2, 4, 8), lessons).values())
    assert mean_cross_entropy(torch.randn(3, 4), torch.full((3,), -100)) == 0
    logits, targets = torch.randn(3, 4), torch.tensor([1, -100, 2])
    mean = torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100)
    assert torch.allclose(mean_cross_entropy(logits, targets), mean)


def dies(*_: Any) -> None:
    os._exit(7)


def dies_later(rank: int, size: int, meeting: Path) -> None:
    with joined(rank, size, meeting):
        os._exit(9)


def disagrees(rank: int, size: int, meeting: Path) -> None:
    def follow() -> None:
        with joined(rank, size, meeting) as group:
            group.all(False)
            raise RunError("told by the leader")

    quietly(follow)


@pytest.mark.parametrize(("follow", "code"), [(dies, 7), (dies_later, 9)])
def test_a_process_that_dies_ends_the_training(follow: Any, code: int) -> None:
    with pytest.raises(RunError, match=rf"process 1 ended unexpectedly \(exit code {code}"), led(2, follow) as group:
        group.all(True)


def test_processes_agree_on_what_is_no_number(capfd: pytest.CaptureFixture[str]) -> None:
    with led(2, disagrees) as group:
        assert not group.all(True)
    assert "Traceback" not in capfd.readouterr().err


def test_two_trainings_of_one_folder_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with saving.alone(tmp_path), pytest.raises(UsageError, match="Another training is at work"):
        train(short(), tmp_path, workers=0)
    with saving.alone(tmp_path):
        pass


def test_the_card_says_how_to_repeat_the_training(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 10, "losses": {"text": 1}}\n')
    run = {"minutes": 72.0, "processes": 4, "device": "cpu"}
    text = card(short(), tmp_path / "log.jsonl", Made(1, 1, 12, 60.0, 10, run))
    assert "`velm-bench train recipes/tiny.yaml --minutes 72 --processes 4`" in text
    assert "12 steps of 8 scenes, 1 minutes on cpu" in text


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 processes cannot share a batch of 8"):
        train(short(), tmp_path, processes=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: x\nimages: 5\nbach: 3\n", "unknown key 'bach': did you mean 'batch'"),
        (
            "name: x\nimages: 5\nmodel: {vision: {chanels: [1, 2, 3]}}\n",
            "'model.vision.chanels': did you mean 'channels'",
        ),
        ("name: x\n", "'images'"),
        ("name: x\nimages: many\n", "'images'"),
        ("name: x\nimages: 5\noptimizer: {rate: -1}\n", "'optimizer.rate'"),
        ("name: x\nimages: 5\nsight: {first: 1}\n", "'sight.first'"),
        ("- a\n", "must hold keys and values"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_mistakes_in_a_recipe_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.yaml") as found:
        read_recipe(path)
    assert sentence in str(found.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    assert read_recipe(path).name == path.stem
