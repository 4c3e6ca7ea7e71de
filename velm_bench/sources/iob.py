"""Tags of entities: IOB1 and IOB2.

In IOB2 every entity begins with ``B-``. In IOB1, CoNLL-2003's own form, it begins with ``I-``, and with ``B-`` only
where it follows an entity of the same type without a gap (Tjong Kim Sang and Veenstra, 1999).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TAG = re.compile(r"O|[BI]-\S+")


def require_tags(tags: Iterable[str]) -> None:
    """ValueError naming the first tag that is neither O nor B-TYPE nor I-TYPE."""
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise ValueError(f"The tag {tag!r:.40} is neither O nor B-TYPE nor I-TYPE")


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """IOB1 tags as IOB2. Tags that are IOB2 already stay as they are."""
    entering = set(entrances(tags))
    return tuple(f"B{tag[1:]}" if index in entering else tag for index, tag in enumerate(tags))


def entrances(tags: Sequence[str]) -> list[int]:
    """Where an ``I-`` tag begins an entity, which IOB1 writes and IOB2 does not."""
    before = ["O", *tags]
    return [index for index, tag in enumerate(tags) if tag.startswith("I-") and before[index][1:] != tag[1:]]


def types_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The entity types among tags, sorted."""
    return tuple(sorted({tag[2:] for tag in tags if tag[:2] in ("B-", "I-")}))
