"""The tables of docs/reference.md, each under the name that its marks have there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.zoo.claims import Claim
from benchmarks.zoo.family import (
    CIDER,
    CLASSES,
    ENTITIES,
    MAIN,
    NEEDED,
    NOVEL,
    TASKS,
    TRUTH,
    TWINS,
    VQA,
    Measure,
    Member,
)
from benchmarks.zoo.retrieval import COLUMNS, DIRECTIONS, Found
from benchmarks.zoo.runs import Zoo
from benchmarks.zoo.training import Cost, whole_minutes
from velm_bench.results.gain import BADGE, Gap
from velm_bench.results.schema import SHUFFLED, Provenance, Score
from velm_bench.statistics.resampling import Estimate

UNABLE, UNRUN = "cannot", "not run"
"""What stands where a model cannot do a task, and where it was not asked yet."""
TYPES = ("colour", "compare", "count", "exist", "query", "relation", "shape", "size")


@dataclass(frozen=True)
class Known:
    """All that is written down."""

    zoo: Zoo
    costs: Mapping[str, Cost] = field(default_factory=dict)
    """By checkpoint name."""
    retrieval: Mapping[str, Found] = field(default_factory=dict)
    """By reference, of the members with two towers."""
    claims: Sequence[Claim] = ()


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def shown(score: Score | Estimate | None) -> str:
    """A score with its interval."""
    if score is None or score.value is None:
        return "–"
    if score.low is None or score.high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def gained(gap: Gap | None) -> str:
    """A gain with its interval."""
    if gap is None or gap.gain is None:
        return "–"
    if gap.low is None or gap.high is None:
        return f"{gap.gain:+.3f}"
    return f"{gap.gain:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def short_of(zoo: Zoo, member: Member, task: str, split: str = "") -> str:
    """Why there is no number of a task; empty where there is one."""
    if task not in member.tasks:
        return UNABLE
    return "" if zoo.cell(member.reference, task, split) else UNRUN


def _cell(zoo: Zoo, member: Member, measure: Measure, split: str = "") -> str:
    return short_of(zoo, member, measure.task, split) or shown(zoo.score(member.reference, measure, split))


def asked(known: Known) -> str:
    """What was asked of how many, in a sentence."""
    zoo = known.zoo
    cells = [(task, cell) for task in TASKS for one in zoo.members if (cell := zoo.cell(one.reference, task))]
    counts = ", ".join(f"{cell.result.n:,} samples of `{task}`" for task, cell in dict(cells).items())
    part = " (a part, for a try)" if any(cell.result.data.limit for _, cell in cells) else ""
    places = ", ".join(sorted({_place(cell.result.provenance) for _, cell in cells}))
    models = len({cell.result.model.name for _, cell in cells})
    return f"{models} of {len(zoo.members)} models asked, on {places or 'nothing'}: {counts}{part}."


def _place(run: Provenance) -> str:
    """The device, with the threads where the command says them."""
    device = run.device.upper() if run.device == "cpu" else run.device
    words = dict(pairwise(run.command))
    return f"{device} (threads: {words['--workers']})" if "--workers" in words else device


def scores(known: Known) -> str:
    """Every member on every task."""
    measures = (CIDER, TRUTH, VQA, TWINS, CLASSES, ENTITIES, NEEDED)
    rows = [
        [f"`{one.reference}`", one.fusion, *(_cell(known.zoo, one, measure) for measure in measures)]
        for one in known.zoo.members
    ]
    return table(("model", "fusion", *(measure.title for measure in measures)), rows)


def types(known: Known) -> str:
    """VQA accuracy by the type of the question."""
    measures = [Measure(VQA.task, VQA.output, name, ("question_type", name)) for name in TYPES]
    rows = []
    for one in known.zoo.members:
        if not short_of(known.zoo, one, VQA.task):
            found = [known.zoo.score(one.reference, measure) for measure in measures]
            rows.append([f"`{one.reference}`", *(_plain(score) for score in found)])
    return table(("model", *TYPES), rows)


def _plain(score: Score | None) -> str:
    return "–" if score is None or score.value is None else f"{score.value:.3f}"


def gains(known: Known) -> str:
    """What the picture is worth, against the pictures of others."""
    rows = []
    for one in known.zoo.members:
        rows.append([f"`{one.reference}`", *(_gain(known.zoo, one, measure) for measure in MAIN), use(known.zoo, one)])
    return table(("model", *(measure.title for measure in MAIN), "the controls say"), rows)


def _gain(zoo: Zoo, member: Member, measure: Measure) -> str:
    cell = zoo.cell(member.reference, measure.task)
    gain = cell.gain(SHUFFLED) if cell else None
    return short_of(zoo, member, measure.task) or gained(measure.gap(gain) if gain else None)


def use(zoo: Zoo, member: Member) -> str:
    """What all controls together say of a member, over its tasks."""
    found = {task: zoo.cell(member.reference, task) for task in member.tasks}
    said = {task: cell.uses_image for task, cell in found.items() if cell and cell.controlled}
    blind = [task.removeprefix("scenes_") for task, uses in said.items() if uses is False]
    if blind:
        where = "" if len(blind) == len(said) else f" ({', '.join(blind)})"
        return f"**{BADGE}**{where}"
    return "uses the image" if said and all(said.values()) else "–"


def novel(known: Known) -> str:
    """The same measures where every scene shows a pair of colour and shape that training never shows."""
    rows = []
    for one in known.zoo.members:
        rows.append([f"`{one.reference}`", *(_cell(known.zoo, one, measure, NOVEL) for measure in MAIN)])
    return table(("model", *(measure.title for measure in MAIN)), rows)


def retrieval(known: Known) -> str:
    """Recall of the members with two towers; what the others cannot do is not listed."""
    rows = []
    for reference, found in known.retrieval.items():
        for direction in DIRECTIONS:
            among = f"{found.captions if direction == DIRECTIONS[0] else found.pictures:,}"
            numbers = (shown(found.recall[direction][name]) for name in COLUMNS)
            rows.append([f"`{reference}`", direction, among, *numbers])
    return table(("model", "direction", "candidates", *(name.replace("_", " ") for name in COLUMNS)), rows)


def cost(known: Known) -> str:
    """How large, how fast, and what the training took."""
    rows = []
    for one in known.zoo.members:
        cells = [known.zoo.cell(one.reference, task) for task in TASKS]
        size = next((cell.result.model.parameters for cell in cells if cell), None)
        speeds = [cell.result.timing.samples_per_second if cell else None for cell in cells]
        rows.append(
            [
                f"`{one.reference}`",
                f"{size:,}" if size else "–",
                *(f"{speed:,.0f}" if speed else "–" for speed in speeds),
                *_training(one.name, known.costs),
            ]
        )
    answers = ("captions/s", "VQA/s", "classes/s", "NER/s")
    trained = ("trained on", "scenes", "minutes", "starts from", "minutes in all")
    return table(("model", "parameters", *answers, *trained), rows)


def _training(name: str, costs: Mapping[str, Cost]) -> list[str]:
    """Device, scenes, minutes of its own, what it starts from, and the minutes with those of what it starts from."""
    if name not in costs:
        return ["–"] * 5
    one = costs[name]
    processes = f", processes: {one.processes}" if one.processes else ""
    start = ", ".join(f"{part}: {other}" for part, other in one.start.items())
    return [
        f"{one.device or 'not said'}{processes}",
        f"{one.images:,}",
        f"{one.minutes:.0f}",
        start or "nothing",
        f"{whole_minutes(name, costs):.0f}",
    ]


def claimed(known: Known) -> str:
    """Every claim, and whether it holds."""
    rows = [[f"`{one.model}`", one.sentence, one.found, "yes" if one.holds else "**no**"] for one in known.claims]
    return table(("model", "claim", "found", "holds"), rows)


PARTS: Mapping[str, Callable[[Known], str]] = {
    "asked": asked,
    "scores": scores,
    "types": types,
    "gains": gains,
    "novel": novel,
    "retrieval": retrieval,
    "cost": cost,
    "claims": claimed,
}
"""By the name in the marks."""
