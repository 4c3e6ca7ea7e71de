"""SPICE of captions (Anderson et al. 2016): the jar of pycocoevalcap, started so that it works on today's Java."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from velm_bench.errors import RunError
from velm_bench.metrics.base import Array, divide
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.java import find_jar, java_version, last_words, start
from velm_bench.metrics.captions.overlap import CaptionMetric
from velm_bench.metrics.captions.ptb import SIGNATURE
from velm_bench.metrics.captions.spice_resources import find_jars
from velm_bench.metrics.captions.spice_script_engine import write_engine

CATEGORIES = ("relation", "object", "attribute", "cardinality", "color", "size")
"""The kinds of tuples that are scored apart; the jar spells them with a capital."""
MAIN = "edu.anu.spice.SpiceScorer"
OPENED = (
    *(f"java.base/java.{part}" for part in ("lang", "util", "math", "net", "text", "util.concurrent")),
    "java.sql/java.sql",
)
"""What the jar's serialiser reaches into by reflection, which Java 16 and later forbid otherwise."""
MEMORY = "-XX:MaxRAMPercentage=75"
"""Three quarters of the memory that Java sees, a container's limit included; the official wrapper asks for 8 GB."""
MOST_WORDS = 200
"""How much of a caption is parsed: the parser's time grows with the cube of a sentence's length."""

Question = tuple[str, list[str]]
"""A caption and its references."""
Scores = Mapping[str, Mapping[str, Any]]
"""What the jar says of one image, by category."""


class Spice(CaptionMetric):
    """SPICE (Anderson et al. 2016): the F-score over the tuples of two scene graphs, per image, and its mean.

    Also the mean precision and recall, and `spice/<category>`: the mean F over one category's tuples, over the images
    whose references hold such tuples (NaN where none do). A failed sample proposes no tuple and scores 0, in each
    category that its references have. The first 200 words of a caption are parsed.
    """

    name = "spice"
    best = 1.0
    signature = f"spice-1.0|corenlp:3.6.0|synsets:yes|words:{MOST_WORDS}|{SIGNATURE}|v:1"
    outputs = ("spice", "spice_precision", "spice_recall", *(f"spice/{category}" for category in CATEGORIES))
    columns = (
        *("f", "precision", "recall"),
        *(f"{part}_{category}" for part in ("f", "has") for category in CATEGORIES),
        "samples",
    )
    gold = (*(f"has_{category}" for category in CATEGORIES), "samples")

    def rows(self, corpus: CaptionCorpus) -> Array:
        """Raises MetricUnavailableError without Java, the jar or CoreNLP, RunError where the jar fails."""
        golden = [[shortened(text) for text in texts if text] for texts in corpus.references]
        # Where nothing is proposed the jar is still asked, about a reference: it tells which categories there are.
        captions = [shortened(text) if text else "" for text in corpus.hypotheses]
        asked = [place for place, texts in enumerate(golden) if texts]
        answers = ask([(captions[place] or golden[place][0], golden[place]) for place in asked])
        rows = np.zeros((len(golden), len(self.columns) - 1))
        for place, scores in zip(asked, answers, strict=True):
            rows[place] = row_of(scores, proposed=bool(captions[place]))
        return rows

    def finalize(self, totals: Array) -> Array:
        count = len(CATEGORIES)
        overall = divide(totals[..., :3], totals[..., -1:], empty=np.nan)
        apart = divide(totals[..., 3 : 3 + count], totals[..., 3 + count : 3 + 2 * count], empty=np.nan)
        return np.concatenate([overall, apart], axis=-1)


def shortened(caption: str) -> str:
    """The first words of a tokenised caption."""
    return " ".join(caption.split(" ", MOST_WORDS)[:MOST_WORDS])


def row_of(scores: Scores, proposed: bool) -> list[float]:
    """F, precision, recall, then F of each category and whether its references have it; 0 where nothing is proposed."""
    overall = [_number(scores["All"][part]) for part in ("f", "pr", "re")]
    apart = [_number(scores[category.capitalize()]["f"]) for category in CATEGORIES]
    found = [value if proposed and not math.isnan(value) else 0.0 for value in (*overall, *apart)]
    return [*found, *(float(not math.isnan(value)) for value in apart)]


def _number(value: Any) -> float:
    """A score; the jar writes null where it is undefined."""
    return math.nan if value is None else float(value)


def ask(questions: Sequence[Question]) -> list[Scores]:
    """What the jar says of each caption, in order; no Java starts where nothing is asked."""
    return run_jar(find_jars(), questions) if questions else []


def run_jar(corenlp: Sequence[Path], questions: Sequence[Question]) -> list[Scores]:
    """The scores that one run of the jar gives, with these jars of CoreNLP."""
    jar, flags = find_jar("spice", "spice-1.0.jar"), [MEMORY, *opens(java_version())]
    with tempfile.TemporaryDirectory(prefix="velm-spice-") as name:
        folder = Path(name)
        asked, answered = folder / "asked.json", folder / "answered.json"
        items = [{"image_id": place, "test": text, "refs": golden} for place, (text, golden) in enumerate(questions)]
        asked.write_text(json.dumps(items), encoding="ascii")
        path = os.pathsep.join(map(str, (*corenlp, jar, write_engine(folder))))
        arguments = [*flags, "-cp", path, MAIN, str(asked), "-out", str(answered), "-subset", "-silent"]
        done = start(arguments, b"", "SPICE")
        if done.returncode:
            raise RunError(f"SPICE ended with exit status {done.returncode}: {cause(done.stderr)}.")
        return read_answers(answered, len(questions))


def opens(version: str) -> list[str]:
    """The flags that let the jar reach into Java's own packages; Java 8 knows no such flag and needs none."""
    found = re.search(r'version "(\d+)', version)
    if found is None or int(found[1]) < 9:
        return []
    return [word for package in OPENED for word in ("--add-opens", f"{package}=ALL-UNNAMED")]


def cause(stderr: bytes) -> str:
    """The first line that names an exception or an error, or the last line where none does."""
    lines = stderr.decode("utf-8", errors="replace").splitlines()
    named = (line.strip() for line in lines if re.search(r"\b[\w.]+\.\w*(Exception|Error)\b", line))
    return next(named, last_words(stderr)).rstrip(".")


def read_answers(path: Path, count: int) -> list[Scores]:
    """The scores of images 0 to count - 1; RunError where the file is not what the jar should have written."""
    try:
        items = {item["image_id"]: item["scores"] for item in json.loads(path.read_text(encoding="utf-8"))}
        return [items[place] for place in range(count)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"SPICE gave no readable scores for {count} captions ({type(error).__name__}: {error})."
        ) from error
