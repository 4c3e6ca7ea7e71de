"""The Board page's filters: everything that can be chosen, each in the address."""

from __future__ import annotations

import common
import streamlit as st

from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.facets import Facets
from velm_bench.board.pages.frames import View
from velm_bench.board.schema import COUNTING

SIZES: dict[str, tuple[str, int | None, int | None]] = {
    "-10M": ("under 10 M", None, 9_999_999),
    "10M-100M": ("10 M to 100 M", 10_000_000, 99_999_999),
    "100M-1B": ("100 M to 1 B", 100_000_000, 999_999_999),
    "1B-10B": ("1 B to 10 B", 1_000_000_000, 9_999_999_999),
    "10B-": ("10 B and more", 10_000_000_000, None),
}
"""By what stands in the address: what a range of parameters is called, and its bounds."""
MORE = ("size", "licence", "level", "status", "since", "until", "controls")
"""The filters that are folded away, as they stand in the address."""


def filters(listing: Listing, held: Facets) -> View:
    """The view that the filters ask for."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        kind = common.choice("Kind", [common.ALL, *held.kinds], "kind", width=130)
        kind = "" if kind == common.ALL else kind
        tasks = [name for one in ([kind] if kind else held.kinds) for name in held.tasks[one]]
        task = common.choice("Task", [common.ALL, *tasks], "task", width=190)
        task = "" if task == common.ALL else task
        metric, part = _of_task(listing, held, task or (tasks[0] if len(tasks) == 1 else ""))
        search = common.words("Search", "search", placeholder="model, licence, id …", width=190)
        title = _more_title()
        with st.popover(title, width="content"):
            view = _more(held)
        if _more_title() != title:  # the address held what cannot be chosen
            st.rerun()
    return View(**{**view, "kind": kind, "task": task, "metric": metric, "part": part, "search": search})


def _of_task(listing: Listing, held: Facets, task: str) -> tuple[str, str]:
    """The metric and the slice, which can be chosen where one task is asked for."""
    if not task:
        _forget("metric", "slice")
        return "", ""
    primary = listing.tasks[task].primary
    metric = common.choice("Metric", held.metrics[task], "metric", default=primary, width=170)
    parts = held.parts.get(task, ())
    if metric != primary or not parts:
        _forget("slice")
        return ("" if metric == primary else metric), ""
    part = common.choice("Slice", [common.ALL, *parts], "slice", width=190)
    return "", ("" if part == common.ALL else part)


def _more(held: Facets) -> dict[str, object]:
    """The filters that are needed less often."""
    view: dict[str, object] = {}
    absent = _absent(held)
    _forget(*absent)
    if "size" not in absent:
        sizes = [common.ALL, *SIZES]
        size = common.choice("Size", sizes, "size", names={key: name for key, (name, _, _) in SIZES.items()})
        _, view["smallest"], view["largest"] = SIZES.get(size, ("", None, None))
    if "licence" not in absent:
        view["licences"] = tuple(common.choices("Licence", held.licences, "licence", placeholder="any"))
    if "level" not in absent:
        view["levels"] = tuple(common.choices("Verification", held.levels, "level", placeholder="any"))
    if not set(common.listed("status")) & set(held.statuses):
        _forget("status")
    if "status" not in absent:
        statuses = common.choices("Status", held.statuses, "status", default=list(COUNTING), placeholder="any")
        view["statuses"] = tuple(statuses or held.statuses)
    if "since" not in absent:
        left, right = st.columns(2)
        with left:
            view["since"] = common.day("Submitted since", "since", held.first, held.last)
        with right:
            view["until"] = common.day("until", "until", held.first, held.last)
    if "controls" not in absent:
        view["controls"] = common.toggle(
            "Controls", "controls", True, help="Runs whose pictures were blanked, shuffled or left out; never ranked."
        )
    if not view:
        st.caption("Nothing more to choose among these runs.")
    return view


def _absent(held: Facets) -> list[str]:
    """The filters that these runs leave nothing to choose of."""
    there = {
        "size": held.largest is not None,
        "licence": bool(held.licences),
        "level": len(held.levels) > 1,
        "status": bool(set(held.statuses) - {"listed"}),
        "since": held.first != held.last,
        "until": held.first != held.last,
        "controls": held.controls,
    }
    return [key for key, offered in there.items() if not offered]


def _forget(*keys: str) -> None:
    """Take from the address what is no choice here."""
    for key in keys:
        st.query_params.pop(key, None)


def _more_title() -> str:
    """What the button says: how many of the folded filters are set."""
    count = sum(key in st.query_params for key in MORE)
    return f"Filters ({count})" if count else "Filters"
