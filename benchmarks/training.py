"""How much of the training's time is training: `velm-bench train`'s loop against a bare loop over ready tensors.

    python benchmarks/training.py [--recipe prefix] [--steps 30] [--rounds 5] [--workers 1] [--device auto]

Both sides take the same steps (forward, losses, backward, clipping, AdamW) with the same model on the same scenes. The
bare loop finds its batches ready, as tensors on the device, in one process. The training renders and tokenises its
scenes in its workers meanwhile, and logs; what it does before the first and after the last counted step (starting
workers, judging, saving) is left out. The rounds alternate and each round swaps who goes first. Printed are images per
second, the median ratio, and the most memory that each side has held.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from tokenizers import Tokenizer

from velm_bench.reference import saving
from velm_bench.reference.data.opening import open_book
from velm_bench.reference.devices import usable_device
from velm_bench.reference.losses import counts
from velm_bench.reference.monitor import memory
from velm_bench.reference.processing import train_tokenizer
from velm_bench.reference.recipe import Recipe, read_recipe
from velm_bench.reference.start import started_tokenizer
from velm_bench.reference.trainer import Trainer, on_device
from velm_bench.reference.training import Progress, train
from velm_bench.shipped import shipped

_TOLD_EVERY = 10
"""Steps between two reports of a training's progress."""
_READY = 16
"""Batches that the bare loop goes round and round."""

Measured = tuple[float, dict[str, float]]
"""Images per second, and the most memory held."""


def bare(recipe: Recipe, tokenizer: Tokenizer, device: str, steps: int) -> Measured:
    """The loop that somebody would write by hand, its batches made beforehand."""
    book = open_book(recipe)
    trainer = Trainer(recipe, tokenizer, book, torch.device(device))
    held = []
    for i in range(min(_READY, steps)):
        batch = book.batch(tokenizer, range(i * recipe.batch, (i + 1) * recipe.batch))
        held.append((on_device(batch, trainer.device), counts(batch)))
    parameters, optimizer = list(trainer.named_parameters.values()), trainer.optimizer
    begun = 0.0
    for step, (tensors, total) in zip(range(_TOLD_EVERY + steps), itertools.cycle(held), strict=False):
        if step == _TOLD_EVERY:  # warm
            begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = trainer.total(trainer.losses(tensors, total))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, recipe.optimizer.clip)
        optimizer.step()
        loss.item()
    return steps * recipe.batch / (time.perf_counter() - begun), memory(trainer.device)


def trained(recipe: Recipe, tokenizer: Tokenizer, device: str, steps: int, workers: int) -> Measured:
    """The training itself, from its first report of progress to its last."""
    told: list[tuple[int, float]] = []

    def tell(now: Progress) -> None:
        told.append((now.step, time.perf_counter()))

    with tempfile.TemporaryDirectory() as folder:
        content = {"images": (_TOLD_EVERY + steps) * recipe.batch, "sight": recipe.sight.model_dump() | {"first": 0.0}}
        content["validation"] = {"every": 10**9, "scenes": 1}
        short = Recipe.model_validate(recipe.model_dump() | content)
        saving.Folder(Path(folder), short).tokenizer(lambda: tokenizer)
        train(short, Path(folder), device=device, workers=workers, progress=tell)
    (first, begun), (last, ended) = next(one for one in told if one[0] == _TOLD_EVERY), told[-1]
    return (last - first) * recipe.batch / (ended - begun), memory(torch.device(device))


def alone(side: Callable[..., Measured], threads: int, *arguments: object) -> Measured:
    """One side in a process of its own, so that neither pays for the other's memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, torch.set_num_threads, (threads,)) as pool:
        return pool.submit(side, *arguments).result()


def main() -> None:
    """Print a line per round and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="prefix", help="a shipped recipe's name")
    parser.add_argument("--steps", type=int, default=30, help="counted steps per round, a multiple of ten")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    recipe, device = read_recipe(shipped("recipes") / f"{given.recipe}.yaml"), usable_device(given.device)
    made = started_tokenizer(recipe) or train_tokenizer(open_book(recipe).corpus(), recipe.model.language.vocabulary)
    shared = (recipe, made, device, given.steps)
    print(f"{recipe.name}, batches of {recipe.batch}, {device}, {given.threads} threads, {given.workers} workers")
    print(f"{'round':>6}{'bare/s':>12}{'training/s':>12}{'ratio':>8}")
    ratios, most = [], {}
    for number in range(given.rounds):
        sides = {"bare": (bare, *shared), "training": (trained, *shared, given.workers)}
        order = list(sides) if number % 2 == 0 else list(sides)[::-1]
        found = {name: alone(sides[name][0], given.threads, *sides[name][1:]) for name in order}
        ratios.append(found["training"][0] / found["bare"][0])
        most = {name: held for name, (_, held) in found.items()}
        print(f"{number + 1:>6}{found['bare'][0]:>12.1f}{found['training'][0]:>12.1f}{ratios[-1]:>8.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} (training to bare; 1 is no cost)")
    for name, held in most.items():
        print(f"peak memory, {name}: " + ", ".join(f"{kind} {value:,.0f}" for kind, value in held.items()))


if __name__ == "__main__":
    main()
