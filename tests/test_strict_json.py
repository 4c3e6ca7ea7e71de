"""JSON of strangers: what Python's reader would let pass is refused, and nothing takes longer than it may."""

from __future__ import annotations

import pytest

from velm_bench.errors import UsageError
from velm_bench.strict_json import DEEPEST, strict_object


def test_the_key_that_comes_again_is_found_among_very_many() -> None:
    """In one pass: comparing each with each would take many minutes here."""
    keys = [f'"{number}": 0' for number in range(100_000)]
    text = "{" + ", ".join([*keys, keys[-1]]) + "}"
    with pytest.raises(UsageError, match=r"In claims\.json: the key '99999' stands there twice"):
        strict_object(text.encode(), "claims.json")


@pytest.mark.parametrize("depth", [DEEPEST + 2, 300, 100_000])
@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ('{"b": 1, "a": [', "]}")])
def test_what_is_nested_too_deeply_is_refused(begin: str, end: str, depth: int) -> None:
    """Long before Python gives up: what writes it again gives up earlier."""
    half = begin.count("[") + 1
    deep = begin * (depth // half) + "0" + end * (depth // half)
    with pytest.raises(UsageError, match=r"In claims\.json: it is nested too deeply"):
        strict_object(deep.encode(), "claims.json")
    flat = begin * (DEEPEST // half) + "0" + end * (DEEPEST // half)
    assert strict_object(flat.encode(), "claims.json")


def test_brackets_in_a_text_nest_nothing() -> None:
    assert strict_object(b'{"a": "' + b"[{" * 500 + b'"}', "claims.json") == {"a": "[{" * 500}
