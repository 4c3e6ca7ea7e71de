"""A tiny training: the loss falls, and neither a kill nor processes change anything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tokenizers import Tokenizer

from tests.reference.made_trainings import FEW, apart, blind, recipe, short, sizes, steps
from velm_bench.errors import UsageError
from velm_bench.reference import saving, training, validation
from velm_bench.reference.cards import Made, card
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.trainer import Trainer
from velm_bench.reference.training import Progress, train
from velm_bench.sources import scenes


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training; shared, so nobody may change it."""
    folder = tmp_path_factory.mktemp("trained")
    train(short(), folder, workers=0)
    return folder


@pytest.fixture(scope="module")
def trained_blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of a model without pictures; shared, so nobody may change it."""
    folder = tmp_path_factory.mktemp("trained_blind")
    train(short(model=blind()), folder, workers=0)
    return folder


def test_the_tiny_recipe_learns(tmp_path: Path) -> None:
    seen: list[Progress] = []
    checkpoint = train(recipe(), tmp_path / "tiny", workers=0, progress=seen.append)
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "processor_config.json",
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


def everything() -> dict[str, Any]:
    """Changes to the recipe that make every loss and every source of chance take part."""
    return {
        "model": sizes(language={"dropout": 0.2}, embedding=16),
        "loss": {"joint": 0.5, "smoothing": 0.1},
        "optimizer": {"rate": 4e-3, "accumulate": 2},
    }


@pytest.mark.parametrize("changes", [{}, everything()], ids=["plain", "everything"])
def test_a_killed_training_ends_as_if_it_had_not_been(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    whole = trained
    if changes:
        whole = train(short(**changes), tmp_path / "whole", workers=0).parent

    step = Trainer.step

    def killed(self: Trainer, *arguments: Any) -> dict[str, float]:
        if self.standing.step == 7:
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        train(short(**changes), tmp_path / "killed", workers=0)
    monkeypatch.setattr(Trainer, "step", step)
    torch.rand(7)  # what chance is left by the process before must not matter
    resumed = train(short(**changes), tmp_path / "killed", workers=0)
    assert (whole / "checkpoint" / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()
    mine, theirs = (load_file(folder / "state.safetensors") for folder in (whole, tmp_path / "killed"))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    losses = [[line["losses"] for line in steps(folder)] for folder in (whole, tmp_path / "killed")]
    assert losses[0] == losses[1]


def test_a_batch_in_parts_trains_as_the_whole_does(tmp_path: Path, trained_blind: Path) -> None:
    train(short(model=blind(), optimizer={"rate": 4e-3, "accumulate": 4}), tmp_path / "parts", workers=0)
    assert apart(trained_blind, tmp_path / "parts") < 1e-4


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


def test_workers_and_processes_change_nothing_of_what_is_seen(tmp_path: Path, trained: Path) -> None:
    alone = trained / "checkpoint"
    helped = train(short(), tmp_path / "helped", workers=1)
    assert (alone / "model.safetensors").read_bytes() == (helped / "model.safetensors").read_bytes()


def test_processes_share_a_batch_as_if_it_were_one(tmp_path: Path, trained_blind: Path) -> None:
    """Without batch normalisation, which sees a process's own share, the weights are the same but for rounding."""
    train(short(model=blind()), tmp_path / "shared", workers=0, processes=2, device="cpu")
    assert apart(trained_blind, tmp_path / "shared") < 1e-4


def test_torchrun_trains_one_model(tmp_path: Path, trained_blind: Path) -> None:
    """Really two processes, found through the environment; the first speaks and writes."""
    content = short(model=blind()).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    flags = ["--output", str(tmp_path / "two"), "--device", "cpu", "--threads", "1"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "velm_bench.cli.main", "train", str(tmp_path / "tiny.yaml"), *flags],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / "two" / "checkpoint")]
    assert apart(trained_blind, tmp_path / "two") < 1e-4
    assert "processes 2" in (tmp_path / "two" / "checkpoint" / "README.md").read_text()


def test_another_recipe_does_not_go_on_in_the_same_folder(tmp_path: Path, trained: Path) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="another recipe"):
        train(short(seed=1), tmp_path, workers=0)
    train(short(seed=1), tmp_path, workers=0, fresh=True)


@pytest.mark.parametrize(("precision", "halved"), [("float32", False), ("bfloat16", True), ("auto", False)])
def test_a_model_is_judged_in_the_precision_that_it_learns_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, halved: bool
) -> None:
    seen, answers = [], validation._answers

    def asked(*arguments: Any) -> Any:
        seen.append(torch.is_autocast_enabled("cpu"))
        return answers(*arguments)

    monkeypatch.setattr(validation, "_answers", asked)
    brief = {"images": 8, "batch": 8, "validation": {"every": 1, "scenes": 2}, "model": blind(), "data": FEW}
    train(recipe(precision=precision, **brief), tmp_path, workers=0, device="cpu")
    assert seen == [halved]


def test_dropout_and_precision_and_weights_change_the_training(tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "dropout": {"model": blind(language={"dropout": 0.3})},
        "bfloat16": {"precision": "bfloat16"},
        "float32": {"precision": "float32"},
        "smoothed": {"loss": {"smoothing": 0.3}},
        "text": {"loss": {"text": 2.0}},
        "tags": {"loss": {"tags": 0.0}},
    }
    logged = {}
    for name, change in changes.items():
        brief = {"images": 24, "batch": 8, "validation": {"every": 3, "scenes": 2}, "model": blind(), "data": FEW}
        train(recipe(**(brief | change)), tmp_path / name, workers=0)
        logged[name] = steps(tmp_path / name)[-1]["losses"]
    plain = logged.pop("plain")
    assert logged.pop("float32") == plain
    assert all(losses != plain for losses in logged.values())
    assert logged["bfloat16"]["text"] == pytest.approx(plain["text"], rel=0.05)
    assert logged["tags"]["total"] == pytest.approx(logged["tags"]["text"], abs=1e-4)
    assert logged["text"]["total"] == pytest.approx(2 * logged["text"]["text"] + 0.5 * logged["text"]["ner"], abs=1e-3)


def test_two_towers_learn_from_pictures_and_the_contrast_alone(tmp_path: Path) -> None:
    towers = sizes(fusion={"kind": "contrastive"}, embedding=16)
    changes = {
        "model": towers,
        "loss": {"joint": 1.0, "image": 0.5},
        "sight": {"first": 0.0, "patches": 0.2, "tags": 0.4},
    }
    train(recipe(images=640, validation={"every": 60, "scenes": 4}, data=FEW, **changes), tmp_path, workers=0)
    first, last = steps(tmp_path)[0]["losses"], steps(tmp_path)[-1]["losses"]
    assert first.keys() == {"joint", "patches", "tags", "total"}
    assert last["total"] == pytest.approx(last["joint"] + 0.5 * (0.2 * last["patches"] + 0.4 * last["tags"]), abs=1e-3)
    assert last["joint"] < 0.7 * first["joint"]


def test_a_blind_model_needs_no_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "render", lambda *_: pytest.fail("a picture was drawn"))
    train(short(model=blind()), tmp_path, workers=0)
    assert all(line["losses"].keys() == {"text", "ner", "total"} for line in steps(tmp_path))


def test_only_what_learns_is_in_the_state(tmp_path: Path, trained_blind: Path) -> None:
    shutil.copytree(trained_blind, tmp_path / "language")
    start = {"language": str(tmp_path / "language" / "checkpoint")}
    frozen = short(model=sizes(adaptation={"kind": "frozen"}), start=start)
    checkpoint = train(frozen, tmp_path / "frozen", workers=0)
    state = load_file(tmp_path / "frozen" / "state.safetensors")
    assert any(name.startswith("model.vision.") for name in state)
    assert not any("language" in name for name in state)
    begun = load_file(tmp_path / "language" / "checkpoint" / "model.safetensors")
    ended = load_file(checkpoint / "model.safetensors")
    assert all(torch.equal(begun[name], ended[name]) for name in begun if name.startswith("language."))
    vocabularies = [
        Tokenizer.from_file(str(tmp_path / name / "tokenizer.json")).get_vocab() for name in ("language", "frozen")
    ]
    assert vocabularies[0] == vocabularies[1]
    assert "of which" in (checkpoint / "README.md").read_text()

    train(short(model=blind(), seed=1), tmp_path / "language", workers=0, fresh=True)
    with pytest.raises(UsageError, match=r"no longer those with which the training in .* began"):
        train(frozen, tmp_path / "frozen", workers=0)


def test_a_frozen_encoder_keeps_its_running_means(tmp_path: Path, trained: Path) -> None:
    seeing = trained / "checkpoint"
    start = {"vision": str(seeing), "language": str(seeing)}
    heads = train(short(model=sizes(adaptation={"kind": "heads"}), start=start), tmp_path / "heads", workers=0)
    begun, ended = (load_file(folder / "model.safetensors") for folder in (seeing, heads))
    assert any("running_mean" in name for name in begun)
    assert all(torch.equal(begun[name], ended[name]) for name in begun if name.startswith(("vision.", "language.")))
    assert not torch.equal(begun["tagger.weight"], ended["tagger.weight"])


def test_the_run_folder_shows_how_the_model_learned(trained: Path) -> None:
    checkpoint = trained / "checkpoint"
    drawn = ElementTree.parse(trained / "curve.svg").getroot()
    texts = [element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"validation", "learning rate", "48"} <= set(texts)
    assert any(text.startswith("patches ") for text in texts)
    assert all(line["memory_mb"] > 50 for line in steps(trained))
    assert "MB in the leading process" in (checkpoint / "README.md").read_text()
    assert not (checkpoint / "curve.svg").exists()


def test_minutes_end_the_training_sooner(tmp_path: Path) -> None:
    train(recipe(images=10**7), tmp_path, workers=0, minutes=0.02)
    last = steps(tmp_path)[-1]
    assert last["step"] < 1000


def test_training_stops_when_nothing_gets_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.Judge, "scores", lambda *_: {"score": 0.5})
    train(recipe(validation={"every": 2, "scenes": 4, "patience": 3}), tmp_path, workers=0)
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["step"] < 30


def test_the_tied_head_is_stored_once(tmp_path: Path, model: VelmForGeneration, tokenizer: Tokenizer) -> None:
    saving.write_checkpoint(tmp_path / "made", model, tokenizer, torch.float32)
    assert "head.weight" not in load_file(tmp_path / "made" / "model.safetensors")
    loaded, about = VelmForGeneration.from_pretrained(
        tmp_path / "made", dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    assert not about["missing_keys"]
    assert torch.equal(loaded.head(torch.eye(loaded.language.width)), loaded.language.words.weight.T)
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


def test_the_card_says_how_to_repeat_the_training(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"step": 10, "losses": {"text": 1}, "images_per_second": 9.4, "memory_mb": 512.2}\n'
    )
    run = {"minutes": 72.0, "processes": 4, "device": "cpu"}
    text = card(short(8), tmp_path / "log.jsonl", Made(1, 1, 1, 12, 10, 60.0, 10, run))
    assert "`velm-bench train recipes/tiny.yaml --minutes 72 --processes 4`" in text
    assert "9 scenes per second" in text
    assert "| fusion | `prefix` |" in text
    assert "| adaptation | `full` |" in text
    assert "512 MB in the leading process" in text
    assert "80 of them with their texts" in text
    assert "12 steps of 8 scenes, 1 minutes (60 seconds) on cpu" in text
    assert "| loss | text 1, tags 0.5, image 1 |" in text


@pytest.mark.parametrize(
    ("sections", "loss", "row"),
    [
        ({"fusion": {"kind": "none"}}, {}, "| loss | text 1, tags 0.5 |"),
        ({"fusion": {"kind": "contrastive"}, "embedding": 8}, {"joint": 1.0}, "| loss | image 1, joint 1 |"),
        ({"language": {"kind": "llama"}}, {}, "| language | `llama`, width 32, layers 2, heads 2, "),
    ],
)
def test_the_card_says_what_took_effect(
    tmp_path: Path, sections: dict[str, Any], loss: dict[str, float], row: str
) -> None:
    (tmp_path / "log.jsonl").write_text("")
    run = {"minutes": None, "processes": 1, "device": "cpu"}
    text = card(
        short(8, model=sizes(**sections), loss=loss), tmp_path / "log.jsonl", Made(1, 1, 1, 12, 10, 60.0, 10, run)
    )
    assert row in text
