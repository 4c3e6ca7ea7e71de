"""Named-entity recognition: an IOB2 tag per token, with or without a picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.iob import entities
from velm_bench.samples import Ability, Answer, Form, Prediction, Request, Sample, TagAnswer, TagRequest
from velm_bench.tasks.base import Kind, spoken_of


class Ner(Kind):
    """Asks for a tag per token; a model that can only generate writes `entity | type` lines."""

    name = "ner"
    form = Form.TAGS
    prompt = ""
    inputs = ("tokens",)

    def problem(self, sample: Sample) -> str:
        found = super().problem(sample)
        if not found and len(sample.inputs["tokens"]) != len(sample.references):
            return f"There are {len(sample.inputs['tokens'])} tokens and {len(sample.references)} tags."
        return found

    def scorable(self, sample: Sample) -> bool:
        tokens = sample.inputs.get("tokens", sample.references)
        return super().scorable(sample) and len(tokens) == len(sample.references)

    def types(self) -> tuple[str, ...]:
        """The entity types; UsageError where the task names none."""
        if not self.labels:
            raise UsageError(f"The task '{self.task.name}' has no entity types: list them under 'labels'.")
        return self.labels

    def request(self, sample: Sample, abilities: Collection[Ability]) -> Request:
        tokens = tuple(sample.inputs["tokens"])
        if Ability.TAG in abilities:
            tags = ("O", *(f"{side}-{one}" for one in self.types() for side in "BI"))
            return TagRequest(sample.id, sample.images, self.text(sample), tokens, tags)
        if Ability.GENERATE in abilities:
            return self.generate(sample, self._instruction(sample, tokens))
        raise self.refuse(abilities)

    def _instruction(self, sample: Sample, tokens: Sequence[str]) -> str:
        asked = (
            f"List the named entities of the sentence, one per line, as `entity | type`. "
            f"Types: {', '.join(self.types())}. Write `none` if there are none."
        )
        return "\n".join(filter(None, [self.text(sample), asked, f"Sentence: {' '.join(tokens)}"]))

    def predict(self, sample: Sample, answer: Answer) -> Prediction:
        if isinstance(answer, TagAnswer):
            return Prediction(list(answer.tags))
        spoken = spoken_of(answer)
        tags, failures = align_entities(spoken.text, tuple(sample.inputs["tokens"]), self.types())
        return Prediction(tags, failures + spoken.lost)

    def truth(self, sample: Sample) -> Any:
        return tuple(sample.facts.get("oracle") or sample.references)

    def worked_answer(self, sample: Sample) -> str:
        """The entities as `entity | type` lines, or `none`."""
        tokens = sample.inputs["tokens"]
        lines = [f"{' '.join(tokens[start:end])} | {one}" for one, start, end in entities(self.truth(sample))]
        return "\n".join(lines) or "none"


def align_entities(text: str, tokens: Sequence[str], types: Sequence[str]) -> tuple[list[str], int]:
    """IOB2 tags for `entity | type` lines, and how many lines could not be used.

    Each line takes the first occurrence of its words that no earlier line has taken, letter case aside. Where its words
    are no tokens, white space is no matter: tokens of Chinese are characters. A line without a bar, of an unknown type,
    or whose words are not in the sentence counts as a failure.
    """
    known = {one.casefold(): one for one in types}
    tags = ["O"] * len(tokens)
    failures = 0
    for line in filter(None, (raw.strip().lstrip("-*• ").strip() for raw in text.splitlines())):
        if line.casefold().strip(".`") == "none":
            continue
        entity, bar, label = line.rpartition("|")
        kind = known.get(label.strip(" `.*").casefold())
        found = _find_free(entity.strip(" `*").split(), tokens, tags) if bar and kind else None
        if found is None:
            failures += 1
            continue
        for place in found:
            tags[place] = f"{'B' if place == found.start else 'I'}-{kind}"
    return tags, failures


def _find_free(words: Sequence[str], tokens: Sequence[str], tags: Sequence[str]) -> range | None:
    """Where the words stand on tokens that are free: as tokens, or else but for the white space between them."""
    wanted = [word.casefold() for word in words]
    known = [token.casefold() for token in tokens]
    free = [place for place in range(len(known)) if wanted and tags[place] == "O"]
    spans = [range(start, start + len(wanted)) for start in free if known[start : start + len(wanted)] == wanted]
    spans += [span for start in free if (span := _spelled(known, start, "".join(wanted)))]
    return next((span for span in spans if all(tags[place] == "O" for place in span)), None)


def _spelled(tokens: Sequence[str], start: int, text: str) -> range | None:
    """The tokens from a place on that spell a text without white space, if they do."""
    for place in range(start, len(tokens)):
        if not text.startswith(tokens[place]):
            return None
        text = text.removeprefix(tokens[place])
        if not text:
            return range(start, place + 1)
    return None
