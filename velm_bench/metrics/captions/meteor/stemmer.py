"""The English Snowball stemmer, Porter2 (Porter 2001), in the version of 2014 that METEOR 1.5 carries.

Later Snowball releases changed it (`ogist`, `inter`, `organ`, `past` ...), and would give other matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

VOWELS = frozenset("aeiouy")
DOUBLES = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
BEFORE_LI = frozenset("cdeghkmnrt")
LONG_PREFIXES = ("gener", "commun", "arsen")
"""Words that begin so have their first region behind it."""
INVARIANT = ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")
IRREGULAR = {
    **{"skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "idly": "idl"},
    **{"gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli", "singly": "singl"},
    **{word: word for word in INVARIANT},
}
IN_SINGULAR = ("inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed")
"""Left as they are once they are singular."""
DERIVATIONAL = {
    **{"tional": "tion", "enci": "ence", "anci": "ance", "abli": "able", "entli": "ent", "izer": "ize"},
    **{"ization": "ize", "ational": "ate", "ation": "ate", "ator": "ate", "alism": "al", "aliti": "al", "alli": "al"},
    **{"fulness": "ful", "ousli": "ous", "ousness": "ous", "iveness": "ive", "iviti": "ive", "biliti": "ble"},
    **{"bli": "ble", "ogi": "og", "fulli": "ful", "lessli": "less", "li": ""},
}
ADJECTIVAL = {
    **{"tional": "tion", "ational": "ate", "alize": "al", "icate": "ic", "iciti": "ic", "ical": "ic"},
    **{"ful": "", "ness": "", "ative": ""},
}
RESIDUAL = (
    *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ism", "ate", "iti", "ous"),
    *("ive", "ize", "ion"),
)


@lru_cache(maxsize=1 << 18)
def stem(word: str) -> str:
    """The stem of a word in lower case. Consonantal y is Y on the way, so that it is no vowel."""
    if word in IRREGULAR or len(word) < 3:
        return IRREGULAR.get(word, word)
    word = mark_consonants(word.removeprefix("'"))
    first, second = regions(word)
    word = without_plural(without_apostrophe(word))
    if word in IN_SINGULAR:
        return word
    word = final_y(without_participle(word, first))
    word = adjectival(derivational(word, first), first, second)
    return without_final(residual(word, second), first, second).replace("Y", "y")


def mark_consonants(word: str) -> str:
    """The word with Y for a y at its beginning or behind a vowel."""
    marked = ""
    for letter in word:
        marked += "Y" if letter == "y" and marked[-1:] in ("", *VOWELS) else letter
    return marked


def regions(word: str) -> tuple[int, int]:
    """Where R1 and R2 begin: each behind the first consonant that follows a vowel, R2 counted from R1."""
    prefix = next((prefix for prefix in LONG_PREFIXES if word.startswith(prefix)), None)
    first = len(prefix) if prefix else region(word, 0)
    return first, region(word, first)


def region(word: str, start: int) -> int:
    """The place behind the first consonant that follows a vowel, from `start` on."""
    for place in range(start + 1, len(word)):
        if word[place] not in VOWELS and word[place - 1] in VOWELS:
            return place + 1
    return len(word)


def ending(word: str, endings: Iterable[str]) -> str:
    """The longest of the endings that the word has, or nothing."""
    return max((suffix for suffix in endings if word.endswith(suffix)), key=len, default="")


def has_vowel(part: str) -> bool:
    return any(letter in VOWELS for letter in part)


def ends_short(part: str) -> bool:
    """Whether it ends in a short syllable: a vowel between consonants (the last not w, x or Y), or at the beginning."""
    if len(part) == 2:
        return part[0] in VOWELS and part[1] not in VOWELS
    return len(part) > 2 and part[-1] not in "aeiouywxY" and part[-2] in VOWELS and part[-3] not in VOWELS


def without_apostrophe(word: str) -> str:
    return word.removesuffix(ending(word, ("'", "'s", "'s'")))


def without_plural(word: str) -> str:
    suffix = ending(word, ("sses", "ied", "ies", "s", "us", "ss"))
    if suffix == "sses":
        return word[:-2]
    if suffix in ("ied", "ies"):
        return word[:-2] if len(word) > 4 else word[:-1]
    return word[:-1] if suffix == "s" and has_vowel(word[:-2]) else word


def without_participle(word: str, first: int) -> str:
    suffix = ending(word, ("eed", "eedly", "ed", "edly", "ing", "ingly"))
    rest = word.removesuffix(suffix)
    if suffix in ("eed", "eedly"):
        return rest + "ee" if len(rest) >= first else word
    if not suffix or not has_vowel(rest):
        return word
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if rest.endswith(DOUBLES):
        return rest[:-1]
    return rest + "e" if len(rest) <= first and ends_short(rest) else rest


def final_y(word: str) -> str:
    """An i for a y behind a consonant that is not the word's first letter."""
    return word[:-1] + "i" if len(word) > 2 and word[-1] in "yY" and word[-2] not in VOWELS else word


def derivational(word: str, first: int) -> str:
    suffix = ending(word, DERIVATIONAL)
    rest = word.removesuffix(suffix)
    if not suffix or len(rest) < first:
        return word
    if (suffix == "ogi" and not rest.endswith("l")) or (suffix == "li" and rest[-1:] not in BEFORE_LI):
        return word
    return rest + DERIVATIONAL[suffix]


def adjectival(word: str, first: int, second: int) -> str:
    suffix = ending(word, ADJECTIVAL)
    rest = word.removesuffix(suffix)
    if not suffix or len(rest) < (second if suffix == "ative" else first):
        return word
    return rest + ADJECTIVAL[suffix]


def residual(word: str, second: int) -> str:
    suffix = ending(word, RESIDUAL)
    rest = word.removesuffix(suffix)
    if len(rest) < second or (suffix == "ion" and not rest.endswith(("s", "t"))):
        return word
    return rest


def without_final(word: str, first: int, second: int) -> str:
    """Without a last e, or the second l of two, that no short syllable needs."""
    rest = word[:-1]
    if word.endswith("e") and (len(rest) >= second or (len(rest) >= first and not ends_short(rest))):
        return rest
    return rest if word.endswith("ll") and len(rest) >= second else word
