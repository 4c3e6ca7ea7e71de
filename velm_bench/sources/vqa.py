"""VQA v2's official files: questions, annotations, and a folder of pictures with a pattern for their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import field_validator

from velm_bench.digests import digest_file
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import EncodedPicture, Sample
from velm_bench.sources.files import (
    Defects,
    FileSettings,
    FileSource,
    key_of,
    picture_in,
    read_json,
    records,
    require_unique,
    texts,
)
from velm_bench.sources.templates import template

_QUESTIONS = "a questions file in VQA v2's format"
_ANNOTATIONS = "an annotations file in VQA v2's format"
_SLICES = ("question_type", "answer_type")


class VqaSettings(FileSettings):
    """Settings of the `vqa` source."""

    questions: str
    """The questions JSON."""
    annotations: str
    """The annotations JSON of the same split."""
    images: str = ""
    """The folder of the pictures; the questions file's own folder if left out."""
    filename: str = "COCO_{split}_{image_id:012d}.jpg"
    """A picture's name from `image_id`, `question_id` and `split` (the questions file's `data_subtype`)."""

    locations: ClassVar[frozenset[str]] = frozenset({"questions", "annotations", "images"})

    @field_validator("filename")
    @classmethod
    def _known_fields(cls, filename: str) -> str:
        unknown = set(template(filename).fields) - {"split", "image_id", "question_id"}
        if unknown:
            raise ValueError(f"there is no field {{{unknown.pop()}}}, known are: image_id, question_id, split")
        return filename


class VqaSource(FileSource[VqaSettings]):
    """A sample per question, in the file's order; its references are the annotators' answers."""

    Settings = VqaSettings
    kinds = frozenset({"vqa"})

    def load(self) -> None:
        self.path = self.place.find(self.settings.questions, "questions")
        self.annotations_path = self.place.find(self.settings.annotations, "annotations")
        self.folder = self.folder_of(self.settings.images, self.path)
        data = read_json(self.path)
        self.questions = _by_question(data, "questions", self.path, _QUESTIONS)
        self.subtype = self._subtype(data)
        self.annotations = _by_question(
            read_json(self.annotations_path), "annotations", self.annotations_path, _ANNOTATIONS
        )
        if not self.questions.keys() & self.annotations.keys():
            raise UsageError(
                f"No question of {self.path} is answered in {self.annotations_path}: give the files of one split."
            )

    def _subtype(self, data: Any) -> str | None:
        """The `{split}` of file names; UsageError if the pattern needs it and the file does not say."""
        subtype = data.get("data_subtype")
        if not isinstance(subtype, str) and "split" in template(self.settings.filename).fields:
            raise UsageError(
                f"The file {self.path} has no 'data_subtype', which '{self.settings.filename}' needs: "
                "write the name out in 'source.filename'."
            )
        return subtype if isinstance(subtype, str) else None

    def content(self) -> list[str]:
        return [digest_file(self.path), digest_file(self.annotations_path)]

    def samples(self) -> Iterator[Sample]:
        for one, record in self.questions.items():
            yield self._sample(one, record, self.annotations.get(one, {}))

    def _sample(self, one: str, question: Mapping[str, Any], annotation: Mapping[str, Any]) -> Sample:
        defects = Defects(f"{self.path.name}, question {one}")
        return Sample(
            one,
            defects.catch(lambda: (self._picture(question),), ()),
            {"question": defects.catch(lambda: _text(question), "")},
            defects.catch(lambda: texts(annotation.get("answers", [])), ()),
            str(question.get("image_id", "")),
            {name: str(annotation[name]) for name in _SLICES if name in annotation},
            problem=str(defects),
        )

    def _picture(self, question: Mapping[str, Any]) -> EncodedPicture:
        return picture_in(self.folder, template(self.settings.filename).fill({**question, "split": self.subtype}))


def _text(question: Mapping[str, Any]) -> str:
    text = question.get("question")
    if not isinstance(text, str):
        raise SampleError(f"The question {text!r:.40} is not text.")
    return text


def _by_question(data: Any, name: str, path: Path, expected: str) -> dict[str, Mapping[str, Any]]:
    """Records by `question_id`, in order; UsageError if there are none or an id comes twice."""
    found = records(data, name, path, expected)
    if not found:
        raise UsageError(f"The file {path} lists no {name}: give {expected}.")
    places = [f"{path}, {name}[{index}]" for index in range(len(found))]
    ids = [key_of(record, "question_id", place) for record, place in zip(found, places, strict=True)]
    require_unique(zip(ids, places, strict=True), "question_id")
    return dict(zip(ids, found, strict=True))
