"""Retrieval with a model of two towers: which of all captions tells of a picture, which of all pictures it tells of.

Candidates are the different captions of the split and its pictures. A caption that several pictures share is right for
each of them: "two red things" is no better of one than of another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.zoo.family import CIDER, Member
from velm_bench.engine.opening import open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.metrics.ranking import DEPTHS, Retrieval
from velm_bench.models import Setup, open_model
from velm_bench.models.reference import ReferenceModel
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import safe_name
from velm_bench.samples import ChooseRequest, Sample
from velm_bench.statistics.resampling import Estimate, interval
from velm_bench.tasks.registry import resolve

if TYPE_CHECKING:
    from velm_bench.reference.answering import Answering, Asked

Array = NDArray[np.float64]
FILE = "retrieval.json"
DIRECTIONS = ("picture to caption", "caption to picture")
COLUMNS = tuple(f"recall_at_{depth}" for depth in DEPTHS)
PICTURES, TEXTS = 64, 256
"""How many are embedded at once."""


@dataclass(frozen=True)
class Found:
    """What a model finds again."""

    digest: str
    """Of the model that was asked."""
    limit: int | None
    pictures: int
    captions: int
    """Different ones."""
    recall: Mapping[str, Mapping[str, Estimate]]
    """By direction and output of the metric `retrieval`."""


def measured(member: Member, root: Path, limit: int | None, device: str) -> Found | None:
    """What a member of two towers finds again, from its file if that is of this checkpoint; None for any other one."""
    found = kept(member, root, limit)
    if found is not None:
        return found
    model = open_model(member.reference, Setup(device=device))
    if not isinstance(model, ReferenceModel) or not model.settings.embedding:
        return None
    found = _measure(model, member, root, limit)
    folder = root / safe_name(member.reference)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / FILE, (json.dumps(_plain(found), indent=2) + "\n").encode("ascii"))
    return found


def kept(member: Member, root: Path, limit: int | None) -> Found | None:
    """What was measured of this very checkpoint; None where nothing was."""
    path = root / safe_name(member.reference) / FILE
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    if (data["digest"], data["limit"]) != (member.digest, limit):
        return None
    recall = {
        direction: {name: Estimate(*numbers) for name, numbers in outputs.items()}
        for direction, outputs in data["recall"].items()
    }
    return Found(data["digest"], data["limit"], data["pictures"], data["captions"], recall)


def _plain(found: Found) -> dict[str, Any]:
    recall = {direction: {name: list(one) for name, one in each.items()} for direction, each in found.recall.items()}
    return {**vars(found), "recall": recall}


def _measure(model: ReferenceModel, member: Member, root: Path, limit: int | None) -> Found:
    """Embed the pictures and the different captions of the captioning task, and rank each among the others."""
    opened = open_task(resolve(CIDER.task)[0], RunSettings(root, limit=limit))
    samples = [sample for sample in opened.chosen if not opened.kind.problem(sample)]
    captions = list(dict.fromkeys(str(text) for sample in samples for text in sample.references))
    model.load()
    assert model.answering is not None
    asked = [model.prepare(ChooseRequest(one.id, one.images, opened.kind.text(one), ())) for one in samples]
    pictures = embed_pictures(model.answering, asked)
    texts = embed_texts(model, opened.kind.text(samples[0]), captions)
    right = belonging(samples, captions)
    alike = pictures @ texts.T
    return Found(
        member.digest,
        limit,
        len(samples),
        len(captions),
        {
            DIRECTIONS[0]: recall(first_ranks(alike, right), [sample.cluster for sample in samples]),
            DIRECTIONS[1]: recall(first_ranks(alike.T, right.T), _clusters(samples, right)),
        },
    )


def embed_pictures(answering: Answering, asked: Sequence[Asked]) -> Array:
    """Unit vectors of pictures, (pictures, width)."""
    spans = [asked[start : start + PICTURES] for start in range(0, len(asked), PICTURES)]
    return np.concatenate([answering.embed_pictures(span).double().numpy() for span in spans])


def embed_texts(model: ReferenceModel, prompt: str, captions: Sequence[str]) -> Array:
    """Unit vectors of captions as the model was trained on them, behind the prompt, (captions, width)."""
    assert model.answering is not None
    asked: Asked = model.prepare(ChooseRequest("captions", (), prompt, tuple(captions)))
    texts = [(*asked.prompt, *option) for option in asked.options]
    spans = [texts[start : start + TEXTS] for start in range(0, len(texts), TEXTS)]
    return np.concatenate([model.answering.embed_texts(span).double().numpy() for span in spans])


def belonging(samples: Sequence[Sample], captions: Sequence[str]) -> NDArray[np.bool_]:
    """Which caption was written of which picture, (pictures, captions)."""
    places = {text: place for place, text in enumerate(captions)}
    right = np.zeros((len(samples), len(captions)), np.bool_)
    for row, sample in enumerate(samples):
        right[row, [places[str(text)] for text in sample.references]] = True
    return right


def _clusters(samples: Sequence[Sample], right: NDArray[np.bool_]) -> list[str]:
    """Of each caption the cluster of the first picture that it was written of."""
    return [samples[int(first)].cluster for first in right.argmax(0)]


def first_ranks(alike: Array, right: NDArray[np.bool_]) -> Array:
    """The rank of the best right candidate of each row, 1 being the best and ties counting against it; both arguments
    (rows, candidates). As `metrics.ranking.first_right` has it of scores, for all rows at once."""
    best = np.where(right, alike, -np.inf).max(1)
    return np.asarray(1.0 + (~right & (alike >= best[:, None])).sum(1), dtype=np.float64)


def recall(ranks: Array, clusters: Sequence[str]) -> dict[str, Estimate]:
    """Every output of the metric `retrieval` with its interval, of the ranks of the first right candidates."""
    return interval(Retrieval(), np.column_stack([ranks, np.ones(len(ranks))]), clusters)
