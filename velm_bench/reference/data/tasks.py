"""The samples of any task as a textbook: what is asked of a model later, with the right answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.reference.data.base import Batch, Segment, Textbook, cropped, pack
from velm_bench.reference.data.lines import LINES, Lines
from velm_bench.reference.data.pictures import varied
from velm_bench.reference.data.samples import Row, Samples, sized
from velm_bench.reference.data.settings import AugmentSettings, DataSettings
from velm_bench.reference.settings import IGNORED, TAGS
from velm_bench.samples import Pixels, Sample
from velm_bench.sources.base import Place
from velm_bench.tasks.definition import Task

_TEXTS, _SIGHT, _VARIATION = range(3)
"""What a row's draws are for."""
_FOR_KIND = {"split_words": "ner", "hide_words": "ner", "swap_entities": "ner", "classes": "vqa"}
"""Settings that tasks of one kind alone have a use for."""
_HELD_OUT_SEED = 0
"""The same samples are held out whatever the recipe's seed, so that trainings that differ in it can be compared."""
_POOL = 50
"""Of so many batches the rows without pictures are sorted by length, so that little of a batch is padding."""
_PICTURES_KEPT = 256 * 2**20
"""How many bytes of pictures, brought to size, each process keeps."""


@dataclass(frozen=True)
class TaskBook(Textbook):
    """A task's split in another order each epoch, a part of it (or another split) held out to judge by.

    Only the settings travel to other processes, each of which opens the data itself.
    """

    task: Task
    """On the split that is trained on."""
    place: Place
    data: DataSettings
    seed: int
    size: int
    """Side of the pictures in pixels; 0 where the model sees none."""
    context: int
    """The most tokens of one text."""
    group: int = 1
    """Rows in a batch: rows without pictures are put together so that those of a batch are about as long."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)

    def check(self) -> None:
        """Open everything; UsageError where there is nothing to learn from, or nothing to judge by."""
        _ = self.lines, self.epoch
        self._refuse_idle()
        if not self._checked[1]:
            raise UsageError(f"The task '{self.task.name}' has nothing to judge by: raise data.validation.")

    def _refuse_idle(self) -> None:
        """UsageError for a setting that is for tasks of another kind and would do nothing here."""
        idle = [name for name, kind in _FOR_KIND.items() if getattr(self.data, name) and kind != self.task.kind]
        if idle:
            raise UsageError(
                f"data.{idle[0]} in the recipe is for {_FOR_KIND[idle[0]]} tasks and means nothing to the task "
                f"'{self.task.name}' of kind {self.task.kind}: leave it out."
            )
        if not self.size and self.data.augment != AugmentSettings():
            raise UsageError("data.augment in the recipe means nothing to a model that sees no pictures: leave it out.")

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Of what is trained on and what is judged by."""
        return digest_json([self.samples.fingerprint, self._checked[0].fingerprint])

    @cached_property
    def samples(self) -> Samples:
        """Of the split that is trained on, those held out included."""
        return Samples.of(self.task, self.place)

    @cached_property
    def lines(self) -> Lines:
        """How this kind's samples become texts."""
        if self.task.kind not in LINES:
            raise UsageError(
                f"There is no training on tasks of kind {self.task.kind}, such as '{self.task.name}': "
                f"name one of kind {', '.join(LINES)}."
            )
        return LINES[self.task.kind](self.data, self.tags, min(self.data.length, self.context), self._known)

    def _known(self) -> Iterator[Sample]:
        """The samples that are trained on."""
        return (self.samples.held[number] for row in self._divided[0] for number in row)

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.samples.kind.labels if self.task.kind == "classification" else self.data.classes

    @cached_property
    def tags(self) -> tuple[str, ...]:  # type: ignore[override]
        """IOB2 tags of the task's entity types, in the order of the embedded ones where they are the same."""
        if self.task.kind != "ner":
            return TAGS
        found = ("O", *(f"{side}-{one}" for one in self.samples.kind.labels for side in "BI"))
        return TAGS if set(found) == set(TAGS) else found

    @cached_property
    def _divided(self) -> tuple[list[Row], list[Row]]:
        """The rows of the split: to train on, and held out; whole groups (documents, say) are held out."""
        rows, share = self.samples.rows(), self.data.validation
        if isinstance(share, str):
            return rows, []
        groups = list(dict.fromkeys(self._group(row) for row in rows))
        drawn = np.random.default_rng(_HELD_OUT_SEED).permutation(len(groups))
        held = {groups[i] for i in drawn[: max(1, round(share * len(groups)))]}
        divided = (
            [row for row in rows if self._group(row) not in held],
            [row for row in rows if self._group(row) in held],
        )
        if not divided[0]:
            raise UsageError(
                f"The task '{self.task.name}' has {len(groups)} groups of samples, which leaves none to train on: "
                "name another split as data.validation."
            )
        return divided

    def _group(self, row: Row) -> str:
        return self.samples.held[row[0]].cluster

    @cached_property
    def _checked(self) -> tuple[Samples, list[Row]]:
        """The samples to judge by, and their rows in a fixed random order."""
        share = self.data.validation
        samples = self.samples
        rows = self._divided[1]
        if isinstance(share, str):
            samples = Samples.of(self.task.on_split(share), self.place)
            rows = samples.rows()
        order = np.random.default_rng(_HELD_OUT_SEED).permutation(len(rows))
        return samples, [rows[i] for i in order]

    def corpus(self) -> Iterator[str]:
        for row in self._divided[0]:
            for number in row:
                yield from self.lines.corpus(self.samples.kind, self.samples.held[number])

    @property
    def epoch(self) -> int:
        """Rows in an epoch."""
        return len(self._divided[0])

    def row(self, number: int) -> Row:
        """The samples of a row: every epoch goes through all of them once, each in an order of its own."""
        epoch, at = divmod(number, self.epoch)
        return self._divided[0][int(self._order(epoch)[at])]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        orders: dict[int, NDArray[np.int64]] = self._kept["orders"]
        if epoch not in orders:
            while len(orders) > 1:
                orders.pop(next(iter(orders)))
            draw = np.random.Generator(np.random.Philox(key=[self.seed, epoch]))
            order = draw.permutation(self.epoch)
            if self._sizes is not None:
                begun = -epoch * self.epoch % self.group  # rows that fill the batch in which the epoch begins
                order[begun:] = grouped(order[begun:], self._sizes, self.group, draw)
            orders[epoch] = order
        return orders[epoch]

    @cached_property
    def _sizes(self) -> NDArray[np.int64] | None:
        """How long each row is, in characters; None where rows have pictures."""
        samples = self.samples
        if any(sample.images for sample in samples.held):
            return None
        texts = [self.lines.corpus(samples.kind, samples.held[row[0]]) for row in self._divided[0]]
        return np.array([sum(map(len, each)) for each in texts])

    @cached_property
    def _kept(self) -> dict[str, Any]:
        """What this process remembers: the order of the latest epochs, and pictures brought to size."""
        return {"orders": {}, "pictures": {}, "bytes": 0}

    def _draw(self, number: int, purpose: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[(self.seed << 2) + purpose, number]))

    def batch(self, tokenizer: Tokenizer, numbers: Sequence[int], texts: bool = True) -> Batch:
        rows = [self.row(number) for number in numbers]
        batch: Batch = {}
        if texts or not self.size:
            lines = [self._segments(tokenizer, *pair) for pair in zip(numbers, rows, strict=True)]
            batch = cropped(pack(lines, self.data.length))
            seen = [self.size > 0 and self._is_seen(*pair) for pair in zip(numbers, rows, strict=True)]
            batch["sighted"] = np.array(seen, np.bool_)
        if self.size:
            held = self.samples.held
            batch["pixels"] = np.stack(
                [self._varied(number, held[row[0]]) for number, row in zip(numbers, rows, strict=True)]
            )
            batch["classes"] = np.array([self._class(row) for row in rows], np.int32)
        return batch

    def _segments(self, tokenizer: Tokenizer, number: int, row: Row) -> list[Segment]:
        """The texts of a row in a random order."""
        draw, (kind, held) = self._draw(number, _TEXTS), (self.samples.kind, self.samples.held)
        segments = [one for sample in row for one in self.lines.segments(tokenizer, kind, held[sample], draw)]
        return [segments[i] for i in draw.permutation(len(segments))]

    def _is_seen(self, number: int, row: Row) -> bool:
        return bool(self.samples.held[row[0]].images) and self._draw(number, _SIGHT).random() >= self.data.blind

    def _class(self, row: Row) -> int:
        """The one class that the references of a picture's samples name; IGNORED where none or several are named."""
        named = {reference for sample in row for reference in self.samples.held[sample].references}
        found = [number for number, label in enumerate(self.classes) if label in named]
        return found[0] if len(found) == 1 else IGNORED

    def _varied(self, number: int, sample: Sample) -> Pixels:
        return varied(self._picture(sample), self.data.augment, self._draw(number, _VARIATION))

    def _picture(self, sample: Sample) -> Pixels:
        """The sample's picture brought to size, from memory where it was seen before."""
        pictures: dict[str, Pixels] = self._kept["pictures"]
        if sample.id in pictures:
            return pictures[sample.id]
        pixels = sized(sample, self.size)
        if self._kept["bytes"] < _PICTURES_KEPT:
            self._kept["bytes"] += pixels.nbytes
            pictures[sample.id] = pixels
        return pixels

    def checks(self, tokenizer: Tokenizer, count: int) -> list[list[Segment]]:
        samples, rows = self._checked
        return [
            [one for number in row for one in self.lines.segments(tokenizer, samples.kind, samples.held[number], None)]
            for row in rows[:count]
        ]

    def check_pixels(self, numbers: Sequence[int]) -> Pixels | None:
        if not self.size:
            return None
        samples, rows = self._checked
        return np.stack([sized(samples.held[rows[number][0]], self.size) for number in numbers])


def grouped(
    order: NDArray[np.int64], sizes: NDArray[np.int64], group: int, draw: np.random.Generator
) -> NDArray[np.int64]:
    """The order with rows of about one size side by side, in lots of `group`, and the lots in a random order.

    The last rows, too few for a lot, stay last.
    """
    lots: list[NDArray[np.int64]] = []
    whole = len(order) // group * group
    for start in range(0, whole, _POOL * group):
        pool = order[start : min(whole, start + _POOL * group)]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        lots += [pool[at : at + group] for at in range(0, len(pool), group)]
    return np.concatenate([*(lots[i] for i in draw.permutation(len(lots))), order[whole:]])
