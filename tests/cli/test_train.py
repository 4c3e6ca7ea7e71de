"""`velm-bench train`: what reaches the trainer, and what is refused before it starts."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Velm
from velm_bench.cli.train import Teller, recipe_path

pytest.importorskip("torch")

RECIPE = "name: small\nimages: 64\n"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the trainer was called with; it does nothing."""
    made: list[dict[str, Any]] = []

    def train(recipe: Any, output: Path, **others: Any) -> Path:
        made.append({"recipe": recipe, "output": output, **others})
        others["progress"](
            SimpleNamespace(
                done=0.5, step=1, steps=2, losses={"total": 1.5}, images_per_second=9.0, seconds_left=60.0, scores={}
            )
        )
        return output / "checkpoint"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "velm_bench.reference.training", SimpleNamespace(train=train))
    (tmp_path / "small.yaml").write_text(RECIPE, encoding="utf-8")
    return made


def test_a_recipe_is_trained_and_its_checkpoint_named(velm: Velm, calls: list[dict[str, Any]]) -> None:
    done = velm("train", "small.yaml")
    assert (done.code, done.out.strip()) == (0, str(Path("trainings/small/checkpoint")))
    assert "step 1 of 2" in done.err
    assert calls[0]["recipe"].images == 64
    assert not calls[0]["fresh"]


def test_a_step_that_outlasts_the_minutes_is_told_as_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    late: Any = SimpleNamespace(
        done=34.2, step=1, steps=8, losses={"total": 1.5}, images_per_second=1.0, seconds_left=-40.0, scores={}
    )
    Teller()(late)
    assert capsys.readouterr().err.startswith("100.0% · step 1 of 8 · loss 1.500 · 1 images/s · 0 min left")


def test_every_flag_reaches_the_trainer(velm: Velm, calls: list[dict[str, Any]]) -> None:
    velm(
        "train", "small.yaml", "--output", "out", "--device", "cuda", "--minutes", "2.5", "--workers", "3",
        "--processes", "4", "--threads", "2", "--fresh",
    )  # fmt: skip
    given = calls[0]
    assert given["output"] == Path("out")
    assert given["device"] == "cuda"
    assert given["minutes"] == 2.5
    assert given["workers"] == 3
    assert given["processes"] == 4
    assert given["threads"] == 2
    assert given["fresh"] is True


def test_of_several_processes_the_first_speaks(
    velm: Velm, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert velm("train", "small.yaml").out == ""
    monkeypatch.setenv("RANK", "0")
    assert velm("train", "small.yaml").out != ""
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["no_such_recipe"], "no_such_recipe"),
        (["absent.yaml"], "absent.yaml"),
        (["small.yaml", "--minutes", "0"], "--minutes"),
        (["small.yaml", "--workers", "0"], "--workers"),
        (["small.yaml", "--threads", "0"], "--threads"),
        (["small.yaml", "--processes", "0"], "--processes"),
        ([], "recipe"),
    ],
)
def test_what_is_refused(velm: Velm, calls: list[dict[str, Any]], arguments: list[str], word: str) -> None:
    done = velm("train", *arguments)
    assert done.code == 2
    assert word in done.sentence
    assert calls == []


def test_a_shipped_recipe_is_found_by_its_name() -> None:
    assert recipe_path("prefix").is_file()
