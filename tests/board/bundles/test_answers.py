"""The answers of a bundle: what is written comes back, and nothing else comes in."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.board.bundles import answers
from velm_bench.board.bundles.answers import read_answers, write_answers
from velm_bench.board.schema import AnswerLine
from velm_bench.errors import UsageError

WHERE = "runs/vqa/answers.jsonl.gz"
CONTENT = "0123456789abcdef" * 4

TEXTS = st.text(st.characters(), max_size=20)  # halves of surrogate pairs among them, which models do write
REAL = st.floats(-1e6, 1e6, allow_nan=False)
ANSWERS = st.one_of(
    st.builds(lambda text, tokens: {"text": text, "tokens": tokens}, TEXTS, st.none() | st.integers(0, 1000)),
    st.builds(lambda numbers: {"logprobs": numbers}, st.lists(REAL, min_size=1, max_size=4)),
    st.builds(lambda tags: {"tags": tags}, st.lists(TEXTS, max_size=4)),
)
IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
FAILED = st.builds(lambda id, content, error: AnswerLine(id=id, content=content, error=error), IDS, DIGESTS, IDS)
ANSWERED = st.builds(
    lambda id, content, pictures, answer: AnswerLine(id=id, content=content, pictures=pictures, answer=answer),
    IDS,
    DIGESTS,
    st.lists(DIGESTS, max_size=2).map(tuple),
    ANSWERS,
)
LINES = st.lists(ANSWERED | FAILED, min_size=1, max_size=6, unique_by=lambda line: line.id)


def line(**changed: Any) -> dict[str, Any]:
    """A line that is sound but for what is changed."""
    return {"id": "q1", "content": CONTENT, "pictures": [], "answer": {"text": "yes", "tokens": 1}, **changed}


def packed(*rows: object) -> bytes:
    """Rows as a file; a text stands as it is."""
    texts = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return gzip.compress("".join(f"{text}\n" for text in texts).encode())


def refused(data: bytes, most: int = 1000) -> str:
    with pytest.raises(UsageError) as caught:
        read_answers(data, WHERE, most)
    assert WHERE in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


@given(LINES)
def test_what_is_written_comes_back_and_is_the_same_file_again(lines: list[AnswerLine]) -> None:
    data = write_answers(lines)
    assert read_answers(data, WHERE) == lines
    assert write_answers(read_answers(data, WHERE)) == data
    assert len(gzip.decompress(data).split(b"\n")) == len(lines) + 1


def test_an_error_may_stand_with_an_answer_that_could_not_be_read_and_without() -> None:
    lines = [
        AnswerLine(id="a", content=CONTENT, error="unreadable"),
        AnswerLine(id="b", content=CONTENT, answer={"text": "?", "tokens": None}, error="no label in it"),
    ]
    assert read_answers(write_answers(lines), WHERE) == lines


SOUND = [
    AnswerLine(id="a", content=CONTENT, pictures=(CONTENT,), answer={"text": "a red one", "tokens": 7}),
    AnswerLine(id="b", content=CONTENT, answer={"logprobs": [-1.125, -3.625], "lengths": [1, 2]}),
    AnswerLine(id="c", content=CONTENT, answer={"tags": ["O", "B-PER"]}),
    AnswerLine(id="d", content=CONTENT, error="The picture cannot be read."),
]


@settings(max_examples=500)
@given(st.data())
def test_a_changed_byte_is_refused_or_gives_other_records(data: st.DataObject) -> None:
    text = bytearray(gzip.decompress(write_answers(SOUND)))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    try:
        found = read_answers(gzip.compress(bytes(text)), WHERE)
    except UsageError:
        refused(gzip.compress(bytes(text)))
    else:
        assert found != SOUND


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_of_the_packed_file_never_gives_other_records(data: st.DataObject) -> None:
    packed_bytes = bytearray(write_answers(SOUND))
    place = data.draw(st.integers(0, len(packed_bytes) - 1))
    packed_bytes[place] = data.draw(st.integers(0, 255))
    try:
        assert read_answers(bytes(packed_bytes), WHERE) == SOUND
    except UsageError:
        refused(bytes(packed_bytes))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_sentence(data: bytes) -> None:
    refused(data)
    refused(gzip.compress(data))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (line(id=7), ["line 2", "'id'"]),
        (line(id=""), ["line 2", "'id' is empty"]),
        ('{"id": "\\ud800", "content": "' + CONTENT + '", "error": "x"}', ["line 2", "'id'", "Unicode"]),
        (line(id="q0"), ["line 2", "q0", "twice"]),
        (line(content="abc"), ["line 2", "q1", "'content'"]),
        (line(contents=CONTENT), ["line 2", "q1", "contents", "content"]),
        (line(pictures="x"), ["line 2", "q1", "'pictures'"]),
        (line(answer=None), ["line 2", "q1", "'answer'", "'error'"]),
        (line(answer="yes"), ["line 2", "q1", "'answer'"]),
        (line(answer={}), ["line 2", "q1", "'answer'"]),
        (line(answer={"text": "a", "tokens": 1, "html": "b"}), ["line 2", "q1", "'html'"]),
        (line(answer={"text": "a", "tokens": -1}), ["line 2", "q1", "'answer'"]),
        (line(answer={"logprobs": ["a"]}), ["line 2", "q1", "'answer'"]),
        (line(answer={"logprobs": [10**400]}), ["line 2", "q1", "finite"]),
        (line(error=3), ["line 2", "q1", "'error'"]),
        (json.dumps(line(answer={"logprobs": [float("nan")]})), ["line 2", "NaN"]),
        (json.dumps(line(answer={"logprobs": [float("-inf")]})), ["line 2", "-Infinity"]),
        ('{"id": "q1", "answer": {"logprobs": [1e999]}}', ["line 2", "1e999"]),
        ('{"id": "q1", "id": "q2"}', ["line 2", "'id'", "twice"]),
        ('{"id": "q1", "answer": {"text": "a", "text": "b"}}', ["line 2", "'text'", "twice"]),
        ('{"id": "q1", "answer": ' + "[" * 100_000 + "]" * 100_000 + "}", ["line 2", "deeply"]),
        ('{"id": "q1", "n": ' + "9" * 5000 + "}", ["line 2", "digits"]),
        ('{"id": "q1"', ["line 2", "object"]),
        ("[1]", ["line 2", "object"]),
        ("", ["line 2", "object"]),
        (" {} ", ["line 2", "object"]),
    ],
)  # fmt: skip
def test_a_malformed_line_is_refused_with_its_number_sample_and_field(row: object, words: list[str]) -> None:
    said = refused(packed(line(id="q0"), row))
    assert all(word in said for word in words), said


def test_a_file_that_is_cut_off_is_refused() -> None:
    data = write_answers(SOUND)
    assert "cut off" in refused(data[: len(data) // 2])
    assert "cut off" in refused(gzip.compress(gzip.decompress(data)[:-1]))
    assert "no answers" in refused(gzip.compress(b""))
    assert "behind the end" in refused(data + data)


def test_more_lines_than_samples_are_refused() -> None:
    said = refused(write_answers(SOUND), most=3)
    assert "line 4: only 3 samples are asked, 'd' is one more" in said


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "longer than" in refused(gzip.compress(b'{"id": "' + b"a" * 50_000_000))
    monkeypatch.setattr(answers, "FREELY", 2**16)
    rows = (line(id=f"q{number}", error="a" * 1000) for number in range(3000))
    assert "unpacks to more than" in refused(packed(*rows), most=5000)


def test_a_file_holds_no_more_than_its_end_says() -> None:
    """The end is what an archive goes by, long before anything is unpacked."""
    data = packed(*(line(id=f"q{number}", error="a" * 1000) for number in range(3000)))
    said = refused(data[:-4] + bytes(4), most=5000)
    assert "holds more than its end says" in said
