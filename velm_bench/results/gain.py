"""What a model makes of the picture: its score as it is minus its score under a control, sample by sample.

The same difference, of a run and the same run under a perturbation, is how much is lost to it. Each is a file beside
the run as it is, `gain.<control>.json`: a function of the two runs alone, so that measuring it again gives the same
bytes. It names both runs by the digests of their results; where either has changed since, it is stale and never shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field

from velm_bench.digests import digest_json
from velm_bench.errors import RunError, UsageError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.pairing import Pair, open_pair
from velm_bench.results.schema import CONTROLS, SHUFFLED, Record, Resampling, Result, Score
from velm_bench.results.store import STATISTICS, read_result
from velm_bench.statistics.paired import NOISE

GAIN_VERSION = 1
"""Raised whenever a reader of the previous version would misread a file, or the same runs would give other numbers."""
DIGEST = "digest"
"""The key of a gain's file that holds the digest of all its others."""
BADGE = "does not use the image"
"""What is said of a model whose score is not better for seeing the picture."""


class Gap(Record):
    """One score of both runs, and by how much the picture, or the picture unspoilt, improves it."""

    sighted: float | None
    """The score of the run as it is; null where it is undefined."""
    control: float | None
    """The score under the control or the perturbation."""
    gain: float | None
    """By how much the run as it is does better: sighted minus control, or the reverse where a smaller number is the
    better one. Above zero the picture helps (the perturbation hurts)."""
    low: float | None = None
    """Lower bound of the gain's interval; null where it cannot be known (fewer than two groups, no replicates)."""
    high: float | None = None
    """Upper bound of the gain's interval."""
    p: float | None = None
    """Two-sided bootstrap p of no gain."""
    n: int
    """How many things the scores stand for; see Score."""
    signature: str
    """Every choice of the metric that changes the number."""
    higher_is_better: bool = True
    """Whether a larger score is the better one; the gain is turned so that larger is always better."""


class Side(Record):
    """One of the two runs."""

    run_id: str
    """Its identity, also its folder's name."""
    digest: str
    """SHA-256 over all of its result but timing and provenance: another one, and the gain is stale."""
    n_errors: int
    """How many of its samples failed; they count as wrong."""


class Gain(Record):
    """A run as it is against the same under a control or a perturbation, the whole and every slice."""

    gain_version: int = GAIN_VERSION
    """The version of this schema."""
    control: str
    """What was done to what the model is shown: "shuffled", "noise:3"."""
    sighted_run: Side
    """The run as it is."""
    control_run: Side
    """The run under the control or the perturbation."""
    primary: str
    """The name of the primary score."""
    scores: dict[str, Gap]
    """By output name: the main output of each metric, the primary one first."""
    slices: dict[str, dict[str, dict[str, Gap]]]
    """By slice name, value and output name."""
    resampling: Resampling = Field(default_factory=lambda: Resampling(method="paired cluster bootstrap, percentile"))
    """How the intervals were made: the same groups are drawn for both runs."""

    @property
    def primary_gap(self) -> Gap | None:
        """The gap of the primary score; None where it has none."""
        return self.scores.get(self.primary)

    @property
    def says_something(self) -> bool:
        """Whether it has an interval, and more failures under the control are not what a gain may come from.

        A model that cannot be asked without a picture fails in every sample then: that is no use of the picture. Where
        not even such failures lift the gain above zero, there is none.
        """
        gap = self.primary_gap
        failed_more = self.control_run.n_errors > self.sighted_run.n_errors
        return gap is not None and gap.low is not None and not (failed_more and self.above_zero)

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval of the primary score's gain lies above zero."""
        gap = self.primary_gap
        return gap is not None and gap.low is not None and gap.low > NOISE


def uses_image(gains: Sequence[Gain]) -> bool | None:
    """Whether a model uses the image, of the gains of one run; None where that cannot be said.

    It does where the gain of the primary score lies above zero against every control, `shuffled` among them; it does
    not where the gain against any control does not. A gain above zero where more samples failed under the control, and
    perturbations, have no say. docs/vision_gain.md tells why.
    """
    judged = {gain.control: gain.above_zero for gain in gains if gain.control in CONTROLS and gain.says_something}
    if not all(judged.values()):
        return False
    return True if SHUFFLED in judged else None


def badge(gains: Sequence[Gain]) -> str:
    """The badge that a run with these gains has; empty for none."""
    return BADGE if uses_image(gains) is False else ""


def gain_path(sighted: Path, control: str) -> Path:
    """Where the gain over a control lies: beside the run as it is; no file name may hold a colon everywhere."""
    return sighted / f"gain.{control.replace(':', '-')}.json"


def measure_gain(sighted: Path, other: Path) -> Gain:
    """The gain of a run over the same under a control or a perturbation, both finished; written beside the first.

    Where the file is there and still holds, nothing is computed. UsageError where the two are not such runs.
    """
    first, second = read_result(sighted), read_result(other)
    alike = first.model.digest == second.model.digest and first.shots == second.shots
    if first.control or not second.control or not alike:
        raise UsageError(
            f"The runs {sighted} and {other} are not of one model as it is and under a control: their difference is no "
            "gain."
        )
    path = gain_path(sighted, second.control)
    kept = _read(path) if path.exists() else None
    if kept is not None and not _outdated(kept, first, second):
        return kept
    gain = _measure(open_pair(other, sighted))
    try:
        write_bytes(path, encode_gain(gain))
    except OSError as error:
        raise RunError(
            f"The gain cannot be written to {path} ({error.strerror or error}): make room there and run the same "
            "command again: nothing is asked twice."
        ) from error
    return gain


def encode_gain(gain: Gain) -> bytes:
    """The bytes of a gain's file: with a digest of all the rest, so that nothing changed by hand is believed."""
    data = gain.model_dump(mode="json")
    return (json.dumps({**data, DIGEST: digest_json(data)}, indent=2, allow_nan=False) + "\n").encode("ascii")


def read_gains(folder: Path) -> tuple[list[Gain], list[str]]:
    """The gains of a run that still hold, controls first, and a sentence about each that does not."""
    gains, notes = [], []
    for path in sorted(folder.glob("gain.*.json")):
        gain = _read(path)
        if gain is None or path != gain_path(folder, gain.control):
            why = "is damaged, was changed by hand, or is of another version"
        else:
            why = _stale(gain, folder)
        if gain is None or why:
            notes.append(f"The gain in {path} {why}: run again with --controls or --perturb.")
        else:
            gains.append(gain)
    return sorted(gains, key=_order), notes


def _order(gain: Gain) -> tuple[int, str]:
    known = gain.control in CONTROLS
    return (CONTROLS.index(gain.control) if known else len(CONTROLS)), gain.control


def _read(path: Path) -> Gain | None:
    """A gain as it was written; None where the file is damaged, changed or of another version."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        whole = data.pop(DIGEST) == digest_json(data)
        return Gain.model_validate(data) if whole and data["gain_version"] == GAIN_VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _stale(gain: Gain, folder: Path) -> str:
    """Why a gain does not hold any more; empty where it does."""
    try:
        first, second = read_result(folder), read_result(folder.resolve().parent / gain.control_run.run_id)
    except UsageError:
        return f"compares with the run {gain.control_run.run_id}, which is not beside it any more"
    return "is older than the runs that it compares" if _outdated(gain, first, second) else ""


def _outdated(gain: Gain, first: Result, second: Result) -> bool:
    return (gain.control, gain.sighted_run, gain.control_run) != (second.control, _side(first), _side(second))


def _side(result: Result) -> Side:
    return Side(run_id=result.run_id, digest=digest_json(result.stable()), n_errors=result.n_errors)


def _measure(pair: Pair) -> Gain:
    """The gain of the candidate, the run as it is, over the baseline, the one under a control."""
    sighted, control = pair.candidate, pair.baseline
    slices = {
        name: {
            value: _gaps(pair, part.scores, _part(control, name, value), {name: value})
            for value, part in values.items()
        }
        for name, values in sighted.slices.items()
    }
    made = sighted.resampling
    return Gain(
        control=control.control,
        sighted_run=_side(sighted),
        control_run=_side(control),
        primary=sighted.primary,
        scores=_gaps(pair, sighted.scores, control.scores, {}),
        slices=slices,
        resampling=Resampling(
            method="paired cluster bootstrap, percentile", level=made.level, replicates=made.replicates, seed=made.seed
        ),
    )


def _part(result: Result, name: str, value: str) -> Mapping[str, Score]:
    """The scores of a slice, none where the run has no such slice."""
    part = result.slices.get(name, {}).get(value)
    return part.scores if part else {}


def _gaps(
    pair: Pair, sighted: Mapping[str, Score], control: Mapping[str, Score], where: Mapping[str, str]
) -> dict[str, Gap]:
    """The gap of every main output that both runs have, of the whole or of a slice."""
    names = (name for name in pair.candidate.main_scores if name in sighted and name in control)
    return dict(_gap(pair, name, sighted[name], control[name], where) for name in names if _measured(pair, name))


def _measured(pair: Pair, name: str) -> bool:
    """Whether both runs have the statistics of an output's metric, which a skipped one has not."""
    return all(
        f"{STATISTICS}{result.scores[name].metric}" in table.column_names
        for result, table in ((pair.baseline, pair.table), (pair.candidate, pair.other))
    )


def _gap(pair: Pair, name: str, sighted: Score, control: Score, where: Mapping[str, str]) -> tuple[str, Gap]:
    made = pair.candidate.resampling
    found = pair.difference(name, where, made.replicates, made.seed)
    value, low, high = (_number(number) for number in (found.value, found.low, found.high))
    if not sighted.higher_is_better:
        value, low, high = _negative(value), _negative(high), _negative(low)
    return name, Gap(
        sighted=sighted.value,
        control=control.value,
        gain=value,
        low=low,
        high=high,
        p=_number(found.p),
        n=sighted.n,
        signature=sighted.signature,
        higher_is_better=sighted.higher_is_better,
    )


def gap_rows(gain: Gain) -> Iterator[tuple[str, str, Gap]]:
    """Every gap with what it is of ("all" or "slice=value") and the name of its score."""
    for name, gap in gain.scores.items():
        yield "all", name, gap
    for slice_name, values in gain.slices.items():
        for value, gaps in values.items():
            for name, gap in gaps.items():
                yield f"{slice_name}={value}", name, gap


def _number(value: float) -> float | None:
    """JSON has no NaN: what is undefined is null."""
    return float(value) if math.isfinite(value) else None


def _negative(value: float | None) -> float | None:
    """The number turned round; zero stays the zero that it is."""
    return None if value is None else 0.0 - value
