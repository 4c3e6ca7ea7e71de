"""VQA accuracy read literally, rule by rule and answer by answer: slow, and independent of velm_bench.

Only the table of spellings comes from the metric's module: `test_metric_vqa` holds it to the script's by a digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from velm_bench.metrics.questions.vqa import CONTRACTIONS

NUMBERS = {
    **{"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"},
    **{"seven": "7", "eight": "8", "nine": "9", "ten": "10"},
}
MARKS = [";", "/", "[", "]", '"', "{", "}", "(", ")", "=", "+", "\\", "_", "-", ">", "<", "@", "`", ",", "?", "!"]

Answer = dict[str, object]


def one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def unpunctuated(text: str) -> str:
    out = text
    for mark in MARKS:
        touches_space = (mark + " ") in text or (" " + mark) in text
        if touches_space or re.search(r"\d,\d", text) is not None:
            out = out.replace(mark, "")
        else:
            out = out.replace(mark, " ")
    return re.sub(r"\.(?!\d)", "", out, count=32)


def plain_words(text: str) -> str:
    words = []
    for word in text.lower().split():
        digits = NUMBERS.get(word, word)
        if digits not in ("a", "an", "the"):
            words.append(digits)
    for place, word in enumerate(words):
        if word in CONTRACTIONS:
            words[place] = CONTRACTIONS[word]
    return " ".join(words)


def accuracy(prediction: str, answers: Sequence[Answer]) -> float:
    """Each annotator's answer is compared with the others', as dictionaries."""
    scores = []
    for answer in answers:
        others = [other for other in answers if other != answer]
        matching = [other for other in others if other["answer"] == prediction]
        scores.append(min(1.0, len(matching) / 3))
    return sum(scores) / len(scores)


def as_dictionaries(texts: Sequence[str]) -> list[Answer]:
    return [{"answer_id": place, "answer": text, "answer_confidence": "yes"} for place, text in enumerate(texts, 1)]


def always(prediction: str, texts: Sequence[str]) -> float:
    answers = as_dictionaries(texts)
    for answer in answers:
        answer["answer"] = plain_words(unpunctuated(one_line(str(answer["answer"]))))
    return accuracy(plain_words(unpunctuated(one_line(prediction))), answers)


def since_2021(prediction: str, texts: Sequence[str]) -> float:
    answers = as_dictionaries(texts)
    for answer in answers:
        answer["answer"] = one_line(str(answer["answer"]))
    prediction = one_line(prediction)
    if len({str(answer["answer"]) for answer in answers}) > 1:
        for answer in answers:
            answer["answer"] = plain_words(unpunctuated(str(answer["answer"])))
        prediction = plain_words(unpunctuated(prediction))
    return accuracy(prediction, answers)


def before_2021(prediction: str, texts: Sequence[str]) -> float:
    answers = as_dictionaries(texts)
    if len({str(answer["answer"]) for answer in answers}) > 1:
        for answer in answers:
            answer["answer"] = unpunctuated(str(answer["answer"]))
    return accuracy(plain_words(unpunctuated(one_line(prediction))), answers)


LITERAL: dict[str, Callable[[str, Sequence[str]], float]] = {
    "vqa_accuracy": always,
    "vqa_accuracy_vqaeval": since_2021,
    "vqa_accuracy_2015": before_2021,
}
"""The slow definition of each metric: a prediction and its annotators' answers (at least 4)."""
