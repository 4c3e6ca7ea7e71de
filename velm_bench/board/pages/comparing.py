"""Two to four models side by side: scores, paired differences to the first, and how often each does better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import framed
from velm_bench.board.pages.entrants import Entrant, common_runs, find_entrants, folder_of, on_this_machine
from velm_bench.errors import UsageError
from velm_bench.results.pairing import Pair, ReadRun, pair_up, read_run
from velm_bench.results.schema import Score
from velm_bench.statistics.multiple import beyond_resolution, holm

ALPHA = 0.05
"""Two models are separable where Holm's adjusted p is below this."""
MOST_REPLICATES, FEWEST_REPLICATES = 10_000, 1_000
DRAWS = 20_000_000
"""About how many samples are drawn for a comparison; what is left per replicate decides how many there are."""
SHARES = frozenset({"vqa", "multiple_choice", "classification", "ner"})
"""The kinds whose scores are shares, so that differences are told in points of a hundred."""

COMPARE_COLUMNS: Mapping[str, str] = {
    "task": "string",
    "slice": "string",  # "question_type=count"; empty for the whole
    "key": "string",  # Entrant.key
    "model": "string",  # Entrant.label
    "metric": "string",
    "score": "Float64",
    "low": "Float64",
    "high": "Float64",
    "difference": "Float64",  # to the first model, in the metric's own direction; null for the first itself
    "diff_low": "Float64",
    "diff_high": "Float64",
    "p": "Float64",
    "p_holm": "Float64",  # adjusted for all differences of the frame
    "verdict": "string",  # "reference", "better", "worse", "even", or empty where nothing can be said
    "wins": "Int64",  # samples on which it is better than the first; null where a sample has no score of its own
    "losses": "Int64",
    "ties": "Int64",
    "n": "Int64",
    "errors": "Int64",
    "higher_is_better": "boolean",
    "note": "string",  # why something is missing, a sentence
}
"""The columns of a comparison: a row per task (or slice value) and model."""


@dataclass(frozen=True)
class _Side:
    """One model on one task: its run where it is here, or a sentence."""

    entrant: Entrant
    name: str
    """The run's folder in the listing; empty where there is none."""
    run: ReadRun | None
    note: str = ""


def compare_frame(
    listing: Listing,
    submissions: Sequence[str],
    task: str,
    metric: str = "",
    control: str = "",
    by: str = "",
    replicates: int | None = None,
) -> pd.DataFrame:
    """COMPARE_COLUMNS for two to four models on a task; the first is the one that the others are compared with.

    `metric` is the task's primary one if empty. With `by`, the name of a slice, there is a row per value and model.
    p values come from a paired bootstrap over pictures, both runs under the same weights, and below what its replicates
    can tell from a tail (`multiple.beyond_resolution`); "p_holm" is adjusted for all differences of the frame.
    UsageError where fewer than two of the submissions are known, or more than four are given.
    """
    chosen = _chosen(listing, submissions, control)
    return adjusted(framed(_task_rows(listing, chosen, task, metric, by, replicates), COMPARE_COLUMNS))


def compare_tasks(
    listing: Listing, submissions: Sequence[str], tasks: Sequence[str] = (), control: str = ""
) -> pd.DataFrame:
    """The same over several tasks (all, if none is named), each by its primary metric; adjusted over all of them."""
    chosen = _chosen(listing, submissions, control)
    rows = [row for task in tasks or listing.tasks for row in _task_rows(listing, chosen, task, "", "", None)]
    return adjusted(framed(rows, COMPARE_COLUMNS))


def adjusted(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with Holm's adjusted p over all of its differences, and the verdicts that follow."""
    corrected = holm(frame["p"].to_numpy(dtype=float, na_value=np.nan).tolist())
    frame = frame.assign(p_holm=pd.array(corrected, dtype="Float64"))
    better = (frame["difference"] > 0) == frame["higher_is_better"]
    said = pd.Series(np.where(better.fillna(False), "better", "worse"), index=frame.index, dtype="string")
    said = said.where((frame["p_holm"] < ALPHA).fillna(False), "even").where(frame["p_holm"].notna(), "")
    return frame.assign(verdict=said.where(frame["verdict"] != "reference", "reference"))


def slices_of(listing: Listing, submissions: Sequence[str], task: str, control: str = "") -> list[str]:
    """The names of the slices by which these models can be compared on a task, in the task's own order."""
    runs = common_runs(listing, find_entrants(listing, submissions, control), task)
    found = listing.scores[listing.scores["run"].isin([run for run in runs if run])]["slice"]
    return list(dict.fromkeys(name.partition("=")[0] for name in found if name))


def metrics_of(listing: Listing, submissions: Sequence[str], task: str, control: str = "") -> list[str]:
    """The main outputs that all of these models have on a task, the primary one first."""
    chosen = find_entrants(listing, submissions, control)
    scores = listing.scores[listing.scores["slice"] == ""]
    runs = [run for run in common_runs(listing, chosen, task) if run]
    held = [list(scores[scores["run"] == run]["metric"]) for run in runs]
    return [name for name in held[0] if all(name in others for others in held)] if held else []


def _chosen(listing: Listing, submissions: Sequence[str], control: str) -> list[Entrant]:
    if len(submissions) > 4:
        raise UsageError(f"At most four models stand side by side, not {len(submissions)}: leave some out.")
    chosen = find_entrants(listing, submissions, control)
    if len(chosen) < 2:
        raise UsageError("Two models are needed for a comparison: choose another one.")
    return chosen


def _task_rows(
    listing: Listing, chosen: Sequence[Entrant], task: str, metric: str, by: str, replicates: int | None
) -> list[dict[str, Any]]:
    sides = [
        _side(listing, one, run, task) for one, run in zip(chosen, common_runs(listing, chosen, task), strict=True)
    ]
    output = metric or (listing.tasks[task].primary if task in listing.tasks else "")
    values = _values(sides, by) if by else [""]
    return [
        {
            "task": task,
            "slice": f"{by}={value}" if by else "",
            **_row(listing, sides[0], side, output, where, replicates),
        }
        for value in values
        for where in [{by: value} if by else {}]
        for side in sides
    ]


def _side(listing: Listing, one: Entrant, run: str, task: str) -> _Side:
    if not run:
        return _Side(one, "", None, f"{one.label} has no run of {task}.")
    if not on_this_machine(listing, run):
        how = "`velm-bench board verify` computes them anew where the data is." if listing.is_board else ""
        return _Side(one, run, None, f"The samples of {one.label} on {task} are not on this machine. {how}".strip())
    try:
        return _Side(one, run, read_run(folder_of(listing, run)))
    except UsageError as error:
        return _Side(one, run, None, str(error))


def _values(sides: Sequence[_Side], by: str) -> list[str]:
    """The values of a slice, in order: numbers by size."""
    found = {value for side in sides if side.run for value in side.run.result.slices.get(by, {})}
    return sorted(found, key=lambda value: (not value.isdigit(), int(value) if value.isdigit() else 0, value))


def _row(
    listing: Listing, first: _Side, side: _Side, output: str, where: Mapping[str, str], replicates: int | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": side.entrant.key,
        "model": side.entrant.label,
        "metric": output,
        "verdict": "reference" if side is first else "",
        "note": side.note,
        **_score(listing, side, output, where),
    }
    if side is first or side.run is None or first.run is None:
        return row
    try:
        pair = pair_up(first.run, side.run)
        return {**row, **_difference(pair, output, where, replicates or replicates_for(len(pair.table)))}
    except UsageError as error:
        return {**row, "note": str(error)}


def _score(listing: Listing, side: _Side, output: str, where: Mapping[str, str]) -> dict[str, Any]:
    """The score as the run has it, or as it is listed where the run is not here."""
    if side.run is None:
        return _listed(listing, side.name, output, where)
    result = side.run.result
    scores: Mapping[str, Score] = result.scores
    for name, value in where.items():
        part = result.slices.get(name, {}).get(value)
        scores = part.scores if part else {}
    if output not in scores:
        return {}
    score = scores[output]
    return {
        "score": score.value,
        "low": score.low,
        "high": score.high,
        "n": score.n,
        "errors": score.n_errors,
        "higher_is_better": score.higher_is_better,
    }


def _listed(listing: Listing, run: str, output: str, where: Mapping[str, str]) -> dict[str, Any]:
    part = "".join(f"{name}={value}" for name, value in where.items())
    scores = listing.scores
    found = scores[(scores["run"] == run) & (scores["metric"] == output) & (scores["slice"] == part)]
    names = ("score", "low", "high", "n", "errors", "higher_is_better")
    return {name: found[name].iloc[0] for name in names} if len(found) else {}


def _difference(pair: Pair, output: str, where: Mapping[str, str], replicates: int) -> dict[str, Any]:
    found = pair.difference(output, where, replicates, pair.baseline.resampling.seed)
    p = beyond_resolution(found.p, found.value, (found.low, found.high), replicates, pair.groups(where))
    found = found._replace(p=p)
    tally = pair.tally(output, where)
    counted = {} if tally is None else {"wins": tally.wins, "losses": tally.losses, "ties": tally.ties}
    names = ("difference", "diff_low", "diff_high", "p")
    return {**{name: _known(value) for name, value in zip(names, found, strict=True)}, **counted}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def replicates_for(samples: int) -> int:
    """How many replicates a comparison draws: enough that many p values can be adjusted, fewer for much data."""
    return int(min(MOST_REPLICATES, max(FEWEST_REPLICATES, DRAWS // max(1, samples))))


def sentence(row: pd.Series, reference: str, kind: str = "") -> str:
    """A row's difference in plain words: whether the model and the first, called `reference`, can be told apart."""
    if row["verdict"] == "reference":
        return ""
    if pd.isna(row["difference"]):
        return row["note"] or f"{row['model']} and {reference} have no score in common here."
    points = kind in SHARES
    by, low, high = (_amount(row[name], points) for name in ("difference", "diff_low", "diff_high"))
    p = p_text(row["p_holm"])
    if row["verdict"] in ("even", ""):
        told = f"{row['model']} and {reference} cannot be told apart at n = {row['n']:,}"
        return f"{told}: difference {by}{' points' if points else ''} [{low}, {high}], {p}."
    side = "above" if row["difference"] > 0 else "below"
    size = _amount(abs(row["difference"]), points, signed=False)
    better = "" if row["higher_is_better"] else f", which is {row['verdict']}"
    return (
        f"{row['model']} scores {size}{' points' if points else ''} {side} {reference} [{low}, {high}]{better}, "
        f"{p}: separable."
    )


def p_text(p: float) -> str:
    """A p value as it is written: "p < 0.001", "p = 0.04"."""
    if pd.isna(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _amount(value: float, points: bool, signed: bool = True) -> str:
    if pd.isna(value):
        return "?"
    shown = f"{100 * value:+.1f}" if points else f"{value:+.3f}"
    shown = "0" + shown[2:] if float(shown) == 0 else shown
    return shown.replace("-", "−") if signed else shown.lstrip("+")
