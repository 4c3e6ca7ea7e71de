"""The command line, called as a person would, over a small task of real pictures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from velm_bench.cli.main import execute
from velm_bench.models import MODELS

QUESTIONS = 8

TASK = """
name: shades
kind: vqa
description: Whether a picture is light.
source:
  type: jsonl
  path: questions.jsonl
  images: pictures
  fields: {id: id, image: picture, question: question, answers: answers, slices: [half]}
prompt: "Question: {question} Answer:"
metrics: [exact_match, vqa_accuracy]
slices: [half]
"""


@dataclass(frozen=True)
class Called:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line that starts with "Error"."""
        lines = [line for line in self.err.splitlines() if line.startswith("Error")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


Velm = Callable[..., Called]


@pytest.fixture
def velm(capsys: pytest.CaptureFixture[str]) -> Velm:
    """Call the command line in this process."""

    def call(*arguments: object) -> Called:
        capsys.readouterr()
        code = execute([str(one) for one in arguments])
        seen = capsys.readouterr()
        return Called(code, seen.out, seen.err)

    return call


@dataclass(frozen=True)
class World:
    """A folder with a task, its data, and room for results."""

    folder: Path

    @property
    def task(self) -> Path:
        return self.folder / "task.yaml"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def rows(self) -> list[dict[str, Any]]:
        lines = (self.folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def write_rows(self, rows: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / "questions.jsonl").write_text(text, encoding="utf-8")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def predictions(self, *rows: dict[str, Any]) -> Path:
        """A predictions file: the given rows, or every right answer."""
        given = rows or tuple({"id": row["id"], "prediction": row["answers"][0]} for row in self.rows)
        return self.write("predictions.jsonl", "".join(json.dumps(row) + "\n" for row in given))

    def result(self) -> dict[str, Any]:
        """The only result there is."""
        (path,) = self.results.glob("*/*/*/result.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Eight pictures from black to white, a question about each; the probe model is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VELM_DATA", raising=False)
    monkeypatch.setitem(MODELS._targets, "probe", "tests.cli.probe:open_probe")
    made = World(tmp_path)
    (tmp_path / "pictures").mkdir()
    for number in range(QUESTIONS):
        Image.fromarray(np.full((4, 4, 3), number * 30, np.uint8)).save(tmp_path / "pictures" / f"{number}.png")
    made.write_rows([_row(number) for number in range(QUESTIONS)])
    made.write("task.yaml", TASK)
    return made


def _row(number: int) -> dict[str, Any]:
    light = number >= QUESTIONS // 2
    return {
        "id": f"q{number}",
        "picture": f"{number}.png",
        "question": "Is it light?",
        "answers": ["yes" if light else "no"],
        "half": "light" if light else "dark",
    }
