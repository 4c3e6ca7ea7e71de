"""Baselines: the floor and the ceiling."""

from __future__ import annotations

import math

import pytest

from velm_bench.errors import UsageError
from velm_bench.models import Model, Setup, View, open_model
from velm_bench.samples import ChooseRequest, GenerateRequest, TagRequest

TEXTS = View({"1": "red", "2": "blue", "3": "red", "4": None})
LABELS = View({"1": "cat", "2": "dog", "3": "dog"})
TAGS = View({"1": ("O", "O", "B-PER"), "2": ("O",)})


def started(name: str, view: View, seed: int = 0) -> Model:
    model = open_model(f"baseline:{name}", Setup(seed=seed))
    model.start(view)
    return model


def say(model: Model, *ids: str) -> list[str]:
    return [answer.text for answer in model.generate([GenerateRequest(one, (), "?") for one in ids])]


def weigh(model: Model, one: str = "1") -> list[float]:
    answer = model.choose([ChooseRequest(one, (), "?", ("bird", "cat", "dog"))])[0]
    return [math.exp(value) for value in answer.logprobs]


def tags(model: Model, one: str = "1") -> tuple[str, ...]:
    return model.tag([TagRequest(one, (), "", ("a", "b", "c"), ("O", "B-PER", "I-PER"))])[0].tags


def test_constant() -> None:
    assert say(started("constant", TEXTS), "1", "2") == ["yes", "yes"]
    assert say(started("constant=a red dog", TEXTS), "1") == ["a red dog"]
    assert weigh(started("constant", LABELS))[0] == pytest.approx(1)
    assert weigh(started("constant=cat", LABELS))[1] == pytest.approx(1)
    assert tags(started("constant", TAGS)) == ("O", "O", "O")


def test_majority() -> None:
    assert say(started("majority", TEXTS), "1", "2") == ["red", "red"]
    assert weigh(started("majority", LABELS)) == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert tags(started("majority", TAGS)) == ("O", "O", "O")


def test_the_truths_of_the_whole_task_count_whatever_is_asked() -> None:
    view = View({"1": "red", "2": "blue", "3": "blue"})
    assert say(started("majority", view), "1") == ["blue"]
    only = View({"1": "red"})
    assert say(started("random", only), "1") == ["red"]


def test_a_tie_does_not_depend_on_the_order_of_samples() -> None:
    assert say(started("majority", View({"1": "b", "2": "a"})), "1") == ["a"]


def test_oracle() -> None:
    assert say(started("oracle", TEXTS), "1", "2") == ["red", "blue"]
    assert weigh(started("oracle", LABELS), "2")[2] == pytest.approx(1)
    assert started("oracle", View({"1": ("O", "B-PER", "O")})).tag(
        [TagRequest("1", (), "", ("a", "b", "c"), ("O", "B-PER"))]
    )[0].tags == ("O", "B-PER", "O")


def test_random_is_seeded_by_sample_and_seed() -> None:
    ids = [str(one) for one in range(40)]
    view = View({one: ("red", "blue")[int(one) % 2] for one in ids})
    first, again, other = (say(started("random", view, seed), *ids) for seed in (0, 0, 1))
    assert first == again != other
    assert set(first) == {"red", "blue"}
    assert say(started("random", view), *reversed(ids)) == first[::-1]
    assert sum(weigh(started("random", LABELS))) == pytest.approx(1)
    assert set(tags(started("random", TAGS))) <= {"O", "B-PER", "I-PER"}


def test_the_seed_is_part_of_the_identity_where_it_matters() -> None:
    digests = {
        (name, seed): open_model(f"baseline:{name}", Setup(seed=seed)).identity.digest
        for name in ("random", "majority", "constant", "constant=x")
        for seed in (0, 1)
    }
    assert digests["random", 0] != digests["random", 1]
    assert digests["majority", 0] == digests["majority", 1]
    assert digests["constant", 0] != digests["constant=x", 0]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("baseline:majorty", "did you mean 'majority'"),
        ("baseline:majority=x", "Unknown baseline"),
        ("basline:majority", "Unknown model scheme 'basline': did you mean 'baseline'"),
        ("majority", "is not a reference"),
        ("ref:", "is not a reference"),
    ],
)
def test_unknown_references(reference: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_model(reference)
