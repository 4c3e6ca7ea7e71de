"""What a checkpoint's training cost, out of the files beside its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROW = re.compile(r"^\| budget \|.*$", re.MULTILINE)
_PROCESSES = re.compile(r"processes (\d+)|(\d+) processes?")
_DEVICE = re.compile(r"\bon (?:an? )?([\w:. ]*\w)")


@dataclass(frozen=True)
class Cost:
    """One training."""

    minutes: float
    """Of its own, without those of the checkpoints that it started from."""
    images: int
    """Training scenes, each seen once."""
    device: str
    """"CPU", "cuda"; empty where the files do not say."""
    processes: int | None
    """That shared each batch; None where the files do not say."""
    start: Mapping[str, str]
    """Part of the model to the checkpoint that it began with."""


def cost(checkpoint: Path) -> Cost:
    """The cost of a shipped checkpoint: log and recipe say all but device and processes, which the card says."""
    recipe = json.loads((checkpoint / "recipe.json").read_text(encoding="utf-8"))
    log = (checkpoint / "training.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [json.loads(line) for line in log]
    device, processes = _machine(checkpoint / "README.md")
    return Cost(
        minutes=max((line["seconds"] for line in lines if "seconds" in line), default=0.0) / 60,
        images=max((line["step"] for line in lines), default=0) * recipe["batch"],
        device=device,
        processes=processes,
        start={part: name for part, name in recipe.get("start", {}).items() if name},
    )


def _machine(card: Path) -> tuple[str, int | None]:
    """Device and processes, from the budget's row of a model card."""
    row = _ROW.search(card.read_text(encoding="utf-8")) if card.is_file() else None
    if row is None:
        return "", None
    device, processes = _DEVICE.search(row[0]), _PROCESSES.search(row[0])
    count = next((int(found) for found in processes.groups() if found), None) if processes else None
    name = device[1] if device else ""
    return name.upper() if name.lower() == "cpu" else name, count


def whole_minutes(name: str, costs: Mapping[str, Cost]) -> float:
    """The minutes of a training and of all that it builds upon, each counted once."""
    return sum(costs[one].minutes for one in ancestry(name, costs))


def ancestry(name: str, costs: Mapping[str, Cost]) -> set[str]:
    """A checkpoint with those that it starts from, and those that they start from."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in costs and one not in found:
            found.add(one)
            waiting += costs[one].start.values()
    return found
