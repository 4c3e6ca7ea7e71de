"""One registry for kinds, sources, models and metrics: lazy, closed to collisions, helpful on a typo."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from velm_bench.errors import UsageError

T = TypeVar("T")


def suggestion(name: str, known: list[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(sorted(known))}."


class Registry(Generic[T]):
    """Names to objects given as ``"module:attribute"``, imported when first asked for.

    Installed packages add entries through the entry-point group; a name that is taken twice is an error.
    """

    def __init__(self, noun: str, group: str, builtin: dict[str, str]) -> None:
        self.noun = noun
        self.group = group
        self._builtin = dict(builtin)

    @cached_property
    def _targets(self) -> dict[str, str]:
        targets = dict(self._builtin)
        for point in entry_points(group=self.group):
            if targets.get(point.name, point.value) != point.value:
                raise UsageError(
                    f"The {self.noun} '{point.name}' is registered twice ({targets[point.name]} and {point.value}): "
                    "uninstall one of the two packages."
                )
            targets[point.name] = point.value
        return targets

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._targets))

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def target(self, name: str) -> str:
        """The ``module:attribute`` behind a name; UsageError with the nearest name if there is none."""
        if name not in self._targets:
            raise UsageError(f"Unknown {self.noun} '{name}': {suggestion(name, list(self._targets))}")
        return self._targets[name]

    def get(self, name: str) -> T:
        """The object behind a name, its module imported now."""
        module, _, attribute = self.target(name).partition(":")
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
        return cast(T, found)
