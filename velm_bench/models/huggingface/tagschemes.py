"""What a tagger's own labels mean in a task's IOB2 tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from velm_bench.models.huggingface.labels import nameless, plain

ALIASES = (
    {"per", "person", "persons", "people"},
    {"loc", "location", "locations"},
    {"org", "organization", "organizations", "organisation", "organisations"},
    {"misc", "miscellaneous"},
    {"gpe", "geo political entity"},
    {"corp", "corporation"},
    {"prod", "product"},
)
"""Entity types that are one type under several names, case aside."""
_PREFIXED = re.compile(r"([BIMELSU])[-_](.+)")
"""A prefix of IOB, IOBES, BILOU or BMES, and the type."""
_BEGINS = frozenset("BSU")
_ENDS = frozenset("ELSU")
"""Prefixes behind which the same type is another entity."""
_OUTSIDE = frozenset({"O", "OUT", "OUTSIDE", "NONE"})


class Part(NamedTuple):
    """A label: what of an entity a word is."""

    prefix: str
    """One of B, I, M, E, L, S, U; "O" outside of all."""
    kind: str = ""


OUTSIDE = Part("O")


def part_of(label: str) -> Part:
    """A label taken apart; one without a prefix ("PER") is inside an entity of that type."""
    if label.upper() in _OUTSIDE:
        return OUTSIDE
    found = _PREFIXED.fullmatch(label)
    return Part(found[1], found[2]) if found else Part("I", label)


def iob2(parts: Sequence[Part]) -> tuple[str, ...]:
    """IOB2 tags for labels of IOB1, IOB2, IOBES, BILOU or BMES.

    An entity begins at B, S or U, behind E, L, S or U, and wherever the type changes or an O stands before: where
    conlleval begins one (see iob.STARTS), for the prefixes that it knows.
    """
    tags, before = [], OUTSIDE
    for now in parts:
        begins = now.prefix in _BEGINS or before.prefix in _ENDS or before.kind != now.kind
        tags.append("O" if now == OUTSIDE else f"{'B' if begins else 'I'}-{now.kind}")
        before = now
    return tuple(tags)


def parts_for(labels: Sequence[str], tags: Sequence[str]) -> tuple[Part, ...]:
    """What each label of a model is in a task whose tags are "O", "B-..." and "I-...".

    A type is the task's of the same name, of the same name but for case, or of a name that ALIASES puts beside it; a
    type that the task has not is outside. Labels that say nothing (LABEL_0, ...), if as many as the task's tags, are
    those tags in order.
    """
    if nameless(labels):
        same = len(labels) == len(tags)
        return tuple(part_of(tag) for tag in tags) if same else (OUTSIDE,) * len(labels)
    kinds = tuple(dict.fromkeys(part_of(tag).kind for tag in tags if part_of(tag) != OUTSIDE))
    parts = [part_of(label) for label in labels]
    meant = {part.kind: _meant(part.kind, kinds) for part in parts if part != OUTSIDE}
    return tuple(Part(part.prefix, meant[part.kind]) if meant.get(part.kind) else OUTSIDE for part in parts)


def _meant(kind: str, kinds: Sequence[str]) -> str:
    """The type of the task that a type of the model is; empty where it is none of them, or could be several."""
    if kind in kinds:
        return kind
    for names in ({plain(kind)}, next((group for group in ALIASES if plain(kind) in group), set())):
        fits = [one for one in kinds if plain(one) in names]
        if len(fits) == 1:
            return fits[0]
    return ""
