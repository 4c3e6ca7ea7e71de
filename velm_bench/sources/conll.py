"""CoNLL column files: a token per line, its tag in a column, sentences set apart by empty lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from velm_bench.digests import digest_file
from velm_bench.errors import UsageError
from velm_bench.samples import Sample
from velm_bench.sources.files import FileSettings, FileSource, read_text
from velm_bench.sources.iob import entrances, require_tags, to_iob2, types_of

_DOCUMENT = "-DOCSTART-"
_SPACE = re.compile(r"[ \t]+")


class ConllSettings(FileSettings):
    """Settings of the `conll` source."""

    path: str
    """The column file."""
    scheme: Literal["iob1", "iob2"] = "iob1"
    """How the tags are written. "iob1" reads both, for every IOB2 file means the same read as IOB1;
    "iob2" makes a sentence in which an ``I-`` tag begins an entity an error."""
    token_column: int = 0
    """The token's column, counted from 0; negative from the end."""
    tag_column: int = -1
    """The tag's column, counted from 0; negative from the end."""


@dataclass(frozen=True)
class Sentence:
    """Tokens and tags as the file writes them."""

    line: int
    """The line of the first token, counted from 1."""
    document: int
    """How many -DOCSTART- lines came before."""
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


class ConllSource(FileSource[ConllSettings]):
    """A sample per sentence with ids "0", "1", ...; its group is the document where the file marks documents."""

    Settings = ConllSettings
    kinds = frozenset({"ner"})

    def load(self) -> None:
        self.path = self.place.find(self.settings.path)
        text = read_text(self.path)
        self.sentences = read_conll(text, self.settings.token_column, self.settings.tag_column, self.path)
        if not self.sentences:
            raise UsageError(f"The file {self.path} has no sentences: give a CoNLL column file.")

    def content(self) -> list[str]:
        return [digest_file(self.path)]

    def samples(self) -> Iterator[Sample]:
        for index, sentence in enumerate(self.sentences):
            problem = self._problem(sentence)
            yield Sample(
                str(index),
                inputs={"tokens": tuple(sentence.tokens)},
                references=() if problem else to_iob2(sentence.tags),
                group=f"document {sentence.document}" if sentence.document else "",
                problem=problem,
            )

    def _problem(self, sentence: Sentence) -> str:
        place = f"{self.path.name}, sentence of line {sentence.line}"
        try:
            require_tags(sentence.tags)
        except ValueError as error:
            return f"{place}: {error}."
        wrong = entrances(sentence.tags) if self.settings.scheme == "iob2" else []
        if not wrong:
            return ""
        tag = sentence.tags[wrong[0]]
        return f"{place}: {tag} begins an entity, which is not IOB2: set 'scheme: iob1' if the file is IOB1."

    def options(self) -> tuple[str, ...]:
        """The entity types of the file."""
        return self._types

    @cached_property
    def _types(self) -> tuple[str, ...]:
        return types_of(tag for sentence in self.sentences for tag in sentence.tags)


def read_conll(text: str, token_column: int, tag_column: int, path: Path) -> list[Sentence]:
    """The sentences of a column file; UsageError naming the line that lacks a column.

    Columns are set apart by any run of spaces and tabs; other white space (a no-break space, say) is part of a token.
    """
    sentences: list[Sentence] = []
    document, open_sentence = 0, False
    for number, line in enumerate(text.split("\n"), start=1):
        cells = _SPACE.split(stripped) if (stripped := line.strip(" \t\r")) else []
        if not cells or cells[0].startswith(_DOCUMENT):
            document, open_sentence = document + bool(cells), False
            continue
        if not open_sentence:
            sentences.append(Sentence(number, document))
            open_sentence = True
        token, tag = _cells(cells, token_column, tag_column, f"{path}, line {number}")
        sentences[-1].tokens.append(token)
        sentences[-1].tags.append(tag)
    return sentences


def _cells(cells: Sequence[str], token_column: int, tag_column: int, place: str) -> tuple[str, str]:
    width = len(cells)
    columns = [column + width if column < 0 else column for column in (token_column, tag_column)]
    if columns[0] == columns[1] or not all(0 <= column < width for column in columns):
        raise UsageError(
            f"{place}: there are {width} columns, which lack token column {token_column} or tag column {tag_column}: "
            "mend the line or set 'token_column' and 'tag_column'."
        )
    return cells[columns[0]], cells[columns[1]]
