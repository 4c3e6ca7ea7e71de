"""The pictures of a task exchanged among its samples, so that each is asked about somebody else's.

The groups of the task (usually a group is a picture) stand in a circle whose order a hash of the seed and of their
names decides; each gets the pictures of the next. Nothing of it depends on `--limit`: a sample is shown the same
picture whether ten samples are asked or all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from velm_bench.digests import digest_json
from velm_bench.engine.treatment import Shown, Treat, Treatment
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import Picture, Pixels, Sample

SPARES = 3
"""How many pictures stand ready for a place: the first that can be decoded is shown."""


class Unit(NamedTuple):
    """The samples of a group that have the same number of pictures: what is exchanged at a time."""

    group: str
    pictures: int


@dataclass(frozen=True)
class BorrowedPicture(Picture):
    """Another sample's picture: the first of several that can be decoded, so that a sample fails for its own only."""

    candidates: tuple[Picture, ...]

    @property
    def digest(self) -> str:
        return digest_json(["shuffled", [picture.digest for picture in self.candidates]])

    def decode(self) -> Pixels:
        for picture in self.candidates[:-1]:
            try:
                return picture.decode()
            except SampleError:
                continue
        return self.candidates[-1].decode()


@dataclass(frozen=True)
class Shuffled(Treatment):
    """Every sample gets the pictures of a sample of another group, never its own nor one of equal content.

    Samples without pictures stay without. A sample of several pictures gets those of a sample of as many, where there
    is one in another group.
    """

    name: str

    def begin(self, everything: Sequence[Sample], seed: int) -> Treat:
        circle = Circle([sample for sample in everything if sample.images], seed)
        reason = circle.nothing_to_exchange()
        if reason:
            raise UsageError(
                f"The control '{self.name}' exchanges pictures between groups, and {reason}: use another control."
            )
        return circle.treat


class Circle:
    """The units of a task in their seeded order."""

    def __init__(self, samples: Sequence[Sample], seed: int) -> None:
        self.members: dict[Unit, list[Sample]] = {}
        self.places: dict[str, int] = {}
        """Each sample's place among those of its unit."""
        for sample in samples:
            unit = self.members.setdefault(_unit(sample), [])
            self.places[sample.id] = len(unit)
            unit.append(sample)
        self.order = sorted(self.members, key=lambda unit: (unit.pictures, _rank(unit.group, seed), unit.group))
        self.position = {unit: place for place, unit in enumerate(self.order)}

    def nothing_to_exchange(self) -> str:
        """Why no two groups have anything to exchange; empty where some have."""
        groups = {unit.group for unit in self.order}
        if len(groups) == 1:
            return "this task has pictures in one group only"
        samples = [sample for members in self.members.values() for sample in members]
        readable = (content for sample in samples if (content := _content(sample.images)) is not None)
        first = next(readable, None)
        if groups and all(content == first for content in readable):  # stops at the first that differs
            return "all pictures of this task are alike"
        if groups and not any(True for sample in samples for _ in self._donors(sample)):  # usually the first has one
            return "no group of this task has pictures that another has not"
        return ""

    def treat(self, sample: Sample) -> Shown:
        """The sample with another's pictures; SampleError where all others' are its own."""
        if not sample.images:
            return Shown(sample)
        donors = list(islice(self._donors(sample), SPARES))
        if not donors:
            raise SampleError("No sample of another group has pictures unlike this one's to exchange with.")
        borrowed = tuple(
            BorrowedPicture(tuple(donor.images[place % len(donor.images)] for donor in donors))
            for place in range(len(sample.images))
        )
        return Shown(replace(sample, images=borrowed), hidden=sample.images)

    def _donors(self, sample: Sample) -> Iterator[Sample]:
        """One sample of each other group, nearest in the circle first, whose pictures can be read and are all others.

        It is the one at the same place, or the next of its group whose pictures will do.
        """
        own = _content(sample.images) or frozenset()
        for unit in self._others(_unit(sample)):
            members = self.members[unit]
            start = self.places[sample.id] % len(members)
            for donor in (*members[start:], *members[:start]):
                content = _content(donor.images)
                if content is not None and own.isdisjoint(content):
                    yield donor
                    break

    def _others(self, unit: Unit) -> Iterator[Unit]:
        """All units of other groups from the next on, first those of as many pictures."""
        later: list[Unit] = []
        for other in self._turn(self.position[unit]):
            if other.group == unit.group:
                continue
            if other.pictures == unit.pictures:
                yield other
            else:
                later.append(other)
        yield from later

    def _turn(self, start: int) -> Iterator[Unit]:
        """The circle once around from behind a place, up to before it."""
        for step in range(1, len(self.order)):
            yield self.order[(start + step) % len(self.order)]


def _unit(sample: Sample) -> Unit:
    return Unit(sample.cluster, len(sample.images))


def _rank(group: str, seed: int) -> bytes:
    return hashlib.sha256(f"shuffled:{seed}:{group}".encode("utf-8", "surrogatepass")).digest()


def _content(pictures: Sequence[Picture]) -> frozenset[str] | None:
    """The digests of pictures; None where one cannot be read."""
    try:
        return frozenset(picture.digest for picture in pictures)
    except SampleError:
        return None
