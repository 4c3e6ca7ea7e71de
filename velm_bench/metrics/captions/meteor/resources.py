"""METEOR's data for English, read from the jar of the installed pycocoevalcap."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cache

from velm_bench.metrics.base import MetricUnavailableError
from velm_bench.metrics.captions.java import find_jar
from velm_bench.metrics.captions.meteor.normalise import Normaliser
from velm_bench.metrics.captions.meteor.synonyms import WordNet

NUMERIC_ONLY = "#NUMERIC_ONLY#"
"""Marks an abbreviation that keeps its period before a number only ("no. 5")."""


@dataclass(frozen=True)
class English:
    """What METEOR knows of English, its paraphrases aside."""

    normaliser: Normaliser
    function_words: frozenset[str]
    wordnet: WordNet


@cache
def english() -> English:
    """The data of the installed jar; MetricUnavailableError where pycocoevalcap or its jar is missing or damaged."""
    jar = find_jar("meteor", "meteor-1.5.jar")
    names = (
        "nonbreaking/english.prefixes",
        "function/english.words",
        "synonym/english.synsets",
        "synonym/english.exceptions",
    )
    try:
        with zipfile.ZipFile(jar) as archive:
            prefixes, function_words, synsets, exceptions = (archive.read(name).decode("utf-8") for name in names)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise MetricUnavailableError(
            f"{jar} cannot be read ({error}): run pip install --force-reinstall pycocoevalcap."
        ) from error
    always, numeric = abbreviations(prefixes)
    return English(Normaliser(always, numeric), frozenset(function_words.split()), WordNet.of(synsets, exceptions))


def abbreviations(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Abbreviations that keep their period wherever they stand, and those that keep it before a number only."""
    lines = [line.split() for line in text.split("\n") if line.strip() and not line.startswith("#")]
    numeric = frozenset(words[0] for words in lines if NUMERIC_ONLY in words)
    return frozenset(words[0] for words in lines) - numeric, numeric
