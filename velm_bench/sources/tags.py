"""Tags of entities as sources check them; what they mean is said in `velm_bench.iob`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from velm_bench.errors import SampleError
from velm_bench.iob import split_tag, to_iob2

_TAG = re.compile(r"O|[BI]-\S+")


def read_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """IOB1 or IOB2 tags as IOB2; SampleError naming the first that is neither O nor B-TYPE nor I-TYPE."""
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise SampleError(f"The tag {tag!r:.40} is neither O nor B-TYPE nor I-TYPE.")
    return to_iob2(tags)


def entrances(tags: Sequence[str]) -> list[int]:
    """Where an ``I-`` tag begins an entity, which IOB1 writes and IOB2 does not."""
    return [place for place, (tag, iob2) in enumerate(zip(tags, to_iob2(tags), strict=True)) if tag != iob2]


def types_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The entity types among tags, sorted."""
    return tuple(sorted({kind for prefix, kind in map(split_tag, tags) if prefix in ("B", "I") and kind}))
