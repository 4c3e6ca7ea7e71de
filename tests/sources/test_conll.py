"""CoNLL column files and their tags."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.errors import SampleError, UsageError
from velm_bench.iob import to_iob2
from velm_bench.metrics import build
from velm_bench.sources.conll import read_conll
from velm_bench.sources.tags import entrances

EXAMPLE = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
Paris\tNNP  I-NP\tI-LOC
Rome NNP I-NP B-LOC

-DOCSTART- -X- -X- O

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER
Siemens NNP I-NP I-ORG
"""

spans = st.lists(st.tuples(st.sampled_from(["O", "PER", "LOC", "MISC"]), st.integers(1, 3)), max_size=8)
words = st.text(st.characters(exclude_characters=" \t\r\n\ufeff", exclude_categories=["Cs"]), min_size=1).filter(
    lambda word: not word.startswith("-DOCSTART-")
)


def as_iob2(entities: list[tuple[str, int]]) -> list[str]:
    tags: list[str] = []
    for kind, length in entities:
        tags += ["O"] * length if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
    return tags


def as_iob1(entities: list[tuple[str, int]]) -> list[str]:
    tags: list[str] = []
    for kind, length in entities:
        start = "B" if tags and kind == tags[-1][2:] else "I"
        tags += ["O"] * length if kind == "O" else [f"{start}-{kind}", *[f"I-{kind}"] * (length - 1)]
    return tags


@given(spans)
def test_iob1_becomes_iob2(entities):
    assert list(to_iob2(as_iob1(entities))) == as_iob2(entities)


@given(spans)
def test_iob2_stays_as_it_is(entities):
    tags = as_iob2(entities)
    assert list(to_iob2(tags)) == tags
    assert entrances(tags) == []


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])))
def test_conversion_is_done_in_one_pass(tags):
    once = to_iob2(tags)
    assert to_iob2(once) == once
    assert entrances(once) == []


@given(st.lists(st.lists(st.tuples(words, st.sampled_from(["O", "B-X", "I-X"])), min_size=1), max_size=5))
def test_what_is_written_is_read(sentences):
    text = "\n\n".join("\n".join(f"{token} {tag}" for token, tag in sentence) for sentence in sentences)
    read = read_conll(text, 0, -1, Path("x.conll"))
    assert [list(zip(one.tokens, one.tags, strict=True)) for one in read] == sentences


def write(folder: Path, text: str) -> None:
    (folder / "x.conll").write_bytes(text.encode())


def test_sentences_documents_and_types(tmp_path, open_source):
    write(tmp_path, EXAMPLE)
    source = open_source(tmp_path, "ner", type="conll", path="x.conll")
    first, second = source.samples()
    assert (first.id, second.id) == ("0", "1")
    assert first.inputs["tokens"] == ("EU", "rejects", "Paris", "Rome")
    assert first.references == ("B-ORG", "O", "B-LOC", "B-LOC")
    assert second.references == ("B-PER", "I-PER", "B-ORG")
    assert (first.group, second.group) == ("document 1", "document 2")
    assert source.options() == ("LOC", "ORG", "PER")


def test_without_documents_a_sentence_is_its_own_group(tmp_path, open_source):
    write(tmp_path, "\ufeffa O\r\n\r\n\r\nb O\r\n")
    samples = list(open_source(tmp_path, "ner", type="conll", path="x.conll").samples())
    assert [(sample.inputs["tokens"], sample.cluster) for sample in samples] == [(("a",), "0"), (("b",), "1")]


def test_any_column(tmp_path, open_source):
    write(tmp_path, "1 B-X x Rome\n2 I-X x Paris\n")
    settings = {"type": "conll", "path": "x.conll", "token_column": -1, "tag_column": 1}
    (sample,) = open_source(tmp_path, "ner", **settings).samples()
    assert sample.inputs["tokens"] == ("Rome", "Paris")
    assert sample.references == ("B-X", "I-X")


def test_a_no_break_space_is_part_of_a_token(tmp_path, open_source):
    write(tmp_path, "10\u00a0000 O\n")
    (sample,) = open_source(tmp_path, "ner", type="conll", path="x.conll").samples()
    assert sample.inputs["tokens"] == ("10\u00a0000",)


def test_iob2_refuses_what_only_iob1_writes(tmp_path, open_source):
    write(tmp_path, "a O\n\nb O\nc I-X\n")
    good, bad = open_source(tmp_path, "ner", type="conll", path="x.conll", scheme="iob2").samples()
    assert not good.problem
    assert bad.problem == (
        "x.conll, sentence of line 3: I-X begins an entity, which is not IOB2: set 'scheme: iob1' if the file is IOB1."
    )
    assert bad.references == ("O", "B-X")
    assert build("entity_f1", ["X"]).values(build("entity_f1", ["X"]).statistics([None], [bad.references]))[0] == 0
    assert [s.references for s in open_source(tmp_path, "ner", type="conll", path="x.conll").samples()][1] == (
        "O",
        "B-X",
    )


def test_a_tag_that_is_none_is_the_sentences_problem(tmp_path, open_source):
    write(tmp_path, "a O\n\nb NNP\n")
    samples = list(open_source(tmp_path, "ner", type="conll", path="x.conll").samples())
    assert [sample.problem for sample in samples] == [
        "",
        "x.conll, sentence of line 3: The tag 'NNP' is neither O nor B-TYPE nor I-TYPE.",
    ]
    assert samples[1].references == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a O\nb\n",
            r"x.conll, line 2: there are 1 columns, which lack token column 0 or tag column -1: mend the line",
        ),
        ("\n\n", r"The file .*x.conll has no sentences"),
    ],
)
def test_malformed_files(tmp_path, open_source, text, message):
    write(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "ner", type="conll", path="x.conll")


def test_text_that_is_not_utf8(tmp_path, open_source):
    (tmp_path / "x.conll").write_bytes(b"a O\n\xe9 O\n")
    with pytest.raises(UsageError, match=r"x.conll, line 2, is not UTF-8 text: convert it to UTF-8"):
        open_source(tmp_path, "ner", type="conll", path="x.conll")


def test_the_kind_must_fit(tmp_path, open_source):
    write(tmp_path, "a O\n")
    with pytest.raises(UsageError, match=r"The source 'conll' serves ner, not the kind 'vqa'"):
        open_source(tmp_path, "vqa", type="conll", path="x.conll")


SUPPORTS = {
    "B-LOC": 1668, "I-LOC": 257, "B-MISC": 702, "I-MISC": 216, "B-ORG": 1661, "I-ORG": 835,
    "B-PER": 1617, "I-PER": 1156, "O": 38323,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "scheme"),
    [("eng.testb", "iob1"), ("iob2/test.txt", "iob1"), ("iob2/test.txt", "iob2")],
)
def test_conll2003_counts(shared, open_source, path, scheme):
    source = open_source(shared, "ner", type="conll", path=f"conll2003/{path}", scheme=scheme)
    samples = list(source.samples())
    assert len(samples) == 3453
    assert sum(len(sample.inputs["tokens"]) for sample in samples) == 46435
    assert Counter(tag for sample in samples for tag in sample.references) == SUPPORTS
    assert len({sample.group for sample in samples}) == 231
    assert not any(sample.problem for sample in samples)


POSTS = "IMGID:7\nRT\tO\nMadrid\tB-OTHER\n\nIMGID:8\nhi\tO\n\nlost\tO\n"


def test_a_line_names_the_picture_of_the_sentence_after_it(tmp_path, open_source, draw):
    write(tmp_path, POSTS)
    draw(tmp_path / "pictures" / "7.png", 70)
    settings = {"picture_mark": "IMGID:", "picture": "{id}.png", "images": "pictures", "rename": {"OTHER": "MISC"}}
    source = open_source(tmp_path, "ner", type="conll", path="x.conll", **settings)
    first, second, third = source.samples()
    assert first.images[0].decode()[0, 0, 0] == 70
    assert (first.group, second.group) == ("7", "8")
    assert first.inputs["tokens"] == ("RT", "Madrid")
    assert first.references == ("O", "B-MISC")
    assert source.options() == ("MISC",)
    with pytest.raises(SampleError, match=r"8\.png"):
        second.images[0].decode()
    assert third.problem == "x.conll, sentence of line 8: The image value is missing."
    assert third.references == ("O",)


def test_a_picture_never_leads_out_of_its_folder(tmp_path, open_source):
    write(tmp_path, "IMGID:../../secret\nRT\tO\n")
    (sample,) = open_source(tmp_path, "ner", type="conll", path="x.conll", picture_mark="IMGID:").samples()
    assert "leads out of the images folder" in sample.problem


def test_without_a_mark_such_a_line_is_a_token_like_any_other(tmp_path, open_source):
    write(tmp_path, "IMGID:7 O\nRT O\n")
    (sample,) = open_source(tmp_path, "ner", type="conll", path="x.conll").samples()
    assert sample.inputs["tokens"] == ("IMGID:7", "RT")
    assert sample.images == ()


def test_the_name_of_the_pictures_must_have_the_field(tmp_path, open_source):
    write(tmp_path, POSTS)
    with pytest.raises(UsageError, match=r"'picture' is not valid: it must have the one field \{id\}"):
        open_source(tmp_path, "ner", type="conll", path="x.conll", picture_mark="IMGID:", picture="all.png")
