"""A few rows of every classification and entity task, in the schema of its public copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.tasks.hub.fixtures import Fixture, Maker, Schema, Table, picture

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EUROSAT = (
    "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop", "Residential",
    "River", "SeaLake",
)  # fmt: skip
FASHION = (
    "T - shirt / top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def _classes(
    id: str,
    split: str,
    names: tuple[str, ...],
    image: str = "image",
    label: str = "label",
    config: str = "",
    further: Mapping[str, Any] | None = None,
    rest: Callable[[int], Mapping[str, Any]] = lambda _: {},
) -> Fixture:
    """A picture of each of the first three classes and of the last, in the test split; others in that of training."""
    schema: Schema = {image: "image", label: names, **(further or {})}
    labels = [0, 1, 2, len(names) - 1]

    def rows(first: int) -> list[Mapping[str, Any]]:
        return [{image: picture(first + number), label: number, **rest(number)} for number in labels]

    tables = [Table(id, split, schema, rows(1), config), Table(id, "train", schema, rows(7), config)]
    return Fixture(tables, samples=len(labels))


def cifar100() -> Fixture:
    coarse = ("aquatic_mammals", "fish", "flowers")
    return _classes(
        "uoft-cs/cifar100",
        "test",
        ("apple", "aquarium_fish", "baby", "bear"),
        image="img",
        label="fine_label",
        config="cifar100",
        further={"coarse_label": coarse},
        rest=lambda _: {"coarse_label": 1},
    )


def oxford_pets() -> Fixture:
    return _classes(
        "timm/oxford-iiit-pet",
        "test",
        ("abyssinian", "american_bulldog", "american_pit_bull_terrier", "yorkshire_terrier"),
        further={"image_id": "string", "label_cat_dog": ("cat", "dog")},
        rest=lambda place: {"image_id": f"Abyssinian_20{place}", "label_cat_dog": int(place > 0)},
    )


CLASSES: dict[str, Maker] = {
    "imagenet_1k": partial(
        _classes,
        "ILSVRC/imagenet-1k",
        "validation",
        ("tench, Tinca tinca", "goldfish, Carassius auratus", "toilet tissue"),
    ),
    "cifar10": partial(_classes, "uoft-cs/cifar10", "test", CIFAR10, image="img", config="plain_text"),
    "cifar100": cifar100,
    "food101": partial(_classes, "ethz/food101", "validation", ("apple_pie", "baby_back_ribs", "baklava", "waffles")),
    "oxford_pets": oxford_pets,
    "eurosat": partial(
        _classes,
        "timm/eurosat-rgb",
        "test",
        EUROSAT,
        further={"image_id": "string"},
        rest=lambda place: {"image_id": f"Forest_{place}"},
    ),
    "fashion_mnist": partial(_classes, "zalando-datasets/fashion_mnist", "test", FASHION, config="fashion_mnist"),
}

IOB = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
SENTENCES = [
    (["Peter", "Blackburn", "visited", "Siemens", "in", "Rome", "."], [1, 2, 0, 3, 0, 5, 0]),
    (["Nothing", "happened", "."], [0, 0, 0]),
    (["New", "York", "won", "."], [5, 6, 0, 0]),
]
CHINESE = [(list("王明在北京"), [1, 2, 0, 5, 6]), (list("没有"), [0, 0])]
Sentences = list[tuple[list[str], list[int]]]


def _entities(
    id: str,
    config: str,
    names: tuple[str, ...] | str,
    sentences: Sentences = SENTENCES,
    tags: str = "ner_tags",
    further: Mapping[str, Any] | None = None,
    numbered: bool = True,
    converted: bool = True,
    empty: int = 0,
) -> Fixture:
    """Sentences in the test split and, in the other order, in that of training."""
    first: Schema = {"id": "string"} if numbered else {}
    schema: Schema = {**first, "tokens": ["string"], **(further or {}), tags: [names]}

    def rows(chosen: Sentences) -> list[Mapping[str, Any]]:
        found = [{"tokens": tokens, tags: numbers} for tokens, numbers in chosen]
        return [{**row, **({"id": str(place)} if numbered else {})} for place, row in enumerate(found)]

    def table(split: str, chosen: Sentences) -> Table:
        file = f"{config}/{split}/0000.parquet" if converted else ""
        return Table(id, split, schema, rows(chosen), config, file)

    nothing: Sentences = [([], [])] * empty
    return Fixture([table("test", [*sentences, *nothing]), table("train", sentences[::-1])], samples=len(sentences))


WNUT = tuple(
    ["O"]
    + [
        f"{side}-{kind}"
        for kind in ("corporation", "creative-work", "group", "location", "person", "product")
        for side in "BI"
    ]
)
ONTONOTES: Sentences = [
    (["says", "Phil", "Rosen", "of", "Fleet", "&", "Leasing"], [0, 4, 5, 0, 11, 12, 12]),
    (["Boston", "is", "cold", "on", "Monday"], [7, 0, 0, 0, 2]),
]
"""Two sentences with the numbers that the copy has for their tags."""


def wikiann(language: str) -> Fixture:
    return _entities(
        "unimelb-nlp/wikiann",
        language,
        IOB,
        CHINESE if language == "zh" else SENTENCES,
        further={"langs": ["string"], "spans": ["string"]},
        numbered=False,
        converted=False,
    )


MAKERS: dict[str, Maker] = {
    **CLASSES,
    "conll2003": partial(
        _entities,
        "eriktks/conll2003",
        "conll2003",
        (*IOB, "B-MISC", "I-MISC"),
        further={"pos_tags": ["int64"], "chunk_tags": ["int64"]},
    ),
    "wnut17": partial(_entities, "leondz/wnut_17", "wnut_17", WNUT),
    "ontonotes5": partial(_entities, "tner/ontonotes5", "ontonotes5", "int32", ONTONOTES, tags="tags", numbered=False),
    "msra": partial(_entities, "levow/msra_ner", "msra_ner", IOB, CHINESE, empty=1),
    **{
        f"wikiann_{language}": partial(wikiann, language)
        for language in ("ar", "de", "en", "es", "fr", "ja", "ru", "zh")
    },
}
