"""The splits of the benchmark: their names, their sizes and what sets each apart."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

VERSION = "1"
"""The version of the generator: any change of a pixel, a word or an answer raises it."""

SPLITS: dict[str, int] = {
    "train": 20_000,
    "val": 1_000,
    "test": 2_000,
    "test_novel": 1_000,
    "test_more": 1_000,
    "lite": 200,
}
"""Scenes per split. Training scenes may be asked for beyond their nominal number."""

FRESH_SIZE = 1_000
"""Scenes of a `fresh:<key>` split."""

TWINNED = frozenset({"test", "lite"})
"""Splits (besides `fresh:`) whose questions each come with a twin scene that flips the answer."""

QUESTIONS_PER_SCENE = {"lite": 1}
"""Questions per scene where it is not three."""


def split_size(split: str) -> int:
    """The number of scenes of a split; raises ValueError for a name that is none."""
    if is_fresh(split):
        return FRESH_SIZE
    if split not in SPLITS:
        names = ", ".join(SPLITS)
        raise ValueError(f"unknown split '{split}' of scenes: use one of {names}, or fresh:<key>")
    return SPLITS[split]


def is_fresh(split: str) -> bool:
    """Whether this names a secret test set, `fresh:<key>` with a key that is not empty."""
    return split.startswith("fresh:") and len(split) > len("fresh:")


def has_twins(split: str) -> bool:
    """Whether the questions of this split are asked of twin scenes too."""
    return split in TWINNED or is_fresh(split)


def questions_per_scene(split: str) -> int:
    """How many questions an evaluation asks of each scene of this split."""
    return QUESTIONS_PER_SCENE.get(split, 3)


def check_address(split: str, index: int) -> None:
    """Raise ValueError for an unknown split, IndexError for an index outside of it."""
    size = split_size(split)
    if index < 0 or (index >= size and split != "train"):
        raise IndexError(f"scene {index} is outside split '{split}', which has {size} scenes")


def group_id(split: str, index: int) -> str:
    """The id of a scene, which is also the statistical group of everything asked about it: `test/00012`.

    Ids stand in every published result, so those of a secret split show a hash of its key.
    """
    return f"{public_name(split).replace(':', '-')}/{index:05d}"


@cache
def public_name(split: str) -> str:
    """The split's name for other people's eyes: a secret one's with a hash of its key instead of the key."""
    if not is_fresh(split):
        return split
    return f"fresh:{blake2b(split.encode(), digest_size=6).hexdigest()}"
