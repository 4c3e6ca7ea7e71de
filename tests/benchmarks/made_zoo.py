"""A made-up family on toy tasks that bear the names of the embedded ones: one that looks, one that cannot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.zoo.family import BLIND, NOVEL, TASKS, Member
from benchmarks.zoo.runs import Zoo, on_split, read_zoo
from tests.engine.toys import Toy, draw, settings
from velm_bench.engine.runner import evaluate
from velm_bench.results.gain import measure_gain
from velm_bench.results.schema import CONTROLS
from velm_bench.samples import Ability, ChoiceAnswer, TagAnswer, TextAnswer
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

KINDS = dict(zip(TASKS, ("captioning", "vqa", "classification", "ner"), strict=True))
LABELS = {"classification": ["dark", "light"], "ner": ["PER", "LOC"]}
METRICS = {
    "captioning": ["cider"],
    "vqa": ["vqa_accuracy"],
    "classification": ["accuracy", "ece"],
    "ner": ["entity_f1"],
}
FIELDS = {
    "captioning": {"captions": "gold"},
    "vqa": {"question": "question", "answers": "gold"},
    "classification": {"label": "gold"},
    "ner": {"tokens": "tokens", "tags": "gold"},
}
SIGHTED, WEIGHING = "ref:prefix", "ref:contrastive"
COUNT = 24


def truth(kind: str, number: int) -> Any:
    """The right answer to a sample, which its picture alone decides."""
    picture = number // 2
    return {
        "captioning": f"a {'red orange green blue'.split()[picture % 4]} thing number {picture} lies here",
        "vqa": str(picture % 3),
        "classification": LABELS["classification"][picture % 2],
        "ner": [f"B-{LABELS['ner'][picture % 2]}", "O"],
    }[kind]


def rows(kind: str) -> list[dict[str, Any]]:
    """Two samples per picture; of each, one needs the image."""
    several = {"captioning": lambda right: [right], "vqa": lambda right: [right] * 10}
    return [
        {
            "id": f"s{number:03d}",
            "image": f"pictures/{number // 2}.png",
            "question": "How many?",
            "tokens": ["Ada", "runs"],
            "gold": several.get(kind, lambda right: right)(truth(kind, number)),
            "question_type": ["count", "colour"][number % 2],
            "needs_image": ["yes", "no"][number % 2],
        }
        for number in range(COUNT)
    ]


def toy_task(folder: Path, name: str) -> Definition:
    """The toy task of a name, such as "scenes_vqa:test_novel": its pictures, its records and its YAML."""
    kind = KINDS[name.partition(":")[0]]
    slices = ["question_type", "needs_image"]
    fields = {"id": "id", "image": "image", "group": "image", "slices": slices, **FIELDS[kind]}
    task = {
        "name": name,
        "kind": kind,
        "source": {"type": "jsonl", "path": f"{kind}.jsonl", "fields": fields},
        "metrics": METRICS[kind],
        "slices": slices,
        **({"labels": LABELS[kind]} if kind in LABELS else {}),
    }
    for picture in range(COUNT // 2):
        draw(folder / f"pictures/{picture}.png", 10 * picture)
    (folder / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(kind)))
    path = folder / f"{name.replace(':', '-')}.yaml"
    path.write_text(json.dumps(task))
    return Definition(load_task(path), path)


class Looker(Toy):
    """Right where it is shown the sample's own picture; without eyes it takes every picture for the first."""

    eyes = True

    def right(self, kind: str, sample_id: str, level: int) -> Any:
        number = int(sample_id[1:])
        seen = self.eyes and level == 10 * (number // 2)
        return truth(kind, number if seen else 0)

    def generate(self, prepared: Sequence[Any]) -> Sequence[TextAnswer]:
        kind = "vqa" if "?" in prepared[0][0].prompt else "captioning"
        return [TextAnswer(self.right(kind, request.sample_id, level)) for request, level in prepared]

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]:
        said = [(request, self.right("classification", request.sample_id, level)) for request, level in prepared]
        return [ChoiceAnswer(tuple(-0.1 if one == label else -3.0 for one in asked.options)) for asked, label in said]

    def tag(self, prepared: Sequence[Any]) -> Sequence[TagAnswer]:
        return [TagAnswer(tuple(self.right("ner", request.sample_id, level))) for request, level in prepared]


class Reader(Looker):
    """It never looks."""

    eyes = False


def model(reference: str) -> Looker:
    """The made-up model of a reference."""
    return (Reader if reference == BLIND else Looker)(name=reference)


def member(reference: str) -> Member:
    """A member as its files would say it is."""
    abilities = {Ability.CHOOSE} if reference == WEIGHING else set(Ability)
    return Member(reference, model(reference).identity.digest, frozenset(abilities))


def run(root: Path, task: Definition, reference: str, controls: Sequence[str] = CONTROLS) -> None:
    """Ask a made-up model, under controls as well."""
    sighted = evaluate(task, model(reference), settings(root))
    for control in controls:
        measure_gain(sighted.folder, evaluate(task, model(reference), settings(root, control=control)).folder)


def made_zoo(root: Path) -> Zoo:
    """A blind one, a sighted one, and one that can but weigh options."""
    members = [member(reference) for reference in (BLIND, SIGHTED, WEIGHING)]
    digests = {}
    for split in ("", NOVEL):
        for name in (on_split(task, split) for task in TASKS):
            task = toy_task(root / "data", name)
            digests[name] = task.task.digest()
            for one in members:
                if name.partition(":")[0] in one.tasks:
                    run(root / "results", task, one.reference, () if split else CONTROLS)
    return read_zoo(root / "results", members, asked=digests)
