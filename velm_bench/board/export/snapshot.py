"""What every format says: a Listing with its ranks and the day of its newest event, but never the clock.

The same snapshot gives the same bytes, whenever and wherever it is exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from velm_bench.board import meaning
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.speaking import speaking
from velm_bench.board.pages.frames import View, board_frame, question
from velm_bench.board.schema import COUNTING, Status
from velm_bench.inert import inert

STANDING = ("score", "low", "high", "rank", "rank_low", "rank_high", "group", "done", "of", "complete")
"""What `ranking.rank_frame` says of a row."""
CARD = ("model", "revision", "organisation", "parameters", "licence", "training_data", "released", "parent")
"""The columns of `Listing.runs` that are the same for all runs of a submission: what its card says ..."""
VERDICT = ("level", "status", "reason", "submitted", "attempts")
"""... and what the board says of it."""
Cells = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A submission under one control: what a board page shows in a line."""

    submission: str
    control: str
    facts: Cells
    """CARD and VERDICT."""
    standing: Cells
    """STANDING over all tasks."""
    runs: Mapping[str, Cells]
    """The columns of `Listing.runs`, by task."""
    by_task: Mapping[str, Cells]
    """STANDING in each task alone."""

    @property
    def counts(self) -> bool:
        """Whether it stands on the board: neither rejected, withdrawn nor superseded."""
        return self.facts["status"] in COUNTING


@dataclass(frozen=True)
class Snapshot:
    """One moment of a board or of a folder of runs."""

    listing: Listing
    newest: str
    """The ISO date of the newest event; empty where nothing has happened yet."""
    rows: tuple[Row, ...]
    """In the order of the Board page: the best first, controls where their scores put them, then what is incomplete;
    what does not count stands behind all others."""

    @property
    def short(self) -> str:
        """The beginning of the snapshot's id, as it is shown."""
        return self.listing.identity[:12]

    @property
    def definition(self) -> str:
        """What the score and the places by it mean; that of a single task is its own."""
        return meaning.DEFINITION_OF_ONE if len(self.listing.tasks) == 1 else meaning.DEFINITION


def take(listing: Listing, newest: str = "") -> Snapshot:
    """The listing with its ranks over all tasks (where there is but one: in it) and in each.

    `newest` is the day of its newest event where known.
    """
    from velm_bench.board.listings.ranking import rank_frame

    asked = question(listing, View())
    ranks = {"": rank_frame(listing, **asked), **{task: rank_frame(listing, tasks=(task,)) for task in listing.tasks}}
    return arrange(listing, ranks, newest)


def arrange(listing: Listing, ranks: Mapping[str, pd.DataFrame], newest: str = "") -> Snapshot:
    """The listing with ranks that are there already: over all tasks under the empty name, else by task."""
    places = {
        name: {(row["submission"], row["control"]): row for row in plain_rows(frame)} for name, frame in ranks.items()
    }
    grouped: dict[tuple[str, str], dict[str, Cells]] = {}
    for run in plain_rows(speaking(listing.runs)):
        grouped.setdefault((run["submission"], run["control"]), {})[run["task"]] = run
    rows = [_row(key, runs, places, listing) for key, runs in grouped.items()]
    day = newest or str(max(listing.runs["submitted"], default=""))
    everybody = View(statuses=tuple(Status))
    shown = board_frame(listing, everybody, ranks[""])
    order = {key: place for place, key in enumerate(zip(shown["submission"], shown["control"], strict=True))}
    ordered = sorted(rows, key=lambda row: (not row.counts, order[row.submission, inert(row.control)]))
    return Snapshot(listing, day[:10], tuple(ordered))


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain Python values, None where a value is missing or not finite."""
    columns = {str(name): _plain(frame[name]) for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(column: pd.Series[Any]) -> list[Any]:
    values = column.astype(object)
    return [None if missing else value for value, missing in zip(values.tolist(), values.isna().tolist(), strict=True)]


def _row(
    key: tuple[str, str],
    runs: Mapping[str, Cells],
    places: Mapping[str, Mapping[tuple[str, str], Cells]],
    listing: Listing,
) -> Row:
    first = next(iter(runs.values()))
    standings = {name: _standing(found[key]) for name, found in places.items() if key in found}
    return Row(
        *key,
        facts={name: first[name] for name in (*CARD, *VERDICT)},
        standing=standings.pop("", {}),
        runs={task: runs[task] for task in listing.tasks if task in runs},
        by_task=standings,
    )


def _standing(row: Cells) -> Cells:
    return {name: row.get(name) for name in STANDING}
