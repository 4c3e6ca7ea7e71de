"""Which runs of a task may be compared with each other, and which of several speaks for a model.

Everything that shows or ranks one run per model and task asks here, so that a model's rank, its score in a table, its
samples and its line in an export are of one run.
"""

from __future__ import annotations

import pandas as pd

from velm_bench.board.schema import COUNTING

KEY = ["submission", "control"]


def comparable(runs: pd.DataFrame) -> pd.Series[bool]:
    """Whether each run was asked and scored like those of most models that have its task.

    Of equally many, the ones with more samples count, then the later. A run without a score is as good as any.
    """
    scored = runs["score"].notna()
    kinds = runs.loc[scored, ["task", "asked"]].drop_duplicates()
    if not kinds["task"].duplicated().any():
        return pd.Series(True, index=runs.index)
    rows = runs.loc[
        scored & runs["status"].isin(COUNTING), ["task", "asked", "submission", "control", "n", "submitted"]
    ]
    ordinary = rows[rows["control"] == ""]
    rows = ordinary if len(ordinary) else rows
    found = rows.groupby(["task", "asked"], as_index=False).agg(
        models=("submission", "nunique"), n=("n", "max"), submitted=("submitted", "max")
    )
    order = found.sort_values(["task", "models", "n", "submitted", "asked"], na_position="first")
    usual = order.drop_duplicates("task", keep="last").set_index("task")["asked"]
    return ~scored | (runs["asked"] == runs["task"].map(usual)).fillna(True).astype(bool)


def by_worth(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, those first that speak before others for their model: with a score, comparable with most, of the most
    samples, the latest; then by name."""
    keys = runs[["n", "submitted", "run"]].assign(scored=runs["score"].notna(), comparable=comparable(runs))
    order = ["scored", "comparable", "n", "submitted", "run"]
    falling = [False, False, False, False, True]
    return runs.loc[keys.sort_values(order, ascending=falling, na_position="last", kind="stable").index]


def speaking(runs: pd.DataFrame) -> pd.DataFrame:
    """One run per submission, control and task, in the order of the rows."""
    keys = [*KEY, "task"]
    if not runs.duplicated(keys).any():
        return runs
    return by_worth(runs).drop_duplicates(keys).sort_index()


def odd_ones(runs: pd.DataFrame, is_board: bool) -> list[str]:
    """A sentence for each task with runs that speak for a model and are not ranked, since they compare with few."""
    chosen = speaking(runs)
    odd = chosen[~comparable(runs).loc[chosen.index]]
    why, what = (
        ("were scored by another version of the metric", "`velm-bench board verify` scores them anew")
        if is_board
        else ("were asked or scored in another way", "run them anew with the same --limit, seed and task")
    )
    return [
        f"On {task}, {len(of_task)} of {int((chosen['task'] == task).sum())} runs {why} than most and are not ranked "
        f"there ({', '.join(dict.fromkeys(of_task['model'].head(3)))}{', ...' if len(of_task) > 3 else ''}): {what}."
        for task, of_task in odd.groupby("task", sort=False)
    ]
