"""Finds the table of `velm_bench/sources/scenes/balance.py`: run it, and paste what it prints.

    python benchmarks/scenes_balance.py [ROUNDS] [SCENES]

Each round asks the questions of the training split as an evaluation would, and keeps answers that came too often less
often. Another table is another benchmark: raise VERSION with it.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pprint import pprint

from velm_bench.sources.scenes import balance
from velm_bench.sources.scenes.questions import _asked, questions

_COUNTS = {"0": 0.18, "1": 0.21, "2": 0.21, "3": 0.2, "4": 0.14, "5": 0.06}
_YES_NO = {"yes": 0.5, "no": 0.5}


def target(pattern: str) -> dict[str, float]:
    """The shares that the answers of a pattern should have; empty where they are balanced by symmetry."""
    if pattern.startswith("count"):
        return {str(n): 0.2 for n in range(1, 6)} if pattern == "count thing" else _COUNTS
    if pattern == "size":
        return {"small": 0.5, "large": 0.5}
    return {} if pattern in ("colour", "shape", "query") else _YES_NO


def observe(scenes: int) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """How often each answer of each pattern, and each type, came."""
    _asked.cache_clear()
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    types: Counter[str] = Counter()
    for index in range(scenes):
        for question in questions("train", index):
            answers[balance.pattern(question.template)][question.answer] += 1
            types[question.type] += 1
        questions.cache_clear()
    return answers, types


def adjust(answers: dict[str, Counter[str]], types: Counter[str]) -> None:
    """Move the table towards the targets, in place."""
    for pattern, counts in answers.items():
        goal, total = target(pattern), sum(counts.values())
        rates = {
            answer: balance.KEEP.get((pattern, answer), 1000) * (share * total / max(counts[answer], 1)) ** 0.8
            for answer, share in goal.items()
        }
        for answer, rate in rates.items():
            balance.KEEP[pattern, answer] = max(1, min(1000, round(1000 * rate / max(rates.values()))))
    mean = sum(types.values()) / len(types)
    for kind, count in types.items():
        balance.TYPE_WEIGHTS[kind] = max(1, round(balance.TYPE_WEIGHTS[kind] * mean / count))


def main() -> None:
    """Run the rounds and print the table."""
    rounds, scenes = (int(text) for text in (*sys.argv[1:], *("8", "4000")[len(sys.argv) - 1 :]))
    for _ in range(rounds):
        answers, types = observe(scenes)
        adjust(answers, types)
    for pattern, counts in sorted(answers.items()):
        total = sum(counts.values())
        print(f"# {pattern:20}{total:6}", {a: round(n / total, 3) for a, n in sorted(counts.items())}, file=sys.stderr)
    print("#", dict(types), file=sys.stderr)
    pprint({key: balance.KEEP[key] for key in sorted(balance.KEEP)}, width=60)
    pprint(balance.TYPE_WEIGHTS)


if __name__ == "__main__":
    main()
