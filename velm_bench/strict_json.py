"""JSON from strangers: one value to a key, finite numbers, no bottomless nesting."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from velm_bench.errors import UsageError

DEEPEST = 50
"""How many objects and lists may lie in each other. No file of ours has ten; Python reads a thousand, and what is to be
written again then is not."""


def strict_object(data: bytes, where: str) -> Mapping[str, Any]:
    """The object that a JSON text holds, at most DEEPEST deep.

    UsageError in one sentence, beginning with `where`, for anything else.
    """
    try:
        value = _READER.decode(data.decode("utf-8"))
        _require_shallow(value, data)
    except UnicodeDecodeError as error:
        raise UsageError(f"In {where}: byte {error.start + 1} is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise UsageError(f"In {where}: it is not valid JSON ({at}column {error.colno}: {error.msg}).") from error
    except RecursionError as error:
        raise UsageError(f"In {where}: it is nested too deeply.") from error
    except _NotStrictError as error:
        raise UsageError(f"In {where}: {error}.") from error
    except ValueError as error:  # Python reads no numbers of thousands of digits
        raise UsageError(f"In {where}: it holds a number of too many digits.") from error
    if not isinstance(value, dict):
        raise UsageError(f"In {where}: it holds no object, but {type(value).__name__}.")
    return value


def _require_shallow(value: Any, data: bytes) -> None:
    """RecursionError for what is deeper than it may be; most texts have too few brackets for that."""
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return
    layer = [value]
    for _ in range(DEEPEST):
        parts = (part.values() if isinstance(part, dict) else part for part in layer)
        layer = [child for part in parts for child in part if isinstance(child, dict | list)]
        if not layer:
            return
    raise RecursionError


class _NotStrictError(ValueError):
    """What Python's reader would let pass."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _NotStrictError(f"the key {twice!a:.80} stands there twice")
    return found


def _constant(word: str) -> Any:
    raise _NotStrictError(f"it holds {word}, and only finite numbers are allowed")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NotStrictError(f"it holds {text:.20}, and only finite numbers are allowed")
    return number


_READER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant, parse_float=_finite)
