"""Which samples are asked together.

The grid is laid over the whole plan before anything answered is taken out of it, so that a resumed run asks the very
batches that an uninterrupted one would have asked. Longest first: memory runs out early or never, and the time left
is never underestimated.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from velm_bench.engine.plan import Row
from velm_bench.samples import Request

Batch = tuple[Row, ...]


def lay_grid(rows: Sequence[Row], cost: Callable[[Request], int], size: int) -> list[Batch]:
    """All rows that can be asked, in batches of at most `size` and of one request class each, the costliest first."""
    by_class: dict[type[Request], list[tuple[int, Row]]] = {}
    for row in rows:
        if row.request is not None:
            entry = (-cost(row.request), row)
            by_class.setdefault(type(row.request), []).append(entry)
    batches: list[Batch] = []
    for entries in by_class.values():
        ordered = [row for _, row in sorted(entries, key=lambda entry: entry[0])]  # of like cost as the data has them
        batches += [tuple(ordered[start : start + size]) for start in range(0, len(ordered), size)]
    return batches


def unanswered(batches: Sequence[Batch], answered: Container[str]) -> list[Batch]:
    """The same batches without the rows whose ids are answered; empty ones are dropped."""
    left = (tuple(row for row in batch if row.id not in answered) for batch in batches)
    return [batch for batch in left if batch]
