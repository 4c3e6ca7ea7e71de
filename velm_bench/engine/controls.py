"""Controls: a run without what the pictures say, to see how much the model makes of them.

Each takes away the same thing, the link between a sample and its picture, and each has a side effect of its own:
`blank` shows pictures that no model is used to, `shuffled` shows pictures that say something else, `absent` may be a
way of asking that the model does not know. A gain that is there against all of them is no side effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from velm_bench.digests import digest_json
from velm_bench.engine.shuffling import Shuffled
from velm_bench.engine.treatment import EachPicture, Shown, Treat, Treatment
from velm_bench.results.schema import ABSENT, BLANK, SHUFFLED
from velm_bench.samples import Picture, Pixels, Sample

GREY = 128


@dataclass(frozen=True)
class BlankPicture(Picture):
    """A mid-grey picture of the original's size; unreadable where the original is."""

    original: Picture

    @property
    def digest(self) -> str:
        return digest_json(["blank", GREY, self.original.digest])

    def decode(self) -> Pixels:
        return np.full_like(self.original.decode(), GREY)


def _blanked(picture: Picture, key: str) -> Picture:
    return BlankPicture(picture)


class Absent(Treatment):
    """No picture is handed to the model."""

    name = ABSENT

    def begin(self, everything: Sequence[Sample], seed: int) -> Treat:
        return lambda sample: Shown(replace(sample, images=()), hidden=sample.images)


CONTROLS: Mapping[str, Treatment] = {
    BLANK: EachPicture(BLANK, _blanked),
    SHUFFLED: Shuffled(SHUFFLED),
    ABSENT: Absent(),
}
"""By name, in the order in which they are run and shown."""
