"""The page Task: what is asked and how it is scored, what can be had without looking, and who does best."""

from __future__ import annotations

from typing import Any

import common
import pandas as pd
import parts
import streamlit as st
import task_charts

from velm_bench.board import meaning
from velm_bench.board.listings.listing import ListedTask, Listing
from velm_bench.board.pages.cards import Fact
from velm_bench.board.pages.examples import Example, examples
from velm_bench.board.pages.task_frames import (
    baseline_frame,
    blind_and_sighted,
    bounds_facts,
    definition_facts,
    digest_facts,
    origin_facts,
    ranked_rows,
    signature_frame,
    slice_frame,
)
from velm_bench.board.spreadsheets import guarded
from velm_bench.errors import VelmError

SCORE = "%.4f"
PICTURES = 3


def show(listing: Listing) -> None:
    """Draw the page."""
    if not listing.tasks:
        common.heading("Task")
        st.info("There are no tasks here yet.")
        return
    asked = st.query_params.get("name", "")
    if asked and asked not in listing.tasks:
        st.warning("There is no such task here; this is the first one.")
    name = common.choice("Task", list(listing.tasks), "name")
    task = listing.tasks[name]
    head(task)
    definition(listing, task)
    sight(listing, task)
    ranking(listing, task)
    slices(listing, task)
    pictures(listing, task)
    parts.permalink(f"/task?name={name}")


def head(task: ListedTask) -> None:
    """What it is called and what it is about."""
    common.heading(task.name)
    if task.definition.get("description"):
        common.plain(str(task.definition["description"]))
    parts.facts([*definition_facts(task)[:2], *bounds_facts(task), *definition_facts(task)[-1:]])
    if task.floor is not None and task.ceiling is not None:
        common.plain(
            "Corrected for chance, the floor is 0 and the ceiling 1: (score - floor) / (ceiling - floor).", quiet=True
        )
    with st.container(horizontal=True, gap="medium"):
        parts.link("", "Rank by this task", task=task.name)
        parts.link("samples", "Look at its samples", task=task.name)


def definition(listing: Listing, task: ListedTask) -> None:
    """How it is asked and scored, where it comes from, and what must agree for a run to count."""
    common.heading("Definition", 2)
    parts.facts(definition_facts(task)[2:-1])
    frame = signature_frame(listing, task.name)
    if not frame.empty:
        common.table(frame, "Metrics and their signatures", column_config=columns(), height="content")
    origin = origin_facts(task)
    if origin:
        common.heading("Origin", 2)
        parts.facts(origin)
    pinned = parts.pinned(listing, task.name)
    if pinned is not None:
        with st.expander("What must agree: SHA-256 digests"):
            parts.facts(digest_facts(pinned))


def sight(listing: Listing, task: ListedTask) -> None:
    """The best score without pictures beside the best with them, and the baselines below."""
    common.heading("With and without pictures", 2)
    both = blind_and_sighted(listing, task.name)
    if both.empty:
        common.plain("Nothing was submitted for this task yet.", quiet=True)
        return
    parts.facts(_best(row) for row in both.to_dict("records"))
    bounds = pd.DataFrame(
        [{"end": name, "value": value} for name, value in (("floor", task.floor), ("ceiling", task.ceiling))]
    ).dropna()
    parts.sketch(task_charts.sight(both, bounds, task.primary), "Best score without and with pictures, with intervals")
    frame = baseline_frame(listing, task.name)
    if not frame.empty:
        common.table(frame, "Baselines and runs without pictures", column_config=columns(), height="content")


def _best(row: dict[Any, Any]) -> Fact:
    """The best of the blind or of the sighted, in words."""
    bounds = "" if pd.isna(row["low"]) else f" ({row['low']:.4f} to {row['high']:.4f})"
    label = "Best without pictures" if row["sees"] == "blind" else "Best with pictures"
    return Fact(label, f"{row['score']:.4f}{bounds}, {row['label']}")


def ranking(listing: Listing, task: ListedTask) -> None:
    """Everybody on this task, with rank intervals and the groups that cannot be told apart."""
    common.heading("Ranking", 2)
    try:
        labelled = ranked_rows(listing, task.name, common.ranks((task.name,)))
    except VelmError as error:
        common.plain(str(error), quiet=True)
        return
    if labelled.empty:
        common.plain("Nobody is ranked on this task yet.", quiet=True)
        return
    if len(labelled) <= 40:
        parts.sketch(task_charts.ranking(labelled, task.primary), "Scores on this task with intervals")
    common.table(
        labelled,
        "Ranking on this task",
        column_order=("rank", "ranks", "group", "label", "score", "low", "high", "level", "status"),
        column_config=columns(),
        height="content" if len(labelled) <= 20 else 640,
    )
    for said in (meaning.INTERVAL, f"{meaning.RANKS} {meaning.TIES}") if labelled["rank_low"].notna().any() else ():
        common.plain(said, quiet=True)


def slices(listing: Listing, task: ListedTask) -> None:
    """The best models on the parts of the task; the stronger the colour, the better."""
    frame = slice_frame(listing, task.name)
    if frame.empty:
        return
    common.heading("Slices", 2)
    common.plain(f"{task.primary} of the best models on the parts of the task; better is stronger.", quiet=True)
    models = [name for name in frame.columns if name not in ("slice", "n")]
    shown = guarded(frame)
    guarded_models = list(shown.columns[2:])
    common.table(
        task_charts.heat(shown, guarded_models, task.higher_is_better),
        "Scores by slice",
        column_config={**columns(), **{name: _model(name) for name in guarded_models}},
        height="content" if len(models) and len(frame) <= 25 else 640,
    )


def _model(name: str) -> Any:
    return st.column_config.NumberColumn(name, format=SCORE, width=120)


def pictures(listing: Listing, task: ListedTask) -> None:
    """The first samples, as they are asked."""
    found = shown_examples(common.moment(), task.name)
    if not found:
        return
    common.heading("Examples", 2)
    for place, one in zip(st.columns(len(found)), found, strict=True):
        with place:
            if one.picture:
                st.image(one.picture, width="stretch", output_format="PNG", alt="A picture of this task")
            common.plain(one.question)
            common.plain(f"Right: {one.reference}" if len(one.reference) < 40 else one.reference, quiet=True)


@st.cache_resource(max_entries=32, show_spinner=False)
def shown_examples(moment: str, name: str) -> list[Example]:
    """A few samples, kept by the moment's key and the task; none where the data is not on this machine."""
    return examples(common.listing_at(moment).tasks[name], PICTURES, parts.data(), moment)


def columns() -> dict[str, object]:
    """How the columns of these tables look."""
    column = st.column_config
    share = {"format": SCORE, "width": 80}
    return {
        "metric": column.TextColumn("Metric", width=160, pinned=True),
        "better": column.TextColumn("Better is", width=90),
        "signature": column.TextColumn("Signature", width="large"),
        "model": column.TextColumn("Model", width=160, pinned=True),
        "label": column.TextColumn("Model", width=190),
        "control": column.TextColumn("Control", width=90),
        "score": column.NumberColumn("Score", **share),
        "low": column.NumberColumn("95 % from", **share),
        "high": column.NumberColumn("95 % to", **share),
        "n": column.NumberColumn("Samples", format="localized", width=80),
        "sees": column.TextColumn("Sees", width=140),
        "rank": column.NumberColumn("Rank", format="%d", width=60),
        "ranks": column.TextColumn("Rank range", width=90, help="Holds the true rank with 95 % confidence"),
        "group": column.NumberColumn(
            "Group", format="%d", width=70, help="Those of one group cannot be told from the first of them"
        ),
        "level": column.TextColumn("Verified", width=110),
        "status": column.TextColumn("Status", width=92),
        "slice": column.TextColumn("Slice", width=190, pinned=True),
    }
