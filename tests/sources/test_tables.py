"""JSON lines, JSON arrays, CSV and Parquet with a mapping of fields."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from velm_bench.errors import SampleError, UsageError
from velm_bench.sources.templates import template

CAPTION = {"image": "image", "caption": "caption"}
NER = {"tokens": "tokens", "tags": "tags"}


def jsonl(folder: Path, rows: list[Any], name: str = "x.jsonl") -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((3, 2, 3), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def samples(open_source, folder: Path, kind: str, rows: list[Any], fields: dict[str, Any], **section: Any):
    jsonl(folder, rows)
    return list(open_source(folder, kind, type="jsonl", path="x.jsonl", fields=fields, **section).samples())


def test_every_field(tmp_path, open_source, draw):
    draw(tmp_path / "pictures/7.png", 3)
    row = {"key": 70, "pic": 7, "q": "how many?", "a": ["2", {"answer": "two"}, 2], "kind": "count", "hard": True}
    fields = {
        "id": "q{key}",
        "image": "{pic}.png",
        "question": "q",
        "answers": "a",
        "group": "pic",
        "slices": {"question_type": "kind", "hard": "hard"},
    }
    (sample,) = samples(open_source, tmp_path, "vqa", [row], fields, images="pictures")
    assert (sample.id, sample.group, sample.problem) == ("q70", "7", "")
    assert sample.inputs == {"question": "how many?"}
    assert sample.references == ("2", "two", "2")
    assert sample.slices == {"question_type": "count", "hard": "true"}
    assert sample.images[0].decode()[0, 0, 0] == 3


def test_defaults(tmp_path, open_source):
    rows = [{"image": "a.png", "caption": "one", "part": None}, {"image": "a.png", "caption": "two", "part": "x"}]
    first, second = samples(open_source, tmp_path, "captioning", rows, {**CAPTION, "slices": ["part"]})
    assert (first.id, second.id) == ("0", "1")
    assert first.group == second.group == "a.png"
    assert (first.slices, second.slices) == ({}, {"part": "x"})
    assert first.images[0].source == tmp_path / "a.png"


def test_a_json_array_of_arrays(tmp_path, open_source):
    (tmp_path / "x.json").write_text(json.dumps([["what?", "red", 4], ["who?", "me", 5]]))
    fields = {"question": 0, "answer": 1, "image": "{2}.png"}
    first, second = open_source(tmp_path, "vqa", type="jsonl", path="x.json", fields=fields).samples()
    assert (first.inputs["question"], first.references, first.group) == ("what?", ("red",), "4.png")
    assert second.id == "1"


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_json_lines_whatever_the_ending(tmp_path, open_source, name):
    (tmp_path / name).write_text('\ufeff["a.png", "one"]\n\n["b.png", "two \u2028 lines"]\n', encoding="utf-8")
    section = {"type": "jsonl", "path": name, "fields": {"image": 0, "caption": 1}}
    found = list(open_source(tmp_path, "captioning", **section).samples())
    assert [sample.references for sample in found] == [("one",), ("two \u2028 lines",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"image": "a"}\n{"image": \n', r"x.jsonl, line 2, is not valid JSON \(Expecting value\): write one object"),
        ("3\n", r"x.jsonl, line 1, is 3: every row must be an object or an array"),
        ("[" * 200000 + "\n", r"line 1, is not valid JSON \(it is nested too deeply\)"),
        ("\n", r"The file .*x.jsonl has no rows"),
        ('{"image": "a", "captoin": ""}', r"The file .*x.jsonl has no column 'caption': did you mean 'captoin'"),
    ],
)
def test_malformed_json_lines(tmp_path, open_source, text, message):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "captioning", type="jsonl", path="x.jsonl", fields=CAPTION)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[["a.png", "one"],\n["b.png" "two"]]', r"x.json, line 2, is not valid JSON"),
        ('[["a.png", "one"], 3]', r"x.json, row 2, is 3: every row"),
        ('{\n"rows": []}', r"x.json, line 1, is not valid JSON .* or one array in a .json file"),
        ("[]", r"has no rows"),
    ],
)
def test_malformed_json_arrays(tmp_path, open_source, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "captioning", type="jsonl", path="x.json", fields={"image": 0, "caption": 1})


def test_ids_must_be_unique_and_there(tmp_path, open_source):
    fields = {"id": "k", "caption": "c"}
    with pytest.raises(UsageError, match=r"x.jsonl, line 2: the id '7' was used before \(.*x.jsonl, line 1\)"):
        samples(open_source, tmp_path, "captioning", [{"k": 7, "c": "a"}, {"k": "7", "c": "b"}], fields)
    with pytest.raises(UsageError, match=r"x.jsonl, line 2: 'id' \(k\) must be a number or text, not None"):
        samples(open_source, tmp_path, "captioning", [{"k": 7, "c": "a"}, {"c": "b"}], fields)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"image": "a.png", "caption": []}, "The reference list is empty."),
        ({"image": "a.png", "caption": ""}, "The reference list is empty."),
        ({"image": "a.png"}, "The reference list is empty."),
        ({"image": "a.png", "caption": [["x"]]}, "The reference ['x'] is not text."),
        ({"image": "a.png", "caption": True}, "The reference True is not text."),
        ({"image": None, "caption": "x"}, "The image value is missing."),
        ({"image": 3, "caption": "x"}, "The image value 3 is not a file name"),
        ({"image": "../a.png", "caption": "x"}, "leads out of the images folder: it is refused"),
    ],
)
def test_a_defect_is_the_problem_of_its_row_alone(tmp_path, open_source, row, reason):
    good = {"image": "b.png", "caption": "fine"}
    first, second = samples(open_source, tmp_path, "captioning", [good, row], CAPTION)
    assert not first.problem
    assert second.problem.startswith("x.jsonl, line 2: ")
    assert reason in second.problem


def test_vqa_rows(tmp_path, open_source):
    rows = [{"q": "", "a": "x"}, {"q": "what?", "a": "x"}]
    first, second = samples(open_source, tmp_path, "vqa", rows, {"question": "q", "answer": "a"})
    assert "The question '' is not text" in first.problem
    assert (second.images, second.cluster, second.problem) == ((), "1", "")
    with pytest.raises(UsageError, match=r"The kind 'vqa' needs 'question': add it under 'source.fields'"):
        samples(open_source, tmp_path, "vqa", rows, {"answer": "a"})


def test_labels(tmp_path, open_source):
    rows = [{"y": 1}, {"y": "cat"}, {"y": "0"}, {"y": 2}, {"y": None}, {"y": 1.5}]
    found = samples(open_source, tmp_path, "classification", rows, {"label": "y"}, names=["cat", "dog"])
    assert [sample.references for sample in found] == [("dog",), ("cat",), ("cat",), (), (), ()]
    assert "The label 2 is not among the 2 names" in found[3].problem
    assert "the reference list is empty" in found[4].problem
    assert "The label 1.5 is neither a name nor a number" in found[5].problem


def test_several_labels(tmp_path, open_source):
    rows = [{"y": ["dog", 0]}, {"y": [1, "dog"]}, {"y": []}, {"y": ["cat", None]}, {"y": ["cow"]}, {"y": [["cat"]]}]
    found = samples(open_source, tmp_path, "classification", rows, {"label": "y"}, names=["cat", "dog"])
    assert [sample.references for sample in found] == [("dog", "cat"), ("dog",), (), (), (), ()]
    assert [bool(sample.problem) for sample in found] == [False, False, False, True, True, True]
    assert "The label None is neither a name nor a number" in found[3].problem
    assert "The label 'cow' is not among the 2 names" in found[4].problem
    unnamed = open_source(tmp_path, "classification", type="jsonl", path="x.jsonl", fields={"label": "y"})
    assert unnamed.options() == ("0", "1", "cow", "dog")
    (empty,) = samples(open_source, tmp_path, "classification", [{"y": [""]}], {"label": "y"})
    assert "The label '' is neither a name nor a number" in empty.problem


def test_a_cell_of_csv_is_one_label(tmp_path, open_source):
    (tmp_path / "x.csv").write_text('y\n"cat, dog"\n', encoding="utf-8")
    (sample,) = open_source(tmp_path, "classification", type="csv", path="x.csv", fields={"label": "y"}).samples()
    assert sample.references == ("cat, dog",)


def test_facts_keep_the_form_that_they_have(tmp_path, open_source):
    fields = {"caption": "c", "facts": {"pair": "p", "objects": "o", "balanced": "b", "place": "{p}-{k}"}}
    rows = [
        {"c": "x", "p": 7, "o": ["cat", {"a": [1.5]}], "b": False, "k": "y"},
        {"c": "x", "p": "", "o": []},
        {"c": "x", "p": None, "b": 0},
    ]
    found = samples(open_source, tmp_path, "captioning", rows, fields)
    assert found[0].facts == {"pair": 7, "objects": ["cat", {"a": [1.5]}], "balanced": False, "place": "7-y"}
    assert found[0].facts["balanced"] is False
    assert found[1].facts == {"objects": []}
    assert found[2].facts == {"balanced": 0}
    assert not any(sample.problem or sample.inputs for sample in found)


def test_facts_of_csv_and_parquet(tmp_path, open_source):
    fields = {"caption": "c", "facts": {"sentence": "s", "objects": "o"}}
    (tmp_path / "x.csv").write_text("c,s,o\nx,1,cat\ny,,\n", encoding="utf-8")
    first, second = open_source(tmp_path, "captioning", type="csv", path="x.csv", fields=fields).samples()
    assert (first.facts, second.facts) == ({"sentence": "1", "objects": "cat"}, {})
    parquet(tmp_path, c=["x", "y"], s=[1, None], o=[["cat"], []])
    first, second = open_source(tmp_path, "captioning", type="parquet", path="x.parquet", fields=fields).samples()
    assert (first.facts, second.facts) == ({"sentence": 1, "objects": ["cat"]}, {"objects": []})


def test_facts_that_are_wrong(tmp_path, open_source):
    def opened(facts: Any) -> None:
        samples(open_source, tmp_path, "captioning", [{"c": "x", "pair": 1}], {"caption": "c", "facts": facts})

    with pytest.raises(UsageError, match=r"x.jsonl has no column 'piar': did you mean 'pair'"):
        opened({"pair": "piar"})
    with pytest.raises(UsageError, match=r"'fields.facts' is not valid: .* given was \['pair'\]"):
        opened(["pair"])
    with pytest.raises(UsageError, match=r"'fields.facts.pair.*' is not valid"):
        opened({"pair": ["pair"]})
    with pytest.raises(UsageError, match=r"unknown key 'fields.fact': did you mean 'facts'"):
        samples(open_source, tmp_path, "captioning", [{"c": "x"}], {"caption": "c", "fact": {}})


def test_a_fact_that_does_not_fit_its_template_is_the_problem_of_its_row(tmp_path, open_source):
    fields = {"caption": "c", "facts": {"pair": "{p:d}"}}
    first, second = samples(open_source, tmp_path, "captioning", [{"c": "x", "p": "a"}, {"c": "x", "p": 1}], fields)
    assert "The value 'a' does not fit '{p:d}'" in first.problem
    assert (second.facts, second.problem) == ({"pair": "1"}, "")


def test_merged_rows_must_agree_in_their_facts(tmp_path, open_source):
    fields = {"caption": "c", "facts": {"objects": "o"}}
    rows = [{"i": 1, "c": "x", "o": ["a"]}, {"i": 1, "c": "y", "o": ["b"]}, {"i": 2, "c": "x", "o": ["a"]}]
    first, second = samples(open_source, tmp_path, "captioning", [*rows, rows[2]], fields, group_by="i")
    assert "The rows merged by 'group_by' differ in 'facts.objects'" in first.problem
    assert (second.facts, second.problem) == ({"objects": ["a"]}, "")


def test_facts_are_part_of_the_datas_identity(tmp_path, open_source):
    prints = set()
    for facts, value in (({}, 1), ({"pair": "p"}, 1), ({"pair": "p"}, 2), ({"sentence": "p"}, 2)):
        jsonl(tmp_path, [{"c": "x", "p": value}])
        section = {"type": "jsonl", "path": "x.jsonl", "fields": {"caption": "c", "facts": facts}}
        prints.add(open_source(tmp_path, "captioning", **section).fingerprint())
    assert len(prints) == 4


def test_options_are_the_names_or_what_occurs(tmp_path, open_source):
    jsonl(tmp_path, [{"y": "dog"}, {"y": "cat"}, {"y": "dog"}, {"y": None}])
    section = {"type": "jsonl", "path": "x.jsonl", "fields": {"label": "y"}}
    assert open_source(tmp_path, "classification", **section).options() == ("cat", "dog")
    named = open_source(tmp_path, "classification", **section, names=["dog", "cat", "cow"])
    assert named.options() == ("dog", "cat", "cow")
    assert open_source(tmp_path, "captioning", **section).options() == ()


def test_options_of_each_row(tmp_path, open_source):
    rows = [{"y": 1, "o": ["red", "blue"]}, {"y": "red", "o": ["red"]}, {"y": 1, "o": "red"}]
    found = samples(open_source, tmp_path, "classification", rows, {"label": "y", "options": "o"})
    assert [sample.references for sample in found] == [("blue",), ("red",), ()]
    assert found[0].inputs["options"] == ("red", "blue")
    assert "The value 'red' is not a list of texts" in found[2].problem


def test_a_row_of_too_many_digits_or_levels_is_one_sentence(tmp_path, open_source):
    for text, reason in (("9" * 5000, "it holds a number of too many digits"), ("[" * 200_000, "too deeply")):
        for name, whole in (("x.jsonl", f'{{"y": {text}}}'), ("x.json", f'[{{"y": {text}}}]')):
            (tmp_path / name).write_text(whole, encoding="utf-8")
            with pytest.raises(UsageError, match=reason):
                open_source(tmp_path, "classification", type="jsonl", path=name, fields={"label": "y"})


def test_references_stay_where_the_picture_or_question_is_the_problem(tmp_path, open_source):
    rows = [{"i": "../x.png", "q": "?", "a": ["one"]}, {"i": "x.png", "q": "", "a": ["two"]}]
    found = samples(open_source, tmp_path, "vqa", rows, {"image": "i", "question": "q", "answers": "a"})
    assert all(sample.problem for sample in found)
    assert [sample.references for sample in found] == [("one",), ("two",)]


def test_ner_rows(tmp_path, open_source):
    rows = [
        {"tokens": ["EU", "is"], "tags": ["I-ORG", "O"]},
        {"tokens": "in Rome", "tags": [0, 3]},
        {"tokens": ["a"], "tags": ["O", "O"]},
        {"tokens": ["a"], "tags": ["X"]},
        {"tokens": [1], "tags": ["O"]},
        {"tokens": ["a"], "tags": None},
    ]
    names = ["O", "B-ORG", "I-ORG", "B-LOC"]
    jsonl(tmp_path, rows)
    source = open_source(tmp_path, "ner", type="jsonl", path="x.jsonl", fields=NER, names=names)
    found = list(source.samples())
    assert [sample.references for sample in found[:2]] == [("B-ORG", "O"), ("O", "B-LOC")]
    assert found[1].inputs["tokens"] == ("in", "Rome")
    assert "There are 1 tokens and 2 tags" in found[2].problem
    assert "The label 'X' is not among the 4 names" in found[3].problem
    assert "The value [1] is not a list of texts" in found[4].problem
    assert [sample.references for sample in found[2:]] == [("O", "O"), (), ("O",), ()]  # what can be read stays true
    assert "the reference list is empty" in found[5].problem
    assert source.options() == ("LOC", "ORG")
    unnamed = open_source(tmp_path, "ner", type="jsonl", path="x.jsonl", fields=NER)
    assert "The tag 'X' is neither O nor B-TYPE nor I-TYPE" in list(unnamed.samples())[3].problem


CSV = 'image,split,caption\na.jpg,test,"One, two."\nb.jpg,train,No.\na.jpg,test,"Three\nlines"\nc.jpg,test,\n'


def csv_source(open_source, folder: Path, text: str = CSV, **section: Any):
    (folder / "x.csv").write_text(text, encoding="utf-8")
    return open_source(folder, "captioning", type="csv", path="x.csv", fields=CAPTION, **section)


def test_rows_are_merged_and_filtered(tmp_path, open_source):
    splits = {"train": {"where": {"split": "train"}}}
    source = csv_source(open_source, tmp_path, group_by="image", where={"split": "test"}, splits=splits)
    first, second = source.samples()
    assert (first.id, first.group, first.references) == ("a.jpg", "a.jpg", ("One, two.", "Three\nlines"))
    assert second.problem == "x.csv, line 6: The reference list is empty."
    train = csv_source(open_source, tmp_path, group_by="image", where={"split": "test"}, splits=splits, split="train")
    assert [sample.id for sample in train.samples()] == ["b.jpg"]
    assert train.fingerprint() != source.fingerprint()


def test_where(tmp_path, open_source):
    rows = [{"c": "a", "n": 1, "b": True}, {"c": "b", "n": 2, "b": False}, {"c": "c", "n": "1", "b": True}]
    fields = {"caption": "c"}

    def kept(**where: Any) -> list[str]:
        found = samples(open_source, tmp_path, "captioning", rows, fields, where=where)
        return [sample.id for sample in found]

    assert kept(n=1) == ["0", "2"]
    assert kept(n=[1, 2], b=False) == ["1"]
    assert kept(b=True) == ["0", "2"]
    with pytest.raises(UsageError, match=r"x.jsonl has no rows with 'n: 5, b: True': correct 'where'"):
        kept(n=5, b=True)
    with pytest.raises(UsageError, match=r"has no column 'm'"):
        kept(m=5)


def test_merged_rows_must_agree(tmp_path, open_source):
    rows = [{"i": 1, "q": "what?", "a": "x"}, {"i": 1, "q": "who?", "a": "y"}, {"i": 2, "q": "who?", "a": "y"}]
    fields = {"question": "q", "answers": "a"}
    first, second = samples(open_source, tmp_path, "vqa", rows, fields, group_by="i")
    assert "The rows merged by 'group_by' differ in 'question'" in first.problem
    assert not second.problem
    found = samples(open_source, tmp_path, "vqa", rows, fields, group_by="{i}/{q}")
    assert [sample.id for sample in found] == ["1/what?", "1/who?", "2/who?"]
    with pytest.raises(UsageError, match=r"merges references, but the kind 'classification' has one: remove it"):
        samples(open_source, tmp_path, "classification", rows, {"label": "a"}, group_by="i")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,caption\na,b\na,b,c\n", r"x.csv, line 3, has 3 columns but the header 2: quote values"),
        ("image,image\na,b\n", r"x.csv, line 1, names a column twice: rename one"),
        ('image,caption\n"a,b\n', r"x.csv, line 2, is not valid CSV: unexpected end of data"),
        ("", r"has no rows"),
    ],
)
def test_malformed_csv(tmp_path, open_source, text, message):
    with pytest.raises(UsageError, match=message):
        csv_source(open_source, tmp_path, text)


def test_tab_separated(tmp_path, open_source):
    (sample,) = csv_source(open_source, tmp_path, "image\tcaption\na.jpg\tx, y\n", delimiter="\t").samples()
    assert sample.references == ("x, y",)


def test_several_files_are_one_data_set(tmp_path, open_source):
    jsonl(tmp_path, [{"c": "a"}], "1.jsonl")
    jsonl(tmp_path, [{"c": "b"}], "2.jsonl")
    section = {"type": "jsonl", "fields": {"caption": "c"}}
    found = list(open_source(tmp_path, "captioning", path=["1.jsonl", "2.jsonl"], **section).samples())
    assert [(sample.id, sample.references) for sample in found] == [("0", ("a",)), ("1", ("b",))]
    with pytest.raises(UsageError, match=r"'source.path' is an empty list: name a file"):
        open_source(tmp_path, "captioning", path=[], **section)


def parquet(folder: Path, **columns: Any) -> None:
    pq.write_table(pa.table(columns), folder / "x.parquet", row_group_size=2)


def test_parquet_with_pictures_inside(tmp_path, open_source, draw):
    draw(tmp_path / "far.png", 9)
    cells = [
        {"bytes": png(1), "path": "a.png"},
        {"bytes": None, "path": "far.png"},
        {"bytes": png(3)[:50], "path": None},
        None,
        {"bytes": png(5), "path": None},
    ]
    parquet(tmp_path, image=cells, caption=[["one", "eins"], ["two"], ["three"], ["four"], []], unused=[0] * 5)
    source = open_source(tmp_path, "captioning", type="parquet", path="x.parquet", fields=CAPTION)
    found = list(source.samples())
    assert [sample.references for sample in found[:2]] == [("one", "eins"), ("two",)]
    assert [found[i].images[0].decode()[0, 0, 0] for i in (4, 0, 1)] == [5, 1, 9]
    assert found[4].problem == "x.parquet, row 5: The reference list is empty."
    with pytest.raises(SampleError, match=r"The image x.parquet, row 3 cannot be decoded"):
        found[2].images[0].decode()
    with pytest.raises(SampleError, match=r"The image value is missing"):
        found[3].images[0].decode()
    copied = pickle.loads(pickle.dumps(found[0].images[0]))  # noqa: S301 (our own bytes; Ray does the same)
    assert copied.digest == found[0].images[0].digest
    with pytest.raises(UsageError, match=r"x.parquet has no column 'unusd': did you mean 'unused'"):
        open_source(tmp_path, "captioning", type="parquet", path="x.parquet", fields={"caption": "unusd"})


def test_parquet_with_plain_bytes_and_with_paths(tmp_path, open_source):
    section = {
        "type": "parquet",
        "path": "x.parquet",
        "fields": {"image": "image", "label": "y", "group": "y"},
        "names": ["a", "b"],
    }
    parquet(tmp_path, image=[png(1), png(2), png(3)], y=[0, 1, 0])
    found = list(open_source(tmp_path, "classification", **section).samples())
    assert [sample.references[0] for sample in found] == ["a", "b", "a"]
    assert [sample.images[0].decode()[0, 0, 0] for sample in found] == [1, 2, 3]
    parquet(tmp_path, image=["a.png", None], y=[0, 1])
    first, second = open_source(tmp_path, "classification", **section).samples()
    assert (first.group, second.group) == ("0", "1")
    assert "The image value is missing" in second.problem


def test_a_parquet_file_that_is_none(tmp_path, open_source):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(UsageError, match=r"x.parquet is not readable Parquet"):
        open_source(tmp_path, "captioning", type="parquet", path="x.parquet", fields=CAPTION)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": "image"}, "'fields.references' is missing"),
        ({**CAPTION, "answer": "x"}, "unknown key 'fields.answer'"),
        ({**CAPTION, "id": "{a"}, "is not valid"),
        ({**CAPTION, "id": "{a.b!r}"}, "may only have fields such as"),
    ],
)
def test_fields_that_are_wrong(tmp_path, open_source, fields, message):
    jsonl(tmp_path, [{"image": "a", "caption": "b"}])
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "captioning", type="jsonl", path="x.jsonl", fields=fields)


def test_templates_reach_no_attributes():
    assert template("{a}-{2:03d}.png").fill({"a": "x", 2: 7}) == "x-007.png"
    assert template("{a}").fill({}) is None
    assert template("{a.__class__}").fill({"a": 1}) is None
    assert template("{a[0]}").fill({"a": "x"}) is None
    with pytest.raises(SampleError, match=r"The value 'x' does not fit '\{a:d\}'"):
        template("{a:d}").fill({"a": "x"})


def test_fingerprint_follows_content_and_settings_not_place(tmp_path, open_source):
    rows = [{"image": "a.png", "caption": "one", "other": "two"}]
    prints = []
    for name, fields in (("one", CAPTION), ("two", CAPTION), ("two", {"image": "image", "caption": "other"})):
        (tmp_path / name).mkdir(exist_ok=True)
        jsonl(tmp_path / name, rows)
        section = {"type": "jsonl", "path": str(tmp_path / name / "x.jsonl"), "fields": fields}
        prints.append(open_source(tmp_path, "captioning", **section).fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_flickr8k(shared, open_source):
    section = {"path": "flickr8k_1k/captions.csv", "images": "flickr8k_1k/images", "group_by": "image"}
    splits = {name: {"where": {"split": name}} for name in ("train", "dev", "test")}
    for name, size in {"train": 753, "dev": 113, "test": 125}.items():
        source = open_source(shared, "captioning", type="csv", fields=CAPTION, splits=splits, split=name, **section)
        found = list(source.samples())
        assert len(found) == size
        assert all(len(sample.references) == 5 and not sample.problem for sample in found)


def test_easy_vqa(shared, open_source):
    section = {"path": "easy_vqa/test/questions.json", "images": "easy_vqa/test/images"}
    fields = {"question": 0, "answer": 1, "image": "{2}.png"}
    found = list(open_source(shared, "vqa", type="jsonl", fields=fields, **section).samples())
    assert len(found) == 9673
    assert len({sample.cluster for sample in found}) == 1000
    assert sum(sample.references == ("yes",) for sample in found) / 9673 == pytest.approx(0.373, abs=5e-4)
    assert found[0].images[0].decode().shape == (64, 64, 3)
