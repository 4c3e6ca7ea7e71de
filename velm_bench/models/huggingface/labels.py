"""Which outputs of a classifier stand for the labels of a task."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from velm_bench.errors import UsageError

SAME_ORDER = 0.9
"""Two lists of as many labels are in the same order where at least this share of them fits in its own place."""
_NAMELESS = re.compile(r"(?:label_?)?\d+", re.IGNORECASE)


def output_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a classifier's outputs by config.json, in order; "LABEL_0", "LABEL_1", ... where it has none."""
    named = config.get("id2label") or {}
    if named:
        try:
            return tuple(str(named[key]) for key in sorted(named, key=int))
        except (TypeError, ValueError, LookupError) as error:
            raise UsageError(
                "The id2label of the checkpoint's config.json does not give a name for each number: mend it there."
            ) from error
    return tuple(f"LABEL_{index}" for index in range(int(config.get("num_labels") or 2)))


def nameless(labels: Sequence[str]) -> bool:
    """Whether labels say nothing: LABEL_0, LABEL_1, ... or numbers."""
    return all(_NAMELESS.fullmatch(label) for label in labels)


@lru_cache(maxsize=256)
def outputs_of(options: tuple[str, ...], labels: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """For each option the outputs that stand for it; none of them where there is no such label.

    In this order: the label to the letter; the label but for case, underscores and hyphens; a label that names it among
    synonyms parted by commas ("tabby, tabby cat"). Several outputs that fit equally well all stand for the option,
    unless there are as many labels as options and the one in the option's own place is among them. As many labels that
    say nothing (LABEL_0, ...) stand for the options in order, and so do the few that fit nowhere in a list that is in
    the same order otherwise.
    """
    aligned = len(options) == len(labels)
    if aligned and nameless(labels) and not set(labels) & set(options):
        return tuple((place,) for place in range(len(options)))
    tables = [_table(labels, names) for names in (_exactly, _plainly, _synonyms)]
    found = [_fitting(option, tables) for option in options]
    if aligned:
        found = [(place,) if place in fits else fits for place, fits in enumerate(found)]
        if sum(fits == (place,) for place, fits in enumerate(found)) >= SAME_ORDER * len(options):
            found = [fits or (place,) for place, fits in enumerate(found)]
    return tuple(found)


def plain(label: str) -> str:
    """A label without case, underscores, hyphens and outer blanks."""
    return " ".join(re.sub(r"[_\-\s]+", " ", label.casefold()).split())


def _exactly(label: str) -> set[str]:
    return {label}


def _plainly(label: str) -> set[str]:
    return {plain(label)}


def _synonyms(label: str) -> set[str]:
    return {plain(part) for part in label.split(",")} - {""}


_Table = tuple[Any, dict[str, list[int]]]


def _table(labels: Sequence[str], names: Any) -> _Table:
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        for name in names(label):
            places.setdefault(name, []).append(place)
    return names, places


def _fitting(option: str, tables: Sequence[_Table]) -> tuple[int, ...]:
    """The outputs that fit an option by the first way in which any does."""
    for names, places in tables:
        found = {place for name in names(option) for place in places.get(name, ())}
        if found:
            return tuple(sorted(found))
    return ()
