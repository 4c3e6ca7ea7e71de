"""What can be chosen on the Board page: the values that a listing holds, to be found once per snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.schema import LEVELS, Status


@dataclass(frozen=True)
class Facets:
    """The values by which a listing can be narrowed, each in the order in which it is offered."""

    kinds: tuple[str, ...]
    """Of the tasks."""
    tasks: Mapping[str, tuple[str, ...]]
    """Of each kind."""
    metrics: Mapping[str, tuple[str, ...]]
    """Of each task, the primary one first."""
    parts: Mapping[str, tuple[str, ...]]
    """Of each task, its slices as "question_type=count"."""
    licences: tuple[str, ...]
    levels: tuple[str, ...]
    statuses: tuple[str, ...]
    smallest: int | None
    """The smallest number of parameters; None where none is known."""
    largest: int | None
    first: str
    """The first date of submission, ISO; empty where none is known."""
    last: str
    controls: bool
    """Whether there are runs with a control."""
    models: Mapping[str, str]
    """Of each submission, what it is called: the model's name, with what tells it from others of that name."""


def facets(listing: Listing) -> Facets:
    """Everything that can be chosen of a listing."""
    runs = listing.runs
    kinds = tuple(dict.fromkeys(task.kind for task in listing.tasks.values()))
    sizes, dates = runs["parameters"].dropna(), runs["submitted"][runs["submitted"] != ""].str.slice(0, 10)
    return Facets(
        kinds=kinds,
        tasks={kind: tuple(n for n, task in listing.tasks.items() if task.kind == kind) for kind in kinds},
        metrics=_metrics(listing),
        parts=_of_tasks(listing, listing.scores["slice"] != "", "slice"),
        licences=tuple(sorted(one for one in runs["licence"].unique() if one)),
        levels=_in_order(runs["level"], [str(level) for level in LEVELS]),
        statuses=_in_order(runs["status"], [str(status) for status in Status]),
        smallest=int(sizes.min()) if len(sizes) else None,
        largest=int(sizes.max()) if len(sizes) else None,
        first=str(dates.min()) if len(dates) else "",
        last=str(dates.max()) if len(dates) else "",
        controls=bool((runs["control"] != "").any()),
        models=named(runs),
    )


def named(runs: pd.DataFrame) -> dict[str, str]:
    """A name for each submission that no other has: the model's, with its revision or its id where it must be."""
    rows = runs.drop_duplicates("submission")[["submission", "model", "revision"]]
    name = rows["model"].copy()
    twice = name.duplicated(keep=False) & (rows["revision"] != "")
    name = name.mask(twice, rows["model"] + " @ " + rows["revision"])
    name = name.mask(name.duplicated(keep=False), name + " · " + rows["submission"].str.slice(0, 12))
    return dict(zip(rows["submission"], name, strict=True))


def _metrics(listing: Listing) -> dict[str, tuple[str, ...]]:
    """The outputs of each task's metrics, its primary one before the others."""
    held = _of_tasks(listing, listing.scores["slice"] == "", "metric")
    return {name: tuple(dict.fromkeys([task.primary, *held.get(name, ())])) for name, task in listing.tasks.items()}


def _of_tasks(listing: Listing, rows: pd.Series[bool], column: str) -> dict[str, tuple[str, ...]]:
    """The values that a column of the scores has for each task."""
    task = listing.runs.drop_duplicates("run").set_index("run")["task"]
    scores = listing.scores.loc[rows, ["run", column]]
    pairs = pd.DataFrame({"task": scores["run"].map(task), "value": scores[column]}).drop_duplicates().dropna()
    return {str(name): tuple(values) for name, values in pairs.groupby("task", sort=False)["value"]}


def _in_order(column: pd.Series[str], order: list[str]) -> tuple[str, ...]:
    """The values of a column, those of an order in that order and before the others."""
    held = set(column.unique())
    return (*(one for one in order if one in held), *sorted(held - set(order)))
