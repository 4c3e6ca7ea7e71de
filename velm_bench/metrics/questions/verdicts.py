"""What a free answer says to a question of yes or no: yes, no, or neither."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

YES = frozenset({"yes", "yeah", "yea", "yep", "yup"})
"""Words that affirm."""
_VERBS = "ai are ca could did do does had has have is must need should was were wo would".split()
NOT = frozenset({"not", "cannot", *(verb + ending for verb in _VERBS for ending in ("n't", "nt"))})
"""Words that turn a sentence into its opposite."""
NO = NOT | {"no", "nope", "nah"}
"""Words that deny."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CANNOT = r"\b(?:(?:ca|could)n'?t|cannot|(?:can|could) not|not (?:possible|able) to)"
_UNDECIDED = re.compile(
    rf"{_CANNOT}(?: \w+ly)? (?:tell|say|know|determine|answer|see (?:the|any|an) (?:image|picture|photo))\b"
    r"|\b(?:don'?t|do not) know\b"
    r"|\bnot(?: \w+ly| quite)? (?:sure|certain)\b"
    r"|\bnot clear (?:if|whether|from)\b"
    r"|\bno (?:idea|clue|way to (?:tell|know|say))\b"
)
"""Negations that deny nothing."""


def said(text: str, yes: frozenset[str] = YES, no: frozenset[str] = NO) -> bool | None:
    """Whether an answer affirms or denies; None where it does neither, or both.

    What counts is its first sentence with a word, up to a full stop. A first word that affirms or denies decides, but
    for "yes or no" and "yes and no". A sentence that leaves it open ("I can't tell", "not sure", "no idea") says
    neither. Any other must hold words of one sort only.
    """
    sentences = (part.lower().replace("’", "'").replace("/", " or ") for part in text.split("."))
    words = next((words for part in sentences if (words := _WORD.findall(part))), [])
    first = [] if words[1:2] in (["or"], ["and"]) else words[:1]
    undecided = _UNDECIDED.search(" ".join(words))
    if undecided and (undecided.start() == 0 or ((yes | no) - NOT).isdisjoint(first)):
        return None
    for opinion in (first, words):
        affirms, denies = not yes.isdisjoint(opinion), not no.isdisjoint(opinion)
        if affirms != denies:
            return affirms
    return None


def said_by_pope(text: str) -> bool:
    """Whether POPE's script (evaluate.py of Li et al. 2023) takes an answer for a yes: for whatever is not a no to it.

    A no has the word "No", "not" or "no" before the first full stop, words being what stands between spaces once commas
    are gone. So "NO", "No!" and "isn't" are a yes.
    """
    words = text.partition(".")[0].replace(",", "").split(" ")
    return {"No", "not", "no"}.isdisjoint(words)


def verdict(references: Sequence[str], yes: frozenset[str] = YES, no: frozenset[str] = NO) -> bool | None:
    """What the most frequent reference says, each read as a single word; None where it is neither yes nor no.

    Of several that tie, the first counts, as it does where a data set names the most frequent of its answers.
    """
    counts: Counter[bool | str] = Counter()
    for text in references:
        opinion = said(text, yes, no) if len(text.split()) == 1 else None
        counts[text.strip().lower() if opinion is None else opinion] += 1
    most = counts.most_common(1)[0][0]
    return most if isinstance(most, bool) else None
