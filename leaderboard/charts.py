"""The Board page's charts. Labels are text in the drawing; nothing in a frame becomes a link, a picture or HTML."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

TEAL, GREY, AMBER = "#0f9d8f", "#8b939e", "#c98a12"  # legible on white and on black
SEVERAL = ("#0f9d8f", "#d9633b", "#6b7fe0", "#b5851a", "#b0569c", "#5a9a32")
"""For models side by side; told apart by their shapes as well."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
KINDS = {"model": TEAL, "control": GREY, "not counted": AMBER}
NUMBER = ".3f"


def dots(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """A dot per row at its score and a line over its interval, in the order of the frame."""
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[KINDS[kind] for kind in kinds]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1) if len(kinds) > 1 else None,
    )
    names = alt.Y("label:N", title=None, sort=list(rows["label"]), axis=_names_axis())
    base = alt.Chart(_plain(rows)).encode(y=names, color=colour, tooltip=_told("label", "score", "low", "high", "n"))
    across = alt.X("low:Q", scale=alt.Scale(zero=False, padding=10), title=title, axis=alt.Axis(tickCount=6))
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.5).encode(x=across, x2="high:Q")
    dot = base.mark_point(filled=True, size=80, opacity=1).encode(x=alt.X("score:Q"))
    return alt.layer(whisker, dot).properties(height=alt.Step(26))


def over_time(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """A dot per model at its date, and the best score so far as a line; those that set it carry their names."""
    frame = _plain(rows)
    when = alt.X("date:T", title=None, axis=alt.Axis(format="%Y-%m-%d", tickCount=5, grid=False, labelOverlap=True))
    base = alt.Chart(frame).encode(x=when)
    score = alt.Y("score:Q", title=title, scale=alt.Scale(zero=False, nice=True))
    line = base.mark_line(interpolate="step-after", color=TEAL, opacity=0.55, strokeWidth=2).encode(
        y=alt.Y("best:Q", title=title)
    )
    whisker = base.mark_rule(color=GREY, opacity=0.35).encode(y=alt.Y("low:Q"), y2="high:Q")
    dot = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=score, color=_marked("record"), tooltip=_told("label", "date", "score", "low", "high")
    )
    return alt.layer(whisker, line, dot, _names(frame, when, score)).properties(height=340)


def size_against_quality(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """A dot per model, and a line along the Pareto front; those on it carry their names."""
    frame = _plain(rows)
    size = alt.X(
        "parameters:Q",
        title="parameters",
        scale=alt.Scale(type="log", nice=False, padding=24),
        axis=alt.Axis(format="~s", tickCount=6, grid=False, labelOverlap=True),
    )
    score = alt.Y("score:Q", title=title, scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart(frame).encode(x=size)
    front = alt.Chart(frame[frame["front"]]).encode(x=size, y=score)
    line = front.mark_line(interpolate="step-after", color=TEAL, opacity=0.55, strokeWidth=2)
    whisker = base.mark_rule(color=GREY, opacity=0.35).encode(y=alt.Y("low:Q"), y2="high:Q")
    dot = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=score, color=_marked("front"), tooltip=_told("label", "parameters", "score", "low", "high")
    )
    return alt.layer(whisker, line, dot, _names(frame, size, score)).properties(height=340)


def profile(rows: pd.DataFrame, title: str) -> alt.LayerChart:
    """A row per kind, a mark per model, and a line from the lowest to the highest."""
    frame = _plain(rows)
    models = list(dict.fromkeys(frame["label"]))
    kinds = alt.Y("kind:N", title=None, sort=list(dict.fromkeys(frame["kind"])), axis=_names_axis())
    base = alt.Chart(frame).encode(y=kinds)
    span = base.mark_rule(color=GREY, opacity=0.4, strokeWidth=2).encode(
        x=alt.X("min(score):Q", title=title), x2="max(score):Q"
    )
    legend = alt.Legend(title=None, orient="top", columns=2, labelLimit=220)
    mark = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("score:Q", title=title, axis=alt.Axis(tickCount=6)),
        color=alt.Color("label:N", scale=alt.Scale(domain=models, range=list(SEVERAL)), legend=legend),
        shape=alt.Shape("label:N", scale=alt.Scale(domain=models, range=list(SHAPES)), legend=legend),
        tooltip=_told("label", "kind", "score", "tasks"),
    )
    return alt.layer(span, mark).properties(height=alt.Step(44))


def _names(frame: pd.DataFrame, x: Any, y: Any) -> alt.Chart:
    """The names of the rows that have room for them beside their dots."""
    text = {"align": "left", "dx": 7, "dy": -7, "fontSize": 11, "limit": 150, "color": GREY}
    return alt.Chart(frame[frame["named"]]).mark_text(**text).encode(x=x, y=y, text="label:N")


def _marked(column: str) -> alt.Color:
    """Teal where the column says yes, grey elsewhere."""
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=[True, False], range=[TEAL, GREY]), legend=None)


def _names_axis() -> alt.Axis:
    return alt.Axis(labelLimit=160, labelFontSize=12, labelFlush=False, ticks=False, domain=False)


def _told(*columns: str) -> list[alt.Tooltip]:
    """What is told where one points: names as they are, numbers rounded."""
    known = {
        "label": alt.Tooltip("label:N", title="model"),
        "kind": alt.Tooltip("kind:N"),
        "date": alt.Tooltip("date:T", format="%Y-%m-%d"),
        "parameters": alt.Tooltip("parameters:Q", format=".3s"),
        "n": alt.Tooltip("n:Q", format=","),
        "tasks": alt.Tooltip("tasks:Q"),
    }
    return [known.get(name) or alt.Tooltip(f"{name}:Q", format=NUMBER) for name in columns]


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """The frame with numbers as Altair takes them."""
    numbers = {name: "float64" for name in rows.columns if str(rows[name].dtype) in ("Float64", "Int64")}
    return rows.astype(numbers)
