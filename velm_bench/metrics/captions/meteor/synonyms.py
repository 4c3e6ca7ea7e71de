"""Synonyms as METEOR finds them: two words are synonyms if synsets of their base forms are shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

ENDINGS = (
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
    ("es", "e"),
    ("es", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", ""),
    ("est", ""),
    ("er", "e"),
    ("est", "e"),
)
"""WordNet's rules of detachment, whatever the part of speech (Miller et al. 1990)."""


@dataclass(frozen=True)
class WordNet:
    """Synsets of words, and base forms of those that are irregular."""

    synsets: Mapping[str, str]
    """The numbers of a word's synsets, as the file has them."""
    irregular: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, synsets: str, exceptions: str) -> Self:
        """From METEOR's two files, where each second line belongs to the word before; captions hold no underscores."""
        lines = synsets.split("\n")
        entries = zip(lines[::2], lines[1::2], strict=False)
        lines = exceptions.split("\n")
        irregular: dict[str, tuple[str, ...]] = {}
        for base, forms in zip(lines[::2], lines[1::2], strict=False):
            for form in forms.split():
                irregular[form] = (*irregular.get(form, ()), base)
        return cls({word: numbers for word, numbers in entries if "_" not in word}, irregular)

    def of_word(self, word: str) -> tuple[int, ...]:
        """The synsets of a word and its base forms, ascending."""
        forms = (word, *self.bases(word))
        return tuple(sorted({int(number) for form in forms for number in self.synsets.get(form, "").split()}))

    def bases(self, word: str) -> tuple[str, ...]:
        """Base forms of a word: those of the exception list, else the first that a rule gives and WordNet has."""
        if word in self.irregular:
            return self.irregular[word]
        if len(word) > 2 and not word.endswith("ss"):
            for ending, base_ending in ENDINGS:
                if word.endswith(ending) and (base := word.removesuffix(ending) + base_ending) in self.synsets:
                    return (base,)
        return ()
