"""The charts of the page Task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
from model_charts import GREY, TEAL

DEEPEST = 0.55  # how strong the colour of the best cell is; text stays legible on white and on black
RGB = "15, 157, 143"


def sight(both: pd.DataFrame, bounds: pd.DataFrame, metric: str) -> alt.LayerChart:
    """The best without pictures and the best with them on one line each, floor and ceiling as dashes."""
    words = both.assign(who=both["sees"].map({"blind": "without pictures", "sighted": "with pictures"}))
    base = alt.Chart(words).encode(
        y=alt.Y("who:N", title=None, sort=None, axis=alt.Axis(labelLimit=130)),
        color=alt.Color("sees:N", scale=alt.Scale(domain=["blind", "sighted"], range=[GREY, TEAL]), legend=None),
        tooltip=["who:N", "label:N", *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("score", "low", "high"))],
    )
    scale = alt.Scale(zero=True, nice=True)
    across = alt.X("score:Q", scale=scale, title=metric, axis=alt.Axis(tickCount=6))
    ends = (
        alt.Chart(bounds)
        .mark_rule(strokeDash=[4, 4], color=GREY)
        .encode(x=alt.X("value:Q", scale=scale), tooltip=["end:N", alt.Tooltip("value:Q", format=".4f")])
    )
    whisker = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    dot = base.mark_point(filled=True, size=110, opacity=1).encode(x=across)
    return alt.layer(dot, whisker, ends).properties(height=alt.Step(34))


def ranking(frame: pd.DataFrame, metric: str) -> alt.LayerChart:
    """A row per model, best first, a dot at the score and a line over its interval."""
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", title=None, sort=list(frame["label"]), axis=alt.Axis(labelLimit=170)),
        tooltip=["label:N", *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("score", "low", "high"))],
    )
    scale = alt.Scale(zero=False, nice=True)
    across = alt.X("score:Q", scale=scale, title=metric, axis=alt.Axis(tickCount=6))
    whisker = base.mark_rule(strokeWidth=2.5, opacity=0.5, color=TEAL).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    dot = base.mark_point(filled=True, size=90, opacity=1, color=TEAL).encode(x=across)
    return alt.layer(dot, whisker).properties(height=alt.Step(26))


def heat(frame: pd.DataFrame, models: Sequence[str], higher_is_better: bool) -> Any:
    """The frame with the cells of these columns coloured by their score, the best strongest."""
    numbers = frame[list(models)].astype("float64")
    low, high = numbers.min().min(), numbers.max().max()
    width = (high - low) or 1.0

    def shade(value: Any) -> str:
        if pd.isna(value):
            return ""
        share = (value - low) / width if higher_is_better else (high - value) / width
        return f"background-color: rgba({RGB}, {DEEPEST * share:.3f})"

    return frame.assign(**{name: numbers[name] for name in models}).style.map(shade, subset=list(models))
