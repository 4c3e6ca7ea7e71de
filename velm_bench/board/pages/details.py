"""One sample with everything that is known about it: pictures, question, references, and every model's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.entrants import LETTERS, Entrant
from velm_bench.board.pages.gallery import read_runs, rights, scores_of
from velm_bench.board.pages.pictures import large, questions
from velm_bench.board.pages.wording import LONG, SHORT, counted, loaded, tokens_of
from velm_bench.errors import SampleError, UsageError
from velm_bench.inert import inert
from velm_bench.results.pairing import ReadRun
from velm_bench.results.store import SLICE
from velm_bench.samples import Sample


@dataclass(frozen=True)
class ModelAnswer:
    """What one model said about a sample, as plain text."""

    letter: str
    model: str
    text: str
    """The prediction, whole; what the model wrote where the two differ is `raw`."""
    raw: str
    score: float | None
    right: bool | None
    error: str
    tags: tuple[str, ...] = ()
    probabilities: tuple[tuple[str, float], ...] = ()
    """Of each option, the likeliest first."""


@dataclass(frozen=True)
class SampleDetail:
    """Everything about one sample."""

    id: str
    group: str
    slices: Mapping[str, str]
    question: str
    prompt: str
    options: tuple[str, ...]
    tokens: tuple[str, ...]
    references: tuple[str, ...]
    """What is right, the most frequent first; the tags of the tokens for NER."""
    pictures: tuple[bytes, ...]
    """PNG files of our own making."""
    answers: tuple[ModelAnswer, ...]
    note: str = ""
    """Why pictures or question are not shown, a sentence."""


def sample_detail(
    listing: Listing, task: str, sample: str, submissions: Sequence[str], metric: str = "", data: Sequence[Path] = ()
) -> SampleDetail:
    """Everything about one sample; UsageError where the task has no such sample in the runs of these models."""
    listed = listing.tasks[task]
    runs, models, _ = read_runs(listing, task, submissions)
    place = _place(runs, sample)
    row = runs[0].table.slice(place, 1).to_pylist()[0]
    asked = questions(listed, data, listing.identity)
    found = asked.samples.get(sample)
    pictures, note = _pictures(found, row) if found else ((), asked.note or _unknown(sample))
    tags = listed.kind == "ner"
    return SampleDetail(
        id=row["id"],
        group=row["group"],
        slices={name.removeprefix(SLICE): value for name, value in row.items() if name.startswith(SLICE) and value},
        question=inert(str(found.inputs.get("question", "")), LONG) if found else "",
        prompt=inert(asked.prompt(found), LONG) if found else "",
        options=tuple(inert(one, LONG) for one in asked.options(found)) if found else (),
        tokens=tuple(inert(one, LONG) for one in tokens_of(found)),
        references=tuple(inert(one, LONG) for one in _references(row["references"], tags)),
        pictures=pictures,
        answers=tuple(
            _answer(run, place, letter, model, scores_of(run, metric or listed.primary), listed.kind)
            for run, letter, model in zip(runs, LETTERS, models, strict=False)
        ),
        note=note,
    )


def _references(text: str, tags: bool) -> tuple[str, ...]:
    value = loaded(text, [])
    values = value if isinstance(value, list) else [value]
    return tuple(map(str, values)) if tags else tuple(counted(values))


def _place(runs: Sequence[ReadRun], sample: str) -> int:
    ids = runs[0].table.column("id").to_pylist() if runs else []
    if sample not in ids:
        raise UsageError(f"There is no sample '{inert(sample, 80)}' in the runs of these models.")
    return ids.index(sample)


def _answer(run: ReadRun, place: int, letter: str, model: Entrant, scores: Any, kind: str) -> ModelAnswer:
    row = run.table.slice(place, 1).to_pylist()[0]
    prediction, raw = loaded(row["prediction"]), loaded(row["answer"])
    right = rights(run, scores, kind)[place]
    score = None if scores is None or np.isnan(scores[place]) else float(scores[place])
    weighed = prediction.get("probabilities") if isinstance(prediction, dict) else None
    text = prediction.get("label") if isinstance(prediction, dict) else prediction
    written = raw.get("text", "") if isinstance(raw, dict) else ""
    return ModelAnswer(
        letter=letter,
        model=model.label,
        text="" if text is None or isinstance(text, list) else inert(str(text), LONG),
        raw="" if written == text else inert(str(written), LONG),
        score=score,
        right=None if right is pd.NA else bool(right),
        error=inert(row["error"] or "", 500),
        tags=tuple(map(str, prediction)) if isinstance(prediction, list) else (),
        probabilities=_ranked(weighed),
    )


def _ranked(weighed: Any) -> tuple[tuple[str, float], ...]:
    if not isinstance(weighed, dict):
        return ()
    found = [(inert(str(name), SHORT), float(share)) for name, share in weighed.items()]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def _pictures(sample: Sample, row: Mapping[str, Any]) -> tuple[tuple[bytes, ...], str]:
    """The pictures, and a sentence where they are not those that were asked."""
    try:
        asked = loaded(row.get("pictures"), [])
        if asked and asked != [picture.digest for picture in sample.images]:
            return (), "The picture on this machine is not the one that was asked: it is not shown."
        return tuple(large(picture) for picture in sample.images), ""
    except SampleError as error:
        return (), str(error)


def _unknown(sample: str) -> str:
    return f"The data on this machine has no sample '{inert(sample, 80)}': its picture is not shown."
