"""BERTScore (Zhang et al. 2020) with any encoder checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from velm_bench.errors import UsageError
from velm_bench.metrics.base import Array, MetricUnavailableError, text_pairs
from velm_bench.metrics.neural.checkpoints import Checkpoint, load, load_tokenizer
from velm_bench.metrics.neural.encoders import BATCH, NeuralMetric, embed, encodable, longest, unit

SPACED = ("GPT2", "Roberta")
"""Classes of tokenizers that take the first word for another one unless a space stands before it."""

Embedded = tuple[Array, Array]
"""Unit vectors of a text's tokens, shape (tokens, d), and which of them count, shape (tokens,)."""


class BertScore(NeuralMetric):
    """BERTScore: precision, recall and F1 of tokens matched greedily by the cosine of their contextual embeddings.

    Means over samples of each one's best F1, precision and recall over its references. The checkpoint's name may end
    in @LAYER, the layer whose output is taken (0 is the embeddings, the last one if left out; bert_score recommends 17
    for roberta-large, 9 for bert-base-uncased, 5 for distilbert-base-uncased). As in bert_score 0.3.13, the tokens that
    begin and end a text count nothing but may be matched, and a text without others scores 0. F1 is 0 where precision
    or recall is not positive. No idf weights, no rescaling.
    """

    name = "bertscore"
    best = 1.0
    takes = "an encoder checkpoint"
    outputs = ("bertscore_f1", "bertscore_precision", "bertscore_recall")

    def __init__(self, labels: Sequence[str] = (), checkpoint: str = "") -> None:
        name, at, layer = checkpoint.rpartition("@")
        chosen = bool(at) and layer.isascii() and layer.isdigit()
        self.layer = int(layer) if chosen else None
        super().__init__(labels, name if chosen else checkpoint, f"@{self.layer}" if chosen else "")

    @property
    def signature(self) -> str:  # type: ignore[override]
        """Names the checkpoint's files by their digest, which takes them to be here."""
        layer = "last" if self.layer is None else self.layer
        return f"bertscore|{self.checkpoint.signed}|layer:{layer}|idf:no|rescale:no|fp32|refs:max|v:1"

    def pairs(self, predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[str | None, Any]]:
        return [*text_pairs(predictions, references, self.name)]

    def open(self) -> Callable[[Sequence[tuple[str, Any]]], Array]:
        return Encoder(self.checkpoint, self.layer).score


class Encoder:
    """A loaded encoder: contextual embeddings of a text's tokens."""

    def __init__(self, checkpoint: Checkpoint, layer: int | None = None, batch: int = BATCH) -> None:
        self.model = load(checkpoint, spare="pooler")
        config = self.model.config
        if config.is_encoder_decoder or not hasattr(config, "num_hidden_layers"):
            raise MetricUnavailableError(
                f"The checkpoint '{checkpoint.name}' ({type(self.model).__name__}) is no text encoder such as BERT."
            )
        self.layer = config.num_hidden_layers if layer is None else layer
        if self.layer > config.num_hidden_layers:
            raise UsageError(
                f"The checkpoint '{checkpoint.name}' has {config.num_hidden_layers} layers, and no layer {self.layer}."
            )
        self.tokenizer, self.batch = load_tokenizer(checkpoint), batch
        self.longest = longest(self.tokenizer, config)
        self.space = " " if type(self.tokenizer).__name__.startswith(SPACED) else ""

    def score(self, pairs: Sequence[tuple[str, list[str]]]) -> Array:
        """F1, precision and recall of texts against their references, shape (texts, 3)."""
        texts = list(dict.fromkeys(text for answer, golden in pairs for text in (answer, *golden)))
        known = dict(zip(texts, self.embed(texts), strict=True))
        rows = [np.max([match(known[answer], known[text]) for text in golden], axis=0) for answer, golden in pairs]
        return np.asarray(rows, dtype=np.float64)

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """The tokens of each text."""
        stripped = [encodable(text).strip() for text in texts]
        spaced = [self.space + text if text else "" for text in stripped]
        tokens = self.tokenizer(spaced, truncation=True, max_length=self.longest)["input_ids"]
        silent = (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id)
        filled = [ids or [self.tokenizer.pad_token_id or 0] for ids in tokens]  # a network reads at least one token
        found = embed(filled, self._hidden, self.model.device, self.batch)
        counting = [np.asarray([float(token not in silent) for token in ids] or [0.0]) for ids in tokens]
        return [(unit(vectors), counts) for vectors, counts in zip(found, counting, strict=True)]

    def _hidden(self, ids: Any) -> Any:
        return self.model(input_ids=ids, output_hidden_states=True).hidden_states[self.layer]


def match(answer: Embedded, reference: Embedded) -> tuple[float, float, float]:
    """F1, precision and recall of one text against another; 0 where either has no token that counts."""
    (ours, our_weights), (theirs, their_weights) = answer, reference
    if not our_weights.any() or not their_weights.any():
        return 0.0, 0.0, 0.0
    similar = ours @ theirs.T
    precision = float(np.average(similar.max(axis=1), weights=our_weights))
    recall = float(np.average(similar.max(axis=0), weights=their_weights))
    f1 = 2 * precision * recall / (precision + recall) if min(precision, recall) > 0 else 0.0
    return f1, precision, recall
