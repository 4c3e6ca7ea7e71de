"""Answers checked, and answers as JSON: what the journal and the samples file keep."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from typing import Any

from velm_bench.errors import SampleError, VelmError
from velm_bench.results.provenance import redact_text
from velm_bench.samples import (
    Answer,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Request,
    TagAnswer,
    TagRequest,
    TextAnswer,
)

LONGEST_REASON = 500
"""How many characters of an error are kept."""
MOST_TOKENS = 2**31
"""No answer has more tokens; the samples file could not hold just any number."""


@dataclass(frozen=True)
class Outcome:
    """What became of one sample: an answer, or an error."""

    id: str
    key: str
    """Digest of everything that decides the answer; see plan.Row."""
    answer: Mapping[str, Any] | None = None
    """The raw answer as JSON; None where there is an error."""
    error: str = ""
    """Why there is no answer."""


def reason(error: BaseException) -> str:
    """An exception as one line, without secrets."""
    said = " ".join(str(error).split())
    text = said if isinstance(error, VelmError) else f"{type(error).__name__}: {said}" if said else type(error).__name__
    return redact_text(text)[:LONGEST_REASON]


def encode(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    if isinstance(answer, TextAnswer):
        return {"text": answer.text, "tokens": answer.tokens}
    if isinstance(answer, ChoiceAnswer):
        return {"logprobs": list(answer.logprobs), **({"lengths": list(answer.lengths)} if answer.lengths else {})}
    return {"tags": list(answer.tags)}


def decode(stored: Mapping[str, Any]) -> Answer:
    """The answer that `encode` wrote; ValueError for anything else."""
    match stored:
        case {"text": str(text), "tokens": None | int() as tokens} if _is_count(tokens):
            return TextAnswer(text, tokens)
        case {"logprobs": [*numbers]} if all(isinstance(number, (int, float)) for number in numbers):
            return ChoiceAnswer(tuple(map(_finite, numbers)), _lengths(stored.get("lengths", ()), len(numbers)))
        case {"tags": [*tags]} if all(isinstance(tag, str) for tag in tags):
            return TagAnswer(tuple(tags))
    raise ValueError(f"no answer: {str(stored)[:80]}")


def _is_count(tokens: int | None) -> bool:
    return tokens is None or 0 <= tokens <= MOST_TOKENS


def _finite(number: int | float) -> float:
    if not abs(number) < math.inf or abs(number) > sys.float_info.max:
        raise ValueError("a log-probability is a finite number")
    return float(number)


def _lengths(lengths: Any, options: int) -> tuple[int, ...]:
    """How many tokens each option has; ValueError for anything else."""
    if not isinstance(lengths, (list, tuple)) or not all(
        type(one) is int and 0 < one <= MOST_TOKENS for one in lengths
    ):
        raise ValueError("an option's length is a whole number of tokens")
    if lengths and len(lengths) != options:
        raise ValueError("there is a length for each option or for none")
    return tuple(lengths)


def check(request: Request, answer: Any) -> Answer:
    """The answer in plain Python values; SampleError where it does not fit the request."""
    if isinstance(request, GenerateRequest) and isinstance(answer, TextAnswer):
        return _text(answer)
    if isinstance(request, ChooseRequest) and isinstance(answer, ChoiceAnswer):
        return _choice(request, answer)
    if isinstance(request, TagRequest) and isinstance(answer, TagAnswer):
        return _tags(request, answer)
    raise SampleError(f"The model answered with {type(answer).__name__} to a request to {request.ability.value}.")


def _text(answer: TextAnswer) -> TextAnswer:
    if not isinstance(answer.text, str):
        raise SampleError(f"The model generated {type(answer.text).__name__}, not text.")
    if answer.tokens is None:
        return TextAnswer(answer.text)
    try:
        tokens = index(answer.tokens)
    except TypeError:
        raise SampleError(f"The model counted {answer.tokens!r:.40} tokens, which is no whole number.") from None
    if not _is_count(tokens):
        raise SampleError("The model counted fewer tokens than none, or more than there can be.")
    return TextAnswer(answer.text, tokens)


def _choice(request: ChooseRequest, answer: ChoiceAnswer) -> ChoiceAnswer:
    numbers = tuple(float(number) for number in answer.logprobs)
    if len(numbers) != len(request.options):
        raise SampleError(f"The model gave {len(numbers)} log-probabilities for {len(request.options)} options.")
    bad = next((number for number in numbers if not math.isfinite(number)), None)
    if bad is not None:
        raise SampleError(f"The model gave a log-probability of {bad}, which is no finite number.")
    try:
        return ChoiceAnswer(numbers, _lengths(tuple(map(index, answer.lengths)), len(numbers)))
    except (TypeError, ValueError):
        raise SampleError(f"The model gave the lengths {answer.lengths!r:.40} for its options.") from None


def _tags(request: TagRequest, answer: TagAnswer) -> TagAnswer:
    tags = tuple(answer.tags)
    if len(tags) != len(request.tokens):
        raise SampleError(f"The model gave {len(tags)} tags for {len(request.tokens)} tokens.")
    unknown = next((tag for tag in tags if tag not in request.labels), None)
    if unknown is not None:
        raise SampleError(f"The model gave the tag {unknown!r}, which is not among the labels.")
    return TagAnswer(tags)
