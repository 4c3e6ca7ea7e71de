"""CHAIR: what counts as a mention, what is hallucinated, and real captions against real instances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.hostile import HOSTILE
from velm_bench.metrics import Chair, MetricInputError
from velm_bench.metrics.captions.chair import Vocabulary, coco_vocabulary
from velm_bench.metrics.captions.chair_words import WORDS
from velm_bench.samples import Sample


def gold(*objects: str, captions: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"objects": list(objects), "captions": list(captions)}


@pytest.mark.parametrize(
    ("caption", "categories"),
    [
        ("A dog.", ["dog"]),
        ("two DOGS and a puppy", ["dog", "dog"]),
        ("a hot dog, and hot-dogs", ["hot dog", "hot dog"]),
        ("a dog's bowl", ["dog", "bowl"]),
        ("toilet paper beside a toilet", ["toilet"]),
        ("rolls of toilet paper", []),
        ("teddy bears and a bear", ["teddy bear", "bear"]),
        ("traffic lights by the stop sign", ["traffic light", "stop sign"]),
        ("wine glasses on a dining table", ["wine glass", "dining table"]),
        ("knives, couches, buses, mice, sheep, people", ["knife", "couch", "bus", "mouse", "sheep", "person"]),
        ("women with children and benches", ["person", "person", "bench"]),
        ("a train on the train tracks", ["train"]),
        ("a baby elephant and a baby", ["elephant", "person"]),
        ("a carrot cake", ["cake"]),
        ("a cell phone near a telephone pole", ["cell phone"]),
        ("a fire truck at the fire hydrant", ["truck", "fire hydrant"]),
        ("an orange cat and two orange-red couches", ["cat", "couch"]),
        ("an orange and white cat on an orange, black and blue bed", ["cat", "bed"]),
        ("a black and orange train, a man in orange, a hot orange dog", ["train", "person", "dog"]),
        ("an orange and an apple, oranges and orange slices", ["orange", "apple", "orange", "orange"]),
        ("an orange sitting on a table beside a sliced orange", ["orange", "dining table", "orange"]),
        ("a pear, orange, and banana by an orange that is peeled", ["orange", "banana", "orange"]),
        ("a glass of orange juice", []),
        ("dvd players and a tennis player", ["person"]),
        ("a pitcher of water, pitchers of orange juice and a pitcher on the mound", ["person"]),
        ("pancake batter and a batter with a bat", ["person", "baseball bat"]),
        ("a remote on a remote beach", ["remote"]),
        ("catalogue, doghouse, carpet, category", []),
        ("", []),
    ],
)
def test_mentions_of_coco_categories(caption: str, categories: list[str]) -> None:
    assert coco_vocabulary().mentions(caption) == categories


def test_every_category_is_called_by_its_name_and_its_plural() -> None:
    vocabulary = coco_vocabulary()
    assert len(WORDS) == 80
    assert vocabulary.categories == set(WORDS)
    for category in WORDS:
        assert vocabulary.mentions(f"a {category} here") == [category]
        if not category.endswith("s"):
            assert vocabulary.mentions(f"{category}s") == [category]


def test_no_phrase_has_two_meanings() -> None:
    phrases = [phrase for words in WORDS.values() for phrase in words.split(", ") if phrase]
    assert len(phrases) == len(set(phrases))
    assert not set(phrases) & set(WORDS)
    assert coco_vocabulary().category(["nothing"]) is None


def test_numbers_by_hand() -> None:
    captions = ["a dog and a cat on a couch", "a dog and a dog", "nice weather", None]
    golden = [gold("dog", captions=("a pet on the sofa",)), gold("dog", "person"), gold("bird"), gold("cup", "fork")]
    scores = Chair().compute(captions, golden)
    # mentions: dog, (cat), couch; dog, dog; none; the failed sample hallucinates as many as there are
    assert scores == pytest.approx({"chair_i": 3 / 7, "chair_s": 2 / 4, "chair_recall": 3 / 7})


def test_a_caption_without_mentions_hallucinates_and_recalls_nothing() -> None:
    assert Chair().compute(["it is"], [gold("dog")]) == {"chair_i": 0.0, "chair_s": 0.0, "chair_recall": 0.0}


def test_failed_samples_are_the_worst() -> None:
    metric = Chair()
    for objects in ((), ("dog",), ("dog", "cat")):
        assert metric.compute([None], [gold(*objects)]) == {"chair_i": 1.0, "chair_s": 1.0, "chair_recall": 0.0}
    assert [metric.higher(output) for output in metric.outputs] == [False, False, True]


def test_no_samples_are_undefined() -> None:
    assert all(np.isnan(value) for value in Chair().compute([], []).values())


def test_weights_repeat_samples() -> None:
    metric, golden = Chair(), [gold("dog"), gold("cat"), gold("bird", captions=("a cup",))]
    captions = ["a dog", "two dogs", "a bird on a chair"]
    statistics = metric.statistics(captions, golden)
    repeated = metric.compute([captions[row] for row in (0, 0, 2)], [golden[row] for row in (0, 0, 2)])
    np.testing.assert_array_equal(metric.values(statistics, np.array([2.0, 0, 1])), list(repeated.values()))


def test_synonyms_of_the_facts_replace_the_table() -> None:
    reference = {"objects": ["Gadget"], "captions": [], "synonyms": {"blue thing": "gadget", "thingy": "Widget"}}
    caption = "a thingy, blue things, a gadget, a dog"
    assert Chair().compute([caption], [reference]) == {"chair_i": 1 / 3, "chair_s": 1.0, "chair_recall": 1.0}
    assert Vocabulary.of({"dog": "dog", "dog house": ""}).mentions("dogs in dog houses") == ["dog"]


def test_a_sample_gives_captions_objects_and_synonyms() -> None:
    sample = Sample("a", references=("a dog",), facts={"objects": ["dog"], "oracle": "x"})
    assert Chair().reference(sample) == {"captions": ["a dog"], "objects": ["dog"]}
    with pytest.raises(MetricInputError, match=r"Sample 'a' has no facts\['objects'\]"):
        Chair().reference(Sample("a", references=("a dog",)))


@pytest.mark.parametrize(
    "reference",
    [
        *(None, [], "dog", {}, {"objects": []}, {"captions": []}, {"objects": "dog", "captions": []}),
        *({"objects": [None], "captions": []}, {"objects": [], "captions": [b"x"]}, {"objects": [], "captions": "dog"}),
        *({"objects": [], "captions": [], "synonyms": bad} for bad in (3, ["dog"], {"dog": None}, {1: "dog"})),
        {"objects": ["unicorn"], "captions": []},
    ],
    ids=repr,
)
def test_references_that_cannot_be_read(reference: Any) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 1\b.*\.$"):
        Chair().statistics(["a", "b"], [gold("dog"), reference])


@pytest.mark.parametrize("caption", [b"dog", float("nan"), ["dog"]], ids=repr)
def test_predictions_that_are_no_text(caption: Any) -> None:
    with pytest.raises(MetricInputError, match="Sample 0"):
        Chair().statistics([caption], [gold("dog")])


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_hostile_texts_are_scored(text: str) -> None:
    statistics = Chair().statistics([text, "a dog"], [gold("dog"), gold("cat", captions=(text,))])
    assert np.isfinite(statistics).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(), st.lists(st.text(), max_size=3)), max_size=4))
def test_any_text_gives_shares(pairs: list[tuple[str, list[str]]]) -> None:
    metric = Chair()
    statistics = metric.statistics(
        [caption for caption, _ in pairs], [gold("dog", captions=tuple(texts)) for _, texts in pairs]
    )
    assert statistics.shape == (len(pairs), len(metric.columns))
    values = metric.per_sample(statistics)
    assert ((values >= 0) & (values <= 1)).all()


def test_people_hallucinate_little_and_strangers_much(shared: Path) -> None:
    folder = shared / "coco_mini"
    instances = json.loads((folder / "instances_val2017_79.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in instances["categories"]}
    captions: dict[int, list[str]] = {image["id"]: [] for image in instances["images"]}
    objects: dict[int, set[str]] = {image: set() for image in captions}
    for one in instances["annotations"]:
        objects[one["image_id"]].add(names[one["category_id"]])
    for one in json.loads((folder / "captions_val2017_283.json").read_text(encoding="utf-8"))["annotations"]:
        if one["image_id"] in captions:
            captions[one["image_id"]].append(one["caption"])
    first = [texts[0] for texts in captions.values()]
    golden = [gold(*objects[image], captions=tuple(texts[1:])) for image, texts in captions.items()]
    own, other = Chair().compute(first, golden), Chair().compute([*first[1:], first[0]], golden)
    assert own["chair_i"] < 0.05 < 0.7 < other["chair_i"]
    assert own["chair_recall"] > 0.3 > other["chair_recall"]
