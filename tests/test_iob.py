"""Entities of tags: the ways of writing them agree, and odd tags break nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from velm_bench.iob import entities, split_tag, to_iob2

TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=12)


def test_entities_of_a_sentence() -> None:
    assert entities(["I-PER", "I-PER", "B-PER", "O", "I-geo-loc"]) == [("PER", 0, 2), ("PER", 2, 3), ("geo-loc", 4, 5)]
    assert entities([]) == []
    assert entities(["", "O", ""]) == []


def test_a_tag_is_parted_at_its_first_hyphen() -> None:
    assert split_tag("B-geo-loc") == ("B", "geo-loc")
    assert split_tag("O") == ("O", "")


def by_neighbours(tags: list[str]) -> tuple[str, ...]:
    """IOB1 as IOB2 by its definition: an I- begins an entity where the tag before is not of its type."""
    before = ["O", *tags]
    return tuple(
        f"B{tag[1:]}" if tag[0] == "I" and before[place][1:] != tag[1:] else tag for place, tag in enumerate(tags)
    )


@given(TAGS)
def test_iob2_equals_its_definition_and_is_a_fixed_point_with_the_same_entities(tags: list[str]) -> None:
    rewritten = to_iob2(tags)
    assert rewritten == by_neighbours(tags)
    assert to_iob2(rewritten) == rewritten
    assert entities(rewritten) == entities(tags)


def test_other_schemes_stay_as_they_are() -> None:
    assert to_iob2(["I-PER", "E-PER"]) == ("I-PER", "E-PER")
