"""A model in training: what a step does to it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from velm_bench.errors import RunError, UsageError
from velm_bench.reference import losses as parts
from velm_bench.reference.data.base import Batch, Textbook
from velm_bench.reference.data.scenes import LOOKS
from velm_bench.reference.losses import Counts, Losses
from velm_bench.reference.optimizing import adamw, rate
from velm_bench.reference.parallel import Group
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.settings import IGNORED
from velm_bench.reference.start import fresh_model
from velm_bench.reference.teacher import SightTeacher
from velm_bench.sources import scenes


@dataclass
class Standing:
    """What has to be known, besides weights, to go on."""

    step: int = 0
    read: int = 0
    """Steps that had texts in them."""
    seconds: float = 0.0
    best: float = -math.inf
    best_step: int = 0
    idle: int = 0
    """Validations since the best."""


class Trainer:
    """A model in training."""

    def __init__(
        self, recipe: Recipe, tokenizer: Tokenizer, book: Textbook, device: torch.device, group: Group | None = None
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.tokenizer, self.book, self.device = recipe, tokenizer, book, device
        self.group = group or Group()
        self.model = fresh_model(recipe, tokenizer, book.tags)
        nn.Module.to(self.model, device)
        self.model.train()
        self.teacher = self._teacher()
        self.optimizer = adamw(self.named_parameters.values(), recipe.optimizer)
        self.bfloat16 = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")
        self.standing = Standing()

    def _teacher(self) -> SightTeacher | None:
        if not self.recipe.sees:
            return None
        assert self.model.vision is not None
        teacher = SightTeacher(self.model.vision.width, LOOKS, len(scenes.VISUAL_TAGS), len(self.book.classes))
        return teacher.to(self.device)

    @property
    def named_parameters(self) -> dict[str, nn.Parameter]:
        """Every parameter of model and teacher that learns, by name, a tied one once."""
        named = dict(self.model.named_parameters(prefix="model"))
        if self.teacher is not None:
            named |= dict(self.teacher.named_parameters(prefix="teacher"))
        return {name: parameter for name, parameter in named.items() if parameter.requires_grad}

    def rate(self, done: float) -> float:
        """The learning rate when this share of the budget is spent."""
        return rate(self.recipe.optimizer, done, self.recipe.sight_first)

    def losses(self, batch: Mapping[str, Tensor], counts: Counts) -> Losses:
        """Every loss of a batch or of its part, `counts` being the whole's; pictures alone give the teacher's.

        Where nothing is to be written there is no `text`: it would cost a gradient of zeros for every word.
        """
        apart = self.recipe.model.fusion.kind == "contrastive"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            if "tokens" not in batch:
                return self._taught(self.model.look(batch["pixels"]), batch, counts)
            states, features = self.model.read_packed(_unsighted(batch) if apart else batch)
            unsighted = states
            if self.recipe.loss.joint and not apart:  # what has seen the picture would find it too easily
                unsighted, _ = self.model.read_packed(_without_pictures(batch))
        found = {} if apart else self._read(states.float(), batch, counts)
        if features is not None:
            found |= self._taught(features, batch, counts)
            if self.recipe.loss.joint:
                found["joint"] = self._matched(features.float(), unsighted.float(), batch, counts)
        return found

    def _taught(self, features: Tensor, batch: Mapping[str, Tensor], counts: Counts) -> Losses:
        return {} if self.teacher is None else self.teacher.loss(features.float(), batch, counts)

    def _read(self, states: Tensor, batch: Mapping[str, Tensor], counts: Counts) -> Losses:
        tagged = batch["tags"] != IGNORED
        tags = parts.cross_entropy(self.model.tagger(states[tagged]), batch["tags"][tagged], counts["ner"])
        if not counts["text"]:
            return {"ner": tags}
        asked = batch["targets"] != IGNORED
        text = parts.likelihood(
            self.model.head(states[asked]),
            batch["targets"][asked],
            batch["weights"][asked],
            self.recipe.loss.smoothing,
            counts["text"],
        )
        return {"text": text, "ner": tags}

    def _matched(self, features: Tensor, states: Tensor, batch: Mapping[str, Tensor], counts: Counts) -> Tensor:
        rows, places = (batch["texts"] > 0).nonzero(as_tuple=True)
        pictures = self.model.embed_pictures(features)
        texts = self.model.embed_texts(states[rows, places])
        match = parts.matching(rows, batch["texts"][rows, places], len(features))
        assert self.model.embedder is not None
        return parts.contrast(self.model.embedder.compare(pictures, texts), match, counts["joint"])

    def total(self, losses: Losses) -> Tensor:
        """The weighted sum that is minimised."""
        sight, weights = self.recipe.sight, self.recipe.loss
        each = {"text": weights.text, "ner": weights.tags, "joint": weights.joint, "classes": weights.image}
        each |= {"patches": weights.image * sight.patches, "tags": weights.image * sight.tags}
        alone = not losses.keys() & {"text", "ner", "joint"}  # the vision encoder learns alone, every lesson in full
        return torch.stack([loss * (1.0 if alone else each[name]) for name, loss in losses.items()]).sum()

    def step(self, batch: Batch, done: float) -> dict[str, float]:
        """One step of the optimiser; the losses as numbers. RunError where the loss is not a number."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(done)
        torch.manual_seed(_seed(self.recipe.seed, self.standing.step, self.group.rank))
        if self.model.vision is not None and not self.recipe.sees:
            self.model.vision.train(False)  # what does not learn keeps its running means too
        self.optimizer.zero_grad(set_to_none=True)
        losses = self._gradients(batch)
        if not math.isfinite(losses["total"]):
            raise RunError(
                f"The loss is not a number at step {self.standing.step}: lower optimizer.rate in the recipe. "
                "The last saved state and the best checkpoint are kept."
            )
        parameters = [parameter for parameter in self.named_parameters.values() if parameter.grad is not None]
        self.group.add([parameter.grad for parameter in parameters if parameter.grad is not None])
        nn.utils.clip_grad_norm_(parameters, self.recipe.optimizer.clip)
        self.optimizer.step()
        self.standing.step += 1
        self.standing.read += "tokens" in batch
        return losses

    def _gradients(self, batch: Batch) -> dict[str, float]:
        """The gradients of the whole batch's loss, part after part; the losses over all processes."""
        pieces = split(batch, self.recipe.optimizer.accumulate)
        counts = self._everywhere(parts.added([parts.counts(piece) for piece in pieces]))
        sums: dict[str, Tensor] = {}
        for piece in pieces:
            losses = self.losses(on_device(piece, self.device), counts)
            if not losses:
                raise UsageError(
                    "The data has nothing to teach the vision encoder alone: set sight.first to 0 in the recipe."
                )
            total = self.total(losses)
            torch.autograd.backward(total)
            for name, loss in (losses | {"total": total}).items():
                sums[name] = sums.get(name, 0.0) + loss.detach()
        numbers = torch.stack([loss.float() for loss in sums.values()]).tolist()  # the step's one wait for a GPU
        found = self._everywhere(dict(zip(sums, numbers, strict=True)))
        return {name: round(number, 5) for name, number in found.items()}

    def _everywhere(self, numbers: dict[str, float]) -> dict[str, float]:
        """The sums of the processes' numbers."""
        return dict(zip(numbers, self.group.sums(*numbers.values()), strict=True))


def _unsighted(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The batch with texts that see neither their picture nor what is told of it."""
    hidden = {name: torch.zeros_like(batch[name]) for name in ("sighted", "told") if name in batch}
    return dict(batch) | hidden


def _without_pictures(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in _unsighted(batch).items() if name != "pixels"}


def split(batch: Batch, count: int) -> list[Batch]:
    """A batch in so many parts of its rows, none of them empty."""
    rows = len(next(iter(batch.values())))
    cuts = [rows * i // count for i in range(count + 1)]
    return [{name: array[start:end] for name, array in batch.items()} for start, end in pairwise(cuts) if start < end]


def on_device(batch: Mapping[str, NDArray[Any]], device: torch.device) -> dict[str, Tensor]:
    """The arrays of a batch as tensors."""
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}
    if device.type == "cuda":  # pinned memory is copied while the GPU works
        return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in tensors.items()}
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _seed(seed: int, step: int, rank: int) -> int:
    """What a step's dropout is drawn from, so that it is the same after a kill, and another in each process."""
    drawn = hashlib.blake2b(f"{seed} {step} {rank}".encode(), digest_size=4).digest()
    return int.from_bytes(drawn, "big")
