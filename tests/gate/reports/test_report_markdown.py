"""Markdown of verdicts, rendered: names do nothing, tables are whole, and sizes hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.gate.made_verdict import (
    HOSTILE,
    hostile_verdict,
    large_verdict,
    made_flip,
    made_row,
    made_verdict,
    mixed_verdict,
)
from velm_bench.gate.reports.inline import code, prose
from velm_bench.gate.reports.markdown import COMMENT_BYTES, MARKER, SUMMARY_BYTES, comment, job_summary
from velm_bench.gate.reports.refusals import refused
from velm_bench.gate.schema import Cost, Outcome, Tier, Verdict
from velm_bench.inert import inert

OWN = {"h2", "h3", "p", "ul", "li", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
"""The elements of a report."""
LINKED = re.compile(r"(?i)@\w|#\d|://|www\.|gh-\d|\b[0-9a-f]{7,40}\b|:\w+:|\$[^$ ]+\$")
"""What GitHub or GitLab turns into a link, a sign or a formula outside of code."""


class Rendered(HTMLParser):
    """The elements of a page, the texts within and outside of code, and the number of cells of every row."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.coded: list[str] = []
        self.outside = ""
        self.cells: list[int] = []
        self._within = False
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "code":
            self._within = True
            self.coded.append("")
        elif tag == "tr":
            self.cells.append(0)
        elif tag in ("td", "th"):
            self.cells[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.coded[-1] += data
        else:
            self.outside += data


@pytest.mark.parametrize(
    "text", [job_summary(hostile_verdict()), comment(hostile_verdict())], ids=["summary", "comment"]
)
def test_names_of_others_do_nothing(text: str) -> None:
    shown = Rendered(text)
    assert shown.tags <= OWN
    assert not LINKED.search(shown.outside)
    assert "<img src=x" in "".join(shown.coded)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x09\x0b-\x1f]", text)


@pytest.mark.parametrize("make", [job_summary, comment])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(make: object) -> None:
    text = make(hostile_verdict())  # type: ignore[operator]
    for table in re.findall(r"(?m)(?:^\|.*\n?)+", text):
        assert len(set(Rendered(table).cells)) == 1
    # a head and 8 rows, of slices and flips too, a head and a cost, and nothing of them elsewhere
    assert len(Rendered(text).cells) == 3 * 9 + 2


@given(st.text(max_size=60))
def test_any_text_as_code_is_shown_as_it_is(text: str) -> None:
    shown = Rendered(f"| a |\n|---|\n| {code(text, 1000)} |\n")  # a letter that is named, as ⟨2EBE1⟩, becomes seven
    assert shown.cells == [1, 1]
    whole = inert(text, 1000).replace("|", "¦").split()
    assert [one.split() for one in shown.coded] == [one for one in [whole] if one]


@given(st.text(max_size=80) | st.text("@#:/w.a1`*_[]()<>!|~$&-+= \n", max_size=40))
def test_any_sentence_is_shown_as_it_is(text: str) -> None:
    shown = Rendered(f"- {prose(text)}\n")
    assert shown.tags <= {"ul", "li", "code"}
    assert not LINKED.search(shown.outside)
    assert not re.search(r"[@#`|*~$&\\]|[<\[](?!\s|[-+−\d])", shown.outside)


def test_an_ordinary_sentence_stays_readable() -> None:
    assert prose(
        "The score of 'scenes_vqa' fell by 0.031 [-0.042, -0.02], p < 0.001 (scenes_vqa:lite bleu_4); here are 200."
    ) == (
        "The score of '`scenes_vqa`' fell by 0.031 [-0.042, -0.02], p < 0.001 (`scenes_vqa:lite bleu_4`); here are 200."
    )


def test_names_that_a_comma_parts_are_code_each() -> None:
    assert prose("(scenes_vqa vqa_accuracy, scenes_classification accuracy, a_b cider)") == (
        "(`scenes_vqa vqa_accuracy`, `scenes_classification` accuracy, `a_b` cider)"
    )


@pytest.mark.parametrize(
    "start", ["1. one", "= heading", "# heading", "> said", "- item", "+ item", "GH-12", "[1]: to", "< a", "= b"]
)
def test_a_sentence_never_begins_a_block(start: str) -> None:
    assert prose(f"{start} [1] x").startswith("`")


def test_rows_that_decide_and_fail_stand_first() -> None:
    rows = [
        line for line in job_summary(mixed_verdict()).splitlines() if line.startswith(("| ⛔", "| ❌", "| ❔", "| ✅"))
    ]
    assert [re.findall(r"\| ([a-z]+(?: \(advisory\))?) \|", row)[0] for row in rows[:6]] == [
        "invalid", "regression", "inconclusive", "pass", "pass", "regression (advisory)",
    ]  # fmt: skip


def test_the_numbers_of_a_row_are_told() -> None:
    text = job_summary(mixed_verdict())
    assert "| -0.0410 | [-0.0560, -0.0260] | 0.0200 | < 0.0001 | 30 / 42 / 928 | 1,000 (200) |" in text
    assert "`scenes_vqa` (anchor)" in text
    assert "| 1,024 MiB | 1,536 MiB | -50.0 % | 10.0 % |" in text
    assert "| 52.25 samples/s | 51.00 samples/s | -2.4 % |" in text
    assert "- `scenes_captioning` `cider`: 4,200 would do." in text
    assert "| `How many boxes are red?` | `3 · three` | `3` | `4` | -1.0000 |" in text
    assert "failed: `no memory`" in text


def test_a_comment_is_found_by_its_first_line_and_leaves_out_what_held() -> None:
    text = comment(mixed_verdict())
    assert text.splitlines()[0] == MARKER
    assert "question_type=count" in text
    assert "question_type=yes/no" not in text


def test_thousands_of_rows_are_cut_at_whole_rows_and_counted() -> None:
    verdict = large_verdict()
    text = comment(verdict)
    assert COMMENT_BYTES * 0.8 < len(text.encode()) <= COMMENT_BYTES
    first = text[: text.index("###")]
    shown = [line for line in first.splitlines() if line.startswith(("| ❌", "| ✅"))]
    assert "the-worst" in shown[0]
    assert f"… and {2000 - len(shown):,} more rows: the full report has all." in first
    assert all(len(set(Rendered(table).cells)) == 1 for table in re.findall(r"(?m)(?:^\|.*\n?)+", text))
    assert "more samples" in text
    assert "more notes" in text
    assert len(job_summary(verdict).encode()) <= SUMMARY_BYTES


def test_a_limit_counts_bytes_not_letters() -> None:
    flips = [made_flip(f"s{place}", question="漢" * 200) for place in range(2000)]
    verdict = made_verdict(made_row(), flips=flips)
    assert len(comment(verdict).encode()) <= COMMENT_BYTES
    for limit in (16_384, 50_000, SUMMARY_BYTES):
        assert len(job_summary(verdict, limit).encode()) <= limit


def test_the_smallest_summary_holds_the_largest_names() -> None:
    long = "漢@" * 5000
    rows = [made_row(Outcome.INVALID, task=long, metric=long, why=long, tier=Tier.REQUIRED) for _ in range(3)]
    verdict = made_verdict(*rows, notes=[long], summary=long, flips=[made_flip(long, question=long)])
    assert len(job_summary(verdict, 16_384).encode()) <= 16_384


def test_each_hostile_name_is_in_the_report() -> None:
    coded = " ".join(" ".join(Rendered(job_summary(hostile_verdict())).coded).split())
    for text in HOSTILE.values():
        assert " ".join(inert(text).replace("|", "¦").split()) in coded


def test_an_answer_that_is_not_known_did_not_fail() -> None:
    """Tables of scores have no answers: their predictions are the JSON text null."""
    verdict = made_verdict(made_row(), flips=[made_flip(baseline_answer="null", candidate_answer="null")])
    assert "| `3 · three` |  |  | -1.0000 |" in job_summary(verdict)
    assert "failed" not in job_summary(verdict)


@pytest.mark.parametrize("make", [job_summary, comment])
def test_how_many_samples_became_worse_is_told_where_fewer_are_listed(make: Callable[[Verdict], str]) -> None:
    assert "Samples that became worse (2 of 42)" in make(mixed_verdict())
    assert "Samples that became worse (1)" in make(made_verdict(made_row(), flips=[made_flip()]))


def test_a_row_that_passes_although_it_is_worse_says_so() -> None:
    rows = (made_row(change=-0.01, p_adjusted=0.001, why="Worse, but within."), made_row(why="Not worse."))
    assert "Worse, but within." in job_summary(made_verdict(*rows))
    assert "Not worse." not in job_summary(made_verdict(*rows))


def test_failed_samples_stand_beside_the_number_of_samples() -> None:
    assert "| 1,000 (200), failed 0 / 7 |" in job_summary(made_verdict(made_row(candidate_errors=7)))


def test_huge_numbers_stay_readable() -> None:
    row = made_row(**dict.fromkeys(("baseline", "candidate", "change", "low", "high", "margin"), -1e300))
    costs = [
        Cost(task="t", what=what, outcome=Outcome.PASS, baseline=1e300, candidate=1e-300, change=1e307, margin=1e10)
        for what in ("speed", "memory")
    ]
    text = job_summary(made_verdict(row, costs=costs))
    assert max(map(len, text.splitlines())) < 250
    assert "inf" not in text


def test_a_refusal_says_what_was_named() -> None:
    text = comment(refused("No such file.", ["a.csv"], []))
    assert "Invalid: No such file." in text
    assert "To be compared: candidate `a.csv`, baseline (none)." in text
