"""Fields as public data sets need them: several pictures, options of many shapes, answers that point into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.sources.made_tables import levels, packed, parquet, png, write
from velm_bench.errors import SampleError, UsageError

CHOICE = {"question": "q", "options": "o", "answer": "a"}


def samples(open_source, folder: Path, kind: str, rows: list[Any], fields: dict[str, Any], **section: Any):
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(open_source(folder, kind, type="jsonl", path="x.jsonl", fields=fields, **section).samples())


def from_parquet(open_source, folder: Path, kind: str, data: bytes, fields: dict[str, Any], **section: Any):
    write(folder, "x.parquet", data)
    return open_source(folder, kind, type="parquet", path="x.parquet", fields=fields, **section)


POINTING = {
    "letter": ["B", "(a)", "C", ["A", "B"]],
    "index": [1, "0", 2, [0, 1]],
    "text": ["blue", " red ", "pink", ["red", "blue"]],
}


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, how) for kind in ("multiple_choice", "classification", "vqa") for how in ("letter", "index")),
        ("multiple_choice", "text"),
    ],
)
def test_answers_that_point_into_the_options(tmp_path, open_source, kind, how):
    rows = [{"q": "?", "o": ["red", "blue"], "a": answer} for answer in POINTING[how]]
    found = samples(open_source, tmp_path, kind, rows, {**CHOICE, "answer_is": how})
    assert [sample.references for sample in found] == [("blue",), ("red",), (), ("red", "blue")]
    assert [bool(sample.problem) for sample in found] == [False, False, True, False]
    assert {sample.inputs["options"] for sample in found} == {("red", "blue")}


def test_open_questions_among_those_with_options(tmp_path, open_source):
    rows = [
        {"q": "?", "o": "['red', 'blue']", "a": "B"},
        {"q": "?", "o": "[]", "a": "seven"},
        {"q": "?", "o": None, "a": "['7', 'seven']"},
        {"q": "?", "o": "['$\\\\frac{1}{2}$', \"it's\"]", "a": "B"},
        {"q": "?", "o": "nonsense", "a": "B"},
    ]
    section = {"parse": ["o", "a"]}
    found = samples(open_source, tmp_path, "multiple_choice", rows, {**CHOICE, "answer_is": "letter"}, **section)
    assert [sample.references for sample in found] == [("blue",), ("seven",), ("7", "seven"), ("it's",), ()]
    assert [sample.inputs.get("options") for sample in found[:3]] == [("red", "blue"), None, None]
    assert "The value 'nonsense' is not a list of texts" in found[4].problem
    (refused,) = samples(open_source, tmp_path, "classification", [{"q": "?", "o": [], "a": "B"}], CHOICE)
    assert "The row has no options" in refused.problem


def test_options_in_columns_and_mappings(tmp_path, open_source):
    rows = [{"q": "?", "A": "red", "B": "nan", "C": "blue", "D": None, "a": "C"}]
    fields = {"question": "q", "options": ["A", "B", "C", "D"], "answer": "a", "answer_is": "letter"}
    (sample,) = samples(open_source, tmp_path, "multiple_choice", rows, fields, missing=["nan"])
    assert (sample.inputs["options"], sample.references) == (("red", "blue"), ("blue",))
    (unread,) = samples(open_source, tmp_path, "multiple_choice", rows, fields)
    assert (unread.inputs["options"], unread.references) == (("red", "nan", "blue"), ("blue",))
    rows = [{"q": "?", "o": {"text": ["red", "blue"], "label": ["1", "2"]}, "a": "2"}]
    (labelled,) = samples(open_source, tmp_path, "multiple_choice", rows, {**CHOICE, "answer_is": "letter"})
    assert (labelled.inputs["options"], labelled.references) == (("red", "blue"), ("blue",))


def test_a_question_that_may_stand_in_two_places_and_further_inputs(tmp_path, open_source):
    rows = [{"q": "why?", "h": "It rains.", "a": "x"}, {"q": "why?", "h": None, "a": "x"}, {"h": "It rains.", "a": "x"}]
    fields = {"question": ["{h} {q}", "q"], "answer": "a", "inputs": {"hint": "h"}}
    found = samples(open_source, tmp_path, "vqa", rows, fields)
    assert [sample.inputs["question"] for sample in found[:2]] == ["It rains. why?", "why?"]
    assert [sample.inputs["hint"] for sample in found] == ["It rains.", "", "It rains."]
    assert "The question None is not text" in found[2].problem


def test_nested_answers_slices_and_groups(tmp_path, open_source):
    rows = [{"q": "?", "answers": [{"answer": "a"}, {"answer": "b"}], "info": {"id": 7, "type": "count", "n": [1]}}]
    fields = {
        "question": "q",
        "answers": "answers.answer",
        "id": "{info.id}-x",
        "group": "info.id",
        "slices": {"type": "info.type"},
        "facts": {"n": "info.n.0"},
    }
    (sample,) = samples(open_source, tmp_path, "vqa", rows, fields, where={"info.type": "count"})
    assert (sample.references, sample.id, sample.group) == (("a", "b"), "7-x", "7")
    assert (sample.slices, sample.facts) == ({"type": "count"}, {"n": 1})
    with pytest.raises(UsageError, match=r"has no column 'inof.type': did you mean 'info'"):
        samples(open_source, tmp_path, "vqa", rows, {**fields, "slices": {"type": "inof.type"}})


def test_references_of_several_columns(tmp_path, open_source):
    rows = [{"c1": "one", "c2": ["two", "three"], "c3": None}, {"c1": None, "c2": None, "c3": ""}]
    first, second = samples(open_source, tmp_path, "captioning", rows, {"captions": ["c1", "c2", "c3"]})
    assert first.references == ("one", "two", "three")
    assert "The reference list is empty" in second.problem


def test_rows_that_lack_something_are_left_out(tmp_path, open_source):
    rows = [{"c": "one", "k": "x"}, {"c": "two", "k": None}, {"c": "three", "k": ""}, {"c": "four", "k": "-"}]
    found = samples(open_source, tmp_path, "captioning", rows, {"caption": "c"}, require=["k"], missing=["-"])
    assert [(sample.id, sample.references) for sample in found] == [("0", ("one",))]
    with pytest.raises(UsageError, match=r"x.jsonl has no rows with all of \['k'\]: correct 'require'"):
        samples(open_source, tmp_path, "captioning", rows[1:], {"caption": "c"}, require=["k"], missing=["-"])
    data = parquet(c=["one", "two"], image=[packed(3), None])
    section = {"fields": {"caption": "c", "image": "image"}, "require": ["image"]}
    (only,) = from_parquet(open_source, tmp_path, "captioning", data, **section).samples()
    assert levels(only) == [3]


PICTURES = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def test_several_pictures(tmp_path, open_source):
    lists = pa.array([[packed(1), packed(2)], [], None, [packed(3)], [packed(4), packed(5)]], PICTURES)
    data = parquet(
        a=[packed(10), None, packed(11), None, packed(12)],
        b=[png(20), png(21), None, None, png(22)],
        more=lists,
        c=["x"] * 5,
    )
    source = from_parquet(open_source, tmp_path, "captioning", data, {"caption": "c", "image": ["a", "b", "more"]})
    found = list(source.samples())
    assert not any(sample.problem for sample in found)
    assert [levels(sample) for sample in found] == [[10, 20, 1, 2], [21], [11], [3], [12, 22, 4, 5]]
    only = from_parquet(open_source, tmp_path, "captioning", data, {"caption": "c", "image": "more"})
    assert [levels(sample) for sample in only.samples()] == [[1, 2], [], [], [3], [4, 5]]
    assert len({picture.digest for sample in found for picture in sample.images}) == 11


def test_a_picture_that_is_damaged_is_an_error_of_its_sample(tmp_path, open_source):
    data = parquet(a=[packed(1), {"bytes": b"nonsense", "path": None}], c=["x", "y"])
    first, second = from_parquet(open_source, tmp_path, "captioning", data, {"caption": "c", "image": ["a"]}).samples()
    assert levels(first) == [1]
    with pytest.raises(SampleError, match=r"The image x.parquet, row 2 cannot be decoded"):
        second.images[0].decode()
    (tmp_path / "x.parquet").unlink()
    (third,) = from_parquet(
        open_source, tmp_path, "captioning", parquet(a=[packed(7)], c=["x"]), {"caption": "c", "image": "a"}
    ).samples()
    (tmp_path / "x.parquet").unlink()
    with pytest.raises(SampleError, match=r"The image of x.parquet, row 1 cannot be read"):
        third.images[0].decode()


def test_names_of_classes_and_tags_stand_in_the_file(tmp_path, open_source):
    label = {"label": {"names": ["cat", "dog", "cow"], "_type": "ClassLabel"}}
    source = from_parquet(open_source, tmp_path, "classification", parquet(label, label=[1, 0, -1]), {"label": "label"})
    assert source.options() == ("cat", "dog", "cow")
    assert [sample.references for sample in source.samples()] == [("dog",), ("cat",), ()]
    named = from_parquet(
        open_source, tmp_path, "classification", parquet(label, label=[1]), {"label": "label"}, names=["a", "b"]
    )
    assert [sample.references for sample in named.samples()] == [("b",)]
    names = ["O", "B-PER", "I-PER"]
    for tags in (
        {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"},
        [{"names": names, "_type": "ClassLabel"}],
    ):
        data = parquet({"t": tags}, w=[["Ann", "B"]], t=[[1, 2]])
        tagged = from_parquet(open_source, tmp_path, "ner", data, {"tokens": "w", "tags": "t"})
        assert [sample.references for sample in tagged.samples()] == [("B-PER", "I-PER")]
        assert tagged.options() == ("PER",)
    plain = from_parquet(open_source, tmp_path, "classification", parquet(label=[1, 0]), {"label": "label"})
    assert plain.options() == ("0", "1")


def test_merged_rows_share_the_first_rows_picture(tmp_path, open_source):
    data = parquet(i=[1, 1, 2], image=[packed(5), packed(5), packed(6)], c=["one", "eins", "two"])
    fields = {"caption": "c", "image": "image"}
    first, second = from_parquet(open_source, tmp_path, "captioning", data, fields, group_by="i").samples()
    assert (first.references, levels(first), first.problem) == (("one", "eins"), [5], "")
    assert (second.references, levels(second)) == (("two",), [6])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"answer": []}, r"the list of columns is empty"),
        ({"answer": "a", "options": []}, r"the list of columns is empty"),
        ({"answer": "a", "answer_is": "leter"}, r"'fields.answer_is' is not valid"),
        ({"answer": "a", "inputs": {"question": "q"}}, r"'question' has a key of its own"),
        ({"answer": "a", "inputs": {"a b": "q"}}, r"'a b' is no name for a prompt's field"),
    ],
)
def test_fields_that_are_wrong(tmp_path, open_source, fields, message):
    with pytest.raises(UsageError, match=message):
        samples(open_source, tmp_path, "classification", [{"a": "x", "q": "?"}], fields)


def test_earlier_settings_keep_their_identity(tmp_path, open_source):
    """The digest of a source's settings as it was before the further fields came."""
    (tmp_path / "x.jsonl").write_text('{"c": "x"}\n')
    source = open_source(tmp_path, "captioning", type="jsonl", path="x.jsonl", fields={"caption": "c"})
    assert source.settings.identity() == {"type": "jsonl", "fields": {"references": "c"}}
