"""How a model in training does on validation data, from packed batches in one pass each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from math import exp

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional

from velm_bench.iob import entities
from velm_bench.reference.data.base import ENTITIES, TOLD, Batch, Segment, Textbook, pack
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.settings import IGNORED
from velm_bench.reference.trainer import on_device

_BATCH = 64


class Judge:
    """Scores on at most `count` rows of the textbook's validation data.

    An answer is right where every one of its tokens is the likeliest after the right ones before it: exactly where
    greedy decoding would have written it. So no decoding is needed.
    """

    def __init__(self, tokenizer: Tokenizer, book: Textbook, count: int) -> None:
        self.tokenizer, self.book, self.count = tokenizer, book, count

    @cached_property
    def rows(self) -> list[list[Segment]]:
        """The segments of each row."""
        return self.book.checks(self.tokenizer, self.count)

    def scores(self, model: VelmForGeneration, device: torch.device, bfloat16: bool = False) -> dict[str, float]:
        """Shares of right answers: `vqa/TYPE`, `vqa` (mean over types), `class`, `ner` (tags that the picture decides);
        `entities`, the entity-level F1 of sentences; `caption_loss` and `told_loss` in nats per token; and `score`,
        the mean of vqa, class, ner and entities, or what a caption's token is given on (geometric) average.

        Of two towers, `text_to_picture` and `picture_to_text`: the shares of texts (of pictures) whose most alike
        picture (text) among all those judged belongs to them; `score` is the mean of both.

        Products are of `bfloat16` where the training's are."""
        found = _Found()
        judge = self._embed if model.config.settings.fusion.kind == "contrastive" else self._judge
        model.train(False)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            for start in range(0, len(self.rows), _BATCH):
                judge(model, device, range(start, min(start + _BATCH, len(self.rows))), found)
        model.train()
        return {kind: round(value, 4) for kind, value in found.means().items()}

    def _embed(self, model: VelmForGeneration, device: torch.device, numbers: range, found: _Found) -> None:
        batch = self._batch(numbers)
        batch["sighted"][:] = False  # the texts' tower sees no picture
        tensors = on_device(batch, device)
        states, features = model.read_packed(tensors)
        assert features is not None
        rows, places = (tensors["texts"] > 0).nonzero(as_tuple=True)
        found.pictures.append(model.embed_pictures(features).float().cpu())
        found.texts.append(model.embed_texts(states[rows, places]).float().cpu())
        keys = tensors["texts"][rows, places].tolist()
        found.owners += [(key, numbers[row]) for key, row in zip(keys, rows.tolist(), strict=True)]

    def _batch(self, numbers: range) -> Batch:
        """Those rows packed, with their pictures."""
        rows = self.rows[numbers.start : numbers.stop]
        batch = pack(rows, max(sum(len(segment.tokens) for segment in segments) for segments in rows))
        pixels = self.book.check_pixels(numbers)
        batch["sighted"] = np.full(len(rows), pixels is not None)
        if pixels is not None:
            batch["pixels"] = pixels
        return batch

    def _judge(self, model: VelmForGeneration, device: torch.device, numbers: range, found: _Found) -> None:
        rows, batch = self.rows[numbers.start : numbers.stop], self._batch(numbers)
        right, tags, nats = _answers(model, device, batch)
        for row, segments in enumerate(rows):
            for number, segment in enumerate(segments):
                here = batch["segments"][row] == number
                asked, tagged = here & (batch["targets"][row] != IGNORED), here & (batch["tags"][row] != IGNORED)
                if segment.kind == ENTITIES:
                    found.tagged(*(_named(self.book.tags, numbers[row][tagged]) for numbers in (tags, batch["tags"])))
                elif segment.kind in _FREE:
                    found.each[f"{segment.kind}_loss"].extend(nats[row][asked].tolist())
                elif segment.tags is None:
                    found.each[segment.kind].append(float(right[row][asked].all()))
        judged = batch["judged"].astype(bool) & (batch["tags"] != IGNORED)
        found.each["ner"].extend((tags == batch["tags"])[judged].astype(float).tolist())


_FREE = ("caption", TOLD)
"""Kinds of segments of which many texts are right."""
_HEADS = ("vqa", "class", "ner", ENTITIES)


class _Found:
    """What was right, by kind."""

    def __init__(self) -> None:
        self.each: dict[str, list[float]] = defaultdict(list)
        self.right = self.said = self.there = 0
        self.pictures: list[torch.Tensor] = []
        self.texts: list[torch.Tensor] = []
        self.owners: list[tuple[int, int]] = []
        """Of each text: what it is known by, which is alike for equal texts, and the row that it belongs to."""

    def tagged(self, said: Sequence[str], there: Sequence[str]) -> None:
        """Count the entities of one sentence."""
        mine, theirs = set(entities(said)), set(entities(there))
        self.right, self.said, self.there = (
            self.right + len(mine & theirs),
            self.said + len(mine),
            self.there + len(theirs),
        )

    def means(self) -> dict[str, float]:
        """Everything by name, `score` the last."""
        means = {kind: float(np.mean(values)) for kind, values in sorted(self.each.items()) if values}
        types = [value for kind, value in means.items() if kind.startswith("vqa/")]
        if types:
            means["vqa"] = float(np.mean(types))
        if self.there:
            means[ENTITIES] = 2 * self.right / (self.said + self.there)
        if self.texts:
            return self._alike()
        heads = [means[head] for head in _HEADS if head in means]
        means["score"] = float(np.mean(heads)) if heads else exp(-means.get("caption_loss", 0.0))
        return means

    def _alike(self) -> dict[str, float]:
        """How well texts and pictures find each other; a text that several pictures have belongs to each of them."""
        keys = [key for key, _ in self.owners]
        owned = set(self.owners)
        alike = torch.cat(self.texts) @ torch.cat(self.pictures).T
        pictures, texts = alike.argmax(1).tolist(), alike.argmax(0).tolist()
        there = float(np.mean([(key, picture) in owned for key, picture in zip(keys, pictures, strict=True)]))
        back = float(np.mean([(keys[text], picture) in owned for picture, text in enumerate(texts)]))
        return {"picture_to_text": back, "text_to_picture": there, "score": (there + back) / 2}


def _named(tags: Sequence[str], numbers: NDArray[np.generic]) -> list[str]:
    return [tags[int(number)] for number in numbers]


def _answers(
    model: VelmForGeneration, device: torch.device, batch: Batch
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float32]]:
    """Per position: whether the next token is right, the likeliest tag, and the next token's surprise."""
    tensors = on_device(batch, device)
    states, _ = model.read_packed(tensors)
    logits = model.head(states).float()
    targets = tensors["targets"].long()
    nats = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=IGNORED)
    right, tags = logits.argmax(-1) == targets, model.tagger(states).argmax(-1)
    return right.cpu().numpy(), tags.cpu().numpy(), nats.float().cpu().numpy()
