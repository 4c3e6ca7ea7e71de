"""How to cite one submission."""

from __future__ import annotations

import re

from velm_bench import __version__
from velm_bench.board.export.bibtex import escape
from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.cards import SHORT, ModelCard


def submission_bibtex(listing: Listing, card: ModelCard) -> str:
    """A BibTeX entry for a submission: what it is called, where it stands, and the id that finds it again."""
    told = {fact.label: fact.text for fact in card.facts}
    date = told.get("Released", "") or card.submitted
    where = "leaderboard" if listing.is_board else "results"
    note = (
        f"Submission {card.submission}, {card.level}, {card.status}; board '{listing.title}', {listing.identity[:12]}"
    )
    fields = {
        "title": f"{{{escape(' '.join(filter(None, [card.name, told.get('Revision', '')])))}}}",
        "author": f"{{{escape(told['Organisation'])}}}" if "Organisation" in told else "",
        "year": date[:4] if re.match(r"\d{4}-", date) else "",
        "howpublished": f"velm-bench {escape(__version__)} {where}",
        "note": escape(note),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{velmbench-{card.submission[:SHORT]},", *lines, "}"])
