"""Columns of a baseline: read back as they were written, bit for bit; small, and never larger than they say."""

from __future__ import annotations

import base64
import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from velm_bench.gate.baselines.encoding import (
    decode_numbers,
    decode_table,
    decode_texts,
    decode_truths,
    encode_numbers,
    encode_table,
    encode_texts,
)
from velm_bench.gate.baselines.packing import DamagedError, pack_texts, pack_whole, unpack_texts, unpack_whole
from velm_bench.gate.baselines.schema import Column, Numbered, Packed, Table

FINITE = st.floats(-1e100, 1e100)
SOME = st.one_of(FINITE, st.sampled_from([0.0, -0.0, 1.0, 1 / 3, 2 / 3, 255.0, -1.0, 2.0**53, 5e-324]))


def again(part: Packed | Column | Table) -> Packed | Column | Table:
    """What a file would give back."""
    return type(part).model_validate_json(part.model_dump_json(exclude_none=True))


@given(arrays.arrays(np.float64, st.integers(0, 40), elements=SOME))
def test_numbers_come_back_bit_for_bit(numbers: np.ndarray) -> None:
    assert decode_numbers(again(encode_numbers(numbers)), len(numbers)).tobytes() == numbers.tobytes()


@given(
    arrays.arrays(
        np.float64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.sampled_from([0.0, -0.0, 0.3, 7.0])
    )
)
def test_tables_of_repeated_rows_come_back_bit_for_bit(rows: np.ndarray) -> None:
    found = decode_table(again(encode_table(rows)), len(rows))
    assert found.shape == rows.shape
    assert found.tobytes() == rows.tobytes()


@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=5), st.sampled_from(["q1", "q01", "q1/002", "#5", "%s", "1", "0.5"]))
    )
)
def test_texts_come_back(texts: list[str | None]) -> None:
    assert decode_texts(again(encode_texts(texts)), len(texts)) == texts


@given(st.lists(st.from_regex(r"[a-c%]?[0-9]{0,4}/?[0-9]{0,17}", fullmatch=True), min_size=5, max_size=30))
def test_numbered_texts_come_back(texts: list[str]) -> None:
    """Leading zeros, runs of many lengths, and numbers too long to be numbers."""
    assert unpack_texts(pack_texts(texts)) == texts


@given(st.lists(st.integers(-(2**53), 2**53)))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    assert unpack_whole(pack_whole(np.asarray(numbers, dtype=np.int64))).tolist() == numbers


@given(arrays.arrays(np.bool_, st.integers(0, 40)))
def test_truths_come_back(truths: np.ndarray) -> None:
    assert np.array_equal(decode_truths(pack_whole(truths.astype(np.int64)), len(truths)), truths)


def test_every_form_is_taken_where_it_is_the_smallest() -> None:
    """So that the round trips above are of all forms."""
    draw = np.random.default_rng(0)
    right = draw.integers(0, 2, 5000).astype(float)
    assert encode_numbers(right).values.form == "bits"
    assert encode_numbers(right * 200).values.form == "uint8"
    assert encode_numbers(right - 1).values.form == "int8"
    assert encode_numbers(right * 300).values.form == "uint16"
    assert encode_numbers(np.full(5000, 0.5)).values == [0.5]
    assert encode_numbers(draw.choice([0.3, 0.6], 5000)).values == [0.3, 0.6]
    assert encode_numbers(draw.random(5000)).values.form == "float64"
    assert encode_texts(["yes", None] * 20).values == ["yes", None]
    assert encode_texts([f"{place:016x}" for place in range(50)]).values.form == "hex"
    assert isinstance(encode_texts([f"eval/{place:05d}" for place in range(50)]).values, Numbered)
    assert encode_texts([str(base64.b64encode(draw.bytes(9))) for _ in range(200)]).values.form == "texts"
    rows = draw.choice([0.3, 0.6, 0.9], 5000)
    assert encode_table(np.stack([rows, rows * 2, rows * 3], axis=1)).codes is not None
    assert encode_table(draw.random((50, 2))).codes is None
    assert pack_whole(np.arange(0, 10**6, 3, dtype=np.int64)).steps


def test_sizes_are_near_what_the_content_needs() -> None:
    """A bit for right or wrong, two or three for one of five, eight bytes for a digest or a float, nothing for ids."""
    draw, n = np.random.default_rng(1), 10_000

    def letters(part: Column | Table) -> float:
        return len(part.model_dump_json(exclude_none=True)) * 6 / 8 / n

    assert letters(encode_numbers(draw.integers(0, 2, n).astype(float))) < 1.15 / 8
    assert letters(encode_numbers(draw.choice([0, 0.3, 0.6, 0.9, 1], n))) < 2.8 / 8
    assert letters(encode_texts([draw.bytes(8).hex() for _ in range(n)])) < 8.3
    assert letters(encode_numbers(draw.random(n))) < 8.3
    assert letters(encode_texts([f"eval/{place // 2:05d}{'t' * (place % 2)}/q3" for place in range(n)])) < 0.1


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_encoded(odd: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        encode_numbers(np.asarray([1.0, odd]))


def packed(form: str, count: int, plain: bytes, **more: object) -> Packed:
    data = [base64.b64encode(zlib.compress(plain, 9)).decode()]
    return Packed.model_validate({"form": form, "count": count, "data": data, **more})


FORGED = [
    (packed("uint8", 3, b"12"), "does not unpack to the 3 bytes"),
    (packed("uint8", 3, b"1234"), "unpacks to more than the 3 bytes"),
    (packed("bits", 3, bytes(100_000_000)), "unpacks to more than the 1 bytes"),
    (packed("float64", 1, np.asarray([math.nan]).tobytes()), "not finite"),
    (packed("texts", 1, b'["a"]', size=5), "holds texts where whole numbers belong"),
    (Packed(form="uint8", count=1, data=["not base64!"]), "does not unpack"),
    (Packed(form="uint8", count=1, data=["AAAA"]), "does not unpack"),
    (Packed(form="uint8", count=0, data=[base64.b64encode(zlib.compress(b"") + b"more").decode()]), "does not unpack"),
]


@pytest.mark.parametrize(("part", "said"), FORGED)
def test_numbers_that_are_not_what_they_say_are_refused(part: Packed, said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        decode_numbers(Column(values=part), part.count)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (packed("texts", 2, b'["a"]', size=5), "holds 1 texts where it says 2"),
        (packed("texts", 1, b"[1]", size=3), "does not unpack to texts"),
        (packed("texts", 1, b'"a"', size=3), "does not unpack to texts"),
        (packed("texts", 1, b"[" * 5000, size=5000), "says that 1 texts take 5000 bytes"),
        (packed("texts", 9, b"[" * 5000, size=5000), "does not unpack to texts"),
        (packed("texts", 1, b"[]"), "holds texts where texts belong"),
        (packed("uint8", 1, b"1"), "holds uint8 where texts belong"),
    ],
)
def test_texts_that_are_not_what_they_say_are_refused(part: Packed, said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        decode_texts(Column(values=part), part.count)


def numbered(patterns: list[str], codes: list[int], numbers: list[int]) -> Numbered:
    whole = [pack_whole(np.asarray(part, dtype=np.int64)) for part in (codes, numbers)]
    return Numbered(patterns=patterns, codes=whole[0], numbers=whole[1])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (numbered(["a#1"], [1], [5]), "a pattern that it does not hold"),
        (numbered(["a#1"], [0], [5, 6]), "holds 2 numbers where its patterns ask for 1"),
        (numbered(["a#99999"], [0], [5]), "patterns that no texts have"),
        (numbered(["a"] * 65, [0], []), "patterns that no texts have"),
        (numbered(["a" * 2**20], [0] * 1025, []), "letters"),
    ],
)
def test_numbered_texts_that_are_not_what_they_say_are_refused(part: Numbered, said: str) -> None:
    with pytest.raises(DamagedError, match=said):
        unpack_texts(part)


def test_lengths_and_kinds_that_disagree_are_refused() -> None:
    codes = pack_whole(np.asarray([0, 1, 2]))
    with pytest.raises(DamagedError, match="a value beyond the 2"):
        decode_numbers(Column(values=[1.0, 2.0], codes=codes), 3)
    with pytest.raises(DamagedError, match="holds 3 values for 4 samples"):
        decode_numbers(Column(values=[1.0, 2.0, 3.0], codes=codes), 4)
    with pytest.raises(DamagedError, match="holds 2 values for 4 samples"):
        decode_texts(Column(values=["a", "b"]), 4)
    with pytest.raises(DamagedError, match="texts where numbers belong"):
        decode_numbers(Column(values=["1"]), 1)
    with pytest.raises(DamagedError, match="numbers where texts belong"):
        decode_texts(Column(values=[1.0]), 1)
    with pytest.raises(DamagedError, match="where 2 bits belong"):
        decode_truths(codes, 2)
