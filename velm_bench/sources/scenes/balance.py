"""How often a proposed question is kept, per wording pattern and answer: what makes guessing worthless.

Measured on the training split by `benchmarks/scenes_balance.py` and fixed since: another table is another benchmark.
"""

from __future__ import annotations

from functools import cache

KEEP: dict[tuple[str, str], int] = {
    ("bigger", "no"): 979,
    ("bigger", "yes"): 1000,
    ("count colour", "0"): 290,
    ("count colour", "1"): 155,
    ("count colour", "2"): 296,
    ("count colour", "3"): 647,
    ("count colour", "4"): 1000,
    ("count colour", "5"): 1000,
    ("count shape", "0"): 68,
    ("count shape", "1"): 33,
    ("count shape", "2"): 72,
    ("count shape", "3"): 180,
    ("count shape", "4"): 312,
    ("count shape", "5"): 1000,
    ("count size", "0"): 44,
    ("count size", "1"): 35,
    ("count size", "2"): 44,
    ("count size", "3"): 77,
    ("count size", "4"): 266,
    ("count size", "5"): 1000,
    ("count texture", "0"): 30,
    ("count texture", "1"): 23,
    ("count texture", "2"): 22,
    ("count texture", "3"): 75,
    ("count texture", "4"): 124,
    ("count texture", "5"): 1000,
    ("count thing", "1"): 1000,
    ("count thing", "2"): 274,
    ("count thing", "3"): 253,
    ("count thing", "4"): 292,
    ("count thing", "5"): 331,
    ("exist colour+shape", "no"): 1000,
    ("exist colour+shape", "yes"): 859,
    ("exist icon", "no"): 944,
    ("exist icon", "yes"): 1000,
    ("exist shape", "no"): 758,
    ("exist shape", "yes"): 1000,
    ("more", "no"): 944,
    ("more", "yes"): 1000,
    ("relation above", "no"): 921,
    ("relation above", "yes"): 1000,
    ("relation below", "no"): 1000,
    ("relation below", "yes"): 980,
    ("relation left", "no"): 881,
    ("relation left", "yes"): 1000,
    ("relation right", "no"): 1000,
    ("relation right", "yes"): 965,
    ("size", "large"): 1000,
    ("size", "small"): 843,
}
"""Of 1000 proposals with this pattern and answer so many are kept; all of them where nothing is said."""

TYPE_WEIGHTS: dict[str, int] = {
    "exist": 64,
    "count": 353,
    "colour": 61,
    "shape": 99,
    "size": 72,
    "compare": 179,
    "relation": 86,
    "query": 96,
}
"""How often a question type is tried first, so that the types come out equally often."""


def pattern(template: str) -> str:
    """The part of a template that is balanced on its own: counts per mentioned attribute, the others per type."""
    kind, _, rest = template.partition(" ")
    return template if kind in ("count", "exist") else f"{kind} {rest.split()[0]}" if kind == "relation" else kind


@cache
def kept_of_1000(template: str, answer: str) -> int:
    """How many of 1000 such proposals are kept."""
    return KEEP.get((pattern(template), answer), 1000)
