"""What a model's page says about one submission."""

from __future__ import annotations

import pytest

from tests.board.made_listings import made_listing, run_row, submission_id
from velm_bench.board.export.citing import submission_bibtex
from velm_bench.board.pages.cards import (
    HAPPENED,
    STANDING,
    VERIFIED,
    event_frame,
    find_submission,
    magnitude,
    model_card,
    submissions_of,
)
from velm_bench.board.schema import Card, Event, EventKind, FileEntry, Level, Manifest, RunEntry, Status
from velm_bench.errors import UsageError

HOSTILE = '<img src=x onerror="document.title=1"> ![](http://127.0.0.1:9/x.png) \u202egnp.exe @string{x} %'


def manifest(**card: object) -> Manifest:
    return Manifest(
        model="ref:prefix",
        model_digest="a" * 64,
        card=Card(name="Prism", **card),
        runs=(RunEntry(name="seen", task="seen"),),
        files=(FileEntry(path="runs/seen/result.json", sha256="b" * 64, size=3),),
    )


def test_a_submission_is_found_by_its_first_digits_and_by_its_name() -> None:
    listing = made_listing([run_row(1, "Prism"), run_row(2, "Prism", submitted="2026-06-01"), run_row(3, "Other")])
    assert find_submission(listing, prefix=submission_id(3)) == submission_id(3)
    assert find_submission(listing, name="Prism") == submission_id(2)
    with pytest.raises(UsageError, match="several submissions begin with '000'"):
        find_submission(listing, prefix="000")
    with pytest.raises(UsageError, match="no submission begins with 'beef'"):
        find_submission(listing, prefix="beef")
    with pytest.raises(UsageError, match="no model called 'Nobody'"):
        find_submission(listing, name="Nobody")


def test_those_that_count_come_first_and_none_is_hidden() -> None:
    rows = [
        run_row(1, "Prism", status="rejected", submitted="2026-07-01"),
        run_row(2, "Prism"),
        run_row(3, "Prism", status="flagged", submitted="2026-06-01"),
        run_row(4, "Prism", status="superseded"),
    ]
    assert submissions_of(made_listing(rows), "Prism") == [submission_id(number) for number in (3, 2, 1, 4)]


def test_a_card_says_what_is_known_and_leaves_out_what_is_not() -> None:
    row = run_row(1, "Prism", parameters=2_205_929, licence="MIT", attempts=3)
    card = model_card(
        made_listing([row]), submission_id(1), manifest(homepage="https://example.org", notes="two\nlines")
    )
    facts = {fact.label: fact.text for fact in card.facts}
    assert facts["Parameters"] == "2.21 M (2,205,929)"
    assert facts["Homepage"] == "https://example.org"
    assert facts["Run as"] == "ref:prefix"
    assert "Organisation" not in facts
    assert (card.notes, card.attempts, card.standing) == ("two lines", 3, "")
    assert "computed anew" in card.verified


def test_a_card_without_a_manifest_has_no_homepage() -> None:
    labels = {fact.label for fact in model_card(made_listing([run_row(1, "Prism")]), submission_id(1)).facts}
    assert "Homepage" not in labels


def test_what_does_not_count_says_why() -> None:
    listing = made_listing([run_row(1, "Prism", status="rejected", reason="answer of 'x/1' was changed")])
    assert model_card(listing, submission_id(1)).standing == "It does not count: rejected: answer of 'x/1' was changed"


def test_every_level_status_and_event_has_its_words() -> None:
    assert set(Level) <= set(VERIFIED)
    assert set(Status) - {Status.LISTED} == set(STANDING)
    assert set(EventKind) == set(HAPPENED)


def test_events_are_told_in_order_with_all_that_they_say() -> None:
    about = {"submission": submission_id(1), "at": "2026-11-23T10:00:00.000000Z"}
    events = [
        Event(kind=EventKind.FLAGGED, reason="Equal to another.", other=submission_id(2), by="board", **about),
        Event(kind=EventKind.VERIFIED, level=Level.RECOMPUTED, software="1.0", **about),
        Event(kind=EventKind.SUBMITTED, by="Ada\u202e", **about),
        Event(kind=EventKind.WITHDRAWN, **{**about, "at": "2026-11-24T10:00:00.500000Z"}),
    ]
    frame = event_frame(events)
    assert list(frame["event"]) == ["submitted", "verified", "flagged", "withdrawn"]
    assert frame["by"][0] == "Ada⟨202E⟩"
    assert frame["details"][1] == "level: recomputed"
    assert frame["details"][2] == "Equal to another.; see 000000000000"
    assert list(frame["at"])[-1] == "2026-11-24 10:00:00"


def test_nothing_of_a_hostile_card_is_hidden_or_turned() -> None:
    row = run_row(1, HOSTILE, organisation=HOSTILE, licence=HOSTILE, parent=HOSTILE, reason=HOSTILE, status="flagged")
    listing = made_listing([row])
    card = model_card(listing, submission_id(1), manifest(notes=HOSTILE))
    for text in (card.name, card.notes, card.standing, *(fact.text for fact in card.facts)):
        assert "\u202e" not in text
    entry = submission_bibtex(listing, card)
    assert "\u202e" not in entry
    assert "@string" not in entry
    assert entry.count("@") == entry.count("{@}") + 1


def test_a_citation_names_the_submission_and_leaves_out_what_is_unknown() -> None:
    listing = made_listing([run_row(7, "Prism_2", revision="1.0", released="2025-03-01")])
    entry = submission_bibtex(listing, model_card(listing, submission_id(7)))
    assert entry.startswith(f"@misc{{velmbench-{submission_id(7)[:12]},\n")
    assert r"title = {{Prism\_2 1.0}}," in entry
    assert "year = {2025}," in entry
    assert submission_id(7) in entry
    assert "author" not in entry


def test_counts_of_weights_are_said_as_people_say_them() -> None:
    assert [magnitude(count) for count in (7, 1500, 2_205_929, 7_000_000_000)] == [
        "7",
        "1.5 k (1,500)",
        "2.21 M (2,205,929)",
        "7 B (7,000,000,000)",
    ]
