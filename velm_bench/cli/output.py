"""What commands print: tables for people, JSON for programs; results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal

Row = Sequence[object]

PROSE = frozenset({"model", "description", "metrics", "found", "to mend", "reason"})
"""The columns that a narrow terminal may break over lines; numbers and ids stay whole, whatever the width."""
COMMANDS = ("::", "##[")
"""What the first cell of a row begins with that a runner of GitHub Actions takes for a command."""
LARGE = 1e6
"""From here on a score is shown with six digits in all: nobody reads a hundred of them."""
NARROWEST = 16
"""How many characters of prose stand side by side at the least."""


@contextmanager
def stdout_aside() -> Iterator[None]:
    """Whatever is printed meanwhile goes to standard error: standard output is for the command's own results."""
    with redirect_stdout(sys.stderr):
        yield


def print_json(value: Any) -> None:
    """One JSON document on standard output; a number that is not finite is null."""
    print(json.dumps(_finite(value), indent=2, allow_nan=False, default=str))


def note(text: str) -> None:
    """A line for the person, on standard error."""
    print(plain(text), file=sys.stderr, flush=True)


def print_table(headers: Sequence[str], rows: Sequence[Row], right: frozenset[str] = frozenset()) -> None:
    """A table on standard output; columns named in `right` are aligned to the right.

    A terminal gets rules, and its prose folded to fit; a file or pipe gets whole cells.
    """
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(headers, cells, right)
    else:
        _print_columns(headers, cells, right)


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values, one pair a line; what is empty is left out."""
    shown = {key: plain(str(value)) for key, value in facts.items() if value not in ("", None, (), [])}
    width = max(map(len, shown), default=0)
    for key, value in shown.items():
        print(f"{key:<{width}}  {value}")


def plain(text: str) -> str:
    """The text without control characters: what others named cannot steer a terminal, nor command a CI runner, to which
    a line that begins with two colons is a command."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"'{shown}" if shown.lstrip().startswith(COMMANDS) else shown


def number(value: float | None) -> str:
    """A score as tables show it: four decimals, six digits where it is large, or a dash where it is undefined."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.4f}" if abs(value) < LARGE else f"{value:.6g}"


def signed(value: float | None) -> str:
    """A difference as tables show it, with its sign."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:+.4f}" if abs(value) < LARGE else f"{value:+.6g}"


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval as tables show it."""
    return f"[{number(low)}, {number(high)}]"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _print_columns(headers: Sequence[str], cells: Sequence[Sequence[str]], right: frozenset[str]) -> None:
    widths = [max(len(row[index]) for row in (headers, *cells)) for index in range(len(headers))]
    for row in (headers, *cells):
        padded = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, headers, strict=True)
        ]
        print("  ".join(padded).rstrip())


def _print_rich(headers: Sequence[str], cells: Sequence[Sequence[str]], right: frozenset[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    widths = [max(cell_len(row[index]) for row in (headers, *cells)) for index in range(len(headers))]
    least = [min(width, NARROWEST) if name in PROSE else width for name, width in zip(headers, widths, strict=True)]
    for name, width in zip(headers, least, strict=True):
        justify: Literal["right", "left"] = "right" if name in right else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in PROSE, min_width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console()
    console.width = max(console.width, sum(least) + 2 * len(least))
    console.print(table)
