"""The `hub` source over a mirror, with nobody to ask."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.made_tables import levels, packed, parquet, write
from velm_bench.errors import UsageError
from velm_bench.schema import parse
from velm_bench.sources import SOURCES, Place, Source

VQA = {"id": "i", "image": "image", "question": "q", "answer": "a"}


def rows(*numbers: int, **more: Any) -> bytes:
    columns = {
        "i": [f"n{number}" for number in numbers],
        "image": [packed(number) for number in numbers],
        "q": [f"what is {number}?" for number in numbers],
        "a": ["x"] * len(numbers),
    }
    return parquet(**{**columns, **more})


@pytest.fixture(autouse=True)
def _nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


def opened(*roots: Path, kind: str = "vqa", **section: Any) -> Source:
    source = SOURCES.get("hub")
    settings = {"type": "hub", "id": "org/set", "split": "test", "fields": VQA, **section}
    return source.open(parse(source.Settings, settings, "task 'test'"), Place(roots, task="asked"), kind)


def test_the_first_data_folder_that_has_it(tmp_path):
    write(tmp_path, "one/org/set/data/train-00000-of-00001.parquet", rows(1))
    write(tmp_path, "two/org/set/data/test-00000-of-00002.parquet", rows(1, 2, 3))
    write(tmp_path, "two/org/set/data/test-00001-of-00002.parquet", rows(4))
    write(tmp_path, "three/org/set/data/test-00000-of-00001.parquet", rows(9))
    source = opened(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    found = list(source.samples())
    assert [sample.id for sample in found] == ["n1", "n2", "n3", "n4"]
    assert [levels(sample) for sample in found] == [[1], [2], [3], [4]]
    assert source.revision() == ""
    assert [sample.id for sample in opened(tmp_path / "one", split="train").samples()] == ["n1"]


def test_fingerprint_is_that_of_the_rows_wherever_they_lie(tmp_path):
    write(tmp_path, "a/org/set/data/test-00000-of-00001.parquet", rows(1, 2, 3))
    write(tmp_path, "b/org/set/test/0000.parquet", rows(1))
    write(tmp_path, "b/org/set/test/0001.parquet", rows(2, 3, further=[0, 0]))
    write(tmp_path, "c/org/set/test.parquet", rows(1, 2, 3, a=["x", "x", "y"]))
    prints = [opened(tmp_path / name).fingerprint() for name in "abc"]
    assert prints[0] == prints[1] != prints[2]
    other = opened(tmp_path / "a", fields={**VQA, "group": "i"}).fingerprint()
    assert other != prints[0]


def test_variations_for_other_splits(tmp_path):
    write(tmp_path, "org/set/data/dev-00000-of-00001.parquet", rows(1, 2))
    write(tmp_path, "org/set/data/test-00000-of-00001.parquet", rows(3))
    write(tmp_path, "org/other/en/train-00000-of-00001.parquet", rows(4, 5))
    splits = {
        "train": {"split": "dev", "where": {"i": "n2"}},
        "more": {"id": "org/other", "config": "en", "split": "train"},
        "dev": {"where": {"i": "n1"}},
    }
    ids = {
        split: [sample.id for sample in opened(tmp_path, split=split, splits=splits).samples()]
        for split in ("test", "train", "more", "dev")
    }
    assert ids == {"test": ["n3"], "train": ["n2"], "more": ["n4", "n5"], "dev": ["n1"]}


def test_several_configurations_one_after_the_other(tmp_path):
    for number, config in enumerate(("b", "a")):
        write(tmp_path, f"org/set/{config}/test-00000-of-00001.parquet", rows(number))
    assert [sample.id for sample in opened(tmp_path, config=["b", "a"]).samples()] == ["n0", "n1"]


def test_pictures_in_another_configuration(tmp_path):
    questions = {"i": ["1", "2", "3", "4"], "p": ["x", "y", "x", "z"], "q": ["?"] * 4, "a": ["r"] * 4}
    write(tmp_path, "org/set/questions/test-00000-of-00001.parquet", parquet(**questions))
    pictures = parquet(id=["y", "x"], image=[packed(5), packed(6)])
    write(tmp_path, "org/set/pictures/test-00000-of-00001.parquet", pictures)
    fields = {"id": "i", "image": "p", "question": "q", "answer": "a"}
    section = {"config": "questions", "fields": fields, "images_from": {"config": "pictures", "key": "id"}}
    found = list(opened(tmp_path, **section).samples())
    assert [levels(sample) for sample in found[:3]] == [[6], [5], [6]]
    assert [sample.group for sample in found] == ["x", "y", "x", "z"]
    assert "There is no picture 'z' among those of 'images_from'" in found[3].problem
    with pytest.raises(UsageError, match=r"has no column 'key' for 'images_from': it has id, image"):
        opened(tmp_path, **{**section, "images_from": {"config": "pictures", "key": "key"}})
    write(tmp_path, "org/set/pictures/test-00000-of-00001.parquet", parquet(id=["y", "y"], image=[packed(5)] * 2))
    with pytest.raises(UsageError, match=r"row 2: the picture 'y' is there twice"):
        opened(tmp_path, **section)


def test_classes_are_named_by_the_file_or_by_the_card(tmp_path):
    fields = {"image": "image", "label": "label"}
    write(tmp_path, "org/set/test.parquet", parquet(image=[packed(1)] * 2, label=[1, 0]))
    assert opened(tmp_path, kind="classification", fields=fields).options() == ("0", "1")
    card = (
        "---\ndataset_info:\n  features:\n  - {name: label, dtype: {class_label: {names: {'0': cat, '1': dog}}}}\n---\n"
    )
    write(tmp_path, "org/set/README.md", card.encode())
    source = opened(tmp_path, kind="classification", fields=fields)
    assert (source.options(), [one.references for one in source.samples()]) == (("cat", "dog"), [("dog",), ("cat",)])
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    write(tmp_path, "org/set/test.parquet", parquet(features, image=[packed(1)] * 2, label=[1, 0]))
    assert opened(tmp_path, kind="classification", fields=fields).options() == ("no", "yes")


@pytest.mark.parametrize(("names", "more"), [(["crane", "crane"], {}), (["a_b", "a b"], {"spaced": True})])
def test_two_classes_of_one_name_are_refused(tmp_path, names, more):
    """Else an answer would be right for both."""
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    write(tmp_path, "org/set/test.parquet", parquet(features, image=[packed(1)] * 2, label=[0, 1]))
    fields = {"image": "image", "label": "label"}
    with pytest.raises(UsageError, match=rf"Two classes of .*'org/set'.* are called '{names[-1]}': give others under"):
        opened(tmp_path, kind="classification", fields=fields, **more)
    source = opened(tmp_path, kind="classification", fields=fields, names=["bird", "machine"])
    assert [sample.references for sample in source.samples()] == [("bird",), ("machine",)]


def test_parquet_that_cannot_be_read_is_one_sentence(tmp_path):
    offsets = pa.array([0, 2, 3], pa.int32()).buffers()[1]
    latin = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"\xff\xfea"))
    for data in (rows(1, 2, a=latin), b"PAR1" + b"\0" * 100 + b"PAR1", b"PAR1"):
        write(tmp_path, "org/set/test.parquet", data)
        with pytest.raises(UsageError, match=r"test.parquet is not readable Parquet: .*[^.]\.$") as raised:
            opened(tmp_path)
        assert "\n" not in str(raised.value)


def test_features_that_make_no_sense_name_no_classes(tmp_path):
    fields = {"image": "image", "label": "label"}
    for stated in ("[" * 100_000, "{}", "[1]", json.dumps({"info": {"features": {"label": 5}}})):
        table = pa.table({"image": [packed(1)], "label": [0]}).replace_schema_metadata({"huggingface": stated})
        (tmp_path / "org/set").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, tmp_path / "org/set/test.parquet")
        assert opened(tmp_path, kind="classification", fields=fields).options() == ("0",)


def test_a_label_of_thousands_of_digits_is_a_defect_of_its_sample(tmp_path):
    write(tmp_path, "org/set/test.parquet", parquet(image=[packed(1)] * 2, label=["1", "1" * 5000]))
    fields = {"image": "image", "label": "label"}
    source = opened(tmp_path, kind="classification", fields=fields, names=["no", "yes"])
    assert [sample.references for sample in source.samples()] == [("yes",), ()]


def test_lists_that_are_text_have_one_fingerprint(tmp_path):
    """Text that is no list of JSON's stays text: the keys of a mapping can be sorted, and a set has no order."""
    write(tmp_path, "org/set/test.parquet", rows(1, 2, a=["{1: 'a', 'b': 2}", "[{'b', 'c'}]"]))
    source = opened(tmp_path, parse=["a"])
    assert len(source.fingerprint()) == 64
    assert [sample.references for sample in source.samples()][1] == ("[{'b', 'c'}]",)


def test_file_names_in_a_folder_of_pictures(tmp_path, draw):
    draw(tmp_path / "coco/7.jpg.png", 8)
    write(tmp_path, "org/set/test.parquet", parquet(n=["7.jpg"], c=["one"]))
    fields = {"image": "{n}.png", "caption": "c"}
    (sample,) = opened(tmp_path, kind="captioning", fields=fields, images="coco").samples()
    assert (levels(sample), sample.group) == ([8], "7.jpg.png")


def test_rows_hold_no_pictures(tmp_path, monkeypatch):
    """Pictures are read a row group at a time, and only when somebody looks."""
    import pyarrow.parquet as pq

    write(tmp_path, "org/set/test.parquet", rows(*range(10)))
    read: list[tuple[int, tuple[str, ...]]] = []
    plain = pq.ParquetFile.read_row_group

    def counted(self: Any, group: int, columns: Any = None, **named: Any) -> Any:
        read.append((group, tuple(columns)))
        return plain(self, group, columns=columns, **named)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    found = list(opened(tmp_path).samples())
    assert sorted({column for _, columns in read for column in columns}) == ["a", "i", "q"]
    read.clear()
    assert levels(found[7]) == [7]
    assert read == [(3, ("image",))]
    assert levels(found[6]) == [6]
    assert len(read) == 1


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"id": "org/set/more"}, r"'id' is not valid"),
        ({"id": "../set"}, r"'id' is not valid"),
        ({"id": "org/.."}, r"'id' is not valid"),
        ({"split": ""}, r"'split' is not valid"),
        ({"config": []}, r"the list of configurations is empty"),
        ({"streeming": True}, r"unknown key 'streeming': did you mean 'streaming'"),
        ({"splits": {"train": {"wear": {}}}}, r"unknown key 'wear'"),
        ({"images_from": {"key": "id"}, "fields": {"caption": "c"}}, r"'images_from' needs 'fields.image'"),
        ({"images_from": {"key": "id"}, "images": "x"}, r"both say where the pictures are"),
        ({"path": "x.parquet"}, r"unknown key 'path'"),
    ],
)
def test_settings_that_are_wrong(tmp_path, section, message):
    with pytest.raises(UsageError, match=message):
        opened(tmp_path, **section)


def test_what_nobody_has_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    with pytest.raises(UsageError) as raised:
        opened(tmp_path / "data", config="en")
    said = str(raised.value)
    assert "The data set 'org/set' (config en, split test) is in no data folder" in said
    assert "`velm-bench tasks fetch asked --data DIR`" in said
    assert "\n" not in said


def test_a_mirror_of_other_splits_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf")
    write(tmp_path / "data", "org/set/data/train-00000-of-00001.parquet", rows(1))
    with pytest.raises(UsageError, match=r"\(split test\) is not among the files of .*data/org/set, and the hub"):
        opened(tmp_path / "data")


def test_without_the_clients_packages_it_is_the_same_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        UsageError, match=r"\(the package 'datasets' is not installed, .*pip install.* run `velm-bench tasks"
    ):
        opened(tmp_path)
    write(tmp_path, "org/set/test.parquet", rows(1))
    assert [sample.id for sample in opened(tmp_path).samples()] == ["n1"]


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, velm_bench.sources.hub.source as one; print(one.HubSource.__name__, *sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "HubSource"
    assert not {"datasets", "huggingface_hub", "pyarrow", "pandas", "torch", "numpy"} & set(said)


def record(folder: Path, **more: Any) -> None:
    """What `tasks fetch` would have written."""
    path = folder / "odd/name.parquet"
    known = {"odd/name.parquet": {"sha256": "0" * 64, "size": path.stat().st_size, "rows": 1}}
    part = {"config": "", "split": "test", "revision": "", "commit": "c" * 40, "files": ["odd/name.parquet"], "rows": 1}
    text = json.dumps({"id": "org/set", "files": known, "parts": [{**part, **more}]})
    (folder / "velm-bench.json").write_text(text, encoding="utf-8")


def test_the_record_of_a_fetch_goes_before_names(tmp_path):
    write(tmp_path, "org/set/data/test-00000-of-00001.parquet", rows(1))
    path = write(tmp_path, "org/set/odd/name.parquet", rows(7))
    record(tmp_path / "org/set")
    source = opened(tmp_path)
    assert ([one.id for one in source.samples()], source.revision()) == (["n7"], "c" * 40)
    assert opened(tmp_path, revision="c" * 40).revision() == "c" * 40
    with pytest.raises(UsageError, match=r"has the revision 'c{40}' and not 'v2', which the task is about"):
        opened(tmp_path, revision="v2")
    record(tmp_path / "org/set", revision="v2")
    with pytest.raises(UsageError, match=r"has the revision 'v2' and not that of the default branch, which"):
        opened(tmp_path)
    record(tmp_path / "org/set")
    write(tmp_path, "second/org/set/test.parquet", rows(8))
    assert [one.id for one in opened(tmp_path, tmp_path / "second", revision="v2").samples()] == ["n8"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match=r"name.parquet is damaged: the same `velm-bench tasks fetch` as before"):
        opened(tmp_path)
    shutil.rmtree(path.parent)
    with pytest.raises(UsageError, match=r"name.parquet is missing"):
        opened(tmp_path)
    for damaged in ("{", "[" * 100_000):
        (tmp_path / "org/set/velm-bench.json").write_text(damaged)
        with pytest.raises(UsageError, match=r"velm-bench.json cannot be read: remove it"):
            opened(tmp_path)
