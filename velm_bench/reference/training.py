"""The training loop: batches made ahead, a budget, validation, and a state that survives being killed."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from velm_bench.errors import RunError, UsageError
from velm_bench.reference import saving
from velm_bench.reference.data.base import Textbook
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.devices import usable_device
from velm_bench.reference.feeding import Feeder
from velm_bench.reference.monitor import memory
from velm_bench.reference.parallel import Group, Seat, joined, launched, led, quietly, seat
from velm_bench.reference.processing import train_tokenizer
from velm_bench.reference.recipe import Recipe
from velm_bench.reference.start import started_tokenizer
from velm_bench.reference.trainer import Trainer
from velm_bench.reference.validation import Judge


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


def train(
    recipe: Recipe,
    output: Path,
    *,
    data: Sequence[Path] = (),
    beside: Path | None = None,
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
    and `workers` more that make batches ahead. A task's data is looked for in the folders `data`, its file
    from `beside` (the recipe's folder) on. RunError where the loss is not a number or the disk or memory is full,
    UsageError where `output` holds something else or is in use, the device is not here or the batch cannot be shared.
    """
    place = seat()
    how = _how(recipe, place, device, minutes, processes, workers, threads)
    book = open_book(recipe, data, beside)
    if place.size > 1:
        return _launched(recipe, output, place, how, book, fresh, progress)
    with saving.alone(output):
        folder = _prepared(recipe, output, book, fresh)
        with led(processes, _follow, folder, how, book) as group:
            trainer = _run(group, folder, how, book, progress)
        return folder.export(trainer)


def _prepared(recipe: Recipe, output: Path, book: Textbook, fresh: bool) -> saving.Folder:
    """The training's folder, with its tokenizer."""
    folder, vocabulary = saving.Folder(output, recipe, fresh), recipe.model.language.vocabulary
    folder.tokenizer(lambda: started_tokenizer(recipe) or train_tokenizer(book.corpus(), vocabulary))
    return folder


def _launched(
    recipe: Recipe,
    output: Path,
    place: Seat,
    how: How,
    book: Textbook,
    fresh: bool,
    progress: Callable[[Progress], None] | None,
) -> Path:
    """The part of a process that torchrun started; they share the folder `output`, also across machines."""
    with launched(place, how.device) as group:
        if not group.leads:
            if not group.agree(0.0)[0]:
                sys.exit(RunError.exit_code)  # the leader says why
            _run(group, saving.Folder(output, recipe), how, book, None)
            return output / saving.CHECKPOINT
        with saving.alone(output):
            try:
                folder = _prepared(recipe, output, book, fresh)
            except BaseException:
                group.agree(0.0)
                raise
            group.agree(1.0)
            return folder.export(_run(group, folder, how, book, progress))


@dataclass(frozen=True)
class How:
    """What of a training the recipe does not decide."""

    device: str
    minutes: float | None
    processes: int
    workers: int
    threads: int | None


def _how(
    recipe: Recipe, place: Seat, device: str, minutes: float | None, processes: int, workers: int, threads: int | None
) -> How:
    """What was asked, checked; UsageError where it does not go together."""
    if processes > 1 and place.size > 1:
        raise UsageError("torchrun and --processes both start processes: leave --processes out.")
    count = processes * place.size
    if recipe.batch % count:
        raise UsageError(
            f"{count} processes cannot share a batch of {recipe.batch}: the recipe's batch must be a multiple."
        )
    device = usable_device(device, place.local if place.size > 1 else None)
    if processes > 1 and torch.device(device).type != "cpu":
        raise UsageError(f"--processes share a CPU, not {device}: give --device cpu, or leave --processes out.")
    return How(device, minutes, count, workers, threads or (1 if processes > 1 else None))


def _follow(rank: int, size: int, meeting: Path, folder: saving.Folder, how: How, book: Textbook) -> None:
    """The part of a process that does not lead."""

    def run() -> None:
        with joined(rank, size, meeting) as group:
            _run(group, folder, how, book, None)

    quietly(run)


def _run(
    group: Group, folder: saving.Folder, how: How, book: Textbook, progress: Callable[[Progress], None] | None
) -> Trainer:
    if how.threads:
        torch.set_num_threads(how.threads)
    with _memory_told(folder.recipe):
        trainer = Trainer(folder.recipe, folder.load_tokenizer(), book, torch.device(how.device), group)
        folder.restore(trainer)
        _Loop(trainer, folder, how, progress).run()
    return trainer


@contextmanager
def _memory_told(recipe: Recipe) -> Iterator[None]:
    """Memory that ran out as one sentence."""
    try:
        yield
    except BrokenExecutor as error:
        raise RunError(
            "A process that makes batches ahead ended unexpectedly, often because memory ran out: try fewer --workers. "
            "The last saved state and the best checkpoint are kept."
        ) from error
    except (MemoryError, RuntimeError) as error:  # on a CPU torch raises a plain RuntimeError
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
        if not short:
            raise
        held = recipe.optimizer.accumulate
        parts = next((n for n in range(2 * held, recipe.batch + 1) if recipe.batch % n == 0), None)
        mend = f"set optimizer.accumulate to {parts}" if parts else "lower batch or the model's sizes"
        raise RunError(
            f"Memory ran out with {recipe.batch // held} of a batch's {recipe.batch} pictures at a time: {mend} in the "
            "recipe. The last saved state and the best checkpoint are kept."
        ) from error


class _Loop:
    """One run of the loop, from the trainer's standing to the end of the budget."""

    def __init__(
        self, trainer: Trainer, folder: saving.Folder, how: How, progress: Callable[[Progress], None] | None
    ) -> None:
        self.trainer, self.folder, self.how, self.report = trainer, folder, how, progress
        self.recipe, self.standing = trainer.recipe, trainer.standing
        self.judge = Judge(trainer.tokenizer, trainer.book, self.recipe.validation.scenes)
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
            trainer.tokenizer, trainer.book, self.recipe.batch, trainer.group, self.standing.step, self.how.workers
        ) as feeder:
            while (done := self.spent()) < 1:
                losses = trainer.step(feeder.next(texts=done >= self.recipe.sight_first), done)
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
                self.keep()

    def spent(self) -> float:
        """The share of the budget that the leader has spent; 1 where the patience is at its end."""
        over = self.standing.idle >= self.recipe.validation.patience
        return self.trainer.group.agree(1.0 if over else self.done)[0]

    def validate(self) -> None:
        """Judge (once there is text to judge), keep the best, save the state."""
        if not self.standing.read:
            return self.keep()
        self.scores = self.judge.scores(self.trainer.model, self.trainer.device, self.trainer.bfloat16)
        self.folder.log({"step": self.standing.step, "validation": self.scores})
        if self.scores["score"] > self.standing.best:
            self.standing.best, self.standing.best_step = self.scores["score"], self.standing.step
            self.standing.idle = 0
            self.folder.keep_best(self.trainer)
        else:
            self.standing.idle += 1
        return self.keep()

    def keep(self) -> None:
        """Save the state to go on from, and draw the learning curve."""
        self.folder.save(self.trainer)
        self.folder.draw()

    def tell(self, losses: Mapping[str, float]) -> None:
        """Log the step and report progress."""
        done = self.done
        ran = max(1e-9, self.standing.seconds - self.before)
        speed = (self.standing.step - self.first_step) * self.recipe.batch / ran
        left = self.standing.seconds * (1 - done) / done if done > 0 else math.inf
        now = Progress(self.standing.step, self.recipe.steps, done, losses, speed, left, self.scores)
        line = {"step": now.step, "done": round(done, 5), "rate": round(self.trainer.rate(done), 7), "losses": losses}
        cost = {"images_per_second": round(speed, 1), "seconds": round(self.standing.seconds, 1)}
        self.folder.log(line | cost | memory(self.trainer.device))
        if self.report:
            self.report(now)
