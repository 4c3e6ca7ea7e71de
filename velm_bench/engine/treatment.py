"""What is done to a sample before a model is asked about it: the nouns that controls and perturbations share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from velm_bench.samples import Picture, Sample


class Shown(NamedTuple):
    """What a model gets to see of a sample."""

    sample: Sample
    """The sample that is asked about: its pictures or words changed, its id and references the same."""
    hidden: tuple[Picture, ...] = ()
    """The sample's own pictures where the model sees none of them. They must be readable all the same: a sample that
    cannot be asked with its pictures is an error row without them too, and the two runs fail in the same places."""


Treat = Callable[[Sample], Shown]
"""Safe on any thread; SampleError where nothing can be shown of the sample."""


def as_it_is(sample: Sample) -> Shown:
    """The sample, untouched: what an ordinary run shows."""
    return Shown(sample)


class Treatment(ABC):
    """A control or a perturbation."""

    name: str
    """Its identity, and part of that of the run: "blank", "noise:3"."""

    @abstractmethod
    def begin(self, everything: Sequence[Sample], seed: int) -> Treat:
        """What becomes of each sample, given all samples of the task and the run's seed.

        UsageError where these samples do not allow it.
        """

    def idle(self, task: str) -> str:
        """The sentence about a task to whose samples the treatment does nothing."""
        return (
            f"The samples asked of task '{task}' have no pictures, so that no control and no perturbation of pictures "
            "would change anything: run it without."
        )


@dataclass(frozen=True)
class EachPicture(Treatment):
    """A treatment that puts another picture in the place of each, whatever the rest of the task is."""

    name: str
    instead: Callable[[Picture, str], Picture]
    """The picture to show, of the sample's own and a key: the run's seed and the sample's id."""

    def begin(self, everything: Sequence[Sample], seed: int) -> Treat:
        def treat(sample: Sample) -> Shown:
            pictures = tuple(self.instead(picture, f"{seed}:{sample.id}") for picture in sample.images)
            return Shown(replace(sample, images=pictures))

        return treat
