"""What the tests of the tag metrics share: scores by name, made-up files of tags, and plain readings of the schemes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from velm_bench.iob import Entity, entities, split_tag
from velm_bench.metrics import build

Tags = list[str]
TYPES = ("PER", "LOC", "ORG", "MISC")
ODD = ["", "-", ".", "o", "I-", "-PER", "B", "I", "BPER", "B-geo-loc", "I-geo-loc", "X-PER", ".-PER", "O-PER", "\ud800"]
"""Tags of no scheme, as a model may write them."""
ANY_TAG = st.one_of(
    st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIESLU" for kind in ("PER", "LOC"))]),
    st.sampled_from(ODD),
    st.text(max_size=4),
)


def pairs_of(gold: st.SearchStrategy[str], predicted: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Sentences of (gold, predicted) tags, and whether each was answered."""
    return st.lists(st.tuples(st.lists(st.tuples(gold, predicted), max_size=9), st.booleans()), max_size=6)


def split(drawn: list[tuple[list[tuple[str, str]], bool]]) -> tuple[list[Tags | None], list[Tags]]:
    """Predictions, None where the sentence was not answered, and gold."""
    golden = [[gold for gold, _ in sentence] for sentence, _ in drawn]
    return [[tag for _, tag in sentence] if answered else None for sentence, answered in drawn], golden


def scores(
    name: str, predictions: Sequence[Any], references: Sequence[Any], labels: tuple[str, ...] = TYPES
) -> dict[str, float]:
    """All outputs of a metric by name."""
    return build(name, labels).compute(predictions, references)


def file_of(chance: random.Random, prefixes: str, kinds: Sequence[str]) -> tuple[list[Tags], list[Tags]]:
    """Predictions and gold of a file of several sentences: any tag may follow any other."""
    tags = ["O", "O", "O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in kinds)]
    golden = [[chance.choice(tags) for _ in range(chance.randrange(13))] for _ in range(chance.randrange(1, 12))]
    rate = chance.random() / 2
    return [[chance.choice(tags) if chance.random() < rate else tag for tag in gold] for gold in golden], golden


def real_tags(shared: Path) -> list[Tags]:
    """The gold tags of CoNLL-2003's test set, IOB1."""
    blocks = (shared / "conll2003" / "eng.testb").read_text().strip().split("\n\n")
    lines = [block.split("\n") for block in blocks if not block.startswith("-DOCSTART-")]
    return [[line.split()[-1] for line in sentence if line] for sentence in lines]


def plain_iob2(tags: Sequence[str]) -> list[Entity]:
    """Strict IOB2 of one sentence, tag by tag."""
    found: list[Entity] = []
    for place, (prefix, kind) in enumerate(map(split_tag, tags)):
        if prefix == "B":
            found.append((kind, place, place + 1))
        elif prefix == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
    return found


def plain_iob1(tags: Sequence[str]) -> list[Entity]:
    """Strict IOB1 of one sentence: a B- counts only next to an I- or a B- of its type."""
    read = [split_tag(tag) if split_tag(tag)[0] in ("B", "I") else ("O", "") for tag in tags]
    found: list[Entity] = []
    for place, (prefix, kind) in enumerate(read):
        before = read[place - 1] if place else ("O", "")
        open_at = found[-1] if found and found[-1][2] == place and found[-1][0] == kind else None
        if prefix == "I" and open_at and before in (("B", kind), ("I", kind)):
            found[-1] = (kind, open_at[1], place + 1)
        elif prefix == "I" or (prefix == "B" and before[0] in ("B", "I") and before[1] == kind):
            found.append((kind, place, place + 1))
    return [one for one in found if not cut_off(one, [*read, ("O", "")])]


def cut_off(entity: Entity, read: Sequence[tuple[str, str]]) -> bool:
    """Whether a B- of another type follows an entity's last B-."""
    kind, _, end = entity
    return read[end - 1][0] == read[end][0] == "B" and read[end][1] != kind


def plain_iobes(tags: Sequence[str]) -> list[Entity]:
    """Strict IOBES of one sentence: whatever matches S, or B I* E of one type."""
    found: list[Entity] = []
    for start, (prefix, kind) in enumerate(map(split_tag, tags)):
        if prefix == "S":
            found.append((kind, start, start + 1))
        elif prefix == "B":
            end = start + 1
            while end < len(tags) and split_tag(tags[end]) == ("I", kind):
                end += 1
            if end < len(tags) and split_tag(tags[end]) == ("E", kind):
                found.append((kind, start, end + 1))
    return found


PLAIN: dict[str, Callable[[Sequence[str]], list[Entity]]] = {
    "entity_f1": entities,
    "entity_f1_strict": plain_iob2,
    "entity_f1_iob1": plain_iob1,
    "entity_f1_iobes": plain_iobes,
}
"""The second definition of every entity metric: the entities of one sentence."""
