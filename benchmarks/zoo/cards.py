"""The section of a model card that says how the model does on the test splits."""

from __future__ import annotations

import re

from benchmarks.zoo.family import CIDER, CLASSES, ENTITIES, MAIN, NEEDED, NOVEL, TRUTH, TWINS, VQA, Measure, Member
from benchmarks.zoo.marked import replaced
from benchmarks.zoo.runs import Zoo
from benchmarks.zoo.tables import TYPES, gained, shown, table, use
from velm_bench.reference.cards import SCORES
from velm_bench.results.schema import CONTROLS

HEADING, BEFORE = "## On the test splits", "## Limits"
"""The section's heading, and that of the section before which it is put where a card has none."""
_OLDER = re.compile(
    r"^## On the test splits?\n.*?(?=^## |\Z)|^Scores on the test splits.*?\n\n", re.MULTILINE | re.DOTALL
)
"""What cards had in its place before there were marks: scores by hand, or how to get them."""

TOP5 = Measure(CLASSES.task, "accuracy_top5", "top-5")
ECE = Measure(CLASSES.task, "ece", "calibration error (ECE)")
MEASURES = (VQA, TWINS, CIDER, TRUTH, CLASSES, TOP5, ECE, ENTITIES, NEEDED)


def with_scores(card: str, text: str, where: str) -> str:
    """A card with the section's text between its marks, which a card without them is given."""
    if not any(mark in card for mark in SCORES):
        card = _OLDER.sub("", card)
        place = card.find(f"\n{BEFORE}\n")
        before, after = (card[:place], card[place:]) if place >= 0 else (f"{card.rstrip()}\n", "")
        card = f"{before.rstrip()}\n\n{HEADING}\n\n{SCORES[0]}\n{SCORES[1]}\n{after}"
    return replaced(card, SCORES, text, where)


def section(zoo: Zoo, member: Member) -> str:
    """What the card says, without the heading; empty where nothing was run."""
    if not any(zoo.cell(member.reference, task) for task in member.tasks):
        return ""
    names = ",".join(task.removeprefix("scenes_") for task in member.tasks)
    controlled = "--controls" if zoo.controls is None else f"--controls --limit {zoo.controls}"
    said = [
        f"With 95 % intervals, by `velm-bench run --model {member.reference} --tasks {names}`:",
        _scores(zoo, member),
        _types(zoo, member),
        f"By how much it does better with its own picture than without (paired), by the same with `{controlled}`:",
        _gains(zoo, member),
        f"The controls together say: {use(zoo, member)}.",
    ]
    return "\n\n".join(part for part in said if part)


def _scores(zoo: Zoo, member: Member) -> str:
    """Each measure on the test split, and where training never showed the pair of colour and shape."""
    rows = []
    for measure in MEASURES:
        score, novel = (zoo.score(member.reference, measure, split) for split in ("", NOVEL))
        if score is not None:
            rows.append([measure.title, f"{score.n:,}", shown(score), shown(novel)])
    return table(("score", "n", "`test`", f"`{NOVEL}`"), rows)


def _types(zoo: Zoo, member: Member) -> str:
    """The questions by type; empty for a model that was asked none."""
    rows = []
    for name in TYPES:
        where = ("question_type", name)
        score = zoo.score(member.reference, Measure(VQA.task, VQA.output, name, where))
        twins = zoo.score(member.reference, Measure(VQA.task, TWINS.output, name, where))
        if score is not None:
            rows.append([name, f"{score.n:,}", shown(score), shown(twins)])
    return table(("question type", "n", VQA.title, "both twins right"), rows) if rows else ""


def _gains(zoo: Zoo, member: Member) -> str:
    rows = []
    for measure in MAIN:
        cell = zoo.cell(member.reference, measure.task)
        if cell:
            found = [cell.gain(control) for control in CONTROLS]
            rows.append([measure.title, *(gained(measure.gap(gain) if gain else None) for gain in found)])
    return table(("score", *(f"{control}" for control in CONTROLS)), rows)
