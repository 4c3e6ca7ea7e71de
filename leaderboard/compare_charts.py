"""The plots of the page Compare. Colours are legible on white and on black, and never the only difference."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

COLOURS = ("#0f9d8f", "#e8710a", "#8b6cf0", "#d6336c")
"""Of the models A, B, C and D."""
SHAPES = ("circle", "square", "diamond", "triangle-up")
GREY = "#8a8f98"
NARROW = 150


def scores(frame: pd.DataFrame, names: Sequence[str]) -> alt.LayerChart:
    """Each model's score as a dot on its 95 % interval."""
    base = _rows(_plain(frame), names, "name")
    return _whiskers(base, "score", "low", "high", "score", names)


def differences(frame: pd.DataFrame, names: Sequence[str]) -> alt.LayerChart:
    """Each model's difference to the first on its interval, and a line where there is none."""
    rows = _plain(frame[frame["difference"].notna()])
    base = _rows(rows, names[1:], "name")
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(strokeDash=[4, 3], color=GREY).encode(x="zero:Q")
    return alt.layer(
        zero, _whiskers(base, "difference", "diff_low", "diff_high", f"difference to {names[0][:1]}", names)
    )


def slice_scores(frame: pd.DataFrame, names: Sequence[str], values: Sequence[str]) -> alt.Chart:
    """The models' scores by value of a slice: a band per value, a dot with its interval per model."""
    base = alt.Chart(_plain(frame)).encode(
        y=alt.Y("value:N", title=None, sort=list(values), axis=alt.Axis(labelLimit=110, labelFontSize=12, grid=True)),
        yOffset=alt.YOffset("name:N", sort=list(names)),
        tooltip=_tooltip("score", "low", "high", [alt.Tooltip("value:N", title="slice")]),
    )
    return _whiskers(base, "score", "low", "high", "score", names, legend=True).properties(height=alt.Step(13))


def outcomes(frame: pd.DataFrame, names: Sequence[str]) -> alt.LayerChart:
    """On which share of the samples each model is better than the first, as good, and worse."""
    order = ["better than A", "as good", "worse"]
    rows = frame[frame["wins"].notna()]
    parts = [
        {"name": name, "outcome": what, "count": int(count), "share": count / max(1, total), "place": place}
        for name, wins, ties, losses in zip(rows["name"], rows["wins"], rows["ties"], rows["losses"], strict=True)
        for total in [wins + ties + losses]
        for place, (what, count) in enumerate(zip(order, (wins, ties, losses), strict=True))
    ]
    base = alt.Chart(pd.DataFrame(parts)).encode(
        y=alt.Y("name:N", title=None, sort=list(names[1:]), axis=alt.Axis(labelLimit=NARROW, labelFontSize=12)),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("name:N", title="model"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("count:Q", title="samples"),
        ],
    )
    across = alt.X("share:Q", stack="zero", title="share of the samples", axis=alt.Axis(format="%", tickCount=5))
    scale = alt.Scale(domain=order, range=[COLOURS[0], "#b9bec7", COLOURS[1]])
    bars = base.mark_bar(height=20).encode(
        x=across, color=alt.Color("outcome:N", scale=scale, legend=alt.Legend(orient="top", title=None, columns=2))
    )
    middle = alt.X("share:Q", stack="zero", bandPosition=0.5)
    text = base.transform_filter("datum.share >= 0.06").mark_text(color="#10151c", fontSize=12, fontWeight=600)
    return alt.layer(bars, text.encode(x=middle, text="count:Q")).properties(height=alt.Step(34))


def _whiskers(
    base: alt.Chart, value: str, low: str, high: str, title: str, names: Sequence[str], legend: bool = False
) -> alt.LayerChart:
    scale = alt.Scale(zero=False, nice=True)
    shown = alt.Legend(orient="top", title=None, labelLimit=120, columns=2) if legend else None
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(names), range=list(COLOURS[: len(names)])), legend=shown)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=list(names), range=list(SHAPES[: len(names)])), legend=shown)
    across = alt.X(f"{low}:Q", scale=scale, title=title, axis=alt.Axis(tickCount=5, titleLimit=300))
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.6).encode(x=across, x2=f"{high}:Q", color=colour)
    dot = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X(f"{value}:Q", scale=scale), color=colour, shape=shape
    )
    return alt.layer(whisker, dot)


def _rows(frame: pd.DataFrame, names: Sequence[str], column: str) -> alt.Chart:
    """A row per model, named at the left."""
    axis = alt.Axis(labelLimit=NARROW, labelFontSize=12)
    difference = [] if "difference" not in frame else ["p"]
    return (
        alt.Chart(frame)
        .encode(
            y=alt.Y(f"{column}:N", title=None, sort=list(names), axis=axis),
            tooltip=_tooltip("score", "low", "high", [alt.Tooltip(f"{name}:N") for name in difference]),
        )
        .properties(height=alt.Step(30))
    )


def _tooltip(value: str, low: str, high: str, more: list[alt.Tooltip]) -> list[alt.Tooltip]:
    numbers = [alt.Tooltip(f"{name}:Q", format=".4f") for name in (value, low, high)]
    return [alt.Tooltip("name:N", title="model"), *more, *numbers, alt.Tooltip("n:Q", title="n")]


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that plots need, as plain floats."""
    numbers = ["score", "low", "high", "difference", "diff_low", "diff_high", "n"]
    kept = frame[["name", *(["value"] if "value" in frame else []), *numbers]].astype(dict.fromkeys(numbers, "float64"))
    return kept.assign(p=frame["p_text"]) if "p_text" in frame else kept
