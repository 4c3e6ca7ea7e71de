"""The table of all shipped tasks in docs/tasks.md; `python -m tests.tasks.listing` writes it anew."""

from __future__ import annotations

from pathlib import Path

from velm_bench.tasks.definition import Task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.registry import definitions

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "tasks.md"
BEGIN, END = "<!-- tasks -->\n", "<!-- end of tasks -->\n"


def data_of(task: Task) -> str:
    """Where a task's data is from: the hub's id with subset and split, or a file, or nothing to fetch."""
    source = task.source
    if source["type"] == "hub":
        part = " ".join(str(source[key]) for key in ("config", "split") if source.get(key))
        return f"`{source['id']}` {part}"
    return f"`{source['path']}`" if "path" in source else "embedded"


def table() -> str:
    """A heading and a table per kind, each with its tasks by name."""
    parts = []
    for kind in KINDS:
        chosen = [one.task for one in definitions().values() if one.task.kind == kind]
        if not chosen:
            continue
        lines = [f"\n### {kind}\n", "| task | what | data | samples | metrics | licence |", "|---|---|---|---|---|---|"]
        for task in sorted(chosen, key=lambda task: task.name):
            samples = f"{task.expected_samples:,}" if task.expected_samples else ""
            metrics = ", ".join(f"`{name}`" for name in task.metrics)
            cells = (f"`{task.name}`", task.description, data_of(task), samples, metrics, task.licence)
            lines.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts) + "\n"


def written(page: str) -> str:
    """The page with the table of now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
