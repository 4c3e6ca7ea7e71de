"""Who is compared, and in what: the members of the reference family, and the measures in which they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from velm_bench.errors import UsageError
from velm_bench.models import Setup, open_model
from velm_bench.models.reference import shipped
from velm_bench.registry import suggestion
from velm_bench.results.gain import Gain, Gap
from velm_bench.results.schema import Result, Score
from velm_bench.samples import Ability
from velm_bench.tasks.registry import definitions

BLIND = "ref:blind"
"""The control: the same language model, never shown a picture."""
NOVEL = "test_novel"
"""The split of the pairs of colour and shape that training never shows."""

FUSIONS = {
    "blind": "none",
    "concat": "pooled, joined",
    "weighted-sum": "pooled, gated",
    "attention": "text looks at patches",
    "cross-modal": "each looks at the other",
    "prefix": "patches before the text",
    "frozen-prefix": "patches before a frozen text model",
    "contrastive": "two towers",
}
"""The family in the order in which it is shown, each with how the picture reaches the text."""


@dataclass(frozen=True)
class Measure:
    """One column: an output of a task, of all samples or of a slice."""

    task: str
    output: str
    title: str
    where: tuple[str, str] | None = None
    """Slice and value, such as ("needs_image", "yes")."""

    def score(self, result: Result) -> Score | None:
        """The score of a run; None where it has none."""
        scores = result.scores
        if self.where:
            part = result.slices.get(self.where[0], {}).get(self.where[1])
            scores = part.scores if part else {}
        return scores.get(self.output)

    def gap(self, gain: Gain) -> Gap | None:
        """What the picture adds to it; None where that was not measured."""
        if not self.where:
            return gain.scores.get(self.output)
        return gain.slices.get(self.where[0], {}).get(self.where[1], {}).get(self.output)

    @property
    def slices(self) -> dict[str, str]:
        """The slice as `results.pairing` takes it."""
        return dict([self.where]) if self.where else {}


CIDER = Measure("scenes_captioning", "cider", "captions: CIDEr")
TRUTH = Measure("scenes_captioning", "truth_f1", "captions: truth F1")
VQA = Measure("scenes_vqa", "vqa_accuracy", "VQA accuracy")
TWINS = Measure("scenes_vqa", "pair_accuracy", "VQA, both twins right")
CLASSES = Measure("scenes_classification", "accuracy", "classification")
ENTITIES = Measure("scenes_ner", "entity_f1", "NER: entity F1")
NEEDED = Measure("scenes_ner", "entity_f1", "NER where the image is needed", ("needs_image", "yes"))

MAIN = (CIDER, VQA, CLASSES, NEEDED)
"""One measure per task: the columns of most tables, the panels of the plot."""
TASKS = tuple(measure.task for measure in MAIN)

ANSWERABLE = {
    "captioning": {Ability.GENERATE},
    "vqa": {Ability.GENERATE},
    "classification": {Ability.CHOOSE, Ability.GENERATE},
    "ner": {Ability.TAG, Ability.GENERATE},
}
"""The abilities of which a model needs one for each kind of task."""


@dataclass(frozen=True)
class Member:
    """One model of the family, as its files say it is."""

    reference: str
    """What `--model` takes: "ref:prefix"."""
    digest: str
    """Of weights and processor: a run of another digest is one of another checkpoint."""
    abilities: frozenset[Ability]

    @property
    def name(self) -> str:
        """The checkpoint's name: "prefix"."""
        return self.reference.partition(":")[2]

    @property
    def fusion(self) -> str:
        """How the picture reaches the text; empty for one that is not of the family."""
        return FUSIONS.get(self.name, "")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that can be put to it."""
        return tuple(task for task in TASKS if ANSWERABLE[definitions()[task].task.kind] & self.abilities)


def member(reference: str) -> Member:
    """The member of a reference; nothing but its files' digests is read."""
    model = open_model(reference, Setup())
    return Member(reference, model.identity.digest, model.abilities)


def chosen(names: Sequence[str]) -> list[Member]:
    """The shipped checkpoints of these names, or all, in the family's order; UsageError for a name that is none."""
    there = shipped()
    for name in names:
        if name not in there:
            raise UsageError(f"--models names '{name}', which is not shipped: {suggestion(name, there)}")
    order = [*(name for name in FUSIONS if name in there), *(name for name in there if name not in FUSIONS)]
    return [member(f"ref:{name}") for name in order if not names or name in names]
