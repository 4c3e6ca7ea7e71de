"""Which of several options a free answer names: by its text, or by its letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from string import ascii_uppercase

EMPHASIS = str.maketrans("", "", "*`$")
"""Markdown and TeX around an answer: "**B**" is "B"."""
_NO_ARTICLE = r"(?!\w)(?!-\w)(?!['’]\w)(?![ \t]+(?!(?:is|because|since|as|for)\b)\w)"
"""What must not follow a capital letter that stands for an option: "A dog" is no answer A."""
_NO_LIST = r"(?!\)?\s*[,/&]\s*(?:(?:and|or)\s+)?\(?[A-Z]\)?\s*(?:[,/&.;]|$|(?:and|or)\b))"
"""What must not follow either: "A, B" names no single option."""
_GIVEN = rf"\(?([A-Z]){_NO_ARTICLE}{_NO_LIST}|\(([a-z])\)|([a-z])\W*\Z"
_IS = r"(?:\s+(?:here|to\s+(?:the|this)\s+question))?(?:\s+(?:is|would\s+be|should\s+be|must\s+be))?"
_ASIDE = re.compile(r"\((?!\s*[A-Za-z]\s*\))[^()]*\)")
"""A bracket that holds more than a letter: "(see Figure A)" names no option."""
_DENIED = re.compile(
    r"(?<!\w)\(?[A-Z]\)?\s+(?:is|are)(?:n['’]t\b|\s+(?:not|wrong|incorrect|false)\b)"
    r"|\bnot\s+(?:(?:choose|pick|select|option|choice)\s+)*\(?[A-Z]\)?(?!\w)"
)
"""A letter that is said not to be it."""
_ALONE = re.compile(r"\W*([A-Za-z])\W*")
_FINAL = re.compile(rf"\b(?i:final\s+answer{_IS})[\s:：=\"'>-]+(?:{_GIVEN})", re.MULTILINE)
_ANSWER = re.compile(rf"\b(?i:answer{_IS})[\s:：=\"'>-]+(?:{_GIVEN})", re.MULTILINE)
_RIGHT = re.compile(
    r"(?:^|[.!?:;][ \t]*|\b(?i:option|choice|answer|letter|so|thus|hence|therefore|that),?\s+)"
    r"\(?([A-Z])\)?\s+is\s+(?:the\s+)?(?:correct|right|best|answer)\b",
    re.MULTILINE,
)
_LINE = re.compile(r"^[^\w\n]*([A-Z])[^\w\n]*$", re.MULTILINE)
"""A letter with a line of its own, before or after an explanation."""
_SO = re.compile(
    r"\b(?i:it\s+is|it['’]s|go(?:ing)?\s+with|say|so|thus|hence|therefore),?\s+"
    rf"\(?([A-Z]){_NO_ARTICLE}{_NO_LIST}(?=\)?(?:[.!]*\s*$|[,.]?\s+(?:because|since|as|for)\b))",
    re.MULTILINE,
)
_CUED = re.compile(rf"\b(?i:(?:option|choice|choose|select|pick|letter){_IS})[\s:：=\"'-]+(?:{_GIVEN})", re.MULTILINE)
_BRACKETED = re.compile(r"(?<!\w)\(?([A-Z])\)|\[([A-Z])\]|\{([A-Z])\}")
_LEADING = re.compile(r"^[ \t\"']*(?:\(?([A-Za-z])\)|\[?([A-Z])[\].:])(?:\s+|$)", re.MULTILINE)
_SUBJECT = re.compile(r"^[ \t\"']*([A-Z])(?:\s+is|,?\s+because)\b", re.MULTILINE)
_BOXES = (
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
    re.compile(r"<\|begin_of_box\|>((?:(?!<\|).)*)<\|end_of_box\|>", re.DOTALL),
    re.compile(r"<answer>((?:(?!</?answer>).)*)</answer>", re.DOTALL | re.IGNORECASE),
)
"""What models put their answer into, whatever they write around it."""
_FONT = re.compile(r"\\(?:text|math)[a-z]*\s*\{([^{}]*)\}")
"""TeX that says how a text looks: "\\text{B}" is "B"."""
_BEHIND = re.compile(r"\banswer\b(?:\s+is\b\s*:?|\s*[:：=])(.+)", re.IGNORECASE)


def find_choice(text: str, options: Sequence[str]) -> str | None:
    """The option of a multiple-choice question that a free answer chooses; None if none or several.

    In this order: an option's own text, what stands in a box (`\boxed{B}`, `<answer>B</answer>`), "B" alone in any
    brackets, what is said to be the answer ("Final answer: B" before "The answer is (B)" and "B is correct"), a letter
    with a line of its own, what is concluded ("So B.") or chosen ("option B"), a letter in brackets or at the start
    ("(B)", "B) cat", "B. cat", "B is ..."), and options named as whole words (`find_label`), behind "the answer is" if
    some are. "B) cat" is none where cat is another option. A letter names the option of that text, or else the one in
    its place; "A) B" names B where B is in the first place.
    """
    if _verbatim(text, options):
        return find_option(text, options)
    boxed = _boxed(text, options)
    if boxed is not None:
        return boxed
    plain = text.translate(EMPHASIS)
    letters = _letters(_DENIED.sub(" ", _ASIDE.sub(" ", plain)), options)
    if letters:
        return letters.pop() if len(letters) == 1 else None
    behind = list(_BEHIND.finditer(plain))
    final = find_label(behind[-1][1], options) if behind else None
    return find_label(text, options) if final is None else final


def _boxed(text: str, options: Sequence[str]) -> str | None:
    """The option that the last box of a text names; None where there is no box, or none in it."""
    for box in _BOXES:
        found = box.findall(text)
        if found:
            return find_choice(_FONT.sub(r"\1", found[-1]), options)
    return None


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
        _FINAL.finditer(text),
        [*_ANSWER.finditer(text), *_RIGHT.finditer(text)],
        _LINE.finditer(text),
        _whole_lines(text, leading, options),
        _SO.finditer(text),
        _CUED.finditer(text),
        [*_BRACKETED.finditer(text), *leading, *_SUBJECT.finditer(text)],
    )
    for way in ways:
        found = {option for match in way for option in _by_letter(match, options)}
        if found:
            return found.union(rest)
    return set()


def _whole_lines(text: str, leading: Sequence[re.Match[str]], options: Sequence[str]) -> list[re.Match[str]]:
    """The one line that is an option and its letter, "B. cat"; none where several are, as in a list of the options."""
    ends = [(match, text.find("\n", match.end())) for match in leading]
    lines = [(match, text[match.end() : end if end >= 0 else len(text)]) for match, end in ends]
    found = [match for match, line in lines if line and _verbatim(line, options) == _in_place(match, options) != []]
    return found if len(found) == 1 else []


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
