"""Which of several options a free answer names: by its text, or by its letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from string import ascii_uppercase

EMPHASIS = str.maketrans("", "", "*`$")
"""Markdown and TeX around an answer: "**B**" is "B"."""
_NO_ARTICLE = r"(?!\w)(?!['’]\w)(?![ \t]+(?!(?:is|because|since|as|for)\b)\w)"
"""What must not follow a capital letter that stands for an option: "A dog" is no answer A."""
_ASIDE = re.compile(r"\((?!\s*[A-Za-z]\s*\))[^()]*\)")
"""A bracket that holds more than a letter: "(see Figure A)" names no option."""
_ALONE = re.compile(r"\W*([A-Za-z])\W*")
_CUED = re.compile(
    r"\b(?i:answer|option|choice|choose|select|pick)(?i:\s+(?:is|would\s+be|should\s+be))?[\s:=\"'-]+"
    rf"(?:([A-Z]){_NO_ARTICLE}|([a-z])\W*$)"
)
_BRACKETED = re.compile(r"(?<!\w)\(?([A-Z])\)|\[([A-Z])\]|\{([A-Z])\}")
_LEADING = re.compile(r"^[ \t\"']*(?:\(?([A-Za-z])\)|\[?([A-Z])[\].:])(?:\s+|$)", re.MULTILINE)
_SUBJECT = re.compile(r"^[ \t\"']*([A-Z])\s+(?:is|because)\b", re.MULTILINE)


def find_choice(text: str, options: Sequence[str]) -> str | None:
    """The option of a multiple-choice question that a free answer chooses; None if none or several.

    In this order: an option's own text, "B" alone in any brackets, what is said to be the answer ("Answer: B", "The
    answer is (B)", "option B"), a letter in brackets or at the start ("(B)", "B) cat", "B. cat", "B is right"), and
    options named as whole words (`find_label`). "B) cat" is none where cat is another option. A letter names the option
    of that text, or else the one in its place; "A) B" names B where B is in the first place.
    """
    if _verbatim(text, options):
        return find_option(text, options)
    letters = _letters(_ASIDE.sub(" ", text.translate(EMPHASIS)), options)
    if not letters:
        return find_label(text, options)
    return letters.pop() if len(letters) == 1 else None


def find_option(text: str, options: Sequence[str]) -> str | None:
    """The option that a text is, to the letter or but for case and outer punctuation, or whose letter it is, if any."""
    found = set(_verbatim(text, options))
    alone = _ALONE.fullmatch(text)
    if alone and not found:
        found = set(_by_letter(alone, options))
    return found.pop() if len(found) == 1 else None


def find_label(text: str, options: Sequence[str]) -> str | None:
    """The one option that a free answer names, ignoring case and outer punctuation; None if none or several.

    An answer that is an option to the letter wins, then one that is so but for case and outer punctuation; otherwise
    options are looked for as whole words, and one that is part of a longer option found at the same place does not
    count ("car" inside "sports car").
    """
    found = set(_verbatim(text, options)) or _named(text.casefold(), options)
    return found.pop() if len(found) == 1 else None


def _verbatim(text: str, options: Sequence[str]) -> list[str]:
    """The options that the text is: to the letter, or else but for case and outer punctuation."""
    for exact in (text, text.strip()):
        if exact in options:
            return [exact]
    bare = _bare(text)
    return [option for option in options if _bare(option) == bare] if bare else []


def _bare(text: str) -> str:
    return text.strip().strip(".,;:!?\"'`*()[]").casefold()


def _named(text: str, options: Sequence[str]) -> set[str]:
    """The options that stand in the casefolded text as whole words, less those inside a longer one."""
    places = [(start, -end, option) for option in options for start, end in _whole_words(option.casefold(), text)]
    found: set[str] = set()
    last = furthest = -1
    for start, minus_end, option in sorted(places):
        if -minus_end > furthest:
            last, furthest = start, -minus_end
        elif (start, -minus_end) != (last, furthest):
            continue
        found.add(option)
    return found


def _whole_words(option: str, text: str) -> Iterator[tuple[int, int]]:
    """Where an option stands in a text with no word character on either side."""
    start = text.find(option) if option.strip() else -1
    while start >= 0:
        end = start + len(option)
        if not (_in_word(text[start - 1 : start]) or _in_word(text[end : end + 1])):
            yield start, end
        start = text.find(option, start + 1)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _letters(text: str, options: Sequence[str]) -> set[str]:
    """The options whose letters the text gives as its answer, by the first way of saying so that is found."""
    alone = _ALONE.fullmatch(text)
    leading = list(_LEADING.finditer(text))
    rest = _verbatim(text[leading[0].end() :], options) if leading else []
    if rest and rest == _in_place(leading[0], options):
        return set(rest)
    ways = (
        [alone] if alone else [],
        _CUED.finditer(text),
        [*_BRACKETED.finditer(text), *leading, *_SUBJECT.finditer(text)],
    )
    for way in ways:
        found = {option for match in way for option in _by_letter(match, options)}
        if found:
            return found.union(rest)
    return set()


def _by_letter(match: re.Match[str], options: Sequence[str]) -> Sequence[str]:
    """The options that a matched letter names: those of that text, or else the one in its place, if any."""
    return _verbatim(_letter(match), options) or _in_place(match, options)


def _in_place(match: re.Match[str], options: Sequence[str]) -> list[str]:
    """The option in a matched letter's place; none where there are fewer."""
    place = ascii_uppercase.index(_letter(match).upper())
    return list(options[place : place + 1])


def _letter(match: re.Match[str]) -> str:
    """The letter that a match has in one of its groups."""
    return next(letter for letter in match.groups() if letter)
