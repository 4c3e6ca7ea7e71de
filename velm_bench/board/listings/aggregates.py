"""One number out of many tasks that does not depend on who else is listed.

A task's score is corrected for chance, (score - floor) / (ceiling - floor): 0 is the best that was had without
looking, 1 is the ceiling pinned with the task. The aggregate is the mean over kinds of the mean over the kind's tasks.
Floors and ceilings are the board's, so that adding or removing a model changes nobody else's number; a mean rank or a
win rate cannot promise that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from velm_bench.board.listings.listing import ListedTask


def corrected(score: float | None, floor: float | None, ceiling: float | None) -> float | None:
    """The score corrected for chance; below 0 where it is worse than the floor. None where one of the three is unknown,
    or floor and ceiling are the same.

    The formula is the same for scores of which a smaller one is better, whose ceiling lies below their floor.
    """
    if score is None or floor is None or ceiling is None or ceiling == floor:
        return None
    return (score - floor) / (ceiling - floor)


def corrects(task: ListedTask) -> bool:
    """Whether the task's scores can be corrected for chance."""
    return corrected(0.0, task.floor, task.ceiling) is not None


def task_weights(tasks: Iterable[ListedTask]) -> Mapping[str, float]:
    """What each task's corrected score counts in the aggregate of these tasks; the weights add up to 1.

    Tasks whose scores cannot be corrected count nothing, for every model alike, and are left out.
    """
    kinds = {task.name: task.kind for task in tasks if corrects(task)}
    per_kind = Counter(kinds.values())
    return {name: 1.0 / (len(per_kind) * per_kind[kind]) for name, kind in kinds.items()}
