"""Penn Treebank tokens of captions, as pycocoevalcap makes them, but each caption on its own.

The official wrapper writes all captions to one file. There a line separator inside a caption shifts every later one
to the wrong image, and an abbreviation's tokens depend on how the next caption begins. Here separators and control
characters become spaces, and a neutral line stands between any two captions, so that a caption's tokens depend on
nothing else: they are the same in any batch, and can be remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from velm_bench.errors import RunError
from velm_bench.metrics.java import find_jar, run_java

SIGNATURE = "tok:ptb-3.4.1-alone"

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that the official wrapper removes. After lower-casing, brackets are -lrb- and stay; that is official too."""

SEPARATORS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SURROGATES = re.compile("[\ud800-\udfff]")
FENCE = "x"
"""Stands between captions: a lower-case word after an abbreviation leaves it as the end of the file would."""

MOST_REMEMBERED = 1_000_000

_remembered: dict[str, str] = {}


def tokenize(captions: Iterable[str]) -> list[str]:
    """The tokens of each caption, joined by spaces; one Java process for all captions not seen before.

    Raises MetricUnavailableError without Java or pycocoevalcap, RunError if the tokeniser fails.
    """
    cleaned = [clean(caption) for caption in captions]
    missing = [caption for caption in dict.fromkeys(cleaned) if caption not in _remembered]
    if len(_remembered) + len(missing) > MOST_REMEMBERED:
        _remembered.clear()
        missing = list(dict.fromkeys(cleaned))
    _remembered.update(zip(missing, tokenize_now(missing), strict=True))
    return [_remembered[caption] for caption in cleaned]


def clean(caption: str) -> str:
    """The caption on one encodable line: separators and control characters to a space, lone surrogates to U+FFFD."""
    return SURROGATES.sub("\ufffd", SEPARATORS.sub(" ", str(caption))).strip(" ")


def tokenize_now(captions: Sequence[str]) -> list[str]:
    """The tokens of cleaned captions, from the tokeniser itself; nothing starts where all captions are empty."""
    if not any(captions):
        return ["" for _ in captions]
    jar = find_jar("tokenizer", "stanford-corenlp-3.4.1.jar")
    arguments = ["-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    arguments += ["-preserveLines", "-lowerCase", "-encoding", "UTF-8"]
    fenced = [line for caption in captions for line in (caption, FENCE)]
    lines = run_java(arguments, fenced, "The PTB tokeniser")
    if len(lines) != len(fenced) or any(line != FENCE for line in lines[1::2]):
        raise RunError(f"The PTB tokeniser returned {len(lines)} lines for {len(fenced)}: captions would be mixed up.")
    return [without_punctuation(line) for line in lines[::2]]


def without_punctuation(line: str) -> str:
    """The line's tokens less the punctuation tokens."""
    return " ".join(token for token in line.rstrip().split(" ") if token not in PUNCTUATION)
