"""Single samples: what was asked, what is right, what each model said, and the filters that find the telling ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.pages.entrants import LETTERS, Entrant, common_runs, find_entrants, folder_of, on_this_machine
from velm_bench.board.pages.pictures import Questions, questions
from velm_bench.board.pages.wording import SHORT, question_text, searchable, short_text
from velm_bench.errors import UsageError
from velm_bench.inert import inert
from velm_bench.results.pairing import ReadRun, read_run, require_same_questions
from velm_bench.results.store import SLICE
from velm_bench.statistics.paired import NOISE

RIGHT = 0.5
"""A sample's score from which an answer is called right, where scores lie between 0 and 1."""
JUDGED = frozenset({"vqa", "multiple_choice", "classification"})
"""The kinds whose answers are right or wrong by their score. Tags are right where all of them are; captions are
neither, only better or worse than another's."""
EVERYTHING, ERROR = "all", "error"
SHOWN = ("id", "group", "references", "prediction", "error")
"""The columns of a run's samples that have to be there."""


@dataclass(frozen=True)
class Rows:
    """The samples of a task with what these models made of them."""

    frame: pd.DataFrame
    """A row per sample: id, group, a column "slice.<name>" each, question, reference, search, and for each model (by
    its letter) answer_A, score_A, right_A (null where answers are neither right nor wrong) and error_A."""
    models: tuple[Entrant, ...]
    """Those whose samples are here, in the order of their letters."""
    metric: str
    """Whose value for one sample the scores are; empty where there is none."""
    higher_is_better: bool
    notes: tuple[str, ...]
    """Sentences about what is missing."""

    @property
    def letters(self) -> str:
        """The letters of the models."""
        return LETTERS[: len(self.models)]

    @property
    def judged(self) -> bool:
        """Whether answers are right or wrong."""
        return bool(self.models) and bool(self.frame["right_A"].notna().any())


def sample_rows(
    listing: Listing, task: str, submissions: Sequence[str], metric: str = "", data: Sequence[Path] = ()
) -> Rows:
    """The samples of a task and what one to four models made of them; sentences where something is missing."""
    listed = listing.tasks[task]
    runs, models, notes = read_runs(listing, task, submissions)
    asked = questions(listed, data, listing.identity)
    output = metric or listed.primary
    if not runs:
        return Rows(_no_rows(), (), "", listed.higher_is_better, (*notes, *filter(None, [asked.note])))
    scores = [scores_of(run, output) for run in runs]
    if any(found is None for found in scores):
        notes.append(f"{inert(output)} is no score of a single sample, so that answers are shown without one.")
    frame = _frame(runs, scores, asked, listed)
    higher = runs[0].result.scores[output].higher_is_better if output in runs[0].result.scores else True
    known = output if all(found is not None for found in scores) else ""
    return Rows(frame, tuple(models), known, higher, (*notes, *filter(None, [asked.note])))


def filters_of(rows: Rows) -> list[str]:
    """The names of the filters that mean something for these models."""
    if not rows.models:
        return [EVERYTHING]
    if len(rows.models) == 1:
        return [EVERYTHING, *(["right", "wrong"] if rows.judged else []), ERROR]
    if rows.judged:
        return [EVERYTHING, "A right, B wrong", "B right, A wrong", "both right", "both wrong", ERROR]
    return [EVERYTHING, *(["A better", "B better", "equally good"] if rows.metric else []), ERROR]


def filtered(rows: Rows, verdict: str = EVERYTHING, part: str = "", text: str = "") -> pd.DataFrame:
    """The rows that a filter leaves: a verdict of `filters_of`, a slice as "name=value", words that occur anywhere."""
    frame = rows.frame
    keep = _verdict(rows, verdict)
    if part:
        name, _, value = part.partition("=")
        column = f"{SLICE}{name}"
        keep &= frame[column].eq(value) if column in frame.columns else False
    for word in text.casefold().split():
        keep &= frame["search"].str.contains(word, regex=False)
    return frame[keep]


def slice_values(rows: Rows) -> list[str]:
    """Every "name=value" that there is."""
    names = [name for name in rows.frame.columns if name.startswith(SLICE)]
    return [f"{name.removeprefix(SLICE)}={value}" for name in names for value in sorted(set(rows.frame[name].dropna()))]


def read_runs(
    listing: Listing, task: str, submissions: Sequence[str]
) -> tuple[list[ReadRun], list[Entrant], list[str]]:
    """The runs that are here and answered the same samples as the first, whose they are, and what is missing."""
    chosen = find_entrants(listing, submissions)[: len(LETTERS)]
    runs: list[ReadRun] = []
    models: list[Entrant] = []
    notes: list[str] = []
    for one, name in zip(chosen, common_runs(listing, chosen, task), strict=True):
        try:
            runs.append(_readable(listing, one, name, task, runs))
            models.append(one)
        except UsageError as error:
            notes.append(str(error))
    return runs, models, notes


def _readable(listing: Listing, one: Entrant, name: str, task: str, before: Sequence[ReadRun]) -> ReadRun:
    if not name:
        raise UsageError(f"{one.label} has no run of {task}.")
    if not on_this_machine(listing, name):
        raise UsageError(f"The samples of {one.label} on {task} are not on this machine.")
    run = read_run(folder_of(listing, name))
    absent = [column for column in SHOWN if column not in run.table.column_names]
    if absent:
        raise UsageError(f"The samples of {one.label} on {task} have no column '{absent[0]}': run it anew.")
    for other in before[:1]:
        require_same_questions(other.result, run.result)
        if other.table.column("id") != run.table.column("id"):
            raise UsageError(f"The run of {one.label} holds other samples than the first model's.")
    return run


def scores_of(run: ReadRun, output: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    try:
        return run.sample_scores(output)
    except UsageError:
        return None


def _frame(runs: Sequence[ReadRun], scores: Sequence[Any], asked: Questions, task: ListedTask) -> pd.DataFrame:
    first = runs[0].table
    ids = first.column("id").to_pylist()
    found = [asked.samples.get(one) for one in ids]
    columns: dict[str, Any] = {"id": ids, "group": first.column("group").to_pylist()}
    columns |= {name: first.column(name).to_pylist() for name in first.column_names if name.startswith(SLICE)}
    columns["question"] = [question_text(one) for one in found]
    references = first.column("references").to_pylist()
    columns["reference"] = [short_text(given, one, task.kind) for given, one in zip(references, found, strict=True)]
    search = [[*texts, given] for *texts, given in zip(ids, columns["question"], references, strict=True)]
    for letter, run, values in zip(LETTERS, runs, scores, strict=False):
        predictions = run.table.column("prediction").to_pylist()
        errors = run.table.column("error").to_pylist()
        answers = zip(predictions, errors, found, strict=True)
        columns[f"answer_{letter}"] = [
            inert(error, SHORT) if error else short_text(said, one, task.kind) for said, error, one in answers
        ]
        columns[f"score_{letter}"] = _floats(values, len(ids))
        columns[f"right_{letter}"] = rights(run, values, task.kind)
        columns[f"error_{letter}"] = [bool(error) for error in errors]
        for texts, said, error in zip(search, predictions, errors, strict=True):
            texts += [said or "", error or ""]
    columns["search"] = [searchable(texts) for texts in search]
    return pd.DataFrame(columns)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in ("id", "group", "question", "reference", "search")})


def _floats(values: Any, count: int) -> Any:
    return pd.array(np.full(count, np.nan) if values is None else values, dtype="Float64")


def rights(run: ReadRun, scores: Any, kind: str) -> Any:
    """Whether each answer is right; null where answers are neither."""
    count = len(run.table)
    if kind == "ner":
        pairs = zip(run.table.column("prediction").to_pylist(), run.table.column("references").to_pylist(), strict=True)
        return pd.array([said == gold for said, gold in pairs], dtype="boolean")
    if kind not in JUDGED or scores is None or not run.result.score.higher_is_better:
        return pd.array([None] * count, dtype="boolean")
    right = pd.array(scores >= RIGHT, dtype="boolean")
    right[np.isnan(scores)] = pd.NA
    right[run.failed] = False
    return right


def _verdict(rows: Rows, verdict: str) -> pd.Series:
    frame = rows.frame
    everything = pd.Series(data=True, index=frame.index)
    if verdict not in filters_of(rows) or verdict == EVERYTHING:
        return everything
    if verdict == ERROR:
        return frame[[f"error_{letter}" for letter in rows.letters]].any(axis=1)
    right = {letter: frame[f"right_{letter}"] for letter in rows.letters[:2]}
    good = {letter: column.fillna(False).astype(bool) for letter, column in right.items()}
    bad = {letter: (~column).fillna(False).astype(bool) for letter, column in right.items()}
    if len(rows.models) == 1:
        return good["A"] if verdict == "right" else bad["A"]
    ahead = (frame["score_A"] - frame["score_B"]) * (1 if rows.higher_is_better else -1)
    found = {
        "A right, B wrong": lambda: good["A"] & bad["B"],
        "B right, A wrong": lambda: good["B"] & bad["A"],
        "both right": lambda: good["A"] & good["B"],
        "both wrong": lambda: bad["A"] & bad["B"],
        "A better": lambda: (ahead > NOISE).fillna(False).astype(bool),
        "B better": lambda: (ahead < -NOISE).fillna(False).astype(bool),
        "equally good": lambda: (ahead.abs() <= NOISE).fillna(False).astype(bool),
    }
    return found[verdict]()
