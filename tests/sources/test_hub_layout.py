"""Which files of a repository hold a split."""

from __future__ import annotations

import pytest

from velm_bench.errors import UsageError
from velm_bench.sources.hub.layout import Card, choose
from velm_bench.sources.hub.settings import Part

TEST = Part("org/set", "", "test")
IN_CONFIG = Part("org/set", "en", "test")


@pytest.mark.parametrize(
    ("part", "files"),
    [
        (TEST, ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"]),
        (TEST, ["data/test-00000-of-00001-a2345f.parquet"]),
        (TEST, ["test-00000-of-00001.parquet"]),
        (TEST, ["test.parquet"]),
        (TEST, ["data/test.parquet"]),
        (TEST, ["test/0000.parquet", "test/0001.parquet"]),
        (TEST, ["default/test/0000.parquet"]),
        (TEST, ["only/test-00000-of-00001.parquet"]),
        (IN_CONFIG, ["en/test-00000-of-00001.parquet"]),
        (IN_CONFIG, ["en/test/0000.parquet"]),
        (IN_CONFIG, ["data/en/test-00000-of-00001.parquet"]),
        (IN_CONFIG, ["en/set-test.parquet"]),
        (Part("org/set", "default", "test"), ["data/test-00000-of-00001.parquet"]),
    ],
)
def test_the_names_that_the_hub_gives(part: Part, files: list[str]) -> None:
    others = ["data/testing-00000-of-00001.parquet", "en/testing/0000.parquet", "test-train.parquet", "README.md"]
    others += ["data/train-00000-of-00001.parquet", "de/train/0000.parquet", "data/test.csv"]
    assert choose([*reversed(files), *others], part, Card()) == files


def test_several_configurations_must_be_told_apart() -> None:
    files = ["de/test-00000-of-00001.parquet", "en/test-00000-of-00001.parquet", "fr/train-00000-of-00001.parquet"]
    with pytest.raises(UsageError, match=r"'org/set' \(split test\) has the configurations de, en: name one under"):
        choose(files, TEST, Card())
    assert choose(files, IN_CONFIG, Card()) == [files[1]]
    assert choose(files, Part("org/set", "", "train"), Card()) == [files[2]]
    assert choose(files, Part("org/set", "fr", "test"), Card()) == []


def test_a_series_must_be_whole() -> None:
    files = ["data/test-00000-of-00003.parquet", "data/test-00002-of-00003.parquet"]
    with pytest.raises(UsageError, match=r"has 2 of the 3 files like 'data/test-00000-of-00003.parquet': fetch"):
        choose(files, TEST, Card())
    two = ["data/test-00000-of-00001-aaaa.parquet", "data/test-00000-of-00001-bbbb.parquet"]
    with pytest.raises(UsageError, match=r"has 2 of the 1 files"):
        choose(two, TEST, Card())


CARD = """---
license: mit
configs:
- config_name: default
  data_files:
  - {split: test, path: data/t-*.parquet}
  - {split: train, path: [a.parquet, "b/*.parquet"]}
- config_name: en
  data_dir: english
  data_files: {test: "*.parquet"}
- config_name: bare
  data_files: c.parquet
dataset_info:
- config_name: default
  features:
  - {name: label, dtype: {class_label: {names: {'0': cat, '2': ape, '1': dog}}}}
  - {name: tags, sequence: {class_label: {names: [O, B-X]}}}
  - {name: text, dtype: string}
---
# A data set
"""


@pytest.mark.parametrize(
    ("config", "split", "files"),
    [
        ("", "test", ["data/t-1.parquet", "data/t-2.parquet"]),
        ("default", "test", ["data/t-1.parquet", "data/t-2.parquet"]),
        ("", "train", ["a.parquet", "b/1.parquet"]),
        ("en", "test", ["english/1.parquet"]),
        ("bare", "train", ["c.parquet"]),
        ("bare", "test", []),
    ],
)
def test_the_card_says_which_files(config: str, split: str, files: list[str]) -> None:
    names = ["a.parquet", "b/1.parquet", "c.parquet", "data/t-1.parquet", "data/t-2.parquet", "english/1.parquet"]
    assert choose(names, Part("org/set", config, split), Card(CARD)) == files


def test_the_card_names_classes() -> None:
    features = Card(CARD).features("")
    assert features["label"]["names"] == ["cat", "dog", "ape"]
    assert features["tags"]["names"] == ["O", "B-X"]
    assert "text" not in features
    assert Card("no card").features("") == {}


@pytest.mark.parametrize("names", ["{'0': cat, '2': dog}", "{a: cat}", "5", "{1: cat, 2: dog}", "null"])
def test_a_card_whose_classes_have_no_order_names_none(names: str) -> None:
    card = f"---\ndataset_info:\n  features:\n  - {{name: label, dtype: {{class_label: {{names: {names}}}}}}}\n---\n"
    assert Card(card).features("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "---\ndate: 2023-13-45\n---\n",
        f"---\nx: {'[' * 5000}\n---\n",
        "",
        "---\n",
        "---\n[\n---\n",
        "---\n- 1\n---\n",
        "---\nconfigs: 3\ndataset_info: x\n---\n",
        "# ---",
    ],
)
def test_a_card_that_says_nothing(text: str) -> None:
    assert Card(text).configs == {}
    assert choose(["data/test.parquet"], TEST, Card(text)) == ["data/test.parquet"]


def test_names_that_lead_out_of_the_repository_are_not_taken() -> None:
    names = [
        "../data/test.parquet",
        "/data/test.parquet",
        "data/../test.parquet",
        "C:/test.parquet",
        "data/test.parquet",
    ]
    assert choose(names, Part("org/set", "", "test", files=("**",)), Card()) == ["data/test.parquet"]


def test_patterns_of_the_tasks_own() -> None:
    names = ["x/1.parquet", "x/2.parquet", "x/y/3.parquet", "z.parquet", "x/1.csv"]
    chosen = {
        "x/1.parquet": ["x/1.parquet"],
        "x/[12].parquet": ["x/1.parquet", "x/2.parquet"],
        "**/*.parquet": ["x/1.parquet", "x/2.parquet", "x/y/3.parquet", "z.parquet"],
        "*.parquet": ["z.parquet"],
        "./x/*": ["x/1.parquet", "x/2.parquet"],
        "x/**": ["x/1.parquet", "x/2.parquet", "x/y/3.parquet"],
        "x/**/3.*": ["x/y/3.parquet"],
        "**/y/**": ["x/y/3.parquet"],
        "x**": ["x/1.parquet", "x/2.parquet", "x/y/3.parquet"],
        "*/**/?.parquet": ["x/1.parquet", "x/2.parquet", "x/y/3.parquet"],
        "**/.parquet": [],
    }
    for pattern, files in chosen.items():
        assert choose(names, Part("org/set", "", "test", files=(pattern,)), Card()) == files


def test_a_pattern_takes_no_split_whose_name_ends_alike() -> None:
    names = ["data/dev-00000-of-00001.parquet", "data/mini_dev-00000-of-00001.parquet", "old/data/dev-0.parquet"]
    for pattern, files in {"**/dev-0*": [names[0], names[2]], "data/dev-*": names[:1]}.items():
        assert choose(names, Part("org/set", "", "dev", files=(pattern,)), Card()) == files
