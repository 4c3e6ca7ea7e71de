"""The pytest fixture `velm_gate`: a release test reads as one.

    def test_release(velm_gate):
        velm_gate(candidate="results/my-model", baseline="baseline.json", margin=0.02)

Every pytest of an environment in which this package is installed imports this module, so that it imports pytest and the
standard library alone; what judges is imported by the first call.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from velm_bench.gate.policy import Policy
    from velm_bench.gate.schema import Flip, Row, Verdict

Word = str | os.PathLike[str]
NUMBERS = ("baseline", "candidate", "change", "low", "high", "bound", "margin", "p_adjusted", "wins", "losses", "n")
"""The fields of a row that become properties of the test, beside its outcome."""
ANSWER = 60
"""How many letters of an answer are shown."""


class InconclusiveWarning(UserWarning):
    """A release that was neither shown to be worse nor to be within its margin, where the policy lets that pass."""


@pytest.fixture
def velm_gate(request: pytest.FixtureRequest) -> ReleaseGate:
    """Decide whether a release got worse; the test fails where it did. Call it as `ReleaseGate` says."""
    known: list[tuple[str, object]] = request.node.user_properties  # `record_property` warns of its own default format

    def record(name: str, value: object) -> None:
        known.append((name, value))

    return ReleaseGate(request.config.rootpath, record, request.node.add_report_section)


class ReleaseGate:
    """What `velm_gate` is: a callable that judges a release, once or several times in a test."""

    def __init__(
        self,
        root: Path,
        record: Callable[[str, object], None],
        section: Callable[[str, str, str], None],
    ) -> None:
        self._root, self._record, self._section = root, record, section

    def __call__(
        self,
        candidate: Word | Sequence[Word],
        baseline: Word | Sequence[Word],
        *,
        anchor: Word | Sequence[Word] = (),
        policy: Word | Mapping[str, Any] | Policy | None = None,
        margin: float | None = None,
        results: Word = "results",
        flips: int = 5,
    ) -> Verdict:
        """The verdict of a release that may go out; any other fails the test.

        `candidate`, `baseline` and `anchor` are words as `velm-bench gate` takes them, one or several. `policy` is a
        file, or what would stand in one; `margin` is for every primary score where there is no policy. Relative paths
        are looked for under pytest's root folder, then under the current one; runs named by id or model are looked for
        in `results`. `flips` is how many samples that became worse are told per task.

        A regression fails the test; so do, with one sentence, input that cannot be compared, and an inconclusive
        verdict where the policy says `on_inconclusive: fail`; with `warn`, the default, that is an
        `InconclusiveWarning`, with `pass` nothing. Outcomes and numbers become properties of the test (JUnit has them).
        """
        __tracebackhide__ = True
        problem, verdict = self._judged(candidate, baseline, anchor, policy, margin, results, flips)
        if verdict is None:
            self._record("velm_gate.outcome", "invalid")
            pytest.fail(f"velm_gate: {problem}", pytrace=False)
        for name, value in properties(verdict):
            self._record(name, value)
        unsure = verdict.outcome == "inconclusive" and verdict.exit_code == 3
        if verdict.exit_code != 0 and not unsure:
            pytest.fail(table(verdict, flips), pytrace=False)
        self._section("call", "velm_gate", table(verdict, flips))  # what `pytest -rA` shows of a test that passed
        if unsure:
            warnings.warn(brief(verdict), InconclusiveWarning, stacklevel=2)
        return verdict

    def _judged(
        self, candidate: Any, baseline: Any, anchor: Any, policy: Any, margin: Any, results: Any, flips: Any
    ) -> tuple[str, Verdict | None]:
        """The sentence of a refusal, or the verdict."""
        from velm_bench.errors import VelmError
        from velm_bench.gate.release import judge_release

        notes: list[str] = []
        try:
            verdict = judge_release(
                self._words(candidate, "candidate"),
                self._words(baseline, "baseline"),
                anchor=self._words(anchor, "anchor"),
                policy=self._policy(policy, margin),
                margin=_number(margin),
                root=Path(self._placed(_word(results, "results"))),
                flips=_count(flips),
                note=notes.append,
            )
        except VelmError as error:
            return str(error), None
        return "", verdict.model_copy(update={"notes": [*notes, *verdict.notes]})

    def _words(self, given: Any, argument: str) -> list[str]:
        several = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
        return [self._placed(_word(one, argument)) for one in (given if several else [given])]

    def _placed(self, word: str) -> str:
        """A path under pytest's root folder where there is such a file or folder; else the word as it is."""
        try:
            return str(self._root / word) if word and (self._root / word).exists() else word
        except (OSError, ValueError):  # too long for a path, or a null character in it
            return word

    def _policy(self, given: Any, margin: Any) -> Policy | Path | None:
        from velm_bench.errors import UsageError
        from velm_bench.gate.policy import Policy
        from velm_bench.schema import parse

        if given is None or isinstance(given, Policy):
            found: Policy | Path | None = given
        elif isinstance(given, Mapping):
            found = parse(Policy, given, "the policy given to velm_gate")
        else:
            found = Path(self._placed(_word(given, "policy")))
        if found is not None and margin is not None:
            raise UsageError("The policy says the margins: leave out 'margin', or the policy.")
        return found


def _word(given: Any, argument: str) -> str:
    from velm_bench.errors import UsageError

    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise UsageError(f"'{argument}' of velm_gate must be a path or a name, not {given!r:.80}.")
    return str(os.fspath(given))


def _number(margin: Any) -> float | None:
    from velm_bench.errors import UsageError

    if margin is None:
        return None
    plain = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if not plain or not 0.0 <= margin < math.inf:
        raise UsageError(f"'margin' of velm_gate must be a number of 0 or more, not {margin!r:.80}.")
    return float(margin)


def _count(flips: Any) -> int:
    from velm_bench.errors import UsageError

    if not isinstance(flips, int) or isinstance(flips, bool) or flips < 0:
        raise UsageError(f"'flips' of velm_gate must be a whole number of 0 or more, not {flips!r:.80}.")
    return flips


def properties(verdict: Verdict) -> Iterator[tuple[str, str | float]]:
    """Names and values for JUnit: the outcome, the summary, and per row its outcome and numbers, such as
    ("velm_gate.scenes_vqa.vqa_accuracy.change", -0.0125); of the anchor's rows, ("velm_gate.anchor.scenes_vqa....").
    """
    from velm_bench.gate.reports.wording import NAME
    from velm_bench.gate.schema import Against
    from velm_bench.inert import inert

    yield "velm_gate.outcome", str(verdict.outcome)
    yield "velm_gate.summary", inert(verdict.summary, 1000)
    for row in verdict.rows:
        against = "anchor." if row.against is Against.ANCHOR else ""
        name = f"velm_gate.{against}{inert(row.task, NAME)}.{inert(row.metric, NAME)}"
        yield f"{name}.outcome", str(row.outcome)
        yield from ((f"{name}.{field}", value) for field in NUMBERS if (value := getattr(row, field)) is not None)


def brief(verdict: Verdict) -> str:
    """The verdict's sentence, with the reason of each required row that did not pass."""
    from velm_bench.gate.reports.wording import named
    from velm_bench.gate.schema import Outcome, Tier
    from velm_bench.inert import inert

    rows = [row for row in verdict.rows if row.tier is Tier.REQUIRED and row.outcome is not Outcome.PASS]
    return " ".join([inert(verdict.summary, 1000), *(f"{named(row)}: {inert(row.why, 1000)}" for row in rows)])


def table(verdict: Verdict, flips: int) -> str:
    """The verdict as text: its sentence, who was compared, a line per row, the worst `flips` of each task, notes."""
    from velm_bench.gate.reports.wording import models, named, ordered, telling
    from velm_bench.gate.schema import Outcome
    from velm_bench.inert import inert

    worse = [row for row in verdict.slices if row.outcome is Outcome.REGRESSION]
    rows = [*ordered(verdict.rows), *worse]
    header = ("", "score", "before", "now", "change", "interval", "margin", "outcome")
    lines = [inert(verdict.summary, 1000), ""]
    lines += [f"{role}: {name}" for role, name in models(verdict).items()]
    lines += ["", *_aligned([header, *map(_cells, rows)]), ""]
    lines += [f"{named(row)}: {inert(row.why, 1000)}" for row in rows if telling(row, verdict.alpha)]
    for cost in verdict.costs:
        lines.append(inert(f"{cost.task} {cost.what}: {cost.outcome}. {cost.why}", 1000))
    for task, count in verdict.flipped.items():
        told = [flip for flip in verdict.flips if flip.task == task][:flips]
        if told:
            lines += ["", f"{count:,} samples of {inert(task, 200)} became worse; the worst {len(told)}:"]
            lines += map(_flip, told)
    lines += ["", *(inert(note, 1000) for note in verdict.notes)] if verdict.notes else []
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    from velm_bench.gate.reports.wording import NAME, interval, score, signed, versus, what
    from velm_bench.inert import inert

    outcome = f"{row.outcome}{' (advisory)' if row.tier == 'advisory' else ''}"
    margin = "" if row.margin is None else f"{row.margin:g}"
    numbers = (score(row.baseline), score(row.candidate), signed(row.change), interval(row.low, row.high), margin)
    return f"{inert(row.task, NAME)}{versus(row)}", what(row), *numbers, outcome


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _flip(flip: Flip) -> str:
    """ "  p12/q3  -1.000  how many cats?  was "two", is "three", right is "two"": as far as it is known."""
    from velm_bench.gate.reports.wording import signed, told
    from velm_bench.inert import inert

    error = f"failed ({inert(flip.candidate_error, ANSWER)})" if flip.candidate_error else ""
    right, before, after = told(flip, ANSWER)
    known = {"was": before, "is": error or after, "right is": right}
    answers = ", ".join(f"{name} {text!r}" for name, text in known.items() if text)
    parts = (inert(flip.id, 80), signed(flip.change), inert(flip.question, 80), answers)
    return "  " + "  ".join(part for part in parts if part)
