"""How often a proposed question is kept, per wording pattern and answer: what makes guessing worthless.

Measured on the training split by `benchmarks/scenes_balance.py` and fixed since: another table is another benchmark.
"""

from __future__ import annotations

KEEP: dict[tuple[str, str], int] = {}
"""Of 1000 proposals with this pattern and answer so many are kept; all of them where nothing is said."""

TYPE_WEIGHTS: dict[str, int] = {
    "exist": 100,
    "count": 100,
    "colour": 100,
    "shape": 100,
    "size": 100,
    "compare": 100,
    "relation": 100,
    "query": 100,
}
"""How often a question type is tried first, so that the types come out equally often."""


def pattern(template: str) -> str:
    """The part of a template that is balanced on its own: counts per mentioned attribute, the others per type."""
    kind, _, rest = template.partition(" ")
    return template if kind in ("count", "exist") else f"{kind} {rest.split()[0]}" if kind == "relation" else kind


def kept_of_1000(template: str, answer: str) -> int:
    """How many of 1000 such proposals are kept."""
    return KEEP.get((pattern(template), answer), 1000)
