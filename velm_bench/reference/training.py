"""The training loop: batches made ahead, AdamW under a budget, validation, and a state that survives being killed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from velm_bench.errors import RunError, UsageError
from velm_bench.reference import saving
from velm_bench.reference.configuration import VelmConfig
from velm_bench.reference.data import LOOKS, Batch, Mix, corpus
from velm_bench.reference.devices import usable_device
from velm_bench.reference.feeding import Feeder
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.parallel import Group, joined, led, quietly
from velm_bench.reference.processing import load_tokenizer, train_tokenizer
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.settings import IGNORED
from velm_bench.reference.teacher import SightTeacher, mean_cross_entropy
from velm_bench.reference.validation import Judge
from velm_bench.sources import scenes

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    step: int
    steps: int
    done: float
    """The share of the budget that is spent, of images or of minutes, whichever is further."""
    losses: Mapping[str, float]
    images_per_second: float
    seconds_left: float
    scores: Mapping[str, float] = field(default_factory=dict)
    """Of the latest validation; empty before the first."""


@dataclass
class Standing:
    """What has to be known, besides weights, to go on."""

    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    best_step: int = 0
    idle: int = 0
    """Validations since the best."""


class Trainer:
    """A model in training."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer, device: torch.device, group: Group | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.tokenizer, self.device, self.group = recipe, tokenizer, device, group or Group()
        self.model = VelmForGeneration(VelmConfig.of(recipe.model))
        nn.Module.to(self.model, device)
        self.teacher = SightTeacher(recipe.model.vision.width, LOOKS, len(scenes.VISUAL_TAGS)).to(device)
        self.optimizer = self._optimizer()
        self.standing = Standing()

    @property
    def named_parameters(self) -> dict[str, nn.Parameter]:
        """Every trained parameter of model and teacher by name, the tied head once."""
        named = dict(self.model.named_parameters(prefix="model"))
        return named | dict(self.teacher.named_parameters(prefix="teacher"))

    def _optimizer(self) -> torch.optim.AdamW:
        settings = self.recipe.optimizer
        parameters = list(self.named_parameters.values())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=settings.rate, betas=(settings.beta1, settings.beta2), fused=True)

    def rate(self, done: float) -> float:
        """The learning rate when this share of the budget is spent: warm-up (twice), then a cosine."""
        settings, first = self.recipe.optimizer, self.recipe.sight.first
        since = done - first if done >= first else done
        rise = min(1.0, (since + settings.warmup / 20) / settings.warmup)
        fall = settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return settings.rate * rise * fall

    def losses(self, batch: Mapping[str, Tensor]) -> Losses:
        """Every loss of a batch; pictures alone give those of the teacher."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            if "tokens" not in batch:
                features, _ = self.model.see(batch["pixels"])
                return self._taught(features, batch)
            states, features = self.model(*text_inputs(batch))
        return self._read(states.float(), batch) | self._taught(features, batch)

    def _taught(self, features: Tensor, batch: Mapping[str, Tensor]) -> Losses:
        return self.teacher.loss(features.float(), batch)

    def _read(self, states: Tensor, batch: Mapping[str, Tensor]) -> Losses:
        asked, tagged = batch["targets"] != IGNORED, batch["tags"] != IGNORED
        weights = batch["weights"][asked]
        each = functional.cross_entropy(
            self.model.head(states[asked]), batch["targets"][asked].long(), reduction="none"
        )
        tags = mean_cross_entropy(self.model.tagger(states[tagged]), batch["tags"][tagged].long())
        return {"text": (each * weights).sum() / weights.sum().clamp(min=1e-6), "ner": tags}

    def total(self, losses: Losses) -> Tensor:
        """The weighted sum that is minimised."""
        sight = self.recipe.sight
        if "text" not in losses:
            return losses["patches"] + losses["tags"]
        return losses["text"] + 0.5 * losses["ner"] + sight.patches * losses["patches"] + sight.tags * losses["tags"]

    def step(self, batch: Batch, done: float) -> dict[str, float]:
        """One step of the optimiser; the losses as numbers. RunError where the loss is not a number."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(done)
        losses = self.losses(on_device(batch, self.device))
        total = self.total(losses)
        if not self.group.all(math.isfinite(total.item())):
            raise RunError(
                f"The loss is not a number at step {self.standing.step}: lower optimizer.rate in the recipe. "
                "The last saved state and the best checkpoint are kept."
            )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        parameters = [parameter for parameter in self.named_parameters.values() if parameter.grad is not None]
        self.group.average([parameter.grad for parameter in parameters if parameter.grad is not None])
        nn.utils.clip_grad_norm_(parameters, self.recipe.optimizer.clip)
        self.optimizer.step()
        self.standing.step += 1
        return {name: round(loss.item(), 5) for name, loss in losses.items()} | {"total": round(total.item(), 5)}


def text_inputs(batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """What the model's forward takes, out of a packed batch."""
    return tuple(batch[name] for name in ("pixels", "tokens", "positions", "segments", "both_ways", "sighted"))


def on_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The arrays of a batch as tensors."""
    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in batch.items()}


def train(
    recipe: Recipe,
    output: Path,
    *,
    device: str = "auto",
    minutes: float | None = None,
    processes: int = 1,
    workers: int = 1,
    threads: int | None = None,
    fresh: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train a model; the folder of its checkpoint, `output`/checkpoint.

    The same call again goes on where a killed one stopped; `fresh` begins anew. `minutes` ends the training (and its
    schedule) sooner than the recipe's images would. `processes` share each batch on a CPU, with `threads` threads each
    and `workers` more that render ahead. RunError where the loss is not a number or the disk is full, UsageError where
    `output` holds something else or is in use, the device is not here or the batch cannot be shared.
    """
    if recipe.batch % processes:
        raise UsageError(
            f"{processes} processes cannot share a batch of {recipe.batch}: the recipe's batch must be a multiple."
        )
    device = usable_device(device)
    if processes > 1 and torch.device(device).type != "cpu":
        raise UsageError(f"--processes share a CPU, not {device}: give --device cpu, or leave --processes out.")
    how = How(device, minutes, processes, workers, threads or (1 if processes > 1 else None))
    vocabulary, count = recipe.model.language.vocabulary, recipe.data.tokenizer_scenes
    with saving.alone(output):
        folder = saving.Folder(output, recipe, fresh)
        folder.tokenizer(lambda: train_tokenizer(corpus(count), vocabulary))
        with led(processes, _follow, folder, how) as group:
            trainer = _run(group, folder, how, progress)
        return folder.export(trainer)


@dataclass(frozen=True)
class How:
    """What of a training the recipe does not decide."""

    device: str
    minutes: float | None
    processes: int
    workers: int
    threads: int | None


def _follow(rank: int, size: int, meeting: Path, folder: saving.Folder, how: How) -> None:
    """The part of a process that does not lead."""

    def run() -> None:
        with joined(rank, size, meeting) as group:
            _run(group, folder, how, None)

    quietly(run)


def _run(group: Group, folder: saving.Folder, how: How, progress: Callable[[Progress], None] | None) -> Trainer:
    if how.threads:
        torch.set_num_threads(how.threads)
    trainer = Trainer(folder.recipe, load_tokenizer(folder.path), torch.device(how.device), group)
    folder.restore(trainer)
    _Loop(trainer, folder, how, progress).run()
    return trainer


class _Loop:
    """One run of the loop, from the trainer's standing to the end of the budget."""

    def __init__(
        self, trainer: Trainer, folder: saving.Folder, how: How, progress: Callable[[Progress], None] | None
    ) -> None:
        self.trainer, self.folder, self.how, self.report = trainer, folder, how, progress
        self.recipe, self.standing = trainer.recipe, trainer.standing
        self.judge = Judge(trainer.tokenizer, mix_of(self.recipe), self.recipe.validation.scenes)
        self.scores: Mapping[str, float] = {}
        self.began, self.before = time.monotonic(), self.standing.seconds
        self.first_step = self.standing.step

    @property
    def done(self) -> float:
        """The spent share of the budget."""
        self.standing.seconds = self.before + time.monotonic() - self.began
        spent = self.standing.step / self.recipe.steps
        return spent if self.how.minutes is None else max(spent, self.standing.seconds / (60 * self.how.minutes))

    def run(self) -> None:
        """Train to the end of the budget or of the patience."""
        trainer, every = self.trainer, self.recipe.validation.every
        with Feeder(
            trainer.tokenizer, self.recipe, mix_of(self.recipe), trainer.group, self.standing.step, self.how.workers
        ) as feeder:
            while (done := self.spent()) < 1:
                losses = trainer.step(feeder.next(texts=done >= self.recipe.sight.first), done)
                if trainer.group.leads and self.standing.step == self.first_step + 1:
                    self.folder.note_run({name: getattr(self.how, name) for name in ("minutes", "processes", "device")})
                if trainer.group.leads and self.standing.step % every == 0:
                    self.validate()
                if trainer.group.leads and (self.standing.step % 10 == 0 or self.standing.step == 1):
                    self.tell(losses)
        if trainer.group.leads and self.standing.step > self.first_step:
            if self.standing.step % every:
                self.validate()
            else:  # judged already; what is new is that the time is spent, or the next call would go on
                self.folder.save(trainer)

    def spent(self) -> float:
        """The share of the budget that the leader has spent; 1 where the patience is at its end."""
        over = self.standing.idle >= self.recipe.validation.patience
        return self.trainer.group.agree(1.0 if over else self.done)[0]

    def validate(self) -> None:
        """Judge (once there is text to judge), keep the best, save the state."""
        if self.done <= self.recipe.sight.first:
            return self.folder.save(self.trainer)
        self.scores = self.judge.scores(self.trainer.model, self.trainer.device)
        self.folder.log({"step": self.standing.step, "validation": self.scores})
        if self.scores["score"] > self.standing.best:
            self.standing.best, self.standing.best_step, self.standing.idle = (
                self.scores["score"],
                self.standing.step,
                0,
            )
            self.folder.keep_best(self.trainer)
        else:
            self.standing.idle += 1
        return self.folder.save(self.trainer)

    def tell(self, losses: Mapping[str, float]) -> None:
        """Log the step and report progress."""
        done = self.done
        ran = max(1e-9, self.standing.seconds - self.before)
        speed = (self.standing.step - self.first_step) * self.recipe.batch / ran
        left = self.standing.seconds * (1 - done) / done if done > 0 else math.inf
        now = Progress(self.standing.step, self.recipe.steps, done, losses, speed, left, self.scores)
        line = {"step": now.step, "done": round(done, 5), "rate": round(self.trainer.rate(done), 7)}
        self.folder.log(
            line | {"losses": losses, "images_per_second": round(speed, 1), "seconds": round(self.standing.seconds, 1)}
        )
        if self.report:
            self.report(now)


def mix_of(recipe: Recipe) -> Mix:
    """What the recipe takes from each scene."""
    vision, data = recipe.model.vision, recipe.data
    return Mix(vision.image_size, vision.grid, data.length, data.captions, data.blind)
