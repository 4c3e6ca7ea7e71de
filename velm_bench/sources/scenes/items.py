"""The samples of the four tasks, made from the scenes of a split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from velm_bench.digests import digest_json
from velm_bench.samples import Picture, Pixels, Sample

from .captions import captions, mentions, oracle_caption, other_names
from .classes import class_label
from .entities import entity_sentence
from .graph import Scene, scene
from .questions import Question, questions, twin
from .raster import DEFAULT_SIZE, render
from .splits import VERSION, group_id, has_twins, split_size
from .words import VOCABULARY


@dataclass(frozen=True)
class ScenePicture(Picture):
    """A scene at a size; drawn when it is looked at, and told apart by its graph, not by its pixels."""

    scene: Scene
    size: int = DEFAULT_SIZE

    @cached_property
    def digest(self) -> str:
        return digest_json(["scenes", VERSION, self.size, record(self.scene)])

    def decode(self) -> Pixels:
        return render(self.scene, self.size)


def record(seen: Scene) -> list[Any]:
    """All that is drawn of a scene, JSON-able: equal records give equal pixels."""
    ground = seen.background
    things = [[t.shape, t.texture, t.x, t.y, t.scale, t.angle, list(t.rgb), t.variant] for t in seen.things]
    return [things, [list(ground.first), list(ground.second), ground.sideways, ground.amplitude], seen.noise]


def captioning(split: str, size: int) -> Iterator[Sample]:
    """A sample per scene, with five reference captions."""
    for index in range(split_size(split)):
        seen = scene(split, index)
        yield Sample(
            group_id(split, index),
            (ScenePicture(seen, size),),
            references=captions(split, index),
            group=group_id(split, index),
            slices={"things": str(len(seen.things)), "icons": _yes_no(bool(seen.icons))},
            facts={
                "oracle": oracle_caption(split, index),
                "mentions": _mentioned(seen),
            },
        )


def _mentioned(seen: Scene) -> dict[str, Any]:
    """What the `truth` metric needs of a scene: the pairs there, what else one of them may be called, and the words."""
    also = [[list(other), list(pair)] for other, pair in sorted(other_names(seen).items())]
    return {"pairs": [list(pair) for pair in sorted(mentions(seen))], "also": also, "vocabulary": VOCABULARY}


def vqa(split: str, size: int) -> Iterator[Sample]:
    """A sample per question, each followed by its twin where the split has twins."""
    for index in range(split_size(split)):
        seen, group = scene(split, index), group_id(split, index)
        for k, question in enumerate(questions(split, index)):
            yield _asked(question, seen, group, size)
            if has_twins(split):
                other, same = twin(split, index, k)
                yield _asked(same, other, group, size)


def _asked(question: Question, seen: Scene, group: str, size: int) -> Sample:
    return Sample(
        question.id,
        (ScenePicture(seen, size),),
        {"question": question.text},
        question.answers,
        group,
        {
            "question_type": question.type,
            "answer_type": question.answer_type,
            "ambiguous": _yes_no(question.ambiguous),
        },
        {"oracle": question.answer, "pair": question.pair},
    )


def classification(split: str, size: int) -> Iterator[Sample]:
    """A sample per scene, with its one class."""
    for index in range(split_size(split)):
        seen, label = scene(split, index), class_label(split, index)
        yield Sample(
            group_id(split, index),
            (ScenePicture(seen, size),),
            references=(label,),
            group=group_id(split, index),
            slices={"things": str(len(seen.things))},
            facts={"oracle": label},
        )


def ner(split: str, size: int) -> Iterator[Sample]:
    """A sample per scene: a sentence about it, with a tag per token."""
    for index in range(split_size(split)):
        sentence = entity_sentence(split, index)
        yield Sample(
            group_id(split, index),
            (ScenePicture(scene(split, index), size),),
            {"tokens": sentence.tokens},
            sentence.tags,
            group_id(split, index),
            {
                "needs_image": _yes_no(sentence.needs_image),
                "unseen": _yes_no(sentence.unseen),
                "role": str(sentence.role),
            },
            {"oracle": sentence.oracle},
        )


def _yes_no(true: bool) -> str:
    return "yes" if true else "no"


TASKS: dict[str, Callable[[str, int], Iterator[Sample]]] = {
    "captioning": captioning,
    "vqa": vqa,
    "classification": classification,
    "ner": ner,
}
"""What makes the samples of each kind of task, from a split and a size in pixels."""
