"""Whose predictions are those of an earlier submission of another model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from velm_bench.board.encoding import SUBMITTED, event_name
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.moments import NAMED
from velm_bench.board.schema import Event, EventKind, VerifiedRun
from velm_bench.errors import UsageError
from velm_bench.results.schema import titled

SHORT = 12
"""So many digits of a submission's identity are named in sentences."""
PIECE = 200
"""Events held at a time: the scores of a large board take gigabytes."""


@dataclass(frozen=True)
class Heard:
    """What is kept of an event: when it was said, and the digest of each run's predictions."""

    at: str
    answers: Mapping[str, str]


def copied(board: Board, bundle: Bundle, found: Mapping[str, VerifiedRun]) -> list[tuple[str, str]]:
    """The earlier submissions of models of another name whose predictions are the same somewhere, each with a sentence.

    Predictions that say too little (see predictions.says_too_little) are nobody's own.
    """
    mine = {name: run.answers for name, run in found.items() if not run.blank}
    submitted = next((one.at for one in board.events(bundle.id) if one.kind is EventKind.SUBMITTED), "")
    since = (submitted, bundle.id) if submitted else None
    titles = {entry.name: titled(entry.task, entry.control, entry.shots) for entry in bundle.manifest.runs}
    copies = []
    for other, heard in _everybody(board).items():
        same = [name for name, answers in heard.answers.items() if mine.get(name) == answers]
        if not same or other == bundle.id or (since and (heard.at, other) > since):
            continue
        known = _name(board, other)
        if known.casefold() != bundle.manifest.card.name.casefold():
            tasks = ", ".join(titles[name] for name in same)
            copies.append((other, f"Its predictions on {tasks:.1000} are those of '{known}' ({other[:SHORT]})."))
    return copies


def _everybody(board: Board) -> dict[str, Heard]:
    """When each submission was submitted, and what was verified last of it; every file is read once only."""
    latest: dict[str, str] = {}
    for name in board.event_files():  # by submission, then in the order of time
        found = NAMED.fullmatch(name)
        if found and found.group(3) == EventKind.VERIFIED:
            latest[found.group(1)] = name
    names = [one for submission, name in latest.items() for one in (f"{submission}{SUBMITTED}", name)]
    missing = [name for name in names if name not in board.heard]
    for start in range(0, len(missing), PIECE):
        for event in board.log(chosen=missing[start : start + PIECE])[0]:
            board.heard[event_name(event)] = _heard(event)
    pairs = {one: (board.heard.get(f"{one}{SUBMITTED}"), board.heard.get(name)) for one, name in latest.items()}
    return {one: Heard(first.at, last.answers) for one, (first, last) in pairs.items() if first and last}


def _heard(event: Event) -> Heard:
    return Heard(event.at, {name: run.answers for name, run in event.runs.items()})


def _name(board: Board, submission: str) -> str:
    """What a submission's model is called; its identity where its manifest was damaged."""
    try:
        return board.manifest(submission).card.name
    except UsageError:
        return submission
