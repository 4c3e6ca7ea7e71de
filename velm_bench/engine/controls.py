"""Controls: what is done to the pictures of a run to see how much the model uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from velm_bench.digests import digest_json
from velm_bench.samples import Picture, Pixels

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


CONTROLS: Mapping[str, Callable[[Picture], Picture]] = {"blank": BlankPicture}
"""By name: what becomes of each picture."""


def apply_control(control: str, pictures: tuple[Picture, ...]) -> tuple[Picture, ...]:
    """The pictures under a control; as they are where its name is empty."""
    return tuple(map(CONTROLS[control], pictures)) if control else pictures
