"""What stands on a task's page: how it is asked, what can be had without looking, and how the best do on its parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.listings.speaking import comparable, speaking
from velm_bench.board.pages.cards import LONG, Fact
from velm_bench.board.pages.releases import names
from velm_bench.board.schema import COUNTING, PinnedTask
from velm_bench.inert import inert
from velm_bench.results.schema import ABSENT, BLANK

BASELINE = "baseline:"
SEEING_BASELINES = ("baseline:oracle",)
"""Baselines that are told what is in the picture."""
BLIND_MODELS = ("ref:blind",)
"""Models that are built without eyes."""
WITHOUT_PICTURES = (BLANK, ABSENT)
"""The controls that leave nothing to be seen."""
BASELINE_COLUMNS = ("model", "control", "score", "low", "high", "n", "sees")
NO_MODEL, BLIND, SIGHTED, TOLD = "baseline", "blind", "sighted", "told what is there"
SHOWN_BLIND = 200
"""How many baselines and runs without pictures are listed at most."""


def definition_facts(task: ListedTask) -> list[Fact]:
    """How the task is asked, line by line; what its file leaves out is left out."""
    given = task.definition
    asked = f"{task.samples:,}" + (f", chosen with --limit {task.limit} and seed {task.seed}" if task.limit else "")
    lines = [
        ("Kind", task.kind),
        ("Samples", asked),
        ("Prompt", given.get("prompt") or "the kind's own"),
        ("System prompt", given.get("system")),
        ("Generation", _settings(given.get("generation"))),
        ("Source", _settings(given.get("source"))),
        ("Metrics", ", ".join(map(str, given.get("metrics") or ()))),
        ("Slices", ", ".join(map(str, given.get("slices") or ()))),
        ("Labels", ", ".join(map(str, given.get("labels") or ()))),
        ("Ranked by", f"{task.primary} ({'higher' if task.higher_is_better else 'lower'} is better)"),
    ]
    return _kept(lines)


def origin_facts(task: ListedTask) -> list[Fact]:
    """Where the data comes from and how it may be used and cited; the address is text, and not followed."""
    return _kept((label, task.definition.get(label.lower())) for label in ("Licence", "Citation", "Homepage"))


def digest_facts(pinned: PinnedTask) -> list[Fact]:
    """What must agree for a run to count."""
    lines = (("Task", pinned.digest), ("Data", pinned.fingerprint), ("Samples asked", pinned.content))
    return _kept(lines)


def bounds_facts(task: ListedTask) -> list[Fact]:
    """What counts as 0 and as 1 once corrected for chance, and who set it."""
    lines = []
    for label, value, by in (("Floor", task.floor, task.floor_by), ("Ceiling", task.ceiling, task.ceiling_by)):
        if value is not None:
            lines.append((label, f"{value:.4f}" + (f", set by {by}" if by else "")))
    return _kept(lines)


def _kept(lines: Iterable[tuple[str, Any]]) -> list[Fact]:
    return [Fact(label, inert(str(text), LONG)) for label, text in lines if text]


def _settings(given: Any) -> str:
    """A section of the task's file on one line: "type: scenes, split: test"."""
    if not isinstance(given, Mapping):
        return ""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    return ", ".join(f"{key}: {text}" for key, text in texts.items() if text not in ("", "[]", "{}", "null"))


def signature_frame(listing: Listing, task: str) -> pd.DataFrame:
    """The metrics of a task with every choice that changes their numbers: metric, better, signature; texts inert."""
    runs = listing.runs.loc[listing.runs["task"] == task, "run"]
    rows = listing.scores[listing.scores["run"].isin(runs) & (listing.scores["slice"] == "")]
    found = rows.drop_duplicates(["metric", "signature"])[["metric", "higher_is_better", "signature"]]
    better = found["higher_is_better"].map({True: "higher", False: "lower"})
    texts = {name: [inert(str(text), 400) for text in found[name]] for name in ("metric", "signature")}
    return pd.DataFrame({"metric": texts["metric"], "better": better.to_list(), "signature": texts["signature"]})


def sight(model: str, control: str) -> str:
    """Whether a run saw its pictures, as what was run and its control say: told, baseline, blind or sighted."""
    parts = {part.strip() for part in control.split(",")}
    if model in SEEING_BASELINES:  # told what is there, whatever was done to the pictures
        return TOLD
    if parts & set(WITHOUT_PICTURES) or model in BLIND_MODELS:
        return BLIND
    return NO_MODEL if model.startswith(BASELINE) else SIGHTED


def ordered(listing: Listing, task: str) -> pd.DataFrame:
    """The runs of a task that count and speak for their models, best first, with what they saw (`sees`)."""
    runs = speaking(listing.runs[listing.runs["task"] == task])
    rows = runs[runs["status"].isin(list(COUNTING)) & runs["score"].notna() & comparable(runs)]
    ran = rows["ran"].mask(rows["ran"] == "", rows["model"])
    pairs = list(zip(ran.tolist(), rows["control"].tolist(), strict=True))
    seen = {pair: sight(*pair) for pair in dict.fromkeys(pairs)}
    sign = -1 if listing.tasks[task].higher_is_better else 1
    rows = rows.assign(sees=[seen[pair] for pair in pairs], order=sign * rows["score"].astype(float))
    return rows.sort_values(["order", "model", "submission", "control"], ignore_index=True)


def baseline_frame(listing: Listing, task: str) -> pd.DataFrame:
    """The best SHOWN_BLIND rows of baselines and of models without pictures: BASELINE_COLUMNS, texts inert."""
    rows = ordered(listing, task)
    rows = rows[rows["sees"] != SIGHTED].head(SHOWN_BLIND)
    texts = {name: [inert(str(text)) for text in rows[name]] for name in ("model", "control")}
    return rows.assign(**texts)[list(BASELINE_COLUMNS)].reset_index(drop=True)


def blind_and_sighted(listing: Listing, task: str) -> pd.DataFrame:
    """The best score without pictures and the best with them: a row each, as far as there are runs.

    Columns: sees, label, control, score, low, high. Without pictures are the floor, every baseline but the oracle, the
    runs under the controls "blank" and "absent", and the reference model that is built without eyes.
    """
    rows = ordered(listing, task)
    without = rows[rows["sees"].isin([BLIND, NO_MODEL])]
    sighted = rows[(rows["sees"] == SIGHTED) & (rows["control"] == "")]
    columns = ["sees", "label", "control", "score", "low", "high"]
    two = pd.concat([without.head(1).assign(sees=BLIND), sighted.head(1)])
    two = two.assign(label=names(two))[columns]
    best = [two[two["sees"] == BLIND], two[two["sees"] == SIGHTED]]
    floor = _floor(listing.tasks[task])
    if floor is not None and (best[0].empty or _beats(listing.tasks[task], floor, best[0]["score"].iloc[0])):
        best[0] = floor[columns]
    frame = pd.concat(best, ignore_index=True)
    return frame.assign(control=[inert(str(text)) for text in frame["control"]])


def _floor(task: ListedTask) -> pd.DataFrame | None:
    """The pinned floor as a row; it has no interval."""
    if task.floor is None:
        return None
    who = inert(task.floor_by) or "floor"
    row = {"sees": BLIND, "label": who, "control": "", "score": task.floor, "low": None, "high": None}
    return pd.DataFrame([row]).astype({"score": "Float64", "low": "Float64", "high": "Float64"})


def _beats(task: ListedTask, floor: pd.DataFrame, score: float) -> bool:
    value = float(floor["score"].iloc[0])
    return value > score if task.higher_is_better else value < score


def ranked_rows(listing: Listing, task: str, ranks: pd.DataFrame) -> pd.DataFrame:
    """The rows of `ranking.rank_frame` for a task that have a score, each with a `label` that no other has, its level
    and status, and `ranks`, the interval of its rank in words: "2–4"."""
    runs = speaking(listing.runs[listing.runs["task"] == task])
    columns = ["submission", "control", "model", "revision", "run", "level", "status"]
    rows = ranks[ranks["score"].notna()].merge(runs[columns], on=["submission", "control"])
    return rows.assign(label=names(rows), ranks=_in_words(rows)).reset_index(drop=True)


def _in_words(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["rank_low"], rows["rank_high"], strict=True)
    return ["" if pd.isna(low) else f"{low}–{high}" if low != high else f"{low}" for low, high in pairs]


def slice_frame(listing: Listing, task: str, most: int = 6) -> pd.DataFrame:
    """The primary score of the best sighted models on each slice: columns slice, n and a column per model, texts inert.

    A row per slice value, in the order of the task's file; where a model has no score, null. Empty without slices.
    """
    rows = ordered(listing, task)
    best = rows[(rows["sees"] == SIGHTED) & (rows["control"] == "")].head(most)
    best = best.assign(label=names(best))
    scores = listing.scores[listing.scores["slice"] != ""]
    parts = scores[scores["run"].isin(best["run"])].drop_duplicates(["run", "slice"])
    if parts.empty:
        return pd.DataFrame(columns=["slice", "n"])
    table = parts.pivot(index="slice", columns="run", values="score").reindex(columns=list(best["run"]))
    table = table.reindex(list(dict.fromkeys(parts["slice"])))
    table.columns = pd.Index(list(best["label"]))
    counts = parts.groupby("slice")["n"].max().reindex(table.index)
    table.insert(0, "n", counts)
    table.insert(0, "slice", [inert(str(name), 80) for name in table.index])
    return table.reset_index(drop=True)
