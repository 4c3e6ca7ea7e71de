"""The charts of the page Model: scores between floor and ceiling, releases over time, calibration, speed."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from velm_bench.board.schema import COUNTING

TEAL = "#0f9d8f"  # legible on white and on black
GREY = "#8a919c"
GREY_OR_TEAL = alt.Scale(domain=[False, True], range=[GREY, TEAL])
SHARE = alt.Scale(domain=[0, 1])
EXTENT = 42  # the room for numbers left of charts that stand below each other


def corrected(scores: pd.DataFrame) -> alt.LayerChart:
    """A row per task: the score between its floor (0) and its ceiling (1), with the interval."""
    rows = alt.Y("task:N", title=None, sort=None, axis=alt.Axis(labelLimit=170))
    base = alt.Chart(scores).encode(
        y=rows, tooltip=_tooltip("task", numbers=("corrected", "corrected_low", "corrected_high", "score"))
    )
    ends = alt.Chart(pd.DataFrame({"end": [0.0, 1.0]})).mark_rule(strokeDash=[4, 4], color=GREY).encode(x="end:Q")
    scale = alt.Scale(zero=True, nice=True)
    across = alt.X("corrected_low:Q", scale=scale, title="0 is the floor, 1 the ceiling", axis=alt.Axis(tickCount=6))
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.5, color=TEAL).encode(x=across, x2="corrected_high:Q")
    dot = base.mark_point(filled=True, size=90, opacity=1, color=TEAL).encode(x="corrected:Q")
    return alt.layer(ends, whisker, dot).properties(height=alt.Step(30))


def releases(frame: pd.DataFrame, what: str) -> alt.LayerChart:
    """A dot per release over time with its interval; the page's stands out, those that do not count are hollow."""
    shown = frame.assign(
        date=pd.to_datetime(frame["date"], errors="coerce"), counts=frame["status"].isin(list(COUNTING))
    )
    tooltip = [
        *_tooltip("model", "revision", "status", numbers=("score", "low", "high")),
        alt.Tooltip("date:T", title="date", format="%Y-%m-%d"),
    ]
    time = alt.X("date:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=5, labelOverlap=True))
    colour = alt.Color("shown:N", scale=GREY_OR_TEAL, legend=None)
    base = alt.Chart(shown.dropna(subset=["score"])).encode(x=time, tooltip=tooltip, color=colour)
    scale = alt.Scale(zero=False, nice=True)
    up = alt.Y("score:Q", scale=scale, title=what, axis=alt.Axis(tickCount=5))
    line = (
        alt.Chart(shown[shown["counts"] & (shown["relation"] == "this model")].dropna(subset=["score"]))
        .mark_line(color=TEAL, opacity=0.35)
        .encode(x=time, y=up)
    )
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    fill = alt.condition("datum.counts", alt.value(1.0), alt.value(0.0))
    dot = base.mark_point(filled=False, size=95, strokeWidth=2).encode(y=up)
    inside = base.mark_point(filled=True, size=95).encode(y=up, opacity=fill)
    return alt.layer(line, whisker, dot, inside).properties(height=240)


def reliability(bins: pd.DataFrame) -> alt.LayerChart:
    """What was right over what the model was sure of; on the line, both are the same."""
    used = bins[bins["n"] > 0]
    base = alt.Chart(used).encode(
        x=_share("confidence", "how sure the model was"),
        tooltip=_tooltip(numbers=("confidence", "accuracy"), counts=("n",)),
    )
    line = (
        alt.Chart(pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color=GREY)
        .encode(x=_share("confidence", "how sure the model was"), y=_share_up("accuracy", "share that was right"))
    )
    whisker = base.mark_rule(strokeWidth=2, opacity=0.5, color=TEAL).encode(y=_share_up("low", ""), y2="high:Q")
    size = alt.Size("n:Q", scale=alt.Scale(range=[25, 320]), legend=None)
    dot = base.mark_point(filled=True, opacity=0.9, color=TEAL).encode(
        y=_share_up("accuracy", "share that was right"), size=size
    )
    return alt.layer(line, whisker, dot).properties(height=260)


def counts(bins: pd.DataFrame) -> alt.LayerChart:
    """How many samples fell in each bin, the number above its bar."""
    used = bins[bins["n"] > 0].assign(middle=lambda frame: (frame["from"] + frame["to"]) / 2)
    axis = alt.Axis(labels=False, ticks=False, grid=False, minExtent=EXTENT)
    up = alt.Y("n:Q", title="samples", axis=axis, scale=alt.Scale(zero=True, nice=False))
    across = alt.X("from:Q", scale=SHARE, axis=alt.Axis(labels=False, ticks=False, grid=False))
    bar = (
        alt.Chart(used)
        .mark_rect(color=TEAL, opacity=0.45)
        .encode(x=across.title(None), x2="to:Q", y=up, y2=alt.datum(0), tooltip=_tooltip(counts=("n",)))
    )
    number = (
        alt.Chart(used)
        .mark_text(dy=-6, fontSize=10, color=GREY)
        .encode(x=alt.X("middle:Q", scale=SHARE, title=None), y=up, text=alt.Text("n:Q", format=".3~s"))
    )
    return alt.layer(bar, number).properties(height=90)


def speed(frame: pd.DataFrame, what: str) -> alt.LayerChart:
    """Score over samples per second, on a logarithmic axis; the model of the page stands out."""
    base = alt.Chart(frame).encode(
        x=alt.X("samples_per_second:Q", scale=alt.Scale(type="log", nice=True), title="samples per second, as reported",
                axis=alt.Axis(tickCount=5, format="~s", labelOverlap=True)),
        color=alt.Color("shown:N", scale=GREY_OR_TEAL, legend=None),
        tooltip=_tooltip("label", "device", numbers=("score", "low", "high", "samples_per_second")),
    )  # fmt: skip
    scale = alt.Scale(zero=False, nice=True)
    up = alt.Y("score:Q", scale=scale, title=what, axis=alt.Axis(tickCount=5, minExtent=EXTENT))
    whisker = base.mark_rule(strokeWidth=2, opacity=0.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    dot = base.mark_point(filled=True, size=90, opacity=0.95).encode(
        y=up, shape=alt.Shape("device:N", title="device", legend=_legend(frame["device"]))
    )
    name = base.mark_text(align="center", dy=-11, fontSize=11, limit=120).encode(y=up, text="name:N")
    return alt.layer(whisker, dot, name).properties(height=300)


def _legend(devices: pd.Series) -> Any:
    """Shapes are explained where there is more than one."""
    return alt.Legend(orient="bottom", labelLimit=160) if devices.nunique() > 1 else None


def _share(name: str, title: str) -> alt.X:
    return alt.X(f"{name}:Q", scale=SHARE, title=title, axis=alt.Axis(tickCount=6))


def _share_up(name: str, title: str) -> alt.Y:
    return alt.Y(f"{name}:Q", scale=SHARE, title=title, axis=alt.Axis(tickCount=6, minExtent=EXTENT))


def _tooltip(*texts: str, numbers: tuple[str, ...] = (), counts: tuple[str, ...] = ()) -> list[alt.Tooltip]:
    """What is said of a dot one points at; texts are inert already."""
    return [
        *(alt.Tooltip(f"{name}:N", title=name) for name in texts),
        *(alt.Tooltip(f"{name}:Q", title=name.replace("_", " "), format=".4~f") for name in numbers),
        *(alt.Tooltip(f"{name}:Q", title="samples", format=",") for name in counts),
    ]
