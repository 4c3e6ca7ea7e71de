"""METEOR's statistics and scores against the jar that pycocoevalcap carries, run here on the same tokens.

One process answers for all corpora, for it takes seconds to start: each segment's statistics, then each corpus' scores
(`EVAL`), as the official wrapper asks for them. It takes milliseconds per segment as well, so that of large corpora a
part is asked; all of them with VELM_FULL_PARITY=1.
"""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.metrics.captions.plain_captions import corpus_of, rows_of
from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import build
from velm_bench.metrics.base import Array
from velm_bench.metrics.captions import java
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.meteor.metric import CHUNKS, perfect
from velm_bench.metrics.captions.meteor.paraphrases import Paraphrases, paraphrases
from velm_bench.metrics.captions.meteor.resources import english

pytest.importorskip("pycocoevalcap")
pytest.importorskip("numba", reason="without it this takes minutes")

METEOR = build("meteor")
MOST = 10**9 if os.environ.get("VELM_FULL_PARITY") == "1" else 200
"""About so many segments of a corpus are compared."""
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


class Answer(NamedTuple):
    """What both say about a corpus."""

    ours: Array
    """Statistics, shape (segments, 24)."""
    theirs: Array
    """The jar's statistics, shape (segments, 23), less the chunks of perfect segments."""
    images: Array
    corpus: float


def fakecap() -> CaptionCorpus:
    folder = SHARED / "coco_caption"
    items = json.loads((folder / "spice_example_input_larger.json").read_text())
    results = json.loads((folder / "captions_val2014_fakecap_results.json").read_text())
    caption = {item["image_id"]: item["caption"] for item in results}
    return CaptionCorpus.of([caption[item["image_id"]] for item in items], [item["refs"] for item in items])


def spice_example() -> CaptionCorpus:
    items = json.loads((SHARED / "coco_caption" / "spice_example_input_larger.json").read_text())
    return CaptionCorpus.of([item["test"] for item in items], [item["refs"] for item in items])


def val2017() -> list[list[str]]:
    """The captions of each image."""
    images: dict[int, list[str]] = {}
    for caption in json.loads((SHARED / "coco_caption" / "captions_val2017.json").read_text())["annotations"]:
        images.setdefault(caption["image_id"], []).append(caption["caption"])
    return list(images.values())


def leave_one_out() -> CaptionCorpus:
    captions = val2017()
    return CaptionCorpus.of([texts[0] for texts in captions], [texts[1:] for texts in captions])


def shuffled() -> CaptionCorpus:
    captions = val2017()
    order = random.Random(0).sample(range(len(captions)), len(captions))
    return CaptionCorpus.of([captions[other][0] for other in order], captions)


def flickr8k() -> CaptionCorpus:
    images: dict[str, list[str]] = {}
    with (SHARED / "flickr8k_1k" / "captions.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            images.setdefault(row["image"], []).append(row["caption"])
    captions = [texts for texts in images.values() if len(texts) > 1]
    return CaptionCorpus.of([texts[0] for texts in captions], [texts[1:] for texts in captions])


def hostile() -> CaptionCorpus:
    """Hostile captions of less than 90,000 characters, for which the jar has the memory."""
    texts = [text for text in HOSTILE if len(text) < 90_000]
    plain = ["a dog runs"] * len(texts)
    return CaptionCorpus.of([*texts, *plain, None], [[text] for text in (*plain, *texts, "a dog")])


FEW = "a a a the the dog dogs hound man men runs running run large big city of to in is car automobile".split()
MARKS = "3.5 1,000 u.s. e.g. x-ray ' '' -- ... \u00e9 mr. p.m. o'clock 1990's $ a/b -lrb- v. pp. 5 no. it's . ,".split()
ENDINGS = ("", "", "s", "ed", "ing", "ly", "er", "est", "es", "ies", "'s", "ness", "ational")


def repetitive() -> CaptionCorpus:
    """Random sentences of few words, many of them repeated: the search has to decide."""
    chance = random.Random(1)

    def sentence() -> str:
        return " ".join(chance.choices(FEW[: chance.choice((2, 3, 5, 9, 21))], k=chance.choice((1, 3, 6, 12, 24))))

    return corpus_of([sentence() for _ in range(4000)], [[sentence() for _ in range(1 + n % 3)] for n in range(4000)])


def varied() -> CaptionCorpus:
    """Sentences of all sorts of words, and references that keep, bend, replace, drop or move them."""
    chance = random.Random(2)
    common, function_words = sorted(english().wordnet.irregular), sorted(english().function_words)
    sources = (FEW, MARKS, function_words, common, sorted(english().wordnet.synsets))

    def word() -> str:
        return chance.choice(chance.choice(sources)) + chance.choice(ENDINGS)

    def reworded(words: list[str]) -> str:
        kept = [
            one + chance.choice(ENDINGS) if chance.random() < 0.3 else one for one in words if chance.random() < 0.8
        ]
        kept = [word() if chance.random() < 0.2 else one for one in kept]
        return " ".join(chance.sample(kept, len(kept)) if chance.random() < 0.2 else kept)

    hypotheses = [[word() for _ in range(chance.randint(0, 20))] for _ in range(4000)]
    references = [[reworded(words) for _ in range(chance.randint(1, 4))] for words in hypotheses]
    return corpus_of([" ".join(words) for words in hypotheses], references)


def paraphrased() -> CaptionCorpus:
    """Sentences of the paraphrase table's phrases, several paraphrases of the same phrase against each other."""
    chance, index = random.Random(3), paraphrases()
    sizes = np.diff(index.starts)
    known = np.flatnonzero(sizes > 3)
    words = list(index.words)

    def segment() -> tuple[str, str]:
        ours, theirs = [], []
        for _ in range(chance.randint(1, 4)):
            node = int(known[chance.randrange(len(known))])
            targets = index.targets[index.starts[node] : index.starts[node + 1]]
            picked = [phrase(index, words, int(chance.choice(targets))) for _ in range(3)]
            sides = ([phrase(index, words, node)] * chance.randint(1, 2) + picked[2:], picked[: chance.randint(1, 3)])
            one, other = sides if chance.random() < 0.6 else sides[::-1]
            ours += one
            theirs += other + chance.choices(FEW, k=chance.randint(0, 1))
        return " ".join(ours), " ".join(chance.sample(theirs, len(theirs)) if chance.random() < 0.3 else theirs)

    segments = [segment() for _ in range(4000)]
    return corpus_of([text for text, _ in segments], [[reference] for _, reference in segments])


def phrase(index: Paraphrases, words: list[str], node: int) -> str:
    """The words on the way to a node of the trie."""
    found: list[str] = []
    while node:
        found.append(words[index.trie_words[node]])
        node = int(np.searchsorted(index.children, np.int32(node), side="right")) - 1
    return " ".join(reversed(found))


REAL: dict[str, Callable[[], CaptionCorpus]] = {
    "fakecap": fakecap,
    "spice_example": spice_example,
    "leave_one_out": leave_one_out,
    "shuffled": shuffled,
    "flickr8k": flickr8k,
}
GENERATED: dict[str, Callable[[], CaptionCorpus]] = {
    "hostile": hostile,
    "repetitive": repetitive,
    "varied": varied,
    "paraphrased": paraphrased,
}


def part(corpus: CaptionCorpus) -> CaptionCorpus:
    """A corpus of `MOST` samples or a few more: each so manieth."""
    step = max(1, len(corpus.hypotheses) // MOST)
    return corpus_of(corpus.hypotheses[::step], corpus.references[::step])


def score_line(hypothesis: str, references: tuple[str, ...]) -> str:
    """The wrapper's question about a segment."""
    return " ||| ".join(["SCORE", *references, hypothesis.replace("|||", "").replace("  ", " ")])


def eval_line(rows: Array) -> str:
    """The wrapper's question about a corpus: its segments' statistics, the chunks of perfect ones put back."""
    rows = rows[:, :-1].copy()
    rows[(rows[:, CHUNKS] == 0) & (rows[:, CHUNKS + 1] > 0), CHUNKS] = 1.0
    return " ||| ".join(["EVAL", *(" ".join(map(str, row)) for row in rows.tolist())])


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    makers = (REAL if SHARED.is_dir() else {}) | GENERATED
    corpora = {name: part(make()) for name, make in makers.items()}
    ours = {name: rows_of(METEOR, corpus) for name, corpus in corpora.items()}
    lines = []
    for name, corpus in corpora.items():
        segments = zip(corpus.hypotheses, corpus.references, strict=True)
        lines += [score_line(hypothesis or "", golden) for hypothesis, golden in segments]
        lines.append(eval_line(ours[name]))
    jar = java.find_jar("meteor", "meteor-1.5.jar")
    given = iter(java.run_java(["-Xmx4G", "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"], lines, "METEOR"))
    found = {}
    for name, rows in ours.items():
        theirs = np.asarray([[float(number) for number in next(given).split()] for _ in rows])
        theirs[perfect(theirs), CHUNKS] = 0.0
        found[name] = Answer(rows, theirs, np.asarray([float(next(given)) for _ in rows]), float(next(given)))
    return found


@pytest.mark.parametrize("name", [*REAL, *GENERATED])
def test_statistics_of_every_segment(name: str, answers: dict[str, Answer]) -> None:
    if name not in answers:
        pytest.skip("the real data sets of shared/data are not beside this checkout")
    ours, theirs = answers[name].ours[:, :-1], answers[name].theirs
    assert np.flatnonzero((ours != theirs).any(axis=1)).tolist() == []


@pytest.mark.parametrize("name", [*REAL, *GENERATED])
def test_scores_of_images_and_corpus(name: str, answers: dict[str, Answer]) -> None:
    """Equal to the last bit; where a generated segment is not, Java's power function rounds otherwise."""
    if name not in answers:
        pytest.skip("the real data sets of shared/data are not beside this checkout")
    rows, _, images, corpus = answers[name]
    ours = METEOR.per_sample(rows)[:, 0]
    assert METEOR.value(rows) == (corpus if name in REAL else pytest.approx(corpus, abs=1e-15, rel=0))
    assert ours == pytest.approx(images, abs=1e-15, rel=0)
    if name in REAL:
        assert ours.tolist() == images.tolist()


def test_generated_corpora_have_matches_of_all_stages(answers: dict[str, Answer]) -> None:
    for name in ("varied", "paraphrased"):
        matches = answers[name].theirs[:, 4:CHUNKS].sum(axis=0).reshape(4, 4).sum(axis=1)
        assert (matches > 0).all()


def test_recorded_scores(shared: Path) -> None:
    """Of val2017 the official tokeniser reads three captions with their neighbours."""
    scores = json.loads((shared / "metric_cases" / "expected_official_scores.json").read_text())
    recorded = {title.split(" ")[0]: found["METEOR"] for title, found in scores.items() if "METEOR" in found}
    assert METEOR.value(rows_of(METEOR, fakecap())) == recorded["fakecap1000"]
    leaving = next(found["METEOR"] for title, found in scores.items() if title.startswith("val2017 leave-one-out"))
    assert METEOR.value(rows_of(METEOR, leave_one_out())) == pytest.approx(leaving, abs=1e-6)
