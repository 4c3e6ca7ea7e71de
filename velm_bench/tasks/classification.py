"""Classification: a label out of a closed set; several may be right."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from velm_bench.errors import UsageError
from velm_bench.options import find_label
from velm_bench.samples import Ability, Answer, ChoiceAnswer, ChooseRequest, Form, Prediction, Request, Sample
from velm_bench.tasks.base import Kind, spoken_of

MULTI_LABEL = frozenset({"mean_average_precision"})
"""Metrics to which a sample of no label is one like any other."""
MOST_EXPONENT = 700.0
"""Beyond it a number is no float64."""


class Classification(Kind):
    """Asks for a probability per option; a model that can only generate is asked to write the label.

    References are the right labels, usually one. None at all is an answer where a metric of the task takes several
    labels, and a defect of the sample elsewhere.
    """

    name = "classification"
    form = Form.LABEL
    prompt = "What is in the image?"

    def options(self, sample: Sample) -> tuple[str, ...]:
        """The sample's own options, or the task's labels; UsageError where there are neither."""
        options = tuple(sample.inputs.get("options", ())) or self.labels
        if not options:
            raise UsageError(f"The task '{self.task.name}' has no options: list its classes under 'labels'.")
        return options

    def refuse_options(self, options: Sequence[str]) -> str:
        """Why these options are no closed set; empty where they are."""
        repeated = [option for option in options if options.count(option) > 1]
        if repeated:
            return f"The option '{repeated[0]}' stands there twice."
        return "" if all(option.strip() for option in options) else "One of the options is empty."

    def problem(self, sample: Sample) -> str:
        found = super().problem(sample)
        if found:
            return found
        options = self.options(sample)
        unknown = [label for label in sample.references if label not in options]
        if unknown:
            return f"The label '{unknown[0]}' is not among the options."
        return self.refuse_options(options) if sample.inputs.get("options") else ""

    def scorable(self, sample: Sample) -> bool:
        return super().scorable(sample) and all(label in self.options(sample) for label in sample.references)

    def none_is_right(self, sample: Sample) -> bool:
        known = not sample.references and not sample.problem  # a label that cannot be read leaves none as well
        return known and self.multi_label

    @property
    def multi_label(self) -> bool:
        """Whether a metric of the task takes several labels: then each label's probability stands for itself."""
        return not MULTI_LABEL.isdisjoint(self.task.metrics)

    def request(self, sample: Sample, abilities: Collection[Ability]) -> Request:
        options, prompt = self.options(sample), self.text(sample)
        if Ability.CHOOSE in abilities:
            return ChooseRequest(sample.id, sample.images, prompt, options, templates=self.task.templates)
        if Ability.GENERATE in abilities:
            return self.generate(sample, f"{prompt}\nAnswer with one of: {', '.join(options)}.")
        raise self.refuse(abilities)

    def predict(self, sample: Sample, answer: Answer) -> Prediction:
        options = self.options(sample)
        if isinstance(answer, ChoiceAnswer):
            weighed = _from_logprobs(options, answer.logprobs, normalised=not self.multi_label)
            return Prediction({**weighed, **_by_length(options, answer)})
        label = find_label(spoken_of(answer).text, options)
        return Prediction({"label": label, "ranked": None, "probabilities": None}, failures=int(label is None))


def _from_logprobs(options: Sequence[str], logprobs: Sequence[float], normalised: bool) -> dict[str, object]:
    top = max(logprobs) if normalised else 0.0
    weights = [math.exp(min(value - top, MOST_EXPONENT)) for value in logprobs]
    total = sum(weights) if normalised else 1.0
    order = sorted(range(len(options)), key=lambda index: -logprobs[index])
    return {
        "label": options[order[0]],
        "ranked": [options[index] for index in order],
        "probabilities": {options[index]: weights[index] / total for index in range(len(options))},
    }


def _by_length(options: Sequence[str], answer: ChoiceAnswer) -> dict[str, str]:
    """The label of the best log-probability per token, where it is known how many tokens each option has."""
    if not answer.lengths:
        return {}
    means = [total / length for total, length in zip(answer.logprobs, answer.lengths, strict=True)]
    return {"label_norm": options[means.index(max(means))]}
