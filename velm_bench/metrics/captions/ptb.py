"""Penn Treebank tokens of captions, as pycocoevalcap makes them, but each caption on its own.

The official wrapper writes all captions to one file. There a line separator inside a caption shifts every later one
to the wrong image, and an abbreviation's tokens depend on how the next caption begins: of the 25,014 captions of
COCO's val2017, 3 get other tokens than alone. Here separators and control characters become spaces, and a neutral
line stands between any two captions, so that a caption's tokens depend on nothing else.

Plain captions, 99.8 % of val2017, need no Java: see ptb_plain. The rest go to the original tokeniser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from velm_bench.errors import RunError
from velm_bench.metrics.base import MetricUnavailableError
from velm_bench.metrics.captions.java import find_jar
from velm_bench.metrics.captions.java_lines import LineTool
from velm_bench.metrics.captions.ptb_plain import plain_tokens

SIGNATURE = "tok:ptb-3.4.1-alone"

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that the official wrapper removes. After lower-casing, brackets are -lrb- and stay; that is official too."""

SEPARATORS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
SURROGATES = re.compile("[\ud800-\udfff]")

FENCE = "x \"} '}"
"""Stands between captions. A lower-case word after an abbreviation leaves it as the end of the file would, and the
quotation marks end the search for the rest of a tag that a caption only begins (`<a href="`)."""
FENCE_TOKENS = "x '' -rcb- ' -rcb-"

BATCH = 50_000
"""About so many characters are asked at a time, so that a process that hangs is noticed early."""
MOST_LINES = 1_000_000
MOST_CHARACTERS = 100_000_000


class Memory(dict[str, str]):
    """What the original tokeniser said, of up to MOST_LINES captions with up to MOST_CHARACTERS in all."""

    characters = 0

    def keep(self, tokens: dict[str, str]) -> None:
        """Remember these too; where that would be too much, forget the others."""
        size = sum(len(caption) + len(found) for caption, found in tokens.items())
        if len(self) + len(tokens) > MOST_LINES or self.characters + size > MOST_CHARACTERS:
            self.clear()
            self.characters = 0
        if size <= MOST_CHARACTERS:
            self.update(tokens)
            self.characters += size


_remembered = Memory()


def tokenize(captions: Iterable[str]) -> list[str]:
    """The tokens of each caption, joined by spaces; Java is asked only about captions that are not plain, and once.

    Raises MetricUnavailableError if there is such a caption, and no Java or no pycocoevalcap; RunError if the
    original tokeniser fails.
    """
    cleaned = [clean(caption) for caption in captions]
    tokens = [plain_tokens(caption) for caption in cleaned]
    known = {caption: _remembered.get(caption) for caption, found in zip(cleaned, tokens, strict=True) if found is None}
    missing = [caption for caption, found in known.items() if found is None]
    if missing:
        answers = dict(zip(missing, tokenize_now(missing), strict=True))
        _remembered.keep(answers)
        known.update(answers)
    return [known[caption] or "" if found is None else found for caption, found in zip(cleaned, tokens, strict=True)]


def clean(caption: str) -> str:
    """The caption on one encodable line: separators and control characters to a space, lone surrogates to U+FFFD."""
    text = str(caption)
    if not (text.isascii() and text.isprintable()):
        text = SURROGATES.sub("\ufffd", SEPARATORS.sub(" ", text))
    return text.strip(" ")


def tokenize_now(captions: Sequence[str]) -> list[str]:
    """The tokens of cleaned captions, from the original tokeniser itself; empty ones start nothing."""
    asked = [caption for caption in captions if caption]
    try:
        answers = iter([tokens for batch in batches(asked) for tokens in original_tokens(batch)])
    except MetricUnavailableError as error:
        named = asked[0] if len(asked[0]) <= 60 else f"{asked[0][:57]}..."
        raise MetricUnavailableError(f"The caption {named!r} needs the original PTB tokeniser. {error}") from error
    return [next(answers) if caption else "" for caption in captions]


def batches(captions: Sequence[str]) -> Iterator[list[str]]:
    """The captions in runs of about BATCH characters."""
    batch: list[str] = []
    size = 0
    for caption in captions:
        batch.append(caption)
        size += len(caption)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def original_tokens(captions: Sequence[str]) -> list[str]:
    """The tokens of a batch, each caption between fences."""
    lines = TOKENIZER.ask([line for caption in captions for line in (caption, FENCE)])
    if len(lines) != 2 * len(captions) or any(line != FENCE_TOKENS for line in lines[1::2]):
        TOKENIZER.close()
        raise RunError("The PTB tokeniser did not return a line for a line: captions would be mixed up.")
    return [without_punctuation(line) for line in lines[::2]]


def without_punctuation(line: str) -> str:
    """The line's tokens less the punctuation tokens."""
    return " ".join(token for token in line.rstrip().split(" ") if token not in PUNCTUATION)


def arguments() -> list[str]:
    """How the original tokeniser is called."""
    jar = find_jar("tokenizer", "stanford-corenlp-3.4.1.jar")
    name = "edu.stanford.nlp.process.PTBTokenizer"
    return ["-cp", str(jar), name, "-preserveLines", "-lowerCase", "-encoding", "UTF-8"]


TOKENIZER = LineTool("The PTB tokeniser", arguments)
"""Starts when first asked."""
