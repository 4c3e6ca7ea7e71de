"""`answers:FILE`: replays answers that were produced elsewhere, so that they are scored like any other run."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_json
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.base import Identity, Model, Setup, View
from velm_bench.samples import Ability, ChoiceAnswer, ChooseRequest, Request, TagAnswer, TagRequest, TextAnswer
from velm_bench.sources.conll import read_rows
from velm_bench.sources.files import JsonError, from_json, read_text

Given = str | Mapping[str, float] | tuple[str, ...]
"""What a file may hold for a sample: text or a label, a probability per option, or tags."""

ABILITY: dict[type, Ability] = {str: Ability.GENERATE, dict: Ability.CHOOSE, tuple: Ability.TAG}


class Answers(Model):
    """Answers by sample id. A sample that the file lacks is an error row; an id that the task lacks is an error."""

    sees = False
    generates = False

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self.given = read_answers(path)
        self.abilities = frozenset({_one_ability(path, self.given)})
        self.identity = Identity(name or f"answers:{path.name}", digest_json(self.given))

    def start(self, view: View) -> None:
        unknown = [key for key in self.given if key not in view.truths]
        if unknown:
            raise UsageError(
                f"The predictions file {self.path} has {len(unknown)} ids that the task does not have, '{unknown[0]}' "
                "the first: it belongs to another task or split."
            )

    def prepare(self, request: Request) -> Any:
        """The answer given for a request; SampleError where there is none or it does not fit."""
        if request.sample_id not in self.given:
            raise SampleError(f"The predictions file {self.path.name} has no answer for '{request.sample_id}'.")
        given = self.given[request.sample_id]
        if isinstance(request, TagRequest) and len(given) != len(request.tokens):
            raise SampleError(f"There are {len(given)} tags for {len(request.tokens)} tokens.")
        if isinstance(request, ChooseRequest):
            return _logprobs(given, request)
        return given

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        return [TextAnswer(text) for text in prepared]

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]:
        return [ChoiceAnswer(logprobs) for logprobs in prepared]

    def tag(self, prepared: Sequence[Any]) -> Sequence[TagAnswer]:
        return [TagAnswer(tags) for tags in prepared]


def open_answers(path: str, setup: Setup) -> Model:
    """The answers of a file; `setup` changes nothing about them."""
    return Answers(Path(path))


def _one_ability(path: Path, given: Mapping[str, Given]) -> Ability:
    found = {ABILITY[type(value)] for value in given.values()}
    if len(found) > 1:
        raise UsageError(f"The predictions file {path} mixes texts, probabilities and tags: keep to one form.")
    return found.pop() if found else Ability.GENERATE


def _logprobs(given: Any, request: ChooseRequest) -> tuple[float, ...]:
    """Logarithms of the given numbers, in the order of the options; an option that is not mentioned has none.

    Options go by their texts, or else by what a model is to write for them, such as letters. They are not normalised:
    for a task of several labels each number stands for itself.
    """
    options = request.said if set(given) <= set(request.said) - set(request.options) else request.options
    unknown = [option for option in given if option not in options]
    if unknown:
        raise SampleError(f"The answer names '{unknown[0]}', which is not among the options.")
    if sum(given.values()) <= 0:
        raise SampleError("The probabilities add up to nothing.")
    return tuple(math.log(max(given.get(option, 0.0), 1e-300)) for option in options)


def read_answers(path: Path) -> dict[str, Given]:
    """Answers by sample id, from one of four forms, told apart by what stands in the file.

    COCO results (``[{"image_id", "caption"}]``), VQA results (``[{"question_id", "answer"}]``), JSON lines
    (``{"id", "prediction"}``), or CoNLL columns with the predicted tag last (sentences are numbered from 0).
    UsageError naming file, line or row and field for anything malformed.
    """
    text = read_text(path)
    answers: dict[str, Given] = {}
    for place, key, value in _reader(text)(path, text):
        if key in answers:
            raise UsageError(f"In {path}, {place}: the id '{key}' stands there twice.")
        answers[key] = value
    if not answers:
        raise UsageError(f"The predictions file {path} holds no predictions.")
    return answers


Entry = tuple[str, str, Given]

ARRAY = re.compile(r"\s*\[\s*[{\]]")
"""How an array of objects begins. A sentence may begin with a bracket too, but its columns go on otherwise."""
OBJECT = re.compile(r'\s*\{\s*["}]')
"""How an object begins."""


def _reader(text: str) -> Callable[[Path, str], Iterator[Entry]]:
    """Which form a file has."""
    return _json_array if ARRAY.match(text) else _json_lines if OBJECT.match(text) else _conll


def _json_array(path: Path, text: str) -> Iterator[Entry]:
    try:
        rows = from_json(text)
    except JsonError as error:
        spot = f" at line {error.line}" if error.line else ""
        raise UsageError(f"The predictions file {path} is not valid JSON{spot}: {error.reason}.") from error
    for number, row in enumerate(rows):
        yield _entry(path, f"row {number}", row)


def _json_lines(path: Path, text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = from_json(line)
        except JsonError as error:
            raise UsageError(f"In {path}, line {number} is not valid JSON: {error.reason}.") from error
        yield _entry(path, f"line {number}", row)


FORMS = (("id", "prediction"), ("image_id", "caption"), ("question_id", "answer"))


def _entry(path: Path, place: str, row: Any) -> Entry:
    if not isinstance(row, dict):
        raise UsageError(f"In {path}, {place} is {type(row).__name__}, not an object with 'id' and 'prediction'.")
    for key, field in FORMS:
        if key in row and field in row:
            if not isinstance(row[key], (str, int)) or isinstance(row[key], bool):
                raise UsageError(f"In {path}, {place}: the field '{key}' must be a string or a whole number.")
            return place, str(row[key]), _value(path, place, field, row[field])
    wanted = " or ".join(f"'{key}' with '{field}'" for key, field in FORMS)
    raise UsageError(f"In {path}, {place} has the fields {', '.join(map(repr, row)) or 'none'}: it needs {wanted}.")


def _value(path: Path, place: str, field: str, value: Any) -> Given:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if isinstance(value, dict) and value and all(_is_probability(item) for item in value.values()):
        return value
    raise UsageError(
        f"In {path}, {place}: the field '{field}' is {type(value).__name__}; it must be a text, a list of tags, or an "
        "object of options with finite probabilities."
    )


def _is_probability(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


def _conll(path: Path, text: str) -> Iterator[Entry]:
    """Sentences as the `conll` source reads them, so that the numbers of gold and predictions agree."""
    for number, (line, _, rows, _) in enumerate(read_rows(text)):
        bare = next((place for place, cells in enumerate(rows, start=line) if len(cells) < 2), None)
        if bare is not None:
            raise UsageError(
                f"In {path}, line {bare} has one column: write the token first and the predicted tag last, or JSON."
            )
        yield f"sentence {number}", str(number), tuple(cells[-1] for cells in rows)
