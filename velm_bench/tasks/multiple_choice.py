"""Multiple choice: a question with options of its own, told apart by letters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from velm_bench.options import find_choice, find_option
from velm_bench.samples import Ability, Answer, ChoiceAnswer, ChooseRequest, Prediction, Request, Sample
from velm_bench.tasks.base import TextKind
from velm_bench.tasks.definition import prompt_fields

CLOSED = "Answer with the option's letter from the given choices directly."
"""What `{instruction}` says where there are options."""
OPEN = "Answer the question using a single word or phrase."
"""What it says where there are none."""
CLOSED_METRICS = frozenset({"multiple_choice", "circular_choice"})
"""Metrics that fail as a whole where a question has no options."""


class MultipleChoice(TextKind):
    """Asks for the log-probability of each option's letter; a model that can only write is asked to write it.

    A prediction is the text of the option that was chosen, or else the words that were written, which the metric reads;
    but where options are letters themselves, a letter that was written is that of the option's place.
    References are the right option, by its text or by its letter (of several, each is right). A sample without options
    is an open question and answered in words. Besides the sample's inputs a prompt may use `{options}` (a line
    "A. text" for each) and `{instruction}` (how to answer); a line whose fields are all empty is left out.
    """

    name = "multiple_choice"
    prompt = "{question}\n{options}\n{instruction}"
    inputs = ("question",)

    def problem(self, sample: Sample) -> str:
        found = super().problem(sample)
        options = options_of(sample)
        if found or not options:
            return found or self.refuse_open()
        unknown = next((one for one in sample.references if find_option(one, options) is None), None)
        return refuse_options(options) or (f"The answer '{unknown}' is not among the options." if unknown else "")

    def scorable(self, sample: Sample) -> bool:
        options = options_of(sample)
        known = all(find_option(one, options) is not None for one in sample.references)
        return super().scorable(sample) and (known if options else not self.refuse_open())

    def refuse_open(self) -> str:
        """Why a question cannot be without options here; empty where it can."""
        needing = next((name for name in self.task.metrics if name in CLOSED_METRICS), "")
        return f"There are no options, which '{needing}' needs; 'mixed_choice' does not." if needing else ""

    def text(self, sample: Sample) -> str:
        options = options_of(sample)
        known = {name: "" if value is None else value for name, value in sample.inputs.items()}
        inputs = {**known, "options": lettered(options), "instruction": CLOSED if options else OPEN}
        lines = (line for line in self.template.split("\n") if not _is_idle(line, inputs))
        return self.fill("\n".join(lines), inputs, sample)

    def request(self, sample: Sample, abilities: Collection[Ability]) -> Request:
        options = options_of(sample)
        if not options or Ability.CHOOSE not in abilities:
            return super().request(sample, abilities)
        spoken = tuple(ascii_uppercase[: len(options)])
        return ChooseRequest(sample.id, sample.images, self.text(sample), options, spoken, self.task.templates)

    def predict(self, sample: Sample, answer: Answer) -> Prediction:
        options = options_of(sample)
        if isinstance(answer, ChoiceAnswer):
            best = max(range(len(options)), key=lambda place: answer.logprobs[place])  # the first of several
            return Prediction(options[best])
        written = super().predict(sample, answer)
        said = _by_place(written.value, options) or written.value
        unread = bool(options) and find_choice(said, options) is None
        return Prediction(said, failures=max(written.failures, int(unread)))

    def truth(self, sample: Sample) -> Any:
        """The right option's text, also where the reference is its letter; the answer itself of an open question."""
        options, known = options_of(sample), super().truth(sample)
        return find_option(str(known), options) if options else known

    def worked_answer(self, sample: Sample) -> str:
        """The letter of the right option; the answer itself of an open question."""
        options, known = options_of(sample), self.truth(sample)
        return ascii_uppercase[options.index(known)] if options else str(known)


def options_of(sample: Sample) -> tuple[str, ...]:
    """What there is to choose from; empty for an open question."""
    return tuple(sample.inputs.get("options") or ())


def _by_place(text: str, options: Sequence[str]) -> str | None:
    """The option in the place of the letter that an answer gives, where options are letters themselves: labels in a
    diagram. The prompt asked for the place's letter. None where no option is a letter, or the answer gives none.
    """
    names = [bool(re.fullmatch(r"\W*[A-Za-z]\W*", option)) for option in options]
    if not any(names) or (text in options and not text.isupper()):
        return None
    hidden = [f"\0{place}" if name else option for place, (option, name) in enumerate(zip(options, names, strict=True))]
    found = find_choice(text, hidden)
    return options[hidden.index(found)] if found in hidden else None


def refuse_options(options: Sequence[str]) -> str:
    """Why letters cannot tell these options apart; empty where they can. Public sets repeat some: either is right."""
    if len(options) > len(ascii_uppercase):
        return f"There are {len(options)} options, more than letters."
    return "" if all(option.strip() for option in options) else "One of the options is empty."


def lettered(options: Sequence[str]) -> str:
    """A line "A. text" for each option."""
    return "\n".join(f"{letter}. {option}" for letter, option in zip(ascii_uppercase, options, strict=False))


def _is_idle(line: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a line of a template has fields, and all of them are empty."""
    fields = prompt_fields(line)
    return bool(fields) and all(inputs.get(name) == "" for name in fields)
