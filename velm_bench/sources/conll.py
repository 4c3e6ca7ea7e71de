"""CoNLL column files: a token per line, its tag in a column, sentences set apart by empty lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from velm_bench.digests import digest_file
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import Picture, Sample
from velm_bench.sources.files import Defects, FileSettings, FileSource, picture_in, read_text
from velm_bench.sources.tags import entrances, read_tags, types_of
from velm_bench.sources.templates import template

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
    picture_mark: str = ""
    """What a line begins with that names the picture of the sentence after it, such as "IMGID:"; none if left out."""
    picture: str = "{id}.jpg"
    """The picture's file below `images`, with {id} for what stands behind the mark."""
    images: str = ""
    """The folder of the pictures; the file's own folder if left out."""
    rename: dict[str, str] = Field(default_factory=dict)
    """Other names for entity types: {"OTHER": "MISC"}."""

    @field_validator("picture")
    @classmethod
    def _names_a_file(cls, picture: str) -> str:
        if template(picture).fields != ("id",):
            raise ValueError(f"it must have the one field {{id}}, {picture!r} has not")
        return picture


@dataclass(frozen=True)
class Sentence:
    """Tokens and tags as the file writes them."""

    line: int
    """The line of the first token, counted from 1."""
    document: int
    """How many -DOCSTART- lines came before."""
    tokens: list[str]
    tags: list[str]
    picture: str = ""
    """What its picture is called, where the file names one."""


class ConllSource(FileSource[ConllSettings]):
    """A sample per sentence with ids "0", "1", ...; its group is the document where the file marks documents."""

    Settings = ConllSettings
    kinds = frozenset({"ner"})

    def load(self) -> None:
        self.path = self.place.find(self.settings.path)
        text = read_text(self.path)
        columns = (self.settings.token_column, self.settings.tag_column)
        self.sentences = read_conll(text, *columns, self.path, self.settings.picture_mark)
        self.folder = self.folder_of(self.settings.images, self.path)
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
        references = self._renamed(defects.catch(lambda: read_tags(sentence.tags), ()))
        if references:
            defects.catch(lambda: self._require_scheme(sentence.tags), None)
        return Sample(
            one,
            defects.catch(lambda: self._pictures(sentence), ()),
            inputs={"tokens": tuple(sentence.tokens)},
            references=references,
            group=sentence.picture or (f"document {sentence.document}" if sentence.document else ""),
            problem=str(defects),
        )

    def _pictures(self, sentence: Sentence) -> tuple[Picture, ...]:
        """The sentence's picture; SampleError where the file should name one and does not."""
        if not self.settings.picture_mark:
            return ()
        name = template(self.settings.picture).fill({"id": sentence.picture or None})
        return (picture_in(self.folder, name),)

    def _renamed(self, tags: Sequence[str]) -> tuple[str, ...]:
        names = {f"{side}-{old}": f"{side}-{new}" for old, new in self.settings.rename.items() for side in "BI"}
        return tuple(names.get(tag, tag) for tag in tags)

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
        return types_of(tag for sentence in self.sentences for tag in self._renamed(sentence.tags))


def read_conll(text: str, token_column: int, tag_column: int, path: Path, mark: str = "") -> list[Sentence]:
    """The sentences of a column file; UsageError naming the line that lacks a column.

    Lines that begin with `mark`, if any, name the picture of the sentence after them.
    """
    sentences = []
    for line, document, rows, picture in read_rows(text, mark):
        pairs = [
            _cells(cells, token_column, tag_column, f"{path}, line {number}")
            for number, cells in enumerate(rows, start=line)
        ]
        sentences.append(Sentence(line, document, [token for token, _ in pairs], [tag for _, tag in pairs], picture))
    return sentences


class Rows(NamedTuple):
    """The lines of a sentence, cut into columns."""

    line: int
    """The line of the first, counted from 1."""
    document: int
    """How many -DOCSTART- lines came before."""
    cells: list[list[str]]
    picture: str = ""
    """What stood behind the mark of pictures on the line before."""


def read_rows(text: str, mark: str = "") -> list[Rows]:
    """The sentences of a column file, whatever their columns; a line that begins with `mark` ends the one before it.

    Columns are set apart by any run of spaces and tabs; other white space (a no-break space, say) is part of a token.
    """
    found: list[Rows] = []
    document, open_sentence, picture = 0, False, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if mark and line.startswith(mark):
            open_sentence, picture = False, line[len(mark) :].strip(" \t\r")
            continue
        cells = _SPACE.split(stripped) if (stripped := line.strip(" \t\r")) else []
        if not cells or cells[0].startswith(_DOCUMENT):
            document, open_sentence = document + bool(cells), False
            continue
        if not open_sentence:
            found.append(Rows(number, document, [], picture))
            open_sentence, picture = True, ""
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
