"""A verdict as JUnit XML, as Jenkins, GitLab and most other systems read it: a test case per task and score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from velm_bench.gate.reports.wording import NAME, SENTENCE, interval, score, signed, versus, what
from velm_bench.gate.schema import Cost, Outcome, Row, Tier, Verdict
from velm_bench.inert import inert

SUITE = "velm_bench.gate"
"""The name of the suite, and what the class names begin with."""
_NUMBERS = (
    "baseline", "candidate", "change", "low", "high", "bound", "margin", "p", "p_worse", "p_adjusted", "wins",
    "losses", "ties", "n", "groups", "baseline_errors", "candidate_errors", "needed",
)  # fmt: skip
_STATES = {Outcome.PASS: "", Outcome.REGRESSION: "failure", Outcome.INVALID: "error"}
_UNDECIDED = {"pass": "", "warn": "skipped", "fail": "failure"}


@dataclass(frozen=True)
class _Case:
    """A test case."""

    classname: str
    name: str
    state: str
    """"failure", "error", "skipped"; empty where it passed."""
    kind: str
    """The type of what went wrong."""
    message: str
    properties: dict[str, str]
    output: str = ""


def junit(verdict: Verdict) -> bytes:
    """The verdict as an XML file: rows that decide can fail, advisory rows, slices and costs are passed or skipped.

    An inconclusive row passes, is skipped or fails as the policy's `on_inconclusive` says. Where no row shows why the
    verdict is no pass, a case named "verdict" does.
    """
    rows: list[Row | Cost] = [*verdict.rows, *verdict.slices, *verdict.costs]
    cases = [_case(row, verdict) for row in rows]
    cases += _overall(verdict, cases)
    root = Element("testsuites", _counts("velm-bench gate", cases))
    suite = SubElement(root, "testsuite", _counts(SUITE, cases))
    _properties(suite, dict(_facts(verdict)))
    for case in cases:
        _add(suite, case)
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(row: Row | Cost, verdict: Verdict) -> _Case:
    """A row as a test case; one that does not decide never fails."""
    decides = row.tier is Tier.REQUIRED and not (isinstance(row, Row) and row.slice)
    state = _STATES.get(row.outcome, _UNDECIDED.get(verdict.on_inconclusive, "skipped"))
    if not decides and row.outcome is not Outcome.PASS:
        state = "skipped"
    aside = "" if decides else "advisory, "
    message = f"{aside}{row.outcome}: {inert(row.why or _change(row), SENTENCE)}"
    return _Case(
        classname=f"{SUITE}.{inert(row.task, NAME)}",
        name=(what(row) if isinstance(row, Row) else inert(row.what, NAME)) + versus(row),
        state=state,
        kind=str(row.outcome),
        message=message,
        properties=_numbers(row),
        output=message if row.outcome is not Outcome.PASS and state in ("", "skipped") else "",
    )


def _change(row: Row | Cost) -> str:
    """The change in words, where a row gives no reason."""
    return f"changed by {signed(row.change)} {interval(row.low, row.high)}, margin {score(row.margin)}".strip()


def _numbers(row: Row | Cost) -> dict[str, str]:
    """Tier, outcome and all numbers that are known."""
    found = {"tier": str(row.tier), "outcome": str(row.outcome), "against": str(row.against)}
    known = ((name, getattr(row, name, None)) for name in _NUMBERS)
    return {**found, **{name: repr(value) for name, value in known if value is not None}}


def _overall(verdict: Verdict, cases: list[_Case]) -> list[_Case]:
    """A case for the verdict itself: where it is no pass and no other case fails, or where there is none."""
    state = _STATES.get(verdict.outcome, _UNDECIDED.get(verdict.on_inconclusive, "skipped"))
    if cases and (not state or state == "skipped" or any(case.state in ("failure", "error") for case in cases)):
        return []
    message = f"{verdict.outcome}: {inert(verdict.summary, SENTENCE)}"
    return [_Case(SUITE, "verdict", state or ("" if verdict.rows else "error"), str(verdict.outcome), message, {})]


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What holds for all cases."""
    yield "outcome", str(verdict.outcome)
    yield "exit_code", str(verdict.exit_code)
    yield "summary", inert(verdict.summary, SENTENCE)
    yield "alpha", repr(verdict.alpha)
    yield "replicates", str(verdict.replicates)
    yield "seed", str(verdict.seed)
    for role, party in (("candidate", verdict.candidate), ("baseline", verdict.baseline), ("anchor", verdict.anchor)):
        if party is not None:
            yield role, inert(", ".join(party.models), SENTENCE)


def _add(suite: Element, case: _Case) -> None:
    element = SubElement(suite, "testcase", {"classname": case.classname, "name": case.name, "time": "0"})
    _properties(element, case.properties)
    if case.state == "skipped":
        SubElement(element, "skipped", {"message": case.message})
    elif case.state:
        SubElement(element, case.state, {"message": case.message, "type": case.kind}).text = case.message
    if case.output:
        SubElement(element, "system-out").text = case.output


def _properties(parent: Element, found: dict[str, str]) -> None:
    if not found:
        return
    listed = SubElement(parent, "properties")
    for name, value in found.items():
        SubElement(listed, "property", {"name": name, "value": value})


def _counts(name: str, cases: list[_Case]) -> dict[str, str]:
    """The attributes of a suite."""
    numbers = {
        plural: str(sum(case.state == state for case in cases))
        for plural, state in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    return {"name": name, "tests": str(len(cases)), **numbers, "time": "0"}
