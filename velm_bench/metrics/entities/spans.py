"""Entities of all sentences of a run at once, under conlleval's rules or a strict scheme.

Every rule looks at two neighbouring tags only: their prefixes, and whether their types are the same. So a scheme is a
small table, and finding the entities is array work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from velm_bench.iob import OUTSIDE, ends_before, starts_at
from velm_bench.metrics.base import MetricInputError
from velm_bench.metrics.entities.tags import PREFIXES, Ints, Numbers, TagCorpus

STARTS, GOES_ON, WHOLE = 1, 2, 4
"""What two neighbouring tags can say; see Step."""


class Step(NamedTuple):
    """What two neighbouring tags say."""

    starts: bool
    """An entity starts at the second, unless one that started before goes on."""
    goes_on: bool
    """An entity that holds the first holds the second too."""
    whole: bool = True
    """An entity that ends at the first is one; else it is dropped."""


@dataclass(frozen=True)
class Scheme:
    """A way of reading tags as entities."""

    name: str
    """What signatures say."""
    step: Callable[[str, str, bool], Step]
    """From two neighbouring prefixes and whether their types are the same."""
    prefixes: tuple[str, ...]
    """The prefixes it has; a gold tag with another is an error, a predicted one is read as O."""

    @cached_property
    def table(self) -> NDArray[np.uint8]:
        """The flags of every step, shape (prefixes x prefixes x 2,)."""
        read = [prefix if prefix in self.prefixes else "O" for prefix in PREFIXES]
        steps = (self.step(before, now, same) for before, now, same in product(read, read, (False, True)))
        return np.asarray(
            [STARTS * step.starts | GOES_ON * step.goes_on | WHOLE * step.whole for step in steps], dtype=np.uint8
        )

    def check(self, corpus: TagCorpus) -> None:
        """MetricInputError where a gold tag has a prefix that the scheme has not."""
        foreign = np.asarray([prefix not in self.prefixes for prefix in PREFIXES])[corpus.prefix]
        for place in np.flatnonzero(foreign[corpus.gold])[:1] if foreign.any() else ():
            tag, sentence = list(corpus.vocabulary)[corpus.gold[place]], corpus.sentence_at(place)
            raise MetricInputError(
                f": the reference tag {tag!r:.40} is not {self.name}, whose prefixes are "
                f"{', '.join(self.prefixes)}: choose the metric of the data's scheme.",
                int(sentence),
            )


def conlleval(before: str, now: str, same: bool) -> Step:
    """The rules of conlleval.pl, as `velm_bench.iob.entities` reads one sentence."""
    first, second = (before, "one"), (now, "one" if same else "another")
    return Step(starts_at(first, second), now not in OUTSIDE and not ends_before(first, second))


def iob1(before: str, now: str, same: bool) -> Step:
    """I- starts an entity, and B- only one right after another of its type (Ramshaw and Marcus 1995).

    A B- elsewhere starts none: after it an I- of the same type starts one. An entity of a single B- that a B- of
    another type follows is dropped, as seqeval drops it.
    """
    starts = same and before in "BI" if now == "B" else now == "I" and not (same and before == "I")
    return Step(starts, same and now == "I" and before in "BI", not (before == now == "B" and not same))


def iob2(before: str, now: str, same: bool) -> Step:
    """B- starts an entity, and an I- of the same type goes on; any other I- belongs to none."""
    return Step(now == "B", same and now == "I" and before in "BI")


def iobes(before: str, now: str, same: bool) -> Step:
    """S- is an entity, or B- up to an E- of the same type with nothing but I- of that type between."""
    return Step(now in "BS", same and now in "IE" and before in "BI", before in "ES")


CONLLEVAL = Scheme("conlleval", conlleval, PREFIXES)
STRICT_IOB1 = Scheme("strict-iob1", iob1, ("B", "I", "O"))
STRICT_IOB2 = Scheme("strict-iob2", iob2, ("B", "I", "O"))
STRICT_IOBES = Scheme("strict-iobes", iobes, ("B", "I", "O", "E", "S"))


@dataclass(frozen=True)
class Spans:
    """Entities in their order, no two of which share a token; every array has the shape (entities,)."""

    start: Ints
    """The place of the first token."""
    end: Ints
    """The place after the last."""
    kind: Ints
    """The type's number in the corpus's `kinds`."""
    sentence: Ints
    """The sentence."""

    def owners(self, places: int) -> Ints:
        """The entity of each place, -1 where there is none, shape (places,)."""
        change = np.zeros(places, dtype=np.int64)
        change[self.start] += 1
        change[self.end] -= 1
        owner = np.full(places, -1, dtype=np.int64)
        owner[np.cumsum(change) > 0] = np.repeat(np.arange(len(self.start)), self.end - self.start)
        return owner

    def among(self, others: Spans) -> Ints:
        """The indices of those that are among the others: same tokens, same type."""
        _, mine, theirs = np.intersect1d(self.start, others.start, assume_unique=True, return_indices=True)
        same = (self.end[mine] == others.end[theirs]) & (self.kind[mine] == others.kind[theirs])
        return np.asarray(mine[same])


def find(corpus: TagCorpus, tags: Numbers, scheme: Scheme) -> Spans:
    """The entities of a row of tags, shape (places,), under a scheme.

    Tags between which nothing goes on part the row into chains. A chain holds at most one entity: from its first
    start to its end. Between two O's there is nothing to see, so they are skipped.
    """
    seen = np.flatnonzero((tags[:-1] != 0) | (tags[1:] != 0)) + 1
    before, now = tags[seen - 1], tags[seen]
    same = corpus.kind[before] == corpus.kind[now]
    steps = scheme.table[(corpus.prefix[before] * len(PREFIXES) + corpus.prefix[now]) * 2 + same]
    breaks = np.flatnonzero(steps & GOES_ON == 0)
    starts = np.flatnonzero(steps & STARTS)
    chain = np.searchsorted(breaks, starts, side="right")
    first = np.diff(chain, prepend=-1) > 0
    starts, ends = starts[first], breaks[chain[first]]
    whole = steps[ends] & WHOLE != 0
    starts, ends = starts[whole], ends[whole]
    return Spans(seen[starts], seen[ends], corpus.kind[now[starts]], corpus.sentence_at(seen[starts]))
