"""What all reports say alike: the order of rows, their names, and numbers as texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

from velm_bench.gate.schema import Against, Cost, Flip, Outcome, Row, Tier, Verdict
from velm_bench.inert import inert
from velm_bench.iob import entity_text

NAME = 120
"""How many letters of a task's, score's, slice's or model's name are shown."""
SENTENCE = 1000
"""How many of a sentence."""
SEVERITY = {Outcome.INVALID: 0, Outcome.REGRESSION: 1, Outcome.INCONCLUSIVE: 2, Outcome.PASS: 3}
"""The order of outcomes, worst first."""
MARKS = {Outcome.INVALID: "⛔", Outcome.REGRESSION: "❌", Outcome.INCONCLUSIVE: "❔", Outcome.PASS: "✅"}
"""A sign for each outcome; the word always stands beside it."""
SIGNS = {Outcome.INVALID: "!", Outcome.REGRESSION: "✗", Outcome.INCONCLUSIVE: "?", Outcome.PASS: "✓"}
"""The same in letters that every font has, for a page."""
EMPTY = "an empty answer"
"""What stands for a text without letters."""
NONE = "–"
"""Where there is no number."""


def ordered(rows: Iterable[Row]) -> list[Row]:
    """The rows that decide before the others, and each of these with the worst outcome first."""
    return sorted(rows, key=lambda row: (row.tier is not Tier.REQUIRED, SEVERITY[row.outcome]))


def by_weight(costs: Iterable[Cost]) -> list[Cost]:
    """The costs in the same order."""
    return sorted(costs, key=lambda cost: (cost.tier is not Tier.REQUIRED, SEVERITY[cost.outcome]))


def as_html(text: str, most: int = NAME) -> str:
    """A text of a stranger as HTML: made visible, on one line, escaped."""
    return escape(inert(text, most))


def what(row: Row) -> str:
    """The score of a row with the slice, as "vqa_accuracy [question_type=count]"."""
    metric = inert(row.metric, NAME)
    return f"{metric} [{inert(row.slice, NAME)}]" if row.slice else metric


def versus(row: Row | Cost) -> str:
    """What a row is compared with, for a name: " (anchor)", or nothing where it is the baseline."""
    return " (anchor)" if row.against is Against.ANCHOR else ""


def named(row: Row | Cost) -> str:
    """Which row it is, in a sentence: "scenes_vqa vqa_accuracy [question_type=count] (anchor)"."""
    shown = what(row) if isinstance(row, Row) else inert(row.what, NAME)
    return f"{inert(row.task, NAME)} {shown}{versus(row)}"


def models(verdict: Verdict) -> dict[str, str]:
    """By role the names of the models: candidate, baseline, anchor."""
    parties = {"candidate": verdict.candidate, "baseline": verdict.baseline, "anchor": verdict.anchor}
    return {role: inert(", ".join(party.models), NAME) for role, party in parties.items() if party is not None}


def telling(row: Row, alpha: float) -> bool:
    """Whether somebody should hear why a row is what it is: it did not pass, or is shown to be worse and passed."""
    worse = row.change is not None and row.change < 0.0 and row.p_adjusted is not None and row.p_adjusted < alpha
    return row.outcome is not Outcome.PASS or worse


def score(value: float | None) -> str:
    """A score with four decimals, or with six digits where it is large."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def signed(value: float | None) -> str:
    """A difference, with its sign."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:+.4f}" if abs(value) < 1000 else f"{value:+.6g}"


def interval(low: float | None, high: float | None) -> str:
    """An interval of a difference; nothing where neither bound is known."""
    return "" if low is None and high is None else f"[{signed(low)}, {signed(high)}]"


def chance(value: float | None) -> str:
    """A p value."""
    if value is None or not math.isfinite(value):
        return NONE
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def percent(value: float | None) -> str:
    """A share with its sign, as "-10.0 %", or with six digits where it is large."""
    if value is None or not math.isfinite(100 * value):
        return NONE
    return f"{100 * value:+.1f} %" if abs(value) < 10_000 else f"{100 * value:+.6g} %"


def figure(cost: Cost, value: float | None) -> str:
    """A figure of a cost in its unit."""
    if value is None or not math.isfinite(value):
        return NONE
    shown, unit, places = (value / 2**20, "MiB", 0) if cost.what == "memory" else (value, "samples/s", 2)
    return f"{shown:,.{places}f} {unit}" if abs(shown) < 1e12 else f"{shown:.6g} {unit}"


def tally(row: Row) -> str:
    """Wins, losses and ties, as "12 / 30 / 958"."""
    counts = (row.wins, row.losses, row.ties)
    return NONE if None in counts else " / ".join(f"{count:,}" for count in counts)


class Told(NamedTuple):
    """What is right of a flipped sample, and what both said, in words; None where it is not known."""

    right: str | None
    baseline: str | None
    candidate: str | None


def told(flip: Flip, most: int = 400) -> Told:
    """Answers as texts, labels, or entities; references each once: "red · dark red".

    The words of entities are those of the question, or the tokens' numbers where it is not known here, or has another
    number of words than there are tags.
    """
    answers = (flip.baseline_answer, flip.candidate_answer)
    if flip.kind == "ner":
        tokens = flip.question.split()
        words = [_entities(text, tokens) for text in (flip.references, *answers)]
    else:
        words = [_alternatives(flip.references), *map(_text, answers)]
    return Told(*(None if one is None else inert(one, most) or EMPTY for one in words))


def _entities(text: str | None, tokens: Sequence[str]) -> str | None:
    """The entities of a sequence of tags; as any answer where it is none."""
    value = _read(text)
    tags = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return entity_text(value, tokens) if tags else _text(text)


def _alternatives(text: str) -> str | None:
    value = _read(text)
    return " · ".join(dict.fromkeys(map(_words, value))) or None if isinstance(value, list) else _text(text)


def _text(text: str | None) -> str | None:
    """An answer, given as JSON, in words: the text, the label; the JSON itself where it is neither."""
    value = _read(text)
    return None if value is None else _words(value)


def _read(text: str | None) -> Any:
    """What the JSON says; the text itself where it is no JSON."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("label"), str):
        return str(value["label"])
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False)
