"""Small boards over the toy task of the engine's tests, whose data lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.engine.toys import Toy, make_task, settings
from velm_bench.board.bundles.packing import pack
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.submitting import submit
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.engine.runner import Run, evaluate
from velm_bench.tasks.registry import Definition

AT = "2025-11-23T10:00:{:02d}.000000Z"
"""A moment, by its seconds."""


class ToyBoard:
    """A board of one task of 12 samples, and runs of toy models on it."""

    def __init__(self, folder: Path, kind: str = "vqa", **task: Any) -> None:
        self.folder = folder
        self.definition: Definition = make_task(folder / "task", kind=kind, **task)
        self.data = (folder / "task",)
        self.board: Board = create_board(
            str(folder / "board"), "Toys", [self.definition], data=self.data, replicates=50
        )

    @property
    def recomputer(self) -> Recomputer:
        """One that has the task's data."""
        return Recomputer(self.board, self.data)

    def run(self, model: Toy, place: str = "results", **changes: Any) -> Run:
        """A run of a model on the task."""
        return evaluate(self.definition, model, settings(self.folder / place, **changes))

    def bundle(self, model: Toy, name: str = "", **changes: Any) -> Bundle:
        """A bundle of one run."""
        folder = self.run(model, f"results of {name or model.identity.name}", **changes).folder
        return pack([folder], {"name": name} if name else {})[0]

    def submitted(self, model: Toy, name: str = "", second: int = 0) -> str:
        """The identity of a submission of one run."""
        bundle = self.bundle(model, name)
        return submit(self.board, bundle, self.recomputer, at=AT.format(second)).id


def wrong(name: str) -> Toy:
    """A model that is wrong in its own way everywhere, and differently for each sample."""
    from velm_bench.samples import TextAnswer

    model = Toy(name=name)
    model.spoil = lambda sample, _: TextAnswer(f"{name} about {sample}")
    return model
