"""Who can be compared: each model of a listing as it is, and under each control, under a short name for addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from weakref import ref

import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.speaking import by_worth, speaking
from velm_bench.board.schema import COUNTING
from velm_bench.inert import inert
from velm_bench.results.store import RESULT, SAMPLES

PREFIX = 12
"""How many digits of a submission's id stand in addresses."""
LETTERS = "ABCD"
"""What the models that are side by side are called in short."""


@dataclass(frozen=True)
class Entrant:
    """A submission, as it is or under a control."""

    key: str
    """What stands in addresses: the first digits of its id, and the control behind a colon ("0123456789ab:blank")."""
    submission: str
    control: str
    name: str
    """The model's name as it was submitted."""
    label: str
    """What it is called on a page: harmless, and unlike any other's."""
    counts: bool
    """Whether it stands on the board."""
    runs: Mapping[str, tuple[str, ...]]
    """By task: its runs' folders under the listing's root, the one that speaks for it first."""


def entrants(listing: Listing) -> Mapping[str, Entrant]:
    """Everybody by key: those that count first, by name, ordinary runs before controls."""
    held = _KEPT.get(listing.identity)
    if held is None or held[0]() is not listing.runs:  # a page asks several times
        _KEPT.clear()
        held = _KEPT[listing.identity] = ref(listing.runs), _gathered(listing)
    return held[1]


_KEPT: dict[str, tuple[ref[pd.DataFrame], Mapping[str, Entrant]]] = {}
"""The last answer of `entrants`."""


def _gathered(listing: Listing) -> Mapping[str, Entrant]:
    runs = by_worth(listing.runs)
    rows = [runs[name].tolist() for name in _COLUMNS]
    held: dict[tuple[str, str], _Gathered] = {}
    for submission, control, task, run, model, revision, status in zip(*rows, strict=True):
        one = held.setdefault((submission, control), _Gathered(model, revision, status, {}))
        one.runs.setdefault(task, []).append(run)
    found = [_entrant(submission, control, one) for (submission, control), one in held.items()]
    found.sort(key=lambda one: (not one.counts, one.label.casefold(), one.submission, one.control))
    return {one.key: one for one in _told_apart(found)}


_COLUMNS = ("submission", "control", "task", "run", "model", "revision", "status")


class _Gathered(NamedTuple):
    """What the rows of one submission under one control say."""

    model: str
    revision: str
    status: str
    runs: dict[str, list[str]]


def _entrant(submission: str, control: str, one: _Gathered) -> Entrant:
    return Entrant(
        key=entrant_key(submission, control),
        submission=submission,
        control=control,
        name=one.model,
        label=_label(one.model, one.revision, control, one.status),
        counts=one.status in COUNTING,
        runs={task: tuple(runs) for task, runs in one.runs.items()},
    )


def entrant_key(submission: str, control: str = "") -> str:
    """What stands for a submission, as it is or under a control, in an address; it holds no comma."""
    return submission[:PREFIX] + (f":{control.replace(', ', '~')}" if control else "")


def find_entrants(listing: Listing, keys: Iterable[str], control: str = "") -> list[Entrant]:
    """Those of these keys, unknown ones and repetitions left out.

    A key is an entrant's, or a whole id, with or without a control behind a colon; `control` is for those without.
    """
    known = entrants(listing)
    found: dict[str, Entrant] = {}
    for key in keys:
        submission, colon, own = key.partition(":")
        wanted = f"{submission[:PREFIX]}:{own}" if colon else entrant_key(submission, control)
        if wanted in known:
            found.setdefault(wanted, known[wanted])
    return list(found.values())


def common_runs(listing: Listing, chosen: Sequence[Entrant], task: str) -> list[str]:
    """One run of the task for each, all asked alike where there are such; empty text where one has none."""
    runs = [one.runs.get(task, ()) for one in chosen]
    rows = listing.runs[listing.runs["run"].isin([run for held in runs for run in held])]
    asked = {run: (how, n) for run, how, n in zip(rows["run"], rows["asked"], rows["n"].fillna(-1), strict=True)}
    there = [held for held in runs if held]
    alike = [asked[run] for run in (there or [()])[0] if all(asked[run] in map(asked.get, held) for held in there)]
    return [next((run for run in held if asked[run] in alike[:1]), next(iter(held), "")) for held in runs]


def on_this_machine(listing: Listing, run: str) -> bool:
    """Whether a run's samples can be read here."""
    folder = folder_of(listing, run)
    return (folder / RESULT).is_file() and (folder / SAMPLES).is_file()


def folder_of(listing: Listing, run: str) -> Path:
    """Where a run's files lie."""
    return listing.root / run


def _label(name: str, revision: str, control: str, status: str) -> str:
    fallen = "" if status in COUNTING else inert(status, 20)
    marks = ", ".join(filter(None, [inert(revision, 20), inert(control, 40), fallen]))
    return f"{inert(name, 60)} ({marks})" if marks else inert(name, 60)


def _told_apart(found: Sequence[Entrant]) -> list[Entrant]:
    """The same with the id's first digits behind every label that several share."""
    shared = Counter(one.label for one in found)
    return [one if shared[one.label] == 1 else _renamed(one, f"{one.label} · {one.submission[:6]}") for one in found]


def _renamed(one: Entrant, label: str) -> Entrant:
    return Entrant(one.key, one.submission, one.control, one.name, label, one.counts, one.runs)


def best_two(listing: Listing, task: str = "") -> list[str]:
    """The keys of the two best ordinary models that count, on a task or the first that two have."""
    runs = speaking(listing.runs)
    runs = runs[(runs["control"] == "") & runs["status"].isin(COUNTING)]
    for name in [task] if task else listing.tasks:
        of_task = runs[(runs["task"] == name) & runs["score"].notna()]
        best = of_task.sort_values("score", ascending=not listing.tasks[name].higher_is_better, kind="stable")
        two = [entrant_key(str(one)) for one in dict.fromkeys(best["submission"])][:2]
        if len(two) == 2:
            return two
    return []
