"""COCO captions: one JSON file with `images` and `annotations`, and a folder of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from velm_bench.digests import digest_file
from velm_bench.errors import UsageError
from velm_bench.samples import Picture, Sample
from velm_bench.sources.files import (
    Defects,
    FileSettings,
    FileSource,
    MissingPicture,
    key_of,
    picture_in,
    read_json,
    records,
    require_unique,
    texts,
)

_EXPECTED = "a captions file in COCO's format (images and annotations)"
_INSTANCES = "an instances file in COCO's format (images, annotations and categories)"


class CocoSettings(FileSettings):
    """Settings of the `coco` source."""

    annotations: str
    """The captions JSON."""
    images: str = ""
    """The folder that each `file_name` is in; the JSON's own folder if left out."""

    instances: str = ""
    """The instances JSON, for metrics about the objects that are there (chair); none if left out."""

    locations: ClassVar[frozenset[str]] = frozenset({"annotations", "images", "instances"})


class CocoSource(FileSource[CocoSettings]):
    """A sample per image, in the order of `images`; its references are its captions in the order of `annotations`.

    Where `instances` are given, which must list every image, its facts hold `objects`, the names of its categories.
    """

    Settings = CocoSettings
    kinds = frozenset({"captioning"})

    def load(self) -> None:
        self.path = self.place.find(self.settings.annotations, "annotations")
        self.folder = self.folder_of(self.settings.images, self.path)
        data = read_json(self.path)
        self.images = dict(_images(data, self.path))
        self.captions = _captions(data, self.path, self.images)
        self.objects: dict[str, set[str]] = {}
        self.instances: Path | None = None
        if self.settings.instances:
            self.instances = self.place.find(self.settings.instances, "instances")
            self.objects = _objects(read_json(self.instances), self.instances)
            self._require_instances(self.instances)

    def _require_instances(self, path: Path) -> None:
        """UsageError where the instances file knows nothing of an image: that is another thing than no objects."""
        lacking = [one for one in self.images if one not in self.objects]
        if lacking:
            raise UsageError(
                f"The file {path} does not list {len(lacking)} of the {len(self.images)} images of {self.path}, "
                f"'{lacking[0]}' the first: give the instances of the same images."
            )

    def content(self) -> list[str]:
        return [digest_file(path) for path in (self.path, self.instances) if path]

    def samples(self) -> Iterator[Sample]:
        for one, record in self.images.items():
            yield self._sample(one, record)

    def _sample(self, one: str, record: Mapping[str, Any]) -> Sample:
        defects = Defects(f"{self.path.name}, image {one}")
        references = defects.catch(lambda: texts(self.captions[one]), ())
        images = defects.catch(lambda: self._pictures(record), ())
        facts = {"objects": sorted(self.objects[one])} if self.instances else {}
        return Sample(one, images, references=references, group=one, facts=facts, problem=str(defects))

    def _pictures(self, record: Mapping[str, Any]) -> tuple[Picture, ...]:
        if "file_name" not in record:  # reference files for scoring have none
            return (MissingPicture(f"The image {record['id']} has no 'file_name' in {self.path.name}."),)
        return (picture_in(self.folder, record["file_name"]),)


def _images(data: Any, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """The images by id; UsageError if there are none or an id comes twice."""
    images = records(data, "images", path, _EXPECTED)
    if not images:
        raise UsageError(f"The file {path} lists no images: give {_EXPECTED}.")
    places = [f"{path}, images[{index}]" for index in range(len(images))]
    ids = [key_of(record, "id", place) for record, place in zip(images, places, strict=True)]
    require_unique(zip(ids, places, strict=True), "image id")
    return list(zip(ids, images, strict=True))


def _captions(data: Any, path: Path, images: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The captions of every image; UsageError for an annotation that is no caption or belongs to no image."""
    captions: dict[str, list[Any]] = {one: [] for one in images}
    for index, record in enumerate(records(data, "annotations", path, _EXPECTED)):
        place = f"{path}, annotations[{index}]"
        if "caption" not in record:
            raise UsageError(f"{place}: there is no 'caption': give {_EXPECTED}.")
        image = key_of(record, "image_id", place)
        if image not in captions:
            raise UsageError(f"{place}: the image_id '{image}' is not among the images: add the image or remove it.")
        captions[image].append(record["caption"])
    return captions


def _objects(data: Any, path: Path) -> dict[str, set[str]]:
    """The names of the categories in every image of an instances file; UsageError for an unknown image or category."""
    names = {
        key_of(record, "id", f"{path}, categories[{index}]"): str(record.get("name", ""))
        for index, record in enumerate(records(data, "categories", path, _INSTANCES))
    }
    objects: dict[str, set[str]] = {
        key_of(record, "id", f"{path}, images[{index}]"): set()
        for index, record in enumerate(records(data, "images", path, _INSTANCES))
    }
    for index, record in enumerate(records(data, "annotations", path, _INSTANCES)):
        place = f"{path}, annotations[{index}]"
        image, category = key_of(record, "image_id", place), key_of(record, "category_id", place)
        if image not in objects or category not in names:
            raise UsageError(f"{place}: image '{image}' or category '{category}' is not listed: give {_INSTANCES}.")
        objects[image].add(names[category])
    return objects
