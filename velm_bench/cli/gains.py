"""How the gain over controls and perturbations is shown: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from velm_bench.cli.output import interval, number, plain, print_table, signed
from velm_bench.results.gain import Gain, badge, gap_rows, uses_image
from velm_bench.results.schema import CONTROLS

HEADERS = ("", "against", "metric", "as it is", "under it", "gain", "95% interval", "n", "errors")
NUMBERS = frozenset({"as it is", "under it", "gain", "n", "errors"})


def print_gains(task: str, gains: Sequence[Gain], slices: bool) -> None:
    """The gains of a run and its badge, on standard output; those of the slices as well if wanted."""
    print(f"{plain(task)}: by how much it does better as it is (paired)")
    rows = [
        (part, gain.control, name, number(gap.sighted), number(gap.control), signed(gap.gain),
         interval(gap.low, gap.high), gap.n, _errors(gain))
        for gain in gains
        for part, name, gap in gap_rows(gain)
        if slices or part == "all"
    ]  # fmt: skip
    print_table(HEADERS, rows, NUMBERS)
    sentence = _verdict(gains)
    if sentence:
        print(f"{plain(task)}: {sentence}")


def gains_as_json(gains: Sequence[Gain]) -> dict[str, Any]:
    """The gains of a run, whether it uses the image (null where that cannot be said), and its badge."""
    return {
        "uses_image": uses_image(gains),
        "badge": badge(gains),
        "gains": [gain.model_dump(mode="json") for gain in gains],
    }


def _errors(gain: Gain) -> str:
    """How many samples failed in the run as it is, and under the control."""
    return f"{gain.sighted_run.n_errors}/{gain.control_run.n_errors}"


def _verdict(gains: Sequence[Gain]) -> str:
    """What the controls say of the model, and which decided it; empty where they were not run."""
    judged = [gain for gain in gains if gain.control in CONTROLS and gain.says_something]
    used = uses_image(gains)
    if used is False:
        against = ", ".join(gain.control for gain in judged if not gain.above_zero)
        return f"{badge(gains)} (the gain of {gains[0].primary} is not above zero against {against})"
    if used:
        return f"uses the image (the gain of {gains[0].primary} is above zero against {_names(judged)})"
    if any(gain.control in CONTROLS for gain in gains):
        return "whether it uses the image cannot be said (docs/vision_gain.md tells what it takes)"
    return ""


def _names(gains: Sequence[Gain]) -> str:
    return ", ".join(gain.control for gain in gains)
