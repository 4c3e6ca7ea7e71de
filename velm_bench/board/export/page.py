"""HTML: one page that needs nothing but itself, to be searched, sorted and filtered without a network.

The page's policy forbids every request; its style and its script are allowed by their digests. What was submitted
stands in a block of JSON, from which the script sets texts, and in escaped HTML for readers without scripts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from velm_bench import __version__
from velm_bench.board.export.snapshot import Cells, Row, Snapshot
from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.schema import COUNTING, LEVELS, Status
from velm_bench.inert import inert

PLAIN_ROWS = 200
"""How many rows stand in the page for readers without scripts."""
DIGITS = 6
"""Decimals of the scores in the page; all others are in the other formats."""
_HERE = Path(__file__).parent
_IN_SCRIPT = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
"""What could end a script element, or a line of it."""
_ROW = (
    "submission", "control", "model", "revision", "organisation", "licence", "parent", "level", "status", "reason",
    "submitted",
)  # fmt: skip


def page(snapshot: Snapshot) -> bytes:
    """The whole page as UTF-8; the same snapshot always gives the same bytes."""
    style, script = (_HERE / "page.css").read_text("utf-8"), (_HERE / "page.js").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    title = _text(snapshot.listing.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="velm-bench {escape(__version__)}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1><bdi>{title}</bdi></h1>
<p class="soft">{_moment(snapshot)}</p>
</header>
{_form(snapshot)}
{_plain_table(snapshot)}
<section aria-labelledby="how">
<h2 id="how">What the numbers mean</h2>
<p>{escape(snapshot.definition)}</p>
<p>Scores count failed samples as wrong. Rows with a control show what a model scores without its pictures, or with
others; they are not ranked.</p>
<h2>Tasks</h2>
{"".join(map(_definition, snapshot.listing.tasks.values()))}
</section>
{_notes(snapshot.listing.notes)}
<script type="application/json" id="data">{_data(snapshot)}</script>
<script>{script}</script>
</body>
</html>
""".encode()


def _hash(text: str) -> str:
    """What a policy calls an inline style or script that it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _text(text: object) -> str:
    """A text of a stranger as HTML: made visible, on one line, escaped."""
    return escape(inert(str(text)))


def _moment(snapshot: Snapshot) -> str:
    counted = len({row.submission for row in snapshot.rows if row.counts})
    listing = snapshot.listing
    runs, tasks = len(listing.runs), len(listing.tasks)
    what = f"{counted} submissions" if listing.is_board else f"{counted} models"
    newest = f"; newest {'event' if listing.is_board else 'run'} {escape(snapshot.newest)}" if snapshot.newest else ""
    return f"Snapshot {escape(snapshot.short)}{newest}; {what}, {tasks} tasks, {runs} runs."


def _form(snapshot: Snapshot) -> str:
    """What script needs to draw the table; hidden where there is none."""
    tasks = snapshot.listing.tasks.values()
    kinds = dict.fromkeys(task.kind for task in tasks)
    levels = dict.fromkeys(str(row.facts["level"]) for row in snapshot.rows)
    views = [("", "All tasks"), *((task.name, task.name) for task in tasks)]
    return f"""<main id="app" hidden>
<form id="form" role="search">
{_field("q", "Search", '<input type="search" id="q" autocomplete="off">')}
{_choice("view", "Table", views)}
{_choice("kind", "Kind", [("", "All"), *((kind, kind) for kind in kinds)])}
{_choice("level", "Verified", [("", "All"), *((level, level) for level in levels)])}
{_choice("status", "Submissions", [("counting", "That count"), ("all", "All")])}
<label class="tick"><input type="checkbox" id="control" checked> Controls</label>
</form>
<p id="count" role="status" aria-live="polite" class="soft"></p>
<div class="scroll" role="region" aria-labelledby="caption" tabindex="0">
<table><caption id="caption"></caption><thead><tr id="head"></tr></thead><tbody id="body"></tbody></table>
</div>
<nav id="pages" aria-label="Pages">
<button type="button" id="back">Previous</button>
<button type="button" id="next">Next</button>
</nav>
</main>"""


def _field(name: str, label: str, control: str) -> str:
    """A control with its name above it."""
    return f'<div class="field"><label for="{name}">{label}</label>{control}</div>'


def _choice(name: str, label: str, choices: Iterable[tuple[str, str]]) -> str:
    options = "".join(f'<option value="{escape(value)}">{_text(shown)}</option>' for value, shown in choices)
    return _field(name, label, f'<select id="{name}">{options}</select>')


def _plain_table(snapshot: Snapshot) -> str:
    """The first rows for readers without scripts."""
    tasks = snapshot.listing.tasks
    shown = [row for row in snapshot.rows if row.counts][:PLAIN_ROWS]
    names = ("Rank", "Group", "Model", "Score", "Tasks", *tasks)
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in names)
    rows = "".join(_plain_row(row, tuple(tasks)) for row in shown)
    return f"""<noscript>
<p>Without scripts these are the first {len(shown)} rows, unsorted otherwise.</p>
<div class="scroll" role="region" aria-label="Board" tabindex="0">
<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
</div>
</noscript>"""


def _plain_row(row: Row, tasks: Sequence[str]) -> str:
    standing = row.standing
    low, high = standing.get("rank_low"), standing.get("rank_high")
    bounds = "" if low is None else f"<small>{low}</small>" if low == high else f"<small>{low}–{high}</small>"
    ranks = "–" if standing.get("rank") is None else f"{standing['rank']}{bounds}"
    group = "–" if standing.get("group") is None else str(standing["group"])
    marks = "".join(f"<small>{_text(mark)}</small>" for mark in _marks(row, len(tasks)))
    named = f"<bdi>{_text(row.facts['model'])}</bdi>{marks}"
    cells = [_scored(standing), f"{_done(row)} of {len(tasks)}", *(_scored(row.runs.get(task, {})) for task in tasks)]
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    first = "".join(f'<td class="number">{cell}</td>' for cell in (ranks, group))
    return f'<tr>{first}<th scope="row">{named}</th>{numbers}</tr>\n'


def _marks(row: Row, tasks: int) -> Iterable[str]:
    """What qualifies a row, a line each."""
    facts, done = row.facts, _done(row)
    if facts["revision"] or facts["organisation"]:
        yield " · ".join(str(one) for one in (facts["revision"], facts["organisation"]) if one)
    if row.control:
        yield f"control: {row.control}"
    elif done < tasks:
        yield f"incomplete: {done} of {tasks} tasks"
    if facts["status"] != Status.LISTED:
        yield f"{facts['status']}: {facts['reason']}" if facts["reason"] else str(facts["status"])


def _scored(cells: Cells) -> str:
    if cells.get("score") is None:
        return "–"
    bounds = "" if cells["low"] is None else f"<small>[{cells['low']:.4f}, {cells['high']:.4f}]</small>"
    return f"{cells['score']:.4f}{bounds}"


def _done(row: Row) -> int:
    return sum(run["score"] is not None for run in row.runs.values())


def _definition(task: ListedTask) -> str:
    """What a task is, as a list that opens."""
    said = task.definition
    facts = {
        "Kind": task.kind,
        "Description": said.get("description"),
        "Primary metric": f"{task.primary}, {'higher' if task.higher_is_better else 'lower'} is better",
        "Samples": task.samples,
        "Floor": _bound(task.floor, task.floor_by),
        "Ceiling": _bound(task.ceiling, task.ceiling_by),
        "Prompt": said.get("prompt"),
        "Licence": said.get("licence"),
        "Citation": said.get("citation"),
        "Homepage": said.get("homepage"),
    }
    items = "".join(f"<dt>{name}</dt><dd>{_text(fact)}</dd>" for name, fact in facts.items() if fact not in (None, ""))
    return f"<details><summary>{_text(task.name)}</summary><dl>{items}</dl></details>\n"


def _bound(value: float | None, by: str) -> str:
    return "" if value is None else f"{value:.4f} ({by})" if by else f"{value:.4f}"


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return f"<section><h2>Left out</h2><ul>{''.join(f'<li>{_text(note)}</li>' for note in notes)}</ul></section>"


def _data(snapshot: Snapshot) -> str:
    """The JSON that the script reads; nothing in it can end the element that it stands in."""
    listing = snapshot.listing
    tasks = [
        {"name": one.name, "kind": one.kind, "primary": one.primary, "up": one.higher_is_better}
        for one in listing.tasks.values()
    ]
    found = {
        "tasks": tasks,
        "levels": [str(level) for level in LEVELS],
        "counting": [str(status) for status in COUNTING],
        "rows": [_row_data(row, listing) for row in snapshot.rows],
    }
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_IN_SCRIPT)


def _row_data(row: Row, listing: Listing) -> dict[str, Any]:
    facts = {"submission": row.submission[:12], "control": row.control, **row.facts}
    return {
        **{name: inert(str(facts[name] or "")) for name in _ROW},
        "parameters": row.facts["parameters"],
        "attempts": row.facts["attempts"],
        "done": _done(row),
        "standing": _place(row.standing),
        "tasks": [_cell(row, task) for task in listing.tasks],
    }


def _place(standing: Cells) -> dict[str, Any] | None:
    if not standing:
        return None
    kept = ("score", "low", "high", "rank", "rank_low", "rank_high", "group")
    return {name: _rounded(standing.get(name)) for name in kept}


def _cell(row: Row, task: str) -> dict[str, Any] | None:
    """What stands in a task's column: the run's own score, and its place among the others."""
    run = row.runs.get(task)
    if run is None:
        return None
    places = {name: row.by_task.get(task, {}).get(name) for name in ("rank", "rank_low", "rank_high", "group")}
    return {**{name: _rounded(run[name]) for name in ("score", "low", "high", "n", "errors")}, **places}


def _rounded(value: Any) -> Any:
    return round(value, DIGITS) if isinstance(value, float) else value
