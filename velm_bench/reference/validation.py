"""How a model in training does on the validation split, from packed batches in one pass each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch.nn import functional

from velm_bench.reference.data import Batch, Mix, Segment, check_segments, pack
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.settings import IGNORED
from velm_bench.sources import scenes

_BATCH = 64


class Judge:
    """Scores on the first `count` scenes of the validation split.

    An answer is right where every one of its tokens is the likeliest after the right ones before it: exactly where
    greedy decoding would have written it. So no decoding is needed.
    """

    def __init__(self, tokenizer: Tokenizer, mix: Mix, count: int) -> None:
        self.tokenizer, self.mix, self.count = tokenizer, mix, count

    @cached_property
    def rows(self) -> list[list[Segment]]:
        """The segments of each scene."""
        return [check_segments(self.tokenizer, "val", index) for index in range(self.count)]

    def scores(self, model: VelmForGeneration, device: torch.device) -> dict[str, float]:
        """Shares of right answers: `vqa/TYPE`, `vqa` (mean over types), `class`, `ner` (tags that the picture decides);
        `caption_loss` in nats per token; and `score`, the mean of vqa, class and ner."""
        found: dict[str, list[float]] = defaultdict(list)
        model.train(False)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            for start in range(0, self.count, _BATCH):
                self._judge(model, device, self.rows[start : start + _BATCH], start, found)
        model.train()
        means = {kind: float(np.mean(values)) for kind, values in sorted(found.items())}
        types = [value for kind, value in means.items() if kind.startswith("vqa/")]
        means["vqa"] = float(np.mean(types))
        means["score"] = (means["vqa"] + means["class"] + means.get("ner", 0.0)) / 3
        return {kind: round(value, 4) for kind, value in means.items()}

    def _judge(
        self,
        model: VelmForGeneration,
        device: torch.device,
        rows: Sequence[Sequence[Segment]],
        start: int,
        found: dict[str, list[float]],
    ) -> None:
        longest = max(sum(len(segment.tokens) for segment in segments) for segments in rows)
        batch = pack(rows, longest)
        pixels = [scenes.render(scenes.scene("val", start + i), self.mix.size) for i in range(len(rows))]
        right, tagged, nats = _answers(model, device, np.stack(pixels), batch)
        for row, segments in enumerate(rows):
            for number, segment in enumerate(segments):
                here = (batch["segments"][row] == number) & (batch["targets"][row] != IGNORED)
                if segment.kind == "caption":
                    found["caption_loss"].extend(nats[row][here].tolist())
                elif segment.kind != "ner":
                    found[segment.kind].append(float(right[row][here].all()))
        judged = batch["judged"].astype(bool) & (batch["tags"] != IGNORED)
        found["ner"].extend(tagged[judged].astype(float).tolist())


def _answers(
    model: VelmForGeneration, device: torch.device, pixels: NDArray[np.uint8], batch: Batch
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
    """Per position: whether the next token is right, whether the tag is right, and the next token's surprise."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in batch.items()}
    sighted = torch.ones(len(pixels), dtype=torch.bool, device=device)
    states, _ = model(
        torch.from_numpy(pixels).to(device),
        tensors["tokens"],
        tensors["positions"],
        tensors["segments"],
        tensors["both_ways"],
        sighted,
    )
    logits = model.head(states).float()
    targets = tensors["targets"].long()
    nats = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none", ignore_index=IGNORED)
    right, tagged = logits.argmax(-1) == targets, model.tagger(states).argmax(-1) == tensors["tags"]
    return right.cpu().numpy(), tagged.cpu().numpy(), nats.float().cpu().numpy()
