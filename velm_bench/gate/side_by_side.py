"""Two runs, or two models on several tasks, side by side: differences without a decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from velm_bench.errors import UsageError
from velm_bench.gate.comparing import WHOLE, Settings, describe_flip, finite, flips, measure, parts_of
from velm_bench.gate.deciding import party
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.matching import Matched, differences, match, refusal
from velm_bench.gate.schema import Compared, Comparison, Flip
from velm_bench.registry import suggestion
from velm_bench.statistics.multiple import holm


@dataclass(frozen=True)
class Asked:
    """What is wanted of a comparison."""

    metrics: tuple[str, ...] = ()
    """Names of scores; the main one of every metric if empty."""
    by: tuple[str, ...] | None = ()
    """Slices, as `parts_of` takes them: None for all, none if empty."""
    flips: int = 0
    """How many samples that became worse are told per task, and how many that became better."""
    settings: Settings = field(default_factory=Settings)


def compare(first: Sequence[Evidence], second: Sequence[Evidence], asked: Asked) -> Comparison:
    """Every score that both have, the second against the first; differences are above zero where the second is better.

    Runs are paired by their titles, or as they are where each side is one run. A sample that one side lacks counts as
    wrong there. UsageError that lists each difference where runs are not about the same, or nothing is in common.
    """
    notes: list[str] = []
    rows: list[Compared] = []
    slices: list[Compared] = []
    told: list[Flip] = []
    for mine, other, wanted in _asked_of(list(_pairs(first, second, notes)), asked):
        outputs = list(wanted.metrics) or _outputs(mine, other, notes)
        found = differences(mine, other, outputs)
        if found:
            raise UsageError(refusal(mine, other, found))
        if not outputs:
            raise UsageError(
                f"{mine.source} and {other.source} have no score of {other.title} with statistics in common."
            )
        matched = match(mine, other)
        notes += _lacking(matched)
        rows += [one.row for one in measure(matched, [(name, WHOLE) for name in outputs], {}, asked.settings)]
        masks = {} if wanted.by == () else parts_of(matched, wanted.by)[0]
        parts = [(name, label) for name in (wanted.metrics or outputs[:1]) for label in masks]
        slices += [one.row for one in measure(matched, parts, masks, asked.settings)]
        told += _flips(matched, outputs[0], asked.flips)
    if not rows:
        raise UsageError(" ".join(notes) or "There is nothing to compare.")
    return Comparison(
        candidate=party(second),
        baseline=party(first),
        alpha=asked.settings.alpha,
        replicates=asked.settings.replicates,
        seed=asked.settings.seed,
        rows=_adjusted(rows),
        slices=slices,
        flips=told,
        notes=notes,
    )


def _asked_of(pairs: Sequence[tuple[Evidence, Evidence]], asked: Asked) -> Iterator[tuple[Evidence, Evidence, Asked]]:
    """Each pair with what is asked of it: of several tasks each gives the scores and slices that it has.

    UsageError for a score or the name of a slice that none has.
    """
    scores = list(dict.fromkeys(name for first, second in pairs for name in first.outputs if name in second.outputs))
    slices = list(dict.fromkeys(name for pair in pairs for one in pair for name in one.slices))
    for what, words, known in (("score", asked.metrics, scores), ("slice", asked.by or (), slices)):
        unknown = [name for word in words if (name := word.partition("=")[0] if what == "slice" else word) not in known]
        if unknown:
            hint = suggestion(unknown[0], known) if known else "there are none."
            raise UsageError(f"There is no {what} '{unknown[0]}' that both sides have: {hint}")
    for first, second in pairs:
        metrics = tuple(name for name in asked.metrics if name in first.outputs and name in second.outputs)
        if asked.metrics and not metrics:
            continue
        held = {*first.slices, *second.slices}
        by = asked.by and tuple(word for word in asked.by if word.partition("=")[0] in held)
        yield first, second, replace(asked, metrics=metrics, by=by)


def _pairs(
    first: Sequence[Evidence], second: Sequence[Evidence], notes: list[str]
) -> Iterator[tuple[Evidence, Evidence]]:
    if len(first) == len(second) == 1:
        yield first[0], second[0]
        return
    known = {one.title: one for one in second}
    common = [one for one in first if one.title in known]
    if not common:
        titles = [", ".join(one.title for one in side) for side in (first, second)]
        raise UsageError(f"There is no task that both sides have: the first has {titles[0]}, the second {titles[1]}.")
    alone = [one for one in (*first, *second) if one.title not in {same.title for same in common}]
    notes += [f"Only {one.source} has {one.title}: left out." for one in alone]
    for one in common:
        yield one, known[one.title]


def _outputs(first: Evidence, second: Evidence, notes: list[str]) -> list[str]:
    """The main output of every metric that both have, the primary one first."""
    left = [name for name in first.scores if first.scores[name].metric not in first.statistics]
    notes += [f"{first.title}: {', '.join(left)} is known as a value only, and not compared."] * bool(left)
    return [name for name in first.main_outputs if name in second.outputs]


def _lacking(matched: Matched) -> Iterator[str]:
    for who, lacking in (
        (matched.baseline, matched.baseline_lacks),
        (matched.candidate, matched.candidate_lacks),
    ):
        if lacking:
            yield f"{who.source} lacks {lacking} of {len(matched.ids)} samples of {who.title}: they count as wrong."


def _flips(matched: Matched, output: str, count: int) -> Iterator[Flip]:
    for worse in (True, False):
        for one in flips(matched, output, worse)[:count]:
            yield describe_flip(matched, output, *one)


def _adjusted(rows: Sequence[Compared]) -> list[Compared]:
    """The rows with Holm's p over the first row of each task."""
    first = {row.task: place for place, row in reversed(list(enumerate(rows)))}
    places = sorted(first.values())
    nothing = float("nan")
    adjusted = holm([nothing if (p := rows[place].p) is None else p for place in places])
    known = {place: finite(float(p)) for place, p in zip(places, adjusted, strict=True)}
    return [row.model_copy(update={"p_adjusted": known.get(place)}) for place, row in enumerate(rows)]
