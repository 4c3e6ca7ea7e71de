"""The samples of a run as lines of Every Eval Ever's schema for instances, each with the primary metric's score.

The schema has no field for a picture: its digests are among the sample's metadata. It asks of every sample whether it
is correct: answers with a score of their own are right from RIGHT on, tags where all of them are; of a caption nothing
says so, and it is never called correct.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from velm_bench.board.pages.gallery import JUDGED, RIGHT
from velm_bench.board.pages.pictures import Questions
from velm_bench.digests import digest_bytes
from velm_bench.results.pairing import ReadRun
from velm_bench.results.store import SLICE
from velm_bench.samples import Sample


def sample_lines(run: ReadRun, asked: Questions, keys: Mapping[str, str]) -> Iterator[bytes]:
    """A line of JSON per sample, in the order of the run; `keys` stand first in each."""
    kind = run.result.task.kind
    scores = run.sample_scores(run.result.primary)
    values = [None] * len(run.table) if scores is None else [_known(score) for score in scores]
    for row, score in zip(run.table.to_pylist(), values, strict=True):
        line = {**keys, **_line(_Said.of(row, kind), score, kind, _same(asked, row), asked)}
        yield (json.dumps(line, allow_nan=False) + "\n").encode("ascii")


@dataclass(frozen=True)
class _Said:
    """A row of samples.parquet with its JSON columns read."""

    row: Mapping[str, Any]
    answer: Any
    prediction: Any
    references: Any
    tags: bool

    @classmethod
    def of(cls, row: Mapping[str, Any], kind: str) -> _Said:
        """The row of a run of that kind of task."""
        answer, prediction, references = (_loaded(row[name]) for name in ("answer", "prediction", "references"))
        return cls(row, answer, prediction, references, kind == "ner")

    @property
    def outputs(self) -> list[str]:
        """What the model said, word for word; its numbers or tags as JSON."""
        if self.answer is None:
            return []
        given = self.answer.get("text") if isinstance(self.answer, dict) else None
        return [given if isinstance(given, str) else json.dumps(self.answer, ensure_ascii=False)]

    @property
    def extracted(self) -> str | None:
        """What was made of it; None where nothing was."""
        if isinstance(self.prediction, dict) and "label" in self.prediction:
            return _text(self.prediction["label"])
        return None if self.prediction is None else _text(self.prediction)

    @property
    def right_answers(self) -> list[str]:
        """The references; tags of one sample are one reference."""
        if self.tags or not isinstance(self.references, list):
            return [] if self.references is None else [_text(self.references)]
        return [_text(one) for one in self.references]


def _line(said: _Said, score: float | None, kind: str, sample: Sample | None, asked: Questions) -> dict[str, Any]:
    row, references = said.row, said.right_answers
    raw = _asked(sample, asked) if sample else ""
    options = list(asked.options(sample)) if sample else []
    extracted = said.extracted
    return {
        "sample_id": row["id"],
        "sample_hash": digest_bytes((raw + "".join(references)).encode("utf-8", "surrogatepass")) if sample else None,
        "interaction_type": "single_turn",
        "input": {
            "raw": raw,
            "formatted": (asked.prompt(sample) or None) if sample else None,
            "reference": references,
            "choices": options or None,
        },
        "output": {"raw": said.outputs},
        "messages": None,
        "answer_attribution": [] if extracted is None else [_attribution(extracted, kind)],
        "evaluation": {"score": score or 0.0, "is_correct": _correct(said, score, kind)},
        "error": row["error"] or None,
        "metadata": _metadata(row, score, known=sample is not None),
    }


def _attribution(extracted: str, kind: str) -> dict[str, Any]:
    return {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": extracted,
        "extraction_method": f"velm-bench {kind}",
        "is_terminal": True,
    }


def _correct(said: _Said, score: float | None, kind: str) -> bool:
    if said.row["error"]:
        return False
    if said.tags:
        return bool(said.prediction == said.references)
    return kind in JUDGED and score is not None and score >= RIGHT


def _metadata(row: Mapping[str, Any], score: float | None, known: bool) -> dict[str, str]:
    found = {name.removeprefix(SLICE): str(row[name]) for name in row if name.startswith(SLICE) and row[name]}
    found |= {name: str(row[name]) for name in ("group", "content", "pictures") if row.get(name)}
    if score is None:
        found["score"] = "undefined for one sample"
    if not known:
        found["input"] = "not on the machine that exported"
    return found


def _asked(sample: Sample, asked: Questions) -> str:
    """The question, or the words that are to be tagged, or else the prompt."""
    question = sample.inputs.get("question")
    tokens = sample.inputs.get("tokens")
    if isinstance(question, str):
        return question
    return " ".join(map(str, tokens)) if isinstance(tokens, list | tuple) else asked.prompt(sample)


def _same(asked: Questions, row: Mapping[str, Any]) -> Sample | None:
    """The sample of this machine's data, unless it has other references than the run's: it is another one then."""
    found = asked.samples.get(row["id"])
    return (
        found if found is not None and _loaded(_dumped(list(found.references))) == _loaded(row["references"]) else None
    )


def _known(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _dumped(value: Any) -> str | None:
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return None


def _loaded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
