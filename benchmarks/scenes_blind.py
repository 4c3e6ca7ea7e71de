"""How far one gets on `scenes` VQA without looking: the numbers of docs/scenes.md.

    python benchmarks/scenes_blind.py [TRAINING SCENES]

Guessers that see no picture: the best single answer per type; the best per wording pattern (which attributes are
mentioned, and how); the answer learned on the training split per pattern and per exact text, backed off to the type.
The ceiling is the VQA accuracy of someone who always gives the truth, and of the annotators' commonest answer.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from velm_bench.sources.scenes import SPLITS, Question, questions, training_questions, twin
from velm_bench.sources.scenes.questions import consensus
from velm_bench.sources.scenes.splits import has_twins

Key = Callable[[Question], str]
KEYS: tuple[tuple[str, Key], ...] = (
    ("per type", lambda q: q.type),
    ("per pattern", lambda q: q.template),
    ("per text", lambda q: q.text),
)


def asked(split: str) -> list[Question]:
    """Every question of a split, twins included."""
    found: list[Question] = []
    for index in range(SPLITS[split]):
        plain = questions(split, index)
        found.extend(plain)
        if has_twins(split):
            found.extend(twin(split, index, k)[1] for k in range(len(plain)))
    return found


def learn(train: Iterable[Question], key: Key) -> dict[str, str]:
    """The commonest answer for each value of the key that was seen at least eight times, and for each type."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for question in train:
        seen[key(question)][question.answer] += 1
        seen[question.type][question.answer] += 1
    return {name: counts.most_common(1)[0][0] for name, counts in seen.items() if sum(counts.values()) >= 8}


def guessed(guesses: dict[str, str], question: Question, key: Key) -> str:
    """The learned guess, of the type alone where the key is new."""
    return guesses.get(key(question), guesses[question.type])


def best_constant(items: list[Question], key: Key) -> float:
    """The share right of the best answer per key, chosen with the answers known."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for question in items:
        seen[key(question)][question.answer] += 1
    return sum(max(counts.values()) for counts in seen.values()) / len(items)


def vqa_accuracy(answer: str, answers: tuple[str, ...]) -> float:
    """Mean over the ten leave-one-out sets of min(matches / 3, 1)."""
    matches = sum(given == answer for given in answers)
    return sum(min((matches - (given == answer)) / 3, 1.0) for given in answers) / len(answers)


def report(split: str, train: list[Question]) -> None:
    """One table for one split."""
    items = asked(split)
    by_type: dict[str, list[Question]] = defaultdict(list)
    for question in items:
        by_type[question.type].append(question)
    tables = [(name, key, learn(train, key)) for name, key in KEYS]
    print(f"\n{split}: {len(items)} questions, {sum(q.ambiguous for q in items) / len(items):.1%} ambiguous")
    print("| type | n | best answer | best per pattern | learned per pattern | learned per text | truth | consensus |")
    print("|---|---|---|---|---|---|---|---|")
    for kind, rows in [*sorted(by_type.items()), ("all", items)]:
        learned = [sum(guessed(g, q, key) == q.answer for q in rows) / len(rows) for _, key, g in tables[1:]]
        typed = sum(best_constant(part, KEYS[0][1]) * len(part) for part in by_type.values() if part[0] in rows)
        constant = typed / len(rows) if kind == "all" else best_constant(rows, KEYS[0][1])
        cells = [constant, best_constant(rows, KEYS[1][1]), *learned]
        cells += [sum(vqa_accuracy(q.answer, q.answers) for q in rows) / len(rows)]
        cells += [sum(vqa_accuracy(consensus(q.answers), q.answers) for q in rows) / len(rows)]
        print(f"| {kind} | {len(rows)} | " + " | ".join(f"{100 * cell:.1f}" for cell in cells) + " |")


def main() -> None:
    """Learn from training scenes, report on every evaluation split."""
    scenes = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    train = [question for index in range(scenes) for question in training_questions(index)]
    print(f"learned from {len(train)} questions to {scenes} training scenes")
    for split in ("val", "test", "test_novel", "test_more", "lite"):
        report(split, train)


if __name__ == "__main__":
    main()
