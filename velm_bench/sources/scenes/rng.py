"""Random numbers that never change: splitmix64, seeded by a hash of what the numbers are for.

numpy's generators do not promise the same stream in every version, and `hash()` differs between processes. Integers
alone are drawn, so no rounding of a platform can enter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


class Stream:
    """A stream of random integers addressed by a key: the same key always gives the same stream.

    The key is the version, the split, the index and the purpose (`Stream(VERSION, "train", 7, "captions")`), so a
    purpose added later leaves the others' numbers as they are.
    """

    __slots__ = ("_state",)

    def __init__(self, *key: str | int) -> None:
        text = "\x1f".join(map(str, key)).encode()
        self._state = int.from_bytes(blake2b(text, digest_size=8).digest(), "little")

    def bits(self) -> int:
        """The next 64 random bits."""
        self._state = z = (self._state + _STEP) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1."""
        return (self.bits() * n) >> 64

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, num: int, den: int) -> bool:
        """True with probability num / den."""
        return self.below(den) < num

    def choice(self, items: Sequence[T]) -> T:
        """One of the items, each equally likely."""
        return items[self.below(len(items))]

    def weighted(self, pairs: Iterable[tuple[T, int]]) -> T:
        """One of the items of (item, integer weight) pairs, likely in proportion to its weight."""
        listed = list(pairs)
        left = self.below(sum(weight for _, weight in listed))
        for item, weight in listed:
            left -= weight
            if left < 0:
                return item
        raise AssertionError("unreachable: the draw lies below the sum of the weights")

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """A new list of the items in random order (Fisher-Yates)."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """`k` different items in random order; raises ValueError where there are fewer."""
        if k > len(items):
            raise ValueError(f"cannot draw {k} different items from {len(items)}")
        return self.shuffled(items)[:k]
