"""The metrics beside the code they must equal, in one run, with equal results asserted.

    python benchmarks/metrics.py [--rounds 3] [--largest 40000] [--only captions|growth|vqa|entities]

Captions: the tokenisation, BLEU-1 to 4, METEOR, ROUGE-L and CIDEr-D, ours against pycocoevalcap 1.2, leave-one-out
over COCO val2017 where the shared data is at hand, over captions of embedded scenes otherwise. Ours is timed in a
process of its own that has scored some other captions before, so that what is remembered of captions cannot help; the
first score of a process (imports included) and of a machine (no cache folder yet) stand beside it. The official code
starts its Java processes on every call, as it always does. Images that its tokeniser reads with their neighbours are
left out, so that results can be asserted equal: to the last bit, CIDEr to 1e-12.

VQA: 214,354 questions with ten answers each against a literal reading of the challenge's rules. Entities: CoNLL-2003's
test set, or generated sentences, against seqeval.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
METRICS = ("bleu", "meteor", "rouge_l", "cider")
MOST_MEGABYTES = 1500
"""What 40,000 images may take, the captions themselves included."""
QUESTIONS = 214_354
"""The questions of VQAv2's validation set."""

Corpus = tuple[list[str], list[list[str]]]


class Timed(NamedTuple):
    """One measurement in a process of its own."""

    seconds: float
    scores: dict[str, float]
    megabytes: float


def apart(function: Callable[[], Timed], **environment: str) -> Timed:
    """What a function gives in a new process with these environment variables."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(function).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and the result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def images() -> list[list[str]]:
    """Five captions or so of each of 5,000 images."""
    path = SHARED / "coco_caption" / "captions_val2017.json"
    if not path.is_file():
        from velm_bench.sources.scenes import captions

        return [list(captions("train", index)) for index in range(5000)]
    found: dict[int, list[str]] = {}
    for one in json.loads(path.read_text())["annotations"]:
        found.setdefault(one["image_id"], []).append(one["caption"])
    return list(found.values())


def corpus(count: int) -> Corpus:
    """The first caption of each image against the others; beyond 5,000 images with a word of each caption replaced."""
    chance, known = random.Random(1), images()
    words = [word for captions in known for caption in captions for word in caption.split()]
    chosen = known[:count]
    while len(chosen) < count:
        chosen += [[varied(caption, words, chance) for caption in one] for one in known[: count - len(chosen)]]
    return [one[0] for one in chosen], [one[1:] for one in chosen]


def varied(caption: str, words: Sequence[str], chance: random.Random) -> str:
    """The caption with one word replaced by a word of another caption."""
    parts = caption.split()
    parts[chance.randrange(len(parts))] = chance.choice(words)
    return " ".join(parts)


def our_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """All outputs of the four metrics."""
    from velm_bench.metrics import build

    return {name: value for metric in METRICS for name, value in build(metric).compute(predictions, references).items()}


def ours(predictions: Sequence[str], references: Sequence[Sequence[str]], warm: bool) -> Timed:
    """Our metrics on these captions; `warm`: after some other captions, else from the import on."""
    if warm:
        our_scores(["Warming up: a cat isn't a dog (yet).", "two"], [["one 3-inch pizza at 5 p.m. & more"], ["a b c"]])
    seconds, scores = timed(lambda: our_scores(predictions, references))
    return Timed(seconds, scores, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def official_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """The same by pycocoevalcap, tokenisation included."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge

    gold = official_tokens(references)
    found = official_tokens([[text] for text in predictions])
    with contextlib.redirect_stdout(io.StringIO()):
        bleu = Bleu(4).compute_score(gold, found)[0]
        rest = [metric().compute_score(gold, found)[0] for metric in (Meteor, Rouge, Cider)]
    scores = dict(zip(("meteor", "rouge_l", "cider"), map(float, rest), strict=True))
    return scores | {f"bleu_{order + 1}": float(value) for order, value in enumerate(bleu)}


def official_tokens(captions: Sequence[Sequence[str]]) -> dict[int, list[str]]:
    """Tokenised captions by image, from the official wrapper."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    numbered = {image: [{"caption": text} for text in texts] for image, texts in enumerate(captions)}
    found: dict[int, list[str]] = PTBTokenizer().tokenize(numbered)
    return found


def undisturbed(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Corpus:
    """The images none of whose captions the official tokeniser, fed with all in one file, reads with a neighbour."""
    from velm_bench.metrics.captions.ptb import tokenize

    kept = list(zip(predictions, references, strict=True))
    while True:
        texts = [*(list(golden) for _, golden in kept), *([text] for text, _ in kept)]
        official = official_tokens(texts)
        moved = {place % len(kept) for place, one in enumerate(texts) if tokenize(one) != official[place]}
        if not moved:
            return [text for text, _ in kept], [list(golden) for _, golden in kept]
        kept = [pair for place, pair in enumerate(kept) if place not in moved]


def compare_captions(count: int, rounds: int) -> None:
    """Print a line for so many images, and the cold times."""
    predictions, references = undisturbed(*corpus(count))
    apart(partial(ours, predictions[:50], references[:50], False))  # whatever is cached on disk is there now
    official, mine = [], []
    for _ in range(rounds):
        seconds, due = timed(lambda: official_scores(predictions, references))
        official.append(seconds)
        mine.append(apart(partial(ours, predictions, references, True)))
        for name, value in due.items():
            allowed = 1e-12 if name == "cider" else 0.0
            assert abs(mine[-1].scores[name] - value) <= allowed, (name, mine[-1].scores[name], value)
    fast, slow = statistics.median(one.seconds for one in mine), statistics.median(official)
    first = apart(partial(ours, predictions, references, False))
    with tempfile.TemporaryDirectory() as folder:
        never = apart(
            partial(ours, predictions, references, False), VELM_CACHE=folder, NUMBA_CACHE_DIR=f"{folder}/numba"
        )
    print(
        f"{len(predictions):>7,} images: official {slow:7.2f} s, ours {fast:6.3f} s, {slow / fast:5.1f} times as fast"
    )
    print(f"{'':>15} a process's first score {first.seconds:.2f} s; a machine's first {never.seconds:.1f} s")


def growth(largest: int) -> None:
    """Print time and memory of ours from 1,000 images up."""
    print(f"{'images':>9}{'seconds':>10}{'ms/image':>10}{'peak MB':>9}")
    for count in (1000, 2000, 5000, 10_000, 20_000, 40_000):
        if count <= largest:
            one = apart(partial(ours, *corpus(count), True))
            assert one.megabytes < MOST_MEGABYTES, one
            print(f"{count:>9,}{one.seconds:>10.2f}{1000 * one.seconds / count:>10.3f}{one.megabytes:>9.0f}")


def questions(count: int) -> tuple[list[str], list[list[str]]]:
    """Predictions and ten answers each, as repetitive as people's: common words, some marks, some rare answers."""
    chance = random.Random(2)
    common = ["yes", "no", "2", "red", "a dog", "on the table", "don't know", "Blue.", "3", "two", "skateboard", "left"]
    rare = [f"{chance.choice(common)} {number}" for number in range(20_000)]
    frequent = [2 ** (len(common) - place) for place in range(len(common))]
    answers = [
        [one] * 10 if (one := chance.choices(common, frequent)[0]) and chance.random() < 0.3 else
        chance.choices([one, chance.choice(common), chance.choice(rare)], (7, 2, 1), k=10)
        for _ in range(count)
    ]  # fmt: skip
    return [chance.choice(given) if chance.random() < 0.7 else chance.choice(rare) for given in answers], answers


def compare_vqa(rounds: int) -> None:
    """Print a line per variant of VQA accuracy."""
    sys.path.insert(0, str(ROOT))
    from tests.metrics.questions.literal_vqa import LITERAL
    from velm_bench.metrics import build

    predictions, answers = questions(QUESTIONS)
    for name in ("vqa_accuracy_vqaeval", "vqa_accuracy", "vqa_accuracy_2015"):
        metric, seconds = build(name), []
        literal = LITERAL[name]
        slow, due = timed(lambda literal=literal: list(map(literal, predictions, answers)))
        for _ in range(rounds):
            taken, rows = timed(lambda metric=metric: metric.statistics(predictions, answers))
            seconds.append(taken)
        assert abs(rows[:, 0] - np.asarray(due)).max() < 1e-9, name
        fast = statistics.median(seconds)
        print(
            f"{QUESTIONS:>9,} questions, {name:<21} literal {slow:6.2f} s, ours {fast:.3f} s, {slow / fast:.0f} times"
        )


def sentences() -> list[list[str]]:
    """The tags of CoNLL-2003's test set, or of generated sentences."""
    path = SHARED / "conll2003" / "eng.testb"
    if path.is_file():
        blocks = [block.split("\n") for block in path.read_text().split("\n\n")]
        found = [[line.split()[-1] for line in block if line and not line.startswith("-DOCSTART-")] for block in blocks]
        return [tags for tags in found if tags]
    chance = random.Random(3)
    tags = ["O"] * 12 + [f"{side}-{kind}" for kind in ("PER", "LOC", "ORG", "MISC") for side in "BI"]
    return [chance.choices(tags, k=chance.randint(3, 30)) for _ in range(3453)]


def compare_entities(rounds: int, times: int = 4) -> None:
    """Print a line: entity F1 of tags with one in twenty wrong."""
    from seqeval.metrics import f1_score

    from velm_bench.metrics import build

    chance, gold = random.Random(4), sentences() * times
    kinds = sorted({tag[2:] for tags in gold for tag in tags if tag != "O"})
    every = ["O", *(f"{side}-{kind}" for kind in kinds for side in "BI")]
    found = [[chance.choice(every) if chance.random() < 0.05 else tag for tag in tags] for tags in gold]
    mine, theirs = [], []
    for _ in range(rounds):
        slow, due = timed(lambda: f1_score(gold, found))
        fast, scores = timed(lambda: build("entity_f1", kinds).compute(found, gold))
        assert abs(scores["entity_f1"] - due) < 1e-12
        mine.append(fast)
        theirs.append(slow)
    slow, fast = statistics.median(theirs), statistics.median(mine)
    print(f"{len(gold):>9,} sentences, entity F1: seqeval {slow:.2f} s, ours {fast:.3f} s, {slow / fast:.1f} times")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--largest", type=int, default=40_000)
    parser.add_argument("--only", choices=("captions", "growth", "vqa", "entities"))
    given = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "captions": lambda: [compare_captions(count, given.rounds) for count in (1000, 5000)] and None,
        "growth": lambda: growth(given.largest),
        "vqa": lambda: compare_vqa(given.rounds),
        "entities": lambda: compare_entities(given.rounds),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            print(f"== {name}", flush=True)
            part()


if __name__ == "__main__":
    main()
