"""What neural metrics have in common: answers scored in portions, and texts embedded without padding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velm_bench.errors import RunError, UsageError
from velm_bench.metrics.base import Array, ColumnMeans, divide, with_count
from velm_bench.metrics.neural.checkpoints import Checkpoint
from velm_bench.samples import Form

PORTION = 256
"""Samples whose embeddings are held at a time."""
BATCH = 32
"""Texts or pictures that go through the network at a time."""
SHIFTED = frozenset({"camembert", "data2vec-text", "longformer", "roberta", "roberta-prelayernorm", "xlm-roberta"})
"""Models whose positions begin behind the padding token's number."""
USUAL_LENGTH = 512
"""Where neither tokenizer nor model says how much it reads."""

Embedding = NDArray[np.float32]


class NeuralMetric(ColumnMeans):
    """The mean of scores that a network gives each answered sample; a failed sample scores 0 and is never looked at.

    Outputs end in the checkpoint's name, so that a task may have the same metric with several checkpoints.
    """

    form = Form.TEXT

    def __init__(self, labels: Sequence[str] = (), checkpoint: str = "", part: str = "") -> None:
        """`part` is added to the checkpoint's name in the outputs, where only a part of it is used."""
        super().__init__(labels)
        if not checkpoint:
            raise UsageError(
                f"The metric '{self.name}' needs {self.takes}: write '{self.name}:FOLDER' or '{self.name}:ORG/NAME'."
            )
        self.checkpoint = Checkpoint(checkpoint)
        self.outputs = tuple(f"{output}/{self.checkpoint.label}{part}" for output in self.outputs)

    @abstractmethod
    def pairs(self, predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[str | None, Any]]:
        """The checked texts with what they are compared to; MetricInputError where one is malformed."""

    @abstractmethod
    def open(self) -> Callable[[Sequence[tuple[str, Any]]], Array]:
        """Load the network; what scores a portion of pairs, shape (pairs, k - 1)."""

    def statistics(
        self, predictions: Sequence[Any], references: Sequence[Any], corpus: Sequence[Any] | None = None
    ) -> Array:
        pairs = self.pairs(predictions, references)
        rows = np.zeros((len(pairs), len(self.columns) - 1))
        answered = [place for place, (text, _) in enumerate(pairs) if text is not None]
        score = self.open() if answered else None
        for start in range(0, len(answered), PORTION):
            places = answered[start : start + PORTION]
            assert score is not None
            rows[places] = score([(str(pairs[place][0]), pairs[place][1]) for place in places])
        if not np.isfinite(rows).all():
            raise RunError(f"The checkpoint of '{self.name}' gives numbers that are not finite: it is damaged.")
        return with_count(rows)


def embed(
    tokens: Sequence[Sequence[int]], run: Callable[[Any], Any], device: Any, batch: int = BATCH
) -> list[Embedding]:
    """What `run` makes of each sequence of token ids, longest sequences first.

    Sequences of one length go together, so that none is padded: what stands beside a text cannot change its embedding.
    """
    import torch

    found: dict[int, Embedding] = {}
    for places in _of_one_length(tokens, batch):
        ids = torch.tensor([list(tokens[place]) for place in places], device=device)
        with torch.inference_mode():
            found |= zip(places, run(ids).float().cpu().numpy(), strict=True)
    return [found[place] for place in range(len(tokens))]


def _of_one_length(tokens: Sequence[Sequence[int]], batch: int) -> Iterator[list[int]]:
    by_length: dict[int, list[int]] = {}
    for place, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(place)
    for length in sorted(by_length, reverse=True):
        places = by_length[length]
        yield from (places[start : start + batch] for start in range(0, len(places), batch))


def longest(tokenizer: Any, config: Any) -> int:
    """How many tokens of a text the model can read."""
    room = getattr(config, "max_position_embeddings", None) or USUAL_LENGTH
    if config.model_type in SHIFTED:
        room -= config.pad_token_id + 1
    return int(min(room, tokenizer.model_max_length))


def encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no tokenizer can read."""
    return text.encode("utf-8", "replace").decode("utf-8")


def unit(vectors: NDArray[Any]) -> Array:
    """The vectors at length 1, in float64; shape (..., d)."""
    exact = np.asarray(vectors, dtype=np.float64)
    return divide(exact, np.linalg.norm(exact, axis=-1, keepdims=True))
