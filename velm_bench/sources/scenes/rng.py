"""Random numbers that never change: splitmix64, seeded by a hash of what the numbers are for.

numpy's generators do not promise the same stream in every version, and `hash()` differs between processes. Integers
alone are drawn, so no rounding of a platform can enter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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

    def skip(self, count: int) -> None:
        """Go past this many draws, as cheaply as past one: for draws whose outcome nobody needs."""
        self._state = (self._state + count * _STEP) & _MASK

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1."""
        # `bits` written out: a split of scenes draws a million numbers, and a call costs as much as the mixing.
        self._state = z = (self._state + _STEP) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((z ^ (z >> 31)) * n) >> 64

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
        listed = tuple(pairs)
        left = self.below(sum([weight for _, weight in listed]))
        for item, weight in listed:
            left -= weight
            if left < 0:
                return item
        raise AssertionError("unreachable: the draw lies below the sum of the weights")

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """A new list of the items in random order (Fisher-Yates)."""
        out, state = list(items), self._state
        for n in range(len(out), 1, -1):  # `below(n)` written out
            state = z = (state + _STEP) & _MASK
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
            j = ((z ^ (z >> 31)) * n) >> 64
            out[n - 1], out[j] = out[j], out[n - 1]
        self._state = state
        return out

    def shuffled_if_needed(self, items: Sequence[T]) -> Iterator[T]:
        """`shuffled`, worked out when the first item is asked for; the stream goes past its draws at once."""
        here = Stream.__new__(Stream)
        here._state = self._state
        self.skip(max(0, len(items) - 1))
        return _postponed(here, items)

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """`k` different items in random order; raises ValueError where there are fewer."""
        if k > len(items):
            raise ValueError(f"cannot draw {k} different items from {len(items)}")
        return self.shuffled(items)[:k]


def _postponed(stream: Stream, items: Iterable[T]) -> Iterator[T]:
    yield from stream.shuffled(items)
