"""CoNLL column files: a token per line, its tag in a column, sentences set apart by empty lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from velm_bench.digests import digest_file
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import Sample
from velm_bench.sources.files import Defects, FileSettings, FileSource, read_text
from velm_bench.sources.tags import entrances, read_tags, types_of

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
    tokens: list[str]
    tags: list[str]


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
            yield self._sample(str(index), sentence)

    def _sample(self, one: str, sentence: Sentence) -> Sample:
        """A sentence; tags that can be read stay its truth where it is refused, so that its entities are missed."""
        defects = Defects(f"{self.path.name}, sentence of line {sentence.line}")
        references = defects.catch(lambda: read_tags(sentence.tags), ())
        if references:
            defects.catch(lambda: self._require_scheme(sentence.tags), None)
        return Sample(
            one,
            inputs={"tokens": tuple(sentence.tokens)},
            references=references,
            group=f"document {sentence.document}" if sentence.document else "",
            problem=str(defects),
        )

    def _require_scheme(self, tags: Sequence[str]) -> None:
        """SampleError for an entity that begins as IOB2 does not allow, where that is what the file should be."""
        wrong = entrances(tags) if self.settings.scheme == "iob2" else []
        if wrong:
            raise SampleError(
                f"{tags[wrong[0]]} begins an entity, which is not IOB2: set 'scheme: iob1' if the file is IOB1."
            )

    def options(self) -> tuple[str, ...]:
        """The entity types of the file."""
        return self._types

    @cached_property
    def _types(self) -> tuple[str, ...]:
        return types_of(tag for sentence in self.sentences for tag in sentence.tags)


def read_conll(text: str, token_column: int, tag_column: int, path: Path) -> list[Sentence]:
    """The sentences of a column file; UsageError naming the line that lacks a column."""
    sentences = []
    for line, document, rows in read_rows(text):
        pairs = [
            _cells(cells, token_column, tag_column, f"{path}, line {number}")
            for number, cells in enumerate(rows, start=line)
        ]
        sentences.append(Sentence(line, document, [token for token, _ in pairs], [tag for _, tag in pairs]))
    return sentences


class Rows(NamedTuple):
    """The lines of a sentence, cut into columns."""

    line: int
    """The line of the first, counted from 1."""
    document: int
    """How many -DOCSTART- lines came before."""
    cells: list[list[str]]


def read_rows(text: str) -> list[Rows]:
    """The sentences of a column file, whatever their columns.

    Columns are set apart by any run of spaces and tabs; other white space (a no-break space, say) is part of a token.
    """
    found: list[Rows] = []
    document, open_sentence = 0, False
    for number, line in enumerate(text.split("\n"), start=1):
        cells = _SPACE.split(stripped) if (stripped := line.strip(" \t\r")) else []
        if not cells or cells[0].startswith(_DOCUMENT):
            document, open_sentence = document + bool(cells), False
            continue
        if not open_sentence:
            found.append(Rows(number, document, []))
            open_sentence = True
        found[-1].cells.append(cells)
    return found


def _cells(cells: Sequence[str], token_column: int, tag_column: int, place: str) -> tuple[str, str]:
    width = len(cells)
    columns = [column + width if column < 0 else column for column in (token_column, tag_column)]
    if columns[0] == columns[1] or not all(0 <= column < width for column in columns):
        raise UsageError(
            f"{place}: there are {width} columns, which lack token column {token_column} or tag column {tag_column}: "
            "mend the line or set 'token_column' and 'tag_column'."
        )
    return cells[columns[0]], cells[columns[1]]
