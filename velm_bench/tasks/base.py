"""What a family of tasks has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import Ability, Answer, Form, GenerateRequest, Prediction, Request, Sample, TextAnswer
from velm_bench.tasks.definition import Task, fill
from velm_bench.tasks.reasoning import Spoken, without_reasoning


class Kind(ABC):
    """Turns a sample into a request and an answer into a prediction."""

    name: ClassVar[str]
    form: ClassVar[Form | None] = None
    """What its predictions are; None for something of its own, which any metric may be tried on."""
    prompt: ClassVar[str]
    """The template used where a task gives none."""
    inputs: ClassVar[tuple[str, ...]] = ()
    """The keys that every sample's `inputs` must hold."""

    def __init__(self, task: Task, options: tuple[str, ...] = ()) -> None:
        self.task = task
        self.labels = task.labels or options
        """The closed set of labels, from the task or else from its source."""

    def problem(self, sample: Sample) -> str:
        """Why this sample cannot be asked or scored; empty where all is well."""
        if sample.problem:
            return sample.problem
        missing = [key for key in self.inputs if key not in sample.inputs]
        if missing:
            return f"The sample has no '{missing[0]}': map it under 'fields' in the task's source."
        return "" if sample.references or self.none_is_right(sample) else "The reference list is empty."

    def scorable(self, sample: Sample) -> bool:
        """Whether the references say what is right, even where the sample cannot be asked."""
        return bool(sample.references) or self.none_is_right(sample)

    def none_is_right(self, sample: Sample) -> bool:
        """Whether an empty list of references says that nothing is right, and not that nobody knows what is."""
        return False

    @property
    def template(self) -> str:
        """The task's own prompt, or else the kind's."""
        return self.prompt if self.task.prompt is None else self.task.prompt

    def text(self, sample: Sample) -> str:
        """The prompt for a sample; UsageError where the template names a field that the samples lack."""
        return self.fill(self.template, sample.inputs, sample)

    def fill(self, template: str, inputs: Mapping[str, Any], sample: Sample) -> str:
        """A template with its fields replaced; UsageError where it names one that a sample's inputs lack."""
        try:
            return fill(template, inputs)
        except KeyError as error:
            raise UsageError(
                f"The prompt of task '{self.task.name}' uses {{{error.args[0]}}}, which sample '{sample.id}' lacks: "
                f"it has {', '.join(inputs) or 'no inputs'}."
            ) from error

    def generate(self, sample: Sample, prompt: str) -> GenerateRequest:
        """A request for free text with the task's generation settings."""
        return GenerateRequest(sample.id, sample.images, prompt, self.task.generation.settings())

    def refuse(self, abilities: Collection[Ability]) -> UsageError:
        """The error for a model that can do nothing this kind can use."""
        able = ", ".join(sorted(ability.value for ability in abilities)) or "nothing"
        return UsageError(
            f"The task '{self.task.name}' of kind {self.name} cannot be put to this model, which can only {able} "
            "(of a file of answers: texts generate, probabilities choose, columns or lists of tags tag)."
        )

    @abstractmethod
    def request(self, sample: Sample, abilities: Collection[Ability]) -> Request:
        """The preferred question that a model of these abilities can answer; UsageError if there is none."""

    @abstractmethod
    def predict(self, sample: Sample, answer: Answer) -> Prediction:
        """What an answer says, in the form that the metrics compare."""

    def truth(self, sample: Sample) -> Any:
        """The best single answer known: text, a label, or tags; None where none is right.

        It is what an oracle says and a majority counts.
        """
        return sample.facts.get("oracle") or next(iter(sample.references), None)

    def worked_answer(self, sample: Sample) -> str:
        """The right answer as a worked example gives it: in the words that a model is to use."""
        return str(self.truth(sample))


class TextKind(Kind):
    """A kind whose answers are plain text."""

    form = Form.TEXT

    def request(self, sample: Sample, abilities: Collection[Ability]) -> Request:
        if Ability.GENERATE not in abilities:
            raise self.refuse(abilities)
        return self.generate(sample, self.text(sample))

    def predict(self, sample: Sample, answer: Answer) -> Prediction:
        spoken = spoken_of(answer)
        return Prediction(spoken.text.strip(), failures=int(spoken.lost))


def spoken_of(answer: Answer) -> Spoken:
    """The words of a free answer without the reasoning before them.

    SampleError for an answer of another sort, which says nothing in words.
    """
    if not isinstance(answer, TextAnswer):
        raise SampleError(f"The model gave a {type(answer).__name__} where words were asked for: mend its adapter.")
    return without_reasoning(answer.text)
