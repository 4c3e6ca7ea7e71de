"""SPICE: how the jar is found, started and read; a stub stands in for it where its models are not here."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.metrics.hostile import HOSTILE
from velm_bench.errors import RunError
from velm_bench.metrics import MetricUnavailableError, Spice, build
from velm_bench.metrics.captions import java, spice, spice_resources

pytest.importorskip("pycocoevalcap")

JAVA = r"""#!{python}
import json, os, sys
words = sys.argv[1:]
if "-version" in words:
    print('openjdk version "{version}"', file=sys.stderr)
    sys.exit(0)
if "edu.anu.spice.SpiceScorer" not in words:
    os.execv({real!r}, [{real!r}, *words])
start = words.index("edu.anu.spice.SpiceScorer")
asked = open(words[start + 1], encoding="ascii").read()
json.dump({{"words": words, "asked": json.loads(asked)}}, open({log!r}, "w"))
def score(test, gold):
    if not gold:
        return {{"f": None, "pr": None, "re": None, "tp": 0, "fp": len(test), "fn": 0, "numImages": 1}}
    tp = len(test & gold)
    pr, re = tp / len(test) if test else 0.0, tp / len(gold)
    f = 2 * pr * re / (pr + re) if tp else 0.0
    return {{"f": f, "pr": pr, "re": re, "tp": tp, "fp": len(test) - tp, "fn": len(gold) - tp, "numImages": 1}}
kinds = dict(Color={{"red", "blue"}}, Size={{"big"}}, Object={{"dog", "cat"}})
kinds |= dict(Relation=set(), Attribute=set(), Cardinality=set())
found = []
for item in json.loads(asked):
    test, gold = set(item["test"].split()), set(" ".join(item["refs"]).split())
    scores = {{kind: score(test & held, gold & held) for kind, held in kinds.items()}}
    found.append({{"image_id": item["image_id"], "scores": {{"All": score(test, gold), **scores}}}})
print("SPICE evaluation took: no time")
{ending}
json.dump(found, open(words[words.index("-out") + 1], "w"))
"""
"""A java whose SPICE compares words: a colour, a size or an animal is of that category, and there are no others."""


def write_jars(folder: Path) -> None:
    """Jars that hold nothing but what they are known by."""
    for name, member in spice_resources.HELD.items():
        write_jar(folder / name, member)


def write_jar(path: Path, member: str) -> None:
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr(member, b"")


class Stub:
    """A stub of Java and CoreNLP, and what it was asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch, self.real = folder, patch, java.find_java()
        write_jars(folder)
        patch.setenv("VELM_SPICE", str(folder))
        self.write()

    def write(self, version: str = "25.0.2", ending: str = "") -> None:
        path, log = self.folder / "java", str(self.folder / "log.json")
        path.write_text(JAVA.format(python=sys.executable, version=version, real=self.real, log=log, ending=ending))
        path.chmod(0o755)
        self.patch.setattr(java, "find_java", lambda: str(path))

    @property
    def log(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "log.json").read_text())
        return found


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    return Stub(tmp_path, monkeypatch)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CoreNLP is found nowhere."""
    monkeypatch.delenv("VELM_SPICE", raising=False)
    monkeypatch.setattr(spice_resources, "_places", lambda: [tmp_path])


CAPTIONS = ["A red dog.", "big cat", None, "", "blue"]
GOLDEN = [["a dog"], ["the cat", "a big red cat"], ["red dog", "dog"], ["red dog"], ["!?", "."]]


def test_scores_are_means_over_images(stub: Stub) -> None:
    rows = Spice().statistics(CAPTIONS, GOLDEN)
    assert rows[:, 0].tolist() == pytest.approx([0.8, 4 / 7, 0, 0, 0])  # precision 2/3 and 1, recall 1 and 2/5
    values = dict(zip(Spice().outputs, Spice().values(rows), strict=True))
    assert values["spice"] == pytest.approx((0.8 + 4 / 7) / 5)
    assert values["spice_precision"] == pytest.approx((2 / 3 + 1) / 5)
    assert values["spice_recall"] == pytest.approx((1 + 2 / 5) / 5)
    assert values["spice/object"] == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert values["spice/size"] == 1.0
    assert values["spice/color"] == pytest.approx(0 / 3)
    assert np.isnan(values["spice/relation"])
    assert np.isnan(Spice().values(rows[:0])).all()


def test_which_images_a_category_is_over_does_not_depend_on_the_captions(stub: Stub) -> None:
    metric = Spice()
    half = [*range(9, 15)]
    assert [metric.columns[place] for place in half] == [f"has_{name}" for name in spice.CATEGORIES]
    everything = [metric.statistics(captions, GOLDEN)[:, half].tolist() for captions in (CAPTIONS, [None] * 5)]
    assert everything[0] == everything[1]
    assert [sum(column) for column in zip(*everything[0], strict=True)] == [0, 4, 0, 0, 3, 1]


def test_what_the_jar_is_given(stub: Stub) -> None:
    Spice().statistics(["A red dog, running!", "x " * 500], [["A Dog.", ""], ["cat"]])
    assert stub.log["asked"] == [
        {"image_id": 0, "test": "a red dog running", "refs": ["a dog"]},
        {"image_id": 1, "test": " ".join(["x"] * spice.MOST_WORDS), "refs": ["cat"]},
    ]
    words = stub.log["words"]
    assert words[-2:] == ["-subset", "-silent"]
    assert "-cache" not in words
    assert "-Duser.language=en" in words
    path = words[words.index("-cp") + 1].split(":")
    assert [Path(part).name for part in path[:3]] == [*spice_resources.JARS, "spice-1.0.jar"]
    opened = [words[place + 1] for place, word in enumerate(words) if word == "--add-opens"]
    assert opened == [f"{package}=ALL-UNNAMED" for package in spice.OPENED]
    assert len(opened) == 7


def test_java_8_knows_no_opening_of_packages(stub: Stub) -> None:
    stub.write(version="1.8.0_312")
    assert Spice().compute(["dog"], [["dog"]])["spice"] == 1.0
    assert "--add-opens" not in stub.log["words"]


def test_nothing_is_left_of_the_work_folder(stub: Stub) -> None:
    Spice().statistics(["dog"], [["dog"]])
    (asked,) = [word for word in stub.log["words"] if word.endswith("asked.json")]
    assert not Path(asked).parent.exists()


def test_hostile_texts(stub: Stub) -> None:
    rows = Spice().statistics(
        [*HOSTILE, *["dog"] * len(HOSTILE)], [["dog"]] * len(HOSTILE) + [[text] for text in HOSTILE]
    )
    assert np.isfinite(rows).all()
    assert Spice().statistics([], []).shape == (0, len(Spice().columns))


def test_no_java_starts_where_no_reference_has_words(nowhere: None) -> None:
    assert Spice().compute(["dog", None], [[""], ["."]])["spice"] == 0.0


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (
            r"sys.stderr.write('Parsing\njava.lang.OutOfMemoryError: heap\n\tat x\n'); sys.exit(1)",
            "OutOfMemoryError: heap",
        ),
        ("sys.stderr.write('killed\\n'); sys.exit(9)", "exit status 9: killed"),
        ("found = found[1:]", "no readable scores for 2 captions"),
        ("found = 3", "no readable scores"),
        ("sys.exit(0)", "no readable scores"),
    ],
)
def test_a_jar_that_fails_is_one_sentence(stub: Stub, ending: str, said: str) -> None:
    stub.write(ending=ending)
    with pytest.raises(RunError, match=said) as caught:
        Spice().statistics(["dog", "cat"], [["dog"], ["cat"]])
    assert "\n" not in str(caught.value)


def test_missing_resources_are_one_sentence_that_names_both_ways(nowhere: None) -> None:
    metric = build("spice")  # stored statistics can be read anywhere
    with pytest.raises(MetricUnavailableError, match=r"velm-bench doctor --install spice .* VELM_SPICE"):
        metric.statistics(["a dog"], [["a dog"]])


def test_a_folder_without_the_jars_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_SPICE", str(tmp_path))
    write_jars(tmp_path)
    (tmp_path / spice_resources.JARS[1]).unlink()
    with pytest.raises(MetricUnavailableError, match=r"VELM_SPICE names .* lacks stanford-corenlp-3\.6\.0-models\.jar"):
        spice_resources.find_jars()


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("how", ["empty", "cut", "another"])
def test_a_jar_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, how: str
) -> None:
    monkeypatch.setenv("VELM_SPICE", str(tmp_path))
    write_jars(tmp_path)
    path = tmp_path / spice_resources.JARS[place]
    if how == "another":
        write_jar(path, "META-INF/MANIFEST.MF")
        said = f"does not hold {spice_resources.HELD[path.name]}"
    else:
        path.write_bytes(path.read_bytes()[:40] if how == "cut" else b"")
        said = "cannot be read as a jar"
    with pytest.raises(MetricUnavailableError, match=f"VELM_SPICE names .* whose {path.name} {said}"):
        Spice().statistics(["a dog"], [["a dog"]])


def test_a_cache_that_is_damaged_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VELM_SPICE", raising=False)
    folders = [tmp_path / "cache", tmp_path / "package"]
    for folder in folders:
        folder.mkdir()
        write_jars(folder)
    (folders[0] / spice_resources.JARS[1]).write_bytes(b"")
    monkeypatch.setattr(spice_resources, "_places", lambda: folders)
    assert spice_resources.find_jars() == tuple(folders[1] / name for name in spice_resources.JARS)


def test_the_cache_goes_before_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VELM_SPICE", raising=False)
    monkeypatch.setenv("VELM_CACHE", str(tmp_path))
    place = tmp_path / "spice-corenlp-3.6.0"
    place.mkdir()
    write_jars(place)
    assert spice_resources.find_jars() == tuple(place / name for name in spice_resources.JARS)


def test_the_real_jar_writes_its_file_on_a_java_without_javascript() -> None:
    """CoreNLP 3.4.1 of the tokeniser has the classes that the jar loads at the start; nothing is parsed."""
    code = java.find_jar("tokenizer", "stanford-corenlp-3.4.1.jar")
    assert spice.run_jar([code], []) == []


def test_the_real_jar_without_models_says_what_it_lacks() -> None:
    with pytest.raises(RunError, match=r"SPICE ended with exit status 1: .*(Error|Exception)"):
        spice.run_jar([java.find_jar("tokenizer", "stanford-corenlp-3.4.1.jar")], [("a dog", ["a dog"])])
