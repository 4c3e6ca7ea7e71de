"""What stands on a model's page about one submission: its card, how far it was verified, and everything said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import OWN
from velm_bench.board.schema import Event, EventKind, Level, Manifest, Status
from velm_bench.errors import UsageError
from velm_bench.inert import inert

SHORT = 12
"""How many hexadecimal digits of a submission stand in an address."""
LONG = 4000
"""How many letters of a card's long texts are shown."""
VERIFIED: Mapping[str, str] = {
    Level.VALID: "Its files are what they should be; its answers were not looked at yet.",
    Level.COMPLETE: "It answers exactly the samples that the board asks. The data to recompute its scores was not at "
    "hand, so that they are the claimed ones.",
    Level.RECOMPUTED: "Every score was computed anew from its answers, with the board's own references and metrics.",
    Level.REPRODUCED: "Its scores were recomputed from its answers, and somebody ran the same model again and got the "
    "same.",
    OWN: "A run in a results folder: nobody but who made it has looked at it.",
    "imported": "Read from another tool's files: nothing of it was verified here.",
}
"""What each level of verification means."""
STANDING: Mapping[str, str] = {
    Status.FLAGGED: "It counts, with a reason for doubt",
    Status.REJECTED: "It does not count: rejected",
    Status.WITHDRAWN: "It does not count: withdrawn by those who submitted it",
    Status.SUPERSEDED: "It does not count any more: another submission took its place",
}
"""What each status means but `listed`, which needs no words."""
HAPPENED: Mapping[str, str] = {
    EventKind.SUBMITTED: "submitted",
    EventKind.VERIFIED: "verified",
    EventKind.REPRODUCED: "reproduced",
    EventKind.FLAGGED: "flagged",
    EventKind.CLEARED: "cleared",
    EventKind.REJECTED: "rejected",
    EventKind.WITHDRAWN: "withdrawn",
    EventKind.SUPERSEDED: "superseded",
}
EVENT_COLUMNS = ("at", "event", "details", "by", "software")


class Fact(NamedTuple):
    """A line of a card: both are plain text, and nothing in them is hidden."""

    label: str
    text: str


@dataclass(frozen=True)
class ModelCard:
    """One submission as its page shows it; all texts are inert."""

    submission: str
    name: str
    facts: tuple[Fact, ...]
    """What its makers say; what they left out is left out."""
    notes: str
    level: str
    verified: str
    """What its level means, in a sentence."""
    status: str
    standing: str
    """What its status means, with the reason, in a sentence; empty where it simply counts."""
    submitted: str
    attempts: int
    parent: str


def find_submission(listing: Listing, name: str = "", prefix: str = "") -> str:
    """The submission whose id begins so, or else the latest of a model's name; UsageError where there is none."""
    runs = listing.runs
    if prefix:
        found = sorted({one for one in runs["submission"] if one.startswith(prefix)})
        if len(found) != 1:
            many = "several submissions begin" if found else "no submission begins"
            raise UsageError(
                f"In this place {many} with '{inert(prefix, 64)}': give more of its digits, or choose one."
            )
        return str(found[0])
    of_name = runs[runs["model"] == name]
    if of_name.empty:
        raise UsageError(f"There is no model called '{inert(name)}' here: choose one of the list.")
    return submissions_of(listing, name)[0]


def submissions_of(listing: Listing, name: str) -> list[str]:
    """All submissions of a model's name: those that count before those that do not, the latest release first."""
    rows = listing.runs[listing.runs["model"] == name].drop_duplicates("submission")
    counting = rows["status"].isin([Status.LISTED, Status.FLAGGED])
    date = rows["released"].where(rows["released"] != "", rows["submitted"])
    ordered = rows.assign(counting=counting, date=date).sort_values(
        ["counting", "date", "submitted", "submission"], ascending=[False, False, False, True]
    )
    return [str(one) for one in ordered["submission"]]


def model_card(listing: Listing, submission: str, manifest: Manifest | None = None) -> ModelCard:
    """The card of a submission; what only its manifest knows is left out where that is not at hand."""
    row = listing.runs[listing.runs["submission"] == submission].iloc[0]
    level, status = str(row["level"]), str(row["status"])
    reason = inert(str(row["reason"]), LONG)
    words = STANDING.get(status, "")
    return ModelCard(
        submission=submission,
        name=inert(str(row["model"])),
        facts=tuple(_facts(row, manifest)),
        notes=inert(manifest.card.notes, LONG) if manifest else "",
        level=inert(level),
        verified=VERIFIED.get(level, ""),
        status=inert(status),
        standing=(f"{words}: {reason}" if reason else f"{words}.") if words else "",
        submitted=inert(str(row["submitted"])),
        attempts=int(row["attempts"]),
        parent=str(row["parent"]),
    )


def _facts(row: pd.Series, manifest: Manifest | None) -> Iterable[Fact]:
    texts = [
        ("Revision", row["revision"]),
        ("Organisation", row["organisation"]),
        ("Parameters", "" if pd.isna(row["parameters"]) else magnitude(int(row["parameters"]))),
        ("Licence", row["licence"]),
        ("Released", row["released"]),
        ("Parent", row["parent"]),
        ("Run as", manifest.model if manifest else ""),
        ("Homepage", manifest.card.homepage if manifest else ""),
        ("Training data", row["training_data"]),
        ("Digest of the model", manifest.model_digest[:SHORT] if manifest else ""),
    ]
    for label, text in texts:
        if text:
            yield Fact(label, inert(str(text), LONG))


def magnitude(count: int) -> str:
    """A number of weights as people say it, and in full: "2.2 M (2,205,929)"."""
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit} ({count:,})"
    return f"{count:,}"


def event_frame(events: Sequence[Event]) -> pd.DataFrame:
    """Everything that was said of a submission: EVENT_COLUMNS, plain text.

    In the order of time, and where that is the same, in the order in which such things happen.
    """
    order = list(HAPPENED)
    rows = [
        {
            "at": event.at[:19].replace("T", " "),
            "event": HAPPENED[event.kind],
            "details": inert(_details(event), LONG),
            "by": inert(event.by),
            "software": inert(event.software),
        }
        for event in sorted(events, key=lambda event: (event.at, order.index(event.kind)))
    ]
    return pd.DataFrame(rows, columns=list(EVENT_COLUMNS)).astype("string")


def _details(event: Event) -> str:
    level = f"level: {event.level}" if event.level else ""
    runs = f"{len(event.runs)} runs" if event.runs else ""
    other = f"see {event.other[:SHORT]}" if event.other else ""
    return "; ".join(filter(None, [event.reason, level, runs, other]))
