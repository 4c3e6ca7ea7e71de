"""A verdict as one HTML page that needs nothing but itself: no network, no script.

The page's policy forbids every request but pictures within it; its style is allowed by its digest. All text of others
is escaped, and what would hide or turn letters is made visible.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from pathlib import Path

from velm_bench import __version__
from velm_bench.gate.pictures import Pictures
from velm_bench.gate.reports.flips import flips_section
from velm_bench.gate.reports.tables import costs_section, rows_section, slices_section
from velm_bench.gate.reports.wording import SENTENCE, SIGNS, as_html
from velm_bench.gate.schema import Party, Verdict

_STYLE = Path(__file__).parent / "page.css"


def page(verdict: Verdict, pictures: Pictures) -> str:
    """The whole page; the same verdict and pictures always give the same page."""
    style = _STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"Release gate: {verdict.outcome}"
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
<header class="{verdict.outcome}">
<h1>{SIGNS[verdict.outcome]} {title}</h1>
<p>{as_html(verdict.summary, SENTENCE)}</p>
{_parties(verdict)}
</header>
<main>
{rows_section("Scores", verdict.rows, _MEANING)}
{costs_section(verdict.costs)}
{flips_section(verdict, pictures)}
{slices_section(verdict.slices)}
{_notes(verdict.notes)}
{_terms(verdict)}
</main>
</body>
</html>
"""


_MEANING = (
    "Changes above zero are better. In each drawing the solid line is no change, the dashed line the margin, the dot "
    "the change, and the bar its interval. p worse is one-sided, and adjusted for the other rows."
)


def _parties(verdict: Verdict) -> str:
    parties = {"Candidate": verdict.candidate, "Baseline": verdict.baseline, "Anchor": verdict.anchor}
    items = "".join(_party(role, party) for role, party in parties.items() if party is not None)
    return f"<dl>{items}</dl>"


def _party(role: str, party: Party) -> str:
    """Models and sources; many sources stand behind a fold."""
    names = ", ".join(f"<bdi>{as_html(name)}</bdi>" for name in party.models)
    if not party.models and not party.sources:
        names = "(none)"
    sources = "".join(f"<small>{as_html(source, SENTENCE)}</small>" for source in party.sources)
    if len(party.sources) > 2:
        sources = f"<details><summary>{len(party.sources):,} sources</summary>{sources}</details>"
    return f"<dt>{role}</dt><dd>{names}{sources}</dd>"


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{as_html(note, SENTENCE)}</li>" for note in notes)
    return f"<h2>Notes</h2><ul>{items}</ul>" if items else ""


def _terms(verdict: Verdict) -> str:
    """How it was decided."""
    facts = {
        "Alpha": f"{verdict.alpha:g}; intervals cover {100 * (1 - verdict.alpha):g} %",
        "Resamples": f"{verdict.replicates:,}, seed {verdict.seed}",
        "If inconclusive": verdict.on_inconclusive,
        "Exit code": str(verdict.exit_code),
        "Policy": verdict.policy_digest[:12],
    }
    items = "".join(f"<dt>{name}</dt><dd>{as_html(fact)}</dd>" for name, fact in facts.items() if fact)
    return f"<h2>How it was decided</h2><dl>{items}</dl>"
