"""What GitHub shows beside a run of its Actions: annotations, a summary of the job, and outputs of the step."""

import os
from collections.abc import Iterator
from pathlib import Path

from velm_bench.gate.reports.markdown import SUMMARY_BYTES, job_summary
from velm_bench.gate.reports.wording import SENTENCE, by_weight, interval, named, ordered, score, signed
from velm_bench.gate.schema import EXIT_CODES, Cost, Outcome, Row, Tier, Verdict
from velm_bench.inert import inert

MOST = 10
"""GitHub shows so many errors of a step, and as many warnings and notices."""
LEAST = 16_384
"""A summary is not worth fewer bytes."""
_TITLE = "Release gate"
_UNFAILED = (EXIT_CODES[Outcome.PASS], EXIT_CODES[Outcome.INCONCLUSIVE])
_UNDECIDED = {"pass": "notice", "warn": "warning", "fail": "error"}


def on_actions() -> bool:
    """Whether this runs within GitHub's Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotations(verdict: Verdict) -> list[str]:
    """A line to print per row that does not pass, and per slice that became worse, at most 10 of each level.

    The last line says the verdict, and counts the rows without a line: a notice, or an error where the gate fails and
    no row shows why. All are escaped by GitHub's rules and must be printed as they are.
    """
    worse = [row for row in ordered(verdict.slices) if row.outcome is Outcome.REGRESSION]
    rows: list[Row | Cost] = [*ordered(verdict.rows), *by_weight(verdict.costs), *worse]
    said = [(_level(row, verdict), row) for row in rows if row.outcome is not Outcome.PASS]
    lines, left = [], []
    for level in ("error", "warning", "notice"):
        found = [row for at, row in said if at == level]
        most = MOST - (level == "notice")  # the last line is one, too
        lines += [_command(level, f"{_TITLE}: {named(row)}", _sentence(row)) for row in found[:most]]
        left += [f"{len(found) - most:,} more {level}s"] if len(found) > most else []
    more = f" Without a line of their own: {', '.join(left)}; the report has all." if left else ""
    unshown = verdict.exit_code not in _UNFAILED and not any(at == "error" for at, _ in said)
    return [*lines, _command("error" if unshown else "notice", _TITLE, f"{inert(verdict.summary, SENTENCE)}{more}")]


def append_summary(verdict: Verdict) -> str:
    """Add the verdict to the job's summary, and outcome and exit code to the outputs of the step.

    Nothing is done where GITHUB_STEP_SUMMARY and GITHUB_OUTPUT are not set. A file that cannot be written changes no
    verdict: the sentence that says so is given back, and an empty text where all went well.
    """
    return " ".join(_appended(verdict))


def _appended(verdict: Verdict) -> Iterator[str]:
    outputs = f"outcome={verdict.outcome}\nexit-code={verdict.exit_code}\n"
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        place = os.environ.get(name, "")
        if not place:
            continue
        try:
            _append(Path(place), _summary(verdict, Path(place)) if name == "GITHUB_STEP_SUMMARY" else outputs)
        except OSError as error:
            yield f"The file of {name} cannot be written ({error.strerror or error}): the verdict stands without it."


def _summary(verdict: Verdict, place: Path) -> str:
    """The summary in what the file has room for: the existing size counts; nothing where there is too little."""
    room = SUMMARY_BYTES - (place.stat().st_size if place.exists() else 0)
    return f"\n{job_summary(verdict, room - 1)}" if room >= LEAST else ""


def _append(place: Path, text: str) -> None:
    with place.open("a", encoding="utf-8") as stream:
        stream.write(text)


def _level(row: Row | Cost, verdict: Verdict) -> str:
    """error for what makes the gate fail, warning for what somebody should see, notice for the rest."""
    if row.tier is not Tier.REQUIRED or (isinstance(row, Row) and row.slice):
        return "warning" if row.outcome is Outcome.REGRESSION else "notice"
    return _UNDECIDED.get(verdict.on_inconclusive, "warning") if row.outcome is Outcome.INCONCLUSIVE else "error"


def _sentence(row: Row | Cost) -> str:
    tier = "" if row.tier is Tier.REQUIRED else " (advisory)"
    change = f"change {signed(row.change)} {interval(row.low, row.high)}".rstrip()
    margin = "" if row.margin is None else f", margin {score(row.margin)}"
    return f"{row.outcome}{tier}: {inert(row.why, SENTENCE) or change + margin}"


def _command(level: str, title: str, message: str) -> str:
    """A command of a workflow, escaped by GitHub's rules."""
    properties = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={properties}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
