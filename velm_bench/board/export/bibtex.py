"""BibTeX: how to cite a snapshot of a board, and the tasks that it asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from velm_bench import __version__
from velm_bench.board.export.snapshot import Snapshot
from velm_bench.board.listings.listing import ListedTask
from velm_bench.digests import digest_bytes
from velm_bench.inert import inert

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    '"': "{''}",
    "@": "{@}",
}
"""What TeX or BibTeX would take for a command, and how it is written instead."""
YEAR = re.compile(r"\((\d{4})\)")
LONGEST = 2000
"""How many letters of a title or a citation are kept."""


def bibtex(snapshot: Snapshot) -> bytes:
    """An entry for the snapshot, and one per task with a citation, as UTF-8."""
    entries = [_snapshot_entry(snapshot), *_task_entries(snapshot.listing.tasks)]
    return "\n".join(entries).encode("utf-8")


def escape(text: str) -> str:
    """Text that TeX sets as it is: on one line, without commands, comments or unbalanced braces."""
    return "".join(SPECIAL.get(letter, letter) for letter in inert(text, LONGEST))


def _snapshot_entry(snapshot: Snapshot) -> str:
    listing = snapshot.listing
    counted = len({row.submission for row in snapshot.rows if row.counts})
    tasks = ", ".join(listing.tasks)
    newest = f", newest event {snapshot.newest}" if snapshot.newest else ""
    fields = {
        "title": f"{{{escape(listing.title)}}}",
        "year": snapshot.newest[:4],
        "month": str(int(snapshot.newest[5:7])) if snapshot.newest else "",
        "howpublished": f"velm-bench {escape(__version__)} {'leaderboard' if listing.is_board else 'results'}",
        "note": escape(f"Snapshot {listing.identity}{newest}; {counted} submissions; tasks: {tasks}"),
    }
    return _entry(f"velmbench-{snapshot.short}", fields)


def _task_entries(tasks: Mapping[str, ListedTask]) -> Iterator[str]:
    """An entry per task that says whom to cite."""
    for name, task in tasks.items():
        citation = str(task.definition.get("citation") or "")
        if not citation:
            continue
        homepage = str(task.definition.get("homepage") or "")
        year = YEAR.search(citation)
        fields = {
            "title": f"{{{escape(name)}}}",
            "year": year.group(1) if year else "",
            "note": escape(citation),
            "howpublished": escape(homepage),
        }
        yield _entry(f"task-{_key(name)}", fields)


def _key(name: str) -> str:
    """Letters, digits and hyphens: the name itself where that is all it has, else with its digest behind."""
    if re.fullmatch(r"[A-Za-z0-9_]+", name):
        return name.replace("_", "-")
    kept = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    return f"{kept}-{digest_bytes(name.encode('utf-8', 'surrogatepass'))[:8]}"


def _entry(key: str, fields: Mapping[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])
