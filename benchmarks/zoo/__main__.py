"""Ask the reference family, check what is claimed of it, and write docs/reference.md's tables, its plot and the cards.

python -m benchmarks.zoo                          # whatever was not asked yet, then everything written
python -m benchmarks.zoo --controls 1000 --jobs 4 # the controls on a thousand samples of each task: far sooner done
python -m benchmarks.zoo --only-write --check     # from the runs that are there; exits 1 if a claim does not hold
python -m benchmarks.zoo --models blind,prefix --limit 100 --into /tmp/try
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.zoo.asking import Asking, ask
from benchmarks.zoo.claims import claims, lines
from benchmarks.zoo.family import Member, chosen
from benchmarks.zoo.retrieval import Found, kept, measured
from benchmarks.zoo.runs import Zoo, read_zoo
from benchmarks.zoo.tables import Known
from benchmarks.zoo.training import Cost, cost
from benchmarks.zoo.writing import ROOT, write_all
from velm_bench.errors import UsageError, VelmError
from velm_bench.models.reference import CHECKPOINTS

RESULTS = Path("results/zoo")


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: that of the worst run, 1 for a claim that does not hold under --check, else 0."""
    given = _parser().parse_args(words)
    try:
        return work(given)
    except VelmError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of the runs; results/zoo")
    parser.add_argument("--models", default="", help="ask only these checkpoints, comma-separated; all are written")
    parser.add_argument("--limit", type=int, help="ask only so many samples of each task, for a try; needs --into")
    parser.add_argument(
        "--controls",
        type=int,
        help="ask only so many samples of each task under controls, and of unseen pairs",
    )
    parser.add_argument("--device", default="auto", help="where to ask them: cpu, cuda, auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each model; 1, for speeds that compare")
    parser.add_argument("--jobs", type=int, default=1, help="models asked at a time; 1")
    parser.add_argument("--into", type=Path, default=ROOT, help="write below this folder instead of the repository")
    parser.add_argument("--only-write", action="store_true", help="ask nothing: write from the runs that are there")
    parser.add_argument("--check", action="store_true", help="exit 1 if a claim does not hold or was not measured")
    return parser


def work(given: argparse.Namespace) -> int:
    """Ask what is to be asked, say whether the claims hold, write."""
    if given.limit is not None and given.into.resolve() == ROOT:
        raise UsageError("--limit is for a try, whose numbers are not the family's: name a folder with --into.")
    names = [name.strip() for name in given.models.split(",") if name.strip()]
    controls = given.limit if given.controls is None else given.controls
    how = Asking(given.results, given.limit, controls, given.device, given.threads, given.jobs)
    worst = 0 if given.only_write else ask(chosen(names), how)
    members = chosen([])
    zoo = read_zoo(given.results, members, given.limit, controls)
    for sentence in zoo.notes:
        print(f"Left out: {sentence}", file=sys.stderr)
    if not zoo.cells:
        raise UsageError(f"There are no whole runs of these checkpoints in {given.results}: leave --only-write out.")
    found = claims(zoo)
    print(*lines(found), sep="\n")
    known = Known(zoo, _costs(members), _retrieval(zoo, how, names, given.only_write), found)
    for path in write_all(known, given.into):
        print(path)
    return max(worst, int(given.check and not all(claim.holds for claim in found)))


def _costs(members: Sequence[Member]) -> Mapping[str, Cost]:
    """By checkpoint; one without a log is left out."""
    folders = {member.name: CHECKPOINTS / member.name for member in members}
    return {name: cost(folder) for name, folder in folders.items() if (folder / "training.jsonl").is_file()}


def _retrieval(zoo: Zoo, how: Asking, names: Sequence[str], only_write: bool) -> Mapping[str, Found]:
    """By reference; measured now where it may be asked and was not."""
    found = {}
    for member in zoo.members:
        ask_it = not only_write and (not names or member.name in names)
        one = measured(member, how.results, how.limit, how.device) if ask_it else kept(member, how.results, how.limit)
        if one is not None:
            found[member.reference] = one
    return found


if __name__ == "__main__":
    sys.exit(main())
