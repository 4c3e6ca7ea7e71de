"""METEOR without Java: words, stems, base forms, paraphrases, alignments, scores, and what a user may meet."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.captions.plain_captions import corpus_of, rows_of
from tests.metrics.hostile import HOSTILE, LONG
from velm_bench.errors import UnavailableError
from velm_bench.metrics import MetricUnavailableError, build
from velm_bench.metrics.base import Array
from velm_bench.metrics.captions import java
from velm_bench.metrics.captions.meteor import encoding, kernel, paraphrases, resources
from velm_bench.metrics.captions.meteor.resources import english
from velm_bench.metrics.captions.meteor.stemmer import stem

pytest.importorskip("pycocoevalcap")

CASES = json.loads((Path(__file__).parents[1] / "cases" / "caption.json").read_text())["corpora"]
METEOR = build("meteor")


def rows(hypotheses: list[str | None], references: list[list[str]]) -> Array:
    """Statistics of captions that are tokenised already."""
    return rows_of(METEOR, corpus_of(hypotheses, references))


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("a dog runs", "a dog runs"),
        ("", ""),
        (" ", ""),
        ("\u3000", ""),
        ("it 's o'clock , isn't", "it ' s o 'clock , isn 't"),
        ("1990's '90s rock'n'roll", "1990 's ' 90s rock 'n'roll"),
        ("x-ray a-b-c a--b a---b -- --- .-b", "x ray a b-c a b a--b - -- . b"),
        ("1,000 a,b a,,b 1,a", "1,000 a , b a , ,b 1 , a"),
        ("e.g. the u.s. army p.m", "eg the us army p.m"),
        ("no. 5 pp. 5 v. b a. b a. 5 a.", "no . 5 pp. 5 v. b a. b a . 5 a ."),
        ("hello.world. 1.1. a..b ...a .", "helloworld 1.1. a .. b ... a ."),
        ("\u2018a\u2019 \u201cb\u201d \u2013 \u2014 ``a''", '\' a \' " b " - \u2014 " a "'),
        (
            "caf\u00e9 \u017fb \u0436b \u03b1b a\u00a0b \u00bd\U0001f642",
            "caf\u00e9 \u017f b \u0436b \u03b1 b a b \u00bd \U0001f642",
        ),
        ("$5 50% #1 a/b a_b [x] <b>", "$ 5 50 % # 1 a / b a _ b [ x ] < b >"),
        ("'a' a'' ''' 1'a", "' a ' a \" \" ' 1'a"),
    ],
)
def test_words_are_those_of_the_jar(caption: str, words: str) -> None:
    assert english().normaliser.words(caption) == words.split()


@pytest.mark.parametrize(
    ("words", "stems"),
    [
        ("a is at by", "a is at by"),
        ("caresses ponies ties dies gas this kiwis gaps", "caress poni tie die gas this kiwi gap"),
        ("agreed feed hopped hoped failing hopping luxuriating bled", "agre feed hop hope fail hop luxuri bled"),
        ("cry by say enjoy youth boyish sayyid", "cri by say enjoy youth boyish sayyid"),
        ("relational conditional hesitanci vietnamization archaeology", "relat condit hesit vietnam archaeolog"),
        ("formative electrical hopefulness goodness", "format electr hope good"),
        ("replacement adoption communism bowdlerize generously", "replac adopt communism bowdler generous"),
        ("rate roll controlled skies dying early news succeeding", "rate roll control sky die earli news succeed"),
        ("dog's dogs' dogs's' 'tis ''", "dog dog dog tis ''"),
        ("evening organization university international past paste", "even organ univers intern past past"),
        ("archaeologist adding emergency vying", "archaeologist ad emerg vy"),
    ],
)
def test_stems_are_those_of_porter2_in_2014(words: str, stems: str) -> None:
    assert [stem(word) for word in words.split()] == stems.split()


@pytest.mark.parametrize(
    ("word", "bases"),
    [
        *[("dogs", ("dog",)), ("boxes", ("box",)), ("firemen", ("fireman",)), ("geese", ("goose",)), ("ran", ("run",))],
        *[("axes", ("ax", "axis")), ("buss", ()), ("vs", ()), ("doges", ("doge",)), ("doging", ("doge",))],
        *[("dogest", ("dog",)), ("housing", ("house",)), ("dog", ()), ("zzz", ()), ("s", ()), ("", ())],
    ],
)
def test_base_forms(word: str, bases: tuple[str, ...]) -> None:
    assert english().wordnet.bases(word) == bases


def test_synonyms_are_symmetric_and_never_of_a_word_itself() -> None:
    words = ["dogs", "hound", "cat", "hound", "automobile", "cars", "xyzzy", "big", "large"]
    words = list(dict.fromkeys(words))
    starts, others = encoding.synonyms(words)
    found = {(words[one], words[other]) for one in range(len(words)) for other in others[starts[one] : starts[one + 1]]}
    pairs = {("dogs", "hound"), ("automobile", "cars"), ("big", "large")}
    assert found == pairs | {(other, one) for one, other in pairs}
    assert encoding.synonyms([])[1].tolist() == []


TABLE = b"0.5\na b\nc\n0.5\na b\na\n0.1\nc\na b c d e f g\n2.5\n\xc3\xa9\na b\n"
PACKED = gzip.compress(TABLE, mtime=0)
PHRASES = [("a b", ["c", "a"]), ("c", ["a b c d e f g"]), ("\u00e9", ["a b"]), ("a", []), ("a b c", []), ("b", [])]


@pytest.fixture
def small_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A table of four paraphrases in place of the installed one, and an empty cache."""
    path = tmp_path / "paraphrase-en.gz"
    path.write_bytes(PACKED)
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(paraphrases, "find_jar", lambda *_: path)
    paraphrases.paraphrases.cache_clear()
    yield path
    paraphrases.paraphrases.cache_clear()


def paraphrases_of(index: paraphrases.Paraphrases, phrase: str) -> list[str]:
    """What the index has for a phrase of the table, as text."""
    words = list(index.words)
    places = {child: node for node in range(len(index.trie_words)) for child in range(*index.children[node : node + 2])}

    def text(node: int) -> str:
        return f"{text(places[node])} {words[index.trie_words[node]]}".strip() if node else ""

    ids = np.asarray([index.words[word] for word in phrase.split()], dtype=np.int32)
    found = kernel.find_phrases(ids, np.asarray([0, len(ids)]), index.children, index.trie_words)
    node = int(found[0, len(ids) - 1])
    if node < 0:
        return []
    return [text(target) for target in index.targets[slice(*index.starts[node : node + 2])]]


def test_an_index_holds_its_table_in_order(small_table: Path) -> None:
    index = paraphrases.paraphrases()
    assert [(phrase, paraphrases_of(index, phrase)) for phrase, _ in PHRASES] == PHRASES
    ids = np.asarray([index.words[word] for word in "b a b d a".split()] + [-1], dtype=np.int32)
    found = kernel.find_phrases(ids, np.asarray([0, 3, 6]), index.children, index.trie_words)
    assert (found >= 0).sum(axis=1).tolist() == [0, 2, 0, 0, 1, 0]


def test_an_index_is_made_once_and_anew_where_it_is_damaged(small_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paraphrases.index(small_table)
    with monkeypatch.context() as patch:
        patch.setattr(paraphrases, "make", lambda *_: pytest.fail("made again"))
        assert paraphrases.load(folder).words == paraphrases.paraphrases().words
    for damage in ("targets.npy", "words.txt"):
        (folder / damage).unlink()
        paraphrases.paraphrases.cache_clear()
        assert len(paraphrases.paraphrases().targets) == 4
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    np.save(folder / "targets.npy", np.load(folder / "targets.npy")[:2])
    for damage, content in (("starts.npy", whole["starts.npy"][:-4]), ("words.txt", b"x"), ("targets.npy", None)):
        if content is not None:
            (folder / damage).write_bytes(content)
        paraphrases.paraphrases.cache_clear()
        assert len(paraphrases.paraphrases().targets) == 4
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_an_index_that_cannot_be_mended_gets_a_sentence(small_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paraphrases.index(small_table)
    (folder / "words.txt").write_bytes(b"x")
    monkeypatch.setattr(paraphrases.shutil, "rmtree", lambda *_, **__: None)
    paraphrases.paraphrases.cache_clear()
    with pytest.raises(UnavailableError, match="is damaged and cannot be made again"):
        paraphrases.paraphrases()


def test_another_table_has_another_index(small_table: Path) -> None:
    first = paraphrases.index(small_table)
    small_table.write_bytes(gzip.compress(TABLE + b"1\nx\ny\n"))
    assert paraphrases.index(small_table) != first


@pytest.mark.parametrize(
    "content",
    [b"", b"no table", PACKED[:-20], gzip.compress(TABLE[:-4], mtime=0)],
    ids=["empty", "no archive", "cut off", "odd"],
)
def test_a_damaged_table_makes_the_metric_unavailable(small_table: Path, content: bytes) -> None:
    small_table.write_bytes(content)
    with pytest.raises(MetricUnavailableError, match=r"paraphrase-en\.gz cannot be read .*pip install"):
        paraphrases.paraphrases()


def test_a_cache_that_cannot_be_written_is_named(small_table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_CACHE", str(small_table / "cache"))
    with pytest.raises(UnavailableError, match="set VELM_CACHE to another"):
        paraphrases.paraphrases()


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_without_its_jar_the_metric_is_unavailable(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources.english.cache_clear()
    with monkeypatch.context() as patch:
        if content is None:
            patch.setattr(java, "find_spec", lambda _: None)
        else:
            (tmp_path / "meteor-1.5.jar").write_bytes(content)
            patch.setattr(resources, "find_jar", lambda *_: tmp_path / "meteor-1.5.jar")
        with pytest.raises(MetricUnavailableError, match="pip install"):
            rows(["a"], [["a"]])


def test_no_java_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_java", lambda: pytest.fail("looked for Java"))
    assert METEOR.compute(["A dog runs."], [["a dog runs"]]) == {"meteor": 1.0}


@pytest.mark.parametrize(
    ("hypothesis", "references", "found"),
    [
        ("b", ["b b"], {0: 1, 1: 2, 4: 1, 5: 1, 20: 1, 21: 1, 22: 1}),
        (
            "a dog",
            ["the dogs"],
            {0: 2, 1: 2, 2: 1, 3: 1},
        ),  # dog, dogs: rivals that count nothing, so that none is taken
        ("car", ["automobile"], {0: 1, 1: 1}),  # likewise a synonym and a paraphrase
        ("car", ["gondola"], {0: 1, 1: 1, 12: 1, 13: 1, 21: 1, 22: 1}),
        ("dogs", ["hounds hounds"], {0: 1, 1: 2}),
        (
            "the east to the west of it",
            ["the east"],
            {0: 7, 1: 2, 2: 5, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 20: 1, 21: 2, 22: 2},
        ),
        ("criticisms are made", ["criticized"], {0: 3, 1: 1, 2: 1, 16: 2, 17: 1, 18: 1, 21: 3, 22: 1}),
        (
            "record from",
            ["extract from the criminal register with in"],
            {0: 2, 1: 7, 2: 1, 3: 4, 16: 1, 17: 3, 18: 1, 19: 3, 20: 1, 21: 2, 22: 6},
        ),
        (
            "it 's 3.5 x-rays e.g. the u.s. army",
            ["it 's 3.5 x rays eg us army"],
            {0: 10, 1: 9, 2: 4, 3: 3, 4: 6, 5: 6, 6: 3, 7: 3, 20: 2, 21: 9, 22: 9},
        ),
        ("b", ["b q", "b z"], {0: 1, 1: 2, 4: 1, 5: 1, 20: 1, 21: 1, 22: 1}),
        ("x", ["a", "b c"], {0: 1, 1: 1, 3: 1}),  # of equal scores the first
        ("x", ["b c", "a"], {0: 1, 1: 2}),
        ("", ["a", "b c"], {1: 1, 3: 1}),
        ("x", ["", "a"], {0: 1}),
        ("", [""], {}),
        ("b", ["a ||| b"], {0: 1, 1: 1, 4: 1, 5: 1, 21: 1, 22: 1}),
        ("a ||| b", ["a b"], {0: 2, 1: 2, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 21: 2, 22: 2}),
    ],
)
def test_statistics_are_those_of_the_jar(hypothesis: str, references: list[str], found: dict[int, int]) -> None:
    """Recorded, by the number of the column; that of a perfect segment's chunk is left out."""
    row = rows([hypothesis], [references])[0, :-1]
    assert {column: int(value) for column, value in enumerate(row) if value} == found


def test_small_corpora() -> None:
    for case in CASES:
        found = METEOR.compute(case["candidates"], case["references"])
        assert found == {"meteor": pytest.approx(case["meteor"], abs=1e-15)}


def test_a_failed_sample_costs_its_recall() -> None:
    failed = rows([None], [["a dog"]])
    assert failed[0, :2].tolist() == [0, 2]
    others = rows(["a dog runs", "two cats"], [["a dog is running"], ["two cats sleep"]])
    assert METEOR.value(np.vstack([others, failed])) < METEOR.value(others)
    assert METEOR.value(failed) == 0


def test_captions_of_100_000_characters() -> None:
    """Words behind the 2,000th are unmatched; equal captions are not searched, and match wholly."""
    found = rows([LONG, LONG, "a dog runs " * 9000], [[LONG], [f"{LONG} on"], ["a dog runs on grass"]])
    lengths, matched = found[:, :2], found[:, 21:23]
    assert lengths.tolist() == [[33333, 33333], [33333, 33334], [27000, 5]]
    assert matched.tolist() == [[33333, 33333], [2000, 2000], [3, 3]]
    assert METEOR.per_sample(found)[0, 0] == 1


def test_hostile_captions_break_nothing() -> None:
    plain = ["a dog runs"] * len(HOSTILE)
    found = METEOR.statistics([*HOSTILE, *plain], [[text] for text in (*plain, *HOSTILE)])
    assert found.shape == (2 * len(HOSTILE), len(METEOR.columns))
    assert np.isfinite(found).all()
    assert np.isfinite(METEOR.per_sample(found)).all()
    assert np.isfinite(rows(HOSTILE, [[text] for text in HOSTILE])).all()


def test_no_samples() -> None:
    assert rows([], []).shape == (0, len(METEOR.columns))


WORDS = st.sampled_from(
    "a a the dog dogs hound car cars automobile running run of a_b in large big great it 's x-ray .".split()
)
TEXT = st.lists(WORDS, max_size=14).map(" ".join)
SEGMENTS = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(SEGMENTS)
def test_statistics_hang_together(segments: list[tuple[str, list[str]]]) -> None:
    found = rows([text for text, _ in segments], [list(references) for _, references in segments])
    stages = found[:, 4:20].reshape(-1, 4, 2, 2)  # stage, content or function, side
    assert (stages.sum(axis=(1, 2)) == found[:, 21:23]).all()
    assert (stages.sum(axis=1)[:, 0] <= found[:, :2] - found[:, 2:4]).all()
    assert (stages.sum(axis=1)[:, 1] <= found[:, 2:4]).all()
    assert (found[:, 20] <= found[:, 21:23].min(axis=1)).all()
    scores = METEOR.per_sample(found)[:, 0]
    assert ((scores >= 0) & (scores <= 1)).all()
    for row, (text, references) in zip(found, segments, strict=True):
        alone = [rows([text], [[reference]])[0] for reference in references]
        best = max(range(len(alone)), key=lambda place: METEOR.per_sample(np.asarray(alone))[place, 0])
        assert row.tolist() == alone[best].tolist()


@pytest.fixture(scope="module")
def uncompiled() -> ModuleType:
    """The kernel as it is where numba is not installed."""
    spec = importlib.util.spec_from_file_location("uncompiled_kernel", str(kernel.__file__))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        spec.loader.exec_module(module)
    return module


@settings(max_examples=40, deadline=None)
@given(SEGMENTS)
def test_without_numba_the_statistics_are_the_same(uncompiled: Any, segments: list[tuple[str, list[str]]]) -> None:
    hypotheses, references = [text for text, _ in segments], [list(golden) for _, golden in segments]
    compiled = rows(list(hypotheses), references)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("align", "find_phrases", "restrict"):
            patch.setattr(kernel, name, getattr(uncompiled, name))
        assert (rows(list(hypotheses), references) == compiled).all()


def test_a_kernel_that_cannot_be_kept_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    asked: list[bool] = []

    def njit(cache: bool) -> Any:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert kernel.entry(len) is len
    assert asked == [True, False]


def test_a_damaged_kernel_on_disk_is_compiled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")

    def njit(cache: bool) -> Any:
        def damaged(*_: Any) -> Any:
            raise EOFError("Ran out of input")

        return lambda function: damaged if cache else function

    monkeypatch.setattr(numba, "njit", njit)
    assert kernel.entry(len)("abc") == 3
