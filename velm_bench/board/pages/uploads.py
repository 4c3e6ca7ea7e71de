"""What a bundle holds, and what became of it, as the page shows it that takes uploads."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from velm_bench.board.bundles.checking import claims
from velm_bench.board.folder import Bundle
from velm_bench.board.pages.cards import LONG, SHORT, Fact, magnitude
from velm_bench.board.schema import VerifiedRun
from velm_bench.inert import inert
from velm_bench.results.schema import remarked

BUNDLE_COLUMNS = ("task", "control", "metric", "claimed", "n", "errors")
RECEIPT_COLUMNS = ("run", "metric", "score", "low", "high", "claimed", "n", "errors")


def bundle_facts(bundle: Bundle) -> list[Fact]:
    """What a bundle's card says, and what it weighs; what is left out is left out."""
    manifest, card = bundle.manifest, bundle.manifest.card
    size = sum(entry.size for entry in manifest.files)
    lines = [
        ("Revision", card.revision),
        ("Organisation", card.organisation),
        ("Parameters", "" if card.parameters is None else magnitude(card.parameters)),
        ("Licence", card.licence),
        ("Released", card.release_date.isoformat() if card.release_date else ""),
        ("Parent", card.parent),
        ("Run as", manifest.model),
        ("Homepage", card.homepage),
        ("Training data", card.training_data),
        ("Notes", card.notes),
        ("Runs", str(len(manifest.runs))),
        ("Size", f"{size / 2**20:.2f} MB"),
        ("Id", bundle.id[:SHORT]),
    ]
    return [Fact(label, inert(text, LONG)) for label, text in lines if text]


def bundle_frame(bundle: Bundle) -> pd.DataFrame:
    """A row per run of a bundle with what it claims: BUNDLE_COLUMNS, texts inert; UsageError where none is readable."""
    rows = []
    for entry in bundle.manifest.runs:
        claim = claims(bundle, entry)
        rows.append(
            {
                "task": inert(entry.task),
                "control": inert(remarked(entry.control, entry.shots)),
                "metric": inert(claim.primary),
                "claimed": claim.score.value,
                "n": claim.n,
                "errors": claim.n_errors,
            }
        )
    return pd.DataFrame(rows, columns=list(BUNDLE_COLUMNS)).astype({"claimed": "Float64"})


def receipt_frame(runs: Mapping[str, VerifiedRun]) -> pd.DataFrame:
    """A row per recomputed run, beside what was claimed: RECEIPT_COLUMNS, texts inert."""
    rows = []
    for name, run in runs.items():
        score = run.scores[run.primary]
        rows.append(
            {
                "run": inert(name),
                "metric": inert(run.primary),
                "score": score.value,
                "low": score.low,
                "high": score.high,
                "claimed": run.claimed.get(run.primary),
                "n": run.n,
                "errors": run.n_errors,
            }
        )
    return pd.DataFrame(rows, columns=list(RECEIPT_COLUMNS)).astype(
        dict.fromkeys(("score", "low", "high", "claimed"), "Float64")
    )
