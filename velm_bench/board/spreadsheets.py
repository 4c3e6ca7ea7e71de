"""Text of strangers that no spreadsheet takes for a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from velm_bench.inert import inert

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; some read the wide forms as the plain ones."""


def spreadsheet(text: str, most: int = 32_000) -> str:
    """An inert text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front."""
    shown = inert(text, most)
    return f"'{shown}" if shown.lstrip(" '\"").startswith(FORMULA) or text.startswith(FORMULA) else shown


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every text of it as `spreadsheet` gives it, the names of its columns included.

    What a page shows in a table leaves it by the clipboard and by the table's own export.
    """
    import pandas as pd

    columns = {
        name: frame[name].map(spreadsheet, na_action="ignore").astype(frame[name].dtype)
        for name in frame.columns
        if pd.api.types.is_string_dtype(frame[name].dtype)
    }
    return frame.assign(**columns).rename(columns=spreadsheet)
