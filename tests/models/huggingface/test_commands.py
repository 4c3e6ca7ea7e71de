"""`hf:` models on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Velm, velm

__all__ = ["velm"]

Made = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_models_show_lists_only_the_arguments_that_the_model_heeds(checkpoint: Made, velm: Velm) -> None:
    shown = {name: velm("models", "show", f"hf:{checkpoint(name)}", "--json").json for name in ("llava", "llama")}
    listed = {name: {option["name"]: option["description"] for option in one["options"]} for name, one in shown.items()}
    assert "max_pixels" in listed["llava"]
    assert "max_pixels" not in listed["llama"]
    assert all(description for one in listed.values() for description in one.values())


def test_a_setting_that_is_not_heeded_is_refused_before_anything_is_asked(checkpoint: Made, velm: Velm) -> None:
    given = ("--generation", "temperature=0.5", "--generation", "beams=2")
    done = velm("run", "--model", f"hf:{checkpoint('llama')}", "--tasks", "vqa:lite", "--limit", "2", *given)
    assert done.code == 2
    assert "No words are drawn in a beam search" in done.sentence
