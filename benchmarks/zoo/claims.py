"""What is claimed of the family, checked on the runs: a claim without its numbers does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.zoo.family import BLIND, CIDER, CLASSES, NEEDED, VQA, Measure, Member
from benchmarks.zoo.runs import Cell, Zoo
from velm_bench.metrics import build
from velm_bench.results.gain import BADGE
from velm_bench.results.pairing import Pair, open_pair
from velm_bench.results.store import statistics_of
from velm_bench.statistics.resampling import Estimate, bounds, replicate_values

LEADS = ((VQA, 0.20), (NEEDED, 0.25), (CLASSES, 0.0))
"""By how much, at least, a sighted model is to lead the blind one, where both can be asked."""
TIMES = 2.0
"""How many times the blind one's CIDEr a sighted captioner is to reach."""


@dataclass(frozen=True)
class Claim:
    """A sentence that is true or not, and the numbers that say so."""

    model: str
    sentence: str
    holds: bool
    found: str


def claims(zoo: Zoo) -> list[Claim]:
    """Every claim about every member."""
    found = []
    for member in zoo.members:
        if member.reference != BLIND:
            found += [_leads(zoo, member, *lead) for lead in LEADS if lead[0].task in member.tasks]
            if CIDER.task in member.tasks:
                found.append(_multiplies(zoo, member))
        found.append(_badge(zoo, member))
    return found


def _pair(zoo: Zoo, member: Member, measure: Measure) -> Pair | None:
    """The member beside the blind one; None where a run is missing."""
    blind, sighted = (zoo.cell(reference, measure.task) for reference in (BLIND, member.reference))
    return open_pair(blind.folder, sighted.folder) if blind and sighted else None


def _leads(zoo: Zoo, member: Member, measure: Measure, least: float) -> Claim:
    points = f"by at least {100 * least:.0f} points" if least else "at all"
    sentence = f"leads {BLIND} in {measure.title} {points}, the interval clear of zero"
    pair = _pair(zoo, member, measure)
    if pair is None:
        return Claim(member.reference, sentence, False, "not measured")
    lead = pair.difference(measure.output, measure.slices)
    said = f"{lead.value:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}]"
    return Claim(member.reference, sentence, lead.value >= least and lead.low > 0, said)


def _multiplies(zoo: Zoo, member: Member) -> Claim:
    sentence = f"reaches {TIMES:g} times the CIDEr of {BLIND}, the interval of what it has beyond that clear of zero"
    pair = _pair(zoo, member, CIDER)
    if pair is None:
        return Claim(member.reference, sentence, False, "not measured")
    more = beyond(pair, CIDER.output, TIMES)
    values = [run.scores[CIDER.output].value or 0.0 for run in (pair.candidate, pair.baseline)]
    times = f"{values[0] / values[1]:.2f} times" if values[1] else "the blind one has none"
    return Claim(member.reference, sentence, more.low > 0, f"{times}; beyond {more.value:+.3f} {_span(more)}")


def beyond(pair: Pair, output: str, times: float) -> Estimate:
    """The candidate's score minus so many times the baseline's, with the interval under shared bootstrap weights."""
    name = pair.baseline.scores[output].metric
    metric = build(name, pair.baseline.task.labels)
    runs = [statistics_of(table, name) for table in (pair.table, pair.other)]
    groups = pair.table.column("group").to_numpy(zero_copy_only=False)
    place = metric.outputs.index(output)
    baseline, candidate = (metric.values(run)[place : place + 1] for run in runs)
    drawn = [values[:, place : place + 1] for values in replicate_values(metric, runs, groups)]
    value = candidate - times * baseline
    low, high = bounds(drawn[1] - times * drawn[0], value, 0.95)
    return Estimate(float(value[0]), float(low[0]), float(high[0]))


def _span(found: Estimate) -> str:
    return f"[{found.low:+.3f}, {found.high:+.3f}]"


def _badge(zoo: Zoo, member: Member) -> Claim:
    """The blind one is told on every task, and a sighted one on none."""
    wanted = member.reference != BLIND
    sentence = f'{"never " if wanted else ""}has the badge "{BADGE}"{"" if wanted else " on every task"}'
    said = {task: _use(zoo.cell(member.reference, task)) for task in member.tasks}
    holds = bool(said) and all(use is wanted for use in said.values())
    words = {True: "uses it", False: "does not", None: "not measured"}
    found = ", ".join(f"{task.removeprefix('scenes_')}: {words[use]}" for task, use in said.items())
    return Claim(member.reference, sentence, holds, found)


def _use(cell: Cell | None) -> bool | None:
    return cell.uses_image if cell and cell.controlled else None


def lines(found: list[Claim]) -> Iterator[str]:
    """A line per claim, for a terminal."""
    for claim in found:
        yield f"{'holds' if claim.holds else 'FAILS'}  {claim.model}: {claim.sentence}: {claim.found}"
