"""Baselines that look at nothing, and the oracle that looks at the answers: the floor and the ceiling as rows."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.models.base import Identity, Model, Setup, View
from velm_bench.registry import suggestion
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Request,
    TagAnswer,
    TagRequest,
    TextAnswer,
)

CERTAIN = 0.0
IMPOSSIBLE = -50.0
"""A log-probability that is nothing for practical purposes and still fits into JSON."""


class Baseline(Model):
    """A model that answers from the statistics of the answers, never from the sample."""

    abilities = frozenset(Ability)
    generates = False
    batch_size = 256

    def __init__(self, name: str, setup: Setup) -> None:
        self.setup = setup
        self.identity = Identity(f"baseline:{name}", digest_json(["baseline", name, self._seed_matters(), 1]))

    def _seed_matters(self) -> int:
        return 0

    def start(self, view: View) -> None:
        self.view = view

    def generate(self, prepared: Sequence[GenerateRequest]) -> Sequence[TextAnswer]:
        return [TextAnswer(self.text(request)) for request in prepared]

    def choose(self, prepared: Sequence[ChooseRequest]) -> Sequence[ChoiceAnswer]:
        return [ChoiceAnswer(tuple(self.weigh(request))) for request in prepared]

    def tag(self, prepared: Sequence[TagRequest]) -> Sequence[TagAnswer]:
        return [TagAnswer(tuple(self.tags(request))) for request in prepared]

    @abstractmethod
    def text(self, request: Request) -> str:
        """A free answer."""

    @abstractmethod
    def tags(self, request: TagRequest) -> Iterable[str]:
        """A tag per token."""

    def weigh(self, request: ChooseRequest) -> Iterable[float]:
        """A log-probability per option; certain of the one that `text` gives unless overridden."""
        said = self.text(request)
        return [CERTAIN if option == said else IMPOSSIBLE for option in request.options]


class Constant(Baseline):
    """Always the same words: `baseline:constant`, or `baseline:constant=WORDS`; on a closed set the first option."""

    def __init__(self, name: str, setup: Setup) -> None:
        super().__init__(name, setup)
        self.words = name.partition("=")[2] or "yes"

    def text(self, request: Request) -> str:
        return self.words

    def weigh(self, request: ChooseRequest) -> Iterable[float]:
        said = self.words if self.words in request.options else request.options[0]
        return [CERTAIN if option == said else IMPOSSIBLE for option in request.options]

    def tags(self, request: TagRequest) -> Iterable[str]:
        return ["O"] * len(request.tokens)


class Majority(Baseline):
    """The most frequent right answer of the whole task, also of samples that --limit leaves out: about the best that
    any constant could do."""

    def start(self, view: View) -> None:
        super().start(view)
        values = [value for value in view.truths.values() if value is not None]
        self.counts = Counter(value for value in values if isinstance(value, str))
        self.common_text = _most_common(self.counts)
        self.common_tag = _most_common(Counter(tag for value in values if not isinstance(value, str) for tag in value))

    def text(self, request: Request) -> str:
        return self.common_text

    def weigh(self, request: ChooseRequest) -> Iterable[float]:
        total = sum(self.counts.values()) + len(request.options)
        return [math.log((self.counts[option] + 1) / total) for option in request.options]

    def tags(self, request: TagRequest) -> Iterable[str]:
        return [self.common_tag] * len(request.tokens)


class RandomGuess(Baseline):
    """A random one of the task's distinct right answers, which may be the sample's own; random over options and tags.

    Seeded by the sample's id and `--seed`.
    """

    def _seed_matters(self) -> int:
        return self.setup.seed

    def start(self, view: View) -> None:
        super().start(view)
        self.pool = sorted({value for value in view.truths.values() if isinstance(value, str)})

    def _dice(self, request: Request) -> Random:
        return Random(f"{self.setup.seed}:{request.sample_id}")

    def text(self, request: Request) -> str:
        return self._dice(request).choice(self.pool)

    def weigh(self, request: ChooseRequest) -> Iterable[float]:
        dice = self._dice(request)
        weights = [dice.expovariate(1.0) for _ in request.options]
        return [math.log(weight / sum(weights)) for weight in weights]

    def tags(self, request: TagRequest) -> Iterable[str]:
        dice = self._dice(request)
        return [dice.choice(request.labels) for _ in request.tokens]


class Oracle(Baseline):
    """The best answer that the source knows (for the scenes: what the scene graph says).

    The ceiling of truth, not of n-gram overlap: five references reward their own most usual words.
    """

    def _truth(self, request: Request) -> Any:
        return self.view.truths[request.sample_id]

    def text(self, request: Request) -> str:
        return str(self._truth(request))

    def tags(self, request: TagRequest) -> Iterable[str]:
        return list(self._truth(request))


BASELINES: dict[str, type[Baseline]] = {
    "constant": Constant,
    "majority": Majority,
    "oracle": Oracle,
    "random": RandomGuess,
}


def open_baseline(name: str, setup: Setup) -> Model:
    """The baseline of that name; UsageError with the nearest name."""
    kind = name.partition("=")[0]
    if kind not in BASELINES or ("=" in name and kind != "constant"):
        raise UsageError(f"Unknown baseline '{name}': {suggestion(kind, list(BASELINES))}")
    return BASELINES[kind](name, setup)


def _most_common(counts: Counter[str]) -> str:
    """The most frequent value, the alphabetically first of several, so that no order of samples matters."""
    return min(counts, key=lambda value: (-counts[value], value)) if counts else ""
