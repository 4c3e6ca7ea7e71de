"""The captions of a run: tokenised and numbered once, exactly, and kept on disk where that is asked for."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.captions import plain_captions
from tests.metrics.hostile import HOSTILE
from velm_bench.cache import cache_root
from velm_bench.errors import UsageError
from velm_bench.metrics import MetricInputError, build
from velm_bench.metrics.captions import corpus, ngrams, reference_cache
from velm_bench.metrics.captions import texts as captions
from velm_bench.metrics.captions.corpus import CaptionCorpus
from velm_bench.metrics.captions.ngrams import Encoding, encode, translate
from velm_bench.metrics.captions.texts import CaptionSet

METRICS = ("bleu", "rouge_l", "cider", "cider_plain", "distinct", "length")
PREDICTIONS = ["a dog runs", None, "two cats", ""]
REFERENCES = [["a dog runs fast", "the dog"], ["a bird"], ["a cat", "cats cats cats"], ["one", "two"]]

WORDS = st.sampled_from(["a", "a", "dog", "cat", "runs", "1\u00a01/2", "\u3000", "", "\ud800"])
TEXT = st.lists(WORDS, max_size=9).map(" ".join)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No corpus is remembered from another test, nothing cached, and a caption's tokens are its lower case."""
    monkeypatch.setattr(corpus, "_latest", None)
    monkeypatch.setattr(corpus, "tokenize", lambda texts: [text.lower() for text in texts])
    monkeypatch.setenv("VELM_CACHE", str(tmp_path))
    monkeypatch.delenv("VELM_REFERENCE_CACHE", raising=False)


@pytest.fixture
def tokenised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The captions that were tokenised, as they come."""
    seen: list[str] = []

    def spy(texts: Iterable[str]) -> list[str]:
        texts = list(texts)
        seen.extend(texts)
        return [text.lower() for text in texts]

    monkeypatch.setattr(corpus, "tokenize", spy)
    return seen


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many captions were encoded, time after time."""
    seen: list[int] = []

    def spy(texts: tuple[str, ...]) -> Encoding:
        seen.append(len(texts))
        return encode(texts)

    monkeypatch.setattr(captions, "encode", spy)
    return seen


def spelled(encoding: Encoding) -> list[list[str]]:
    """For each order, the n-grams by number, as text."""
    words, found = list(encoding.vocabulary), [[""]]
    for one in encoding.ngrams:
        prefix, last = one.keys // len(words), one.keys % len(words)
        found.append([f"{found[-1][first]}|{words[word]}" for first, word in zip(prefix, last, strict=True)])
    return found[1:]


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=8))
def test_ngrams_are_counted_as_a_dictionary_of_tuples_counts_them(texts: list[str]) -> None:
    encoding = encode(texts)
    for order, (one, names) in enumerate(zip(encoding.ngrams, spelled(encoding), strict=True), start=1):
        assert len(set(names)) == len(names)
        found = {(names[n], c): k for n, c, k in zip(one.ids, one.captions, one.counts, strict=True)}
        counts = [plain_captions.ngrams(text.split(), order) for text in texts]
        wanted = {("|" + "|".join(gram), c): k for c, grams in enumerate(counts) for gram, k in grams.items()}
        assert found == wanted
        assert len(one.ids) == len(found)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, max_size=5), st.lists(TEXT, max_size=5))
def test_translated_ngrams_are_the_same_ngrams(ours: list[str], theirs: list[str]) -> None:
    source, target = encode(ours), encode(theirs)
    for numbers, names, known in zip(translate(source, target), spelled(source), spelled(target), strict=True):
        assert numbers.tolist() == [known.index(name) if name in known else -1 for name in names]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=5))
def test_document_frequencies_count_samples(samples: list[list[str]]) -> None:
    known = CaptionSet(tuple(map(tuple, samples)))
    for order, (names, held) in enumerate(zip(spelled(known.encoding), known.frequencies, strict=True), start=1):
        grams = [{gram for text in texts for gram in plain_captions.ngrams(text.split(), order)} for texts in samples]
        wanted = Counter("|" + "|".join(gram) for found in grams for gram in found)
        assert dict(zip(names, held, strict=True)) == wanted


def test_captions_are_split_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a dog", "", "a cat", "b\u00a0c", "a"]
    whole = encode(texts)
    monkeypatch.setattr(ngrams, "BLOCK", 2)
    parts = encode(texts)
    assert parts.vocabulary == whole.vocabulary
    assert parts.tokens.ids.tolist() == whole.tokens.ids.tolist() == [0, 1, 2, 0, 3, 4, 0]
    assert parts.words.lengths.tolist() == [2, 0, 2, 2, 1]


def test_all_metrics_of_a_run_read_one_corpus(tokenised: list[str], encoded: list[int]) -> None:
    for name in METRICS:
        build(name).statistics(list(PREDICTIONS), [list(texts) for texts in REFERENCES])
    assert Counter(tokenised) == Counter(text for text in PREDICTIONS if text is not None) + Counter(
        text for texts in REFERENCES for text in texts
    )
    assert sorted(encoded) == [4, 7]


def test_another_run_on_the_same_references_reads_only_its_predictions(
    tokenised: list[str], encoded: list[int]
) -> None:
    build("bleu").statistics(PREDICTIONS, REFERENCES)
    tokenised.clear()
    build("bleu").statistics(["other"] * 4, REFERENCES)
    assert tokenised == ["other"] * 4
    assert sorted(encoded) == [4, 4, 7]


def test_equal_is_equal_in_content() -> None:
    predictions, references = list(PREDICTIONS), [list(texts) for texts in REFERENCES]
    first = CaptionCorpus.of(predictions, references)
    assert first.hypotheses == ("a dog runs", None, "two cats", "")
    assert first.references == first.everything == tuple(map(tuple, REFERENCES))
    assert CaptionCorpus.of(list(predictions), references, references) is first
    predictions[0] = "another"
    references[1].append("a second bird")
    second = CaptionCorpus.of(predictions, references)
    assert second.hypotheses[0] == "another"
    assert second.references[1] == ("a bird", "a second bird")


def test_a_part_of_a_task_knows_the_whole(tokenised: list[str]) -> None:
    part = CaptionCorpus.of(PREDICTIONS[:1], REFERENCES[:1], REFERENCES)
    assert part.references == (("a dog runs fast", "the dog"),)
    assert part.everything == tuple(map(tuple, REFERENCES))
    assert CaptionCorpus.of(PREDICTIONS[:1], REFERENCES[:1]).everything == part.references


def test_only_the_latest_corpus_is_kept() -> None:
    former = weakref.ref(CaptionCorpus.of(PREDICTIONS, REFERENCES))
    golden = weakref.ref(CaptionCorpus.of(PREDICTIONS, REFERENCES).golden)
    CaptionCorpus.of(["a"], [["b"]])
    gc.collect()
    assert former() is None
    assert golden() is None


def test_no_samples_and_no_words() -> None:
    for name in METRICS:
        metric = build(name)
        rows = metric.statistics([], [])
        assert rows.shape == (0, len(metric.columns))
        assert np.isnan(metric.values(rows)).all()
        rows = metric.statistics(["", None], [[""], ["", ""]])
        assert np.isfinite(rows).all()
        assert np.isfinite(metric.values(rows)).all()


@pytest.mark.parametrize("name", METRICS)
def test_hostile_captions_are_scored(name: str) -> None:
    metric = build(name)
    plain = ["a dog runs"] * len(HOSTILE)
    rows = metric.statistics([*HOSTILE, *plain], [[text] for text in (*plain, *HOSTILE)])
    assert rows.shape == (2 * len(HOSTILE), len(metric.columns))
    assert np.isfinite(rows).all()
    assert np.isfinite(metric.per_sample(rows)).all()


@pytest.mark.parametrize("bad", [float("nan"), b"a dog", ["a dog"], 3.5, np.asarray(["b", "c"]), pandas.NA], ids=repr)
def test_what_is_no_text_is_one_sentence_that_names_the_sample(bad: object) -> None:
    build("cider").statistics(["a", "b"], [["b"], ["c", "d"]])  # remembered, and not taken for the next
    with pytest.raises(ValueError, match="Sample 1: the prediction is"):
        build("cider").statistics(["a", bad], [["b"], ["c"]])
    with pytest.raises(ValueError, match="Sample 1: the reference is"):
        build("cider").statistics(["a", "b"], [["b"], ["c", bad]])
    with pytest.raises(ValueError, match="Sample 1: the reference is None"):
        build("cider").statistics(["a", "b"], [["b"], ["c"]], [["b"], [None]])


def scores() -> list[list[float]]:
    """All scores of all metrics, and every statistic."""
    built = [build(name) for name in METRICS]
    return [metric.statistics(PREDICTIONS, REFERENCES).ravel().tolist() for metric in built]


def entries() -> list[Path]:
    return sorted(cache_root().rglob("*.npz"))


def test_nothing_is_stored_unless_asked_for() -> None:
    scores()
    assert entries() == []


def test_stored_references_are_neither_tokenised_nor_encoded_again(
    monkeypatch: pytest.MonkeyPatch, tokenised: list[str], encoded: list[int]
) -> None:
    plain = scores()
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    monkeypatch.setattr(corpus, "_latest", None)
    assert scores() == plain
    assert len(entries()) == 1
    tokenised.clear()
    encoded.clear()
    monkeypatch.setattr(corpus, "_latest", None)  # as in another process
    assert scores() == plain
    assert tokenised == [text for text in PREDICTIONS if text is not None]
    assert encoded == [len(PREDICTIONS)]
    assert len(entries()) == 1


def test_stored_references_are_never_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    for references in ([["a", "b"]], [["a"], ["b"]], [["a b"]], [["A", "b"]]):
        assert CaptionCorpus.of(["a"] * len(references), references).golden.sizes.tolist() == list(map(len, references))
    assert len(entries()) == 4
    monkeypatch.setattr(reference_cache, "SIGNATURE", "tok:another")
    monkeypatch.setattr(corpus, "_latest", None)
    CaptionCorpus.of(["a"], [["a", "b"]])
    assert len(entries()) == 5


@pytest.mark.parametrize("word", ["1", "true", "YES", " On "])
def test_words_that_switch_the_cache_on(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", word)
    scores()
    assert len(entries()) == 1


@pytest.mark.parametrize("word", ["0", "False", "no", "OFF", "", " "])
def test_words_that_leave_the_cache_off(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", word)
    scores()
    assert entries() == []


@pytest.mark.parametrize("word", ["2", "maybe", "yess", "/tmp/cache"])
def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", word)
    with pytest.raises(UsageError, match=f"VELM_REFERENCE_CACHE is '{word}', which is neither yes nor no"):
        scores()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=5))
def test_what_is_stored_is_what_is_read(samples: list[list[str]]) -> None:
    known = CaptionSet(tuple(map(tuple, samples)))
    cache_root().mkdir(exist_ok=True)
    reference_cache.save(known, cache_root(), "key")
    read = reference_cache.load(cache_root(), "key")
    assert read.captions == known.captions
    assert read.encoding.vocabulary == known.encoding.vocabulary
    assert repr(read.encoding) == repr(known.encoding)


def again() -> list[list[float]]:
    """All scores, as in another process."""
    corpus._latest = None
    return scores()


def test_wherever_a_file_is_damaged_it_is_made_again(monkeypatch: pytest.MonkeyPatch, tokenised: list[str]) -> None:
    """Sixteen zeros at any place: in a header, in an array, in a checksum, or in what tells where they lie."""
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    known = CaptionCorpus.of(PREDICTIONS, REFERENCES).golden
    (path,) = entries()
    sound = path.read_bytes()
    for place in range(0, len(sound), 16):
        zeroed = bytearray(sound)
        zeroed[place : place + 16] = bytes(len(zeroed[place : place + 16]))
        if zeroed == sound:
            continue
        path.write_bytes(zeroed)
        corpus._latest = None
        tokenised.clear()
        read = CaptionCorpus.of(PREDICTIONS, REFERENCES).golden
        assert (read.captions, repr(read.encoding)) == (known.captions, repr(known.encoding))
        assert len(tokenised) == 10
        assert path.read_bytes() == sound


@pytest.mark.parametrize("how", ["empty", "cut", "gone", "folder", "longer"])
def test_what_is_left_of_an_entry_is_made_again(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    whole = scores()
    (path,) = entries()
    sound = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes({"empty": b"", "cut": sound[: len(sound) // 2], "longer": sound + b"\0"}[how])
    assert again() == whole
    assert entries() == [path]
    assert path.read_bytes() == sound


def test_an_entry_in_the_place_of_another_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    others = [[text.replace("a", "the") for text in texts] for texts in REFERENCES]
    CaptionCorpus.of(PREDICTIONS, others)
    (theirs,) = cache_root().iterdir()
    whole = again()
    (ours,) = set(cache_root().iterdir()) - {theirs}
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours)
    assert again() == whole


def test_a_cache_that_cannot_be_written_costs_no_metric(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = scores()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "file" / "cache"))
    assert again() == whole


def test_a_full_disk_costs_no_metric(monkeypatch: pytest.MonkeyPatch, tokenised: list[str]) -> None:
    resource = pytest.importorskip("resource")
    whole = scores()
    monkeypatch.setenv("VELM_REFERENCE_CACHE", "1")
    tokenised.clear()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        found = again()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert found == whole
    assert len(tokenised) == 10
    assert list(cache_root().iterdir()) == []


def test_the_keys_of_a_mapping_are_no_captions_even_of_a_corpus_that_is_remembered() -> None:
    texts, references = ["a b", "c"], [["a b"], ["c d"]]
    build("bleu").compute(texts, references)
    with pytest.raises(MetricInputError, match="predictions"):
        build("bleu").compute(dict.fromkeys(texts, 1), references)  # type: ignore[arg-type]
