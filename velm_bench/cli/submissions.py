"""What `submit` does with each model, and how it is told."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import typer

from velm_bench.board.bundles.archive import zip_bundle
from velm_bench.board.bundles.packing import by_model, pack_model
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.gathering import gather, read_bundle
from velm_bench.board.moments import now
from velm_bench.board.schema import VerifiedRun
from velm_bench.board.submitting import SHORT, DuplicateError, Receipt, rehearse, submit
from velm_bench.board.verification.recomputing import Recomputer
from velm_bench.cli.output import interval, note, number, plain, print_facts, print_json, print_table
from velm_bench.errors import RunError, UsageError, VelmError
from velm_bench.results.atomic import write_bytes
from velm_bench.results.store import safe_name
from velm_bench.schema import read_yaml

T = TypeVar("T")

HEADERS = ("run", "metric", "score", "95% interval", "claimed", "n", "errors")
NUMBERS = frozenset({"score", "claimed", "n", "errors"})


@dataclass
class Report:
    """What came of each submission."""

    receipts: list[Receipt] = field(default_factory=list)
    packed: list[tuple[Path, Bundle]] = field(default_factory=list)
    failures: list[tuple[str, VelmError]] = field(default_factory=list)
    """Whose, and why it was refused."""

    @property
    def exit_code(self) -> int:
        """The worst of all."""
        return max((error.exit_code for _, error in self.failures), default=0)

    def attempt(self, whose: str, action: Callable[[], T], passed: type[VelmError] | None = None) -> list[T]:
        """What something gives for one model; nothing where it goes wrong, which is noted, and the others go on.

        An error of the type `passed` is said, but is none.
        """
        try:
            return [action()]
        except VelmError as error:
            if passed is not None and isinstance(error, passed):
                note(str(error))
            else:
                self.failures.append((whose, error))
        except Exception as error:  # what is odd about one must not take the others with it
            said = " ".join(str(error).split())
            why = RunError(f"something unforeseen happened ({type(error).__name__}: {said:.300}): submit it alone.")
            self.failures.append((whose, why))
        return []


def read_all(
    words: Sequence[str], output: Path, card: Path | None, given: Mapping[str, str], report: Report
) -> list[Bundle]:
    """A bundle per model, packed from runs or read from files; one that is refused is noted.

    UsageError for a word that names nothing, and for a card that cannot be all of theirs.
    """
    gathered = gather(words, output)
    told = {**(read_yaml(card) if card else {}), **given}
    if told and gathered.bundles:
        raise UsageError(
            f"The bundle {gathered.bundles[0]} has its card: --card, --name and --revision are for runs only."
        )
    models = by_model(gathered.folders)
    if len(models) > 1 and "name" in told:
        raise UsageError(
            f"The runs are of {len(models)} models ({', '.join(models)}): one name cannot be all of theirs."
        )
    where = str(card) if card else "the card"
    bundles: list[Bundle] = []
    for model, runs in models.items():
        bundles += report.attempt(model, partial(pack_model, runs, told, where))
    for path in gathered.bundles:
        bundles += report.attempt(path.name, partial(read_bundle, path))
    return bundles


def pack_all(bundles: Sequence[Bundle], path: Path, report: Report) -> None:
    """Write each bundle to a file: the one that is named, or beside it one named after each model."""
    for bundle in bundles:
        place = path if len(bundles) == 1 else path.with_name(f"{path.stem}-{safe_name(_name(bundle))}{path.suffix}")
        report.packed += report.attempt(_name(bundle), partial(_write, place, bundle))


def _write(place: Path, bundle: Bundle) -> tuple[Path, Bundle]:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(place, zip_bundle(bundle))
    except OSError as error:
        raise UsageError(
            f"The bundle {place} cannot be written ({error.strerror or error}): name another file."
        ) from error
    return place, bundle


def submit_all(
    bundles: Sequence[Bundle], place: str, data: tuple[Path, ...], report: Report,
    by: str = "", supersedes: str = "", dry_run: bool = False, new: bool = False,
) -> None:  # fmt: skip
    """Submit each bundle to a board, or only try; UsageError where there is no board. With `new`, those that the board
    holds already are passed over."""
    board = Board.open(place)
    recomputer = Recomputer(board, data)
    act = rehearse if dry_run else submit
    if supersedes and len(bundles) > 1:
        raise UsageError(f"--supersedes is about one submission, and there are {len(bundles)}: submit them one by one.")
    for bundle in bundles:
        note(f"{_name(bundle)}: checking and recomputing {len(bundle.manifest.runs)} run(s) ...")
        action = partial(act, board, bundle, recomputer, at=now(), by=by, supersedes=supersedes)
        report.receipts += report.attempt(_name(bundle), action, passed=DuplicateError if new else None)


def finish(report: Report, place: str, as_json: bool) -> None:
    """Print what became of each, then the refusals; exit with the worst code."""
    if as_json:
        print_json(_as_json(report))
    else:
        for receipt in report.receipts:
            _print_receipt(receipt)
        for path, bundle in report.packed:
            print(f"{plain(_name(bundle))}: {bundle.id} in {plain(str(path))}")
    for whose, error in report.failures:
        note(f"Error in {whose}: {error}")
    if any(receipt.published for receipt in report.receipts):
        note(f"`velm-bench leaderboard --board {shlex.quote(place)}` opens the board.")
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _name(bundle: Bundle) -> str:
    return bundle.manifest.card.name


def _print_receipt(receipt: Receipt) -> None:
    done = "submitted" if receipt.published else "not submitted: this was a dry run"
    print_facts(
        {
            "model": " ".join(filter(None, [receipt.card.name, receipt.card.revision])),
            "submission": receipt.id,
            "level": f"{receipt.level} ({done})",
            "attempts": f"{receipt.attempts} under this name, this one included",
            "supersedes": receipt.superseded,
            "permalink": receipt.permalink if receipt.published else None,
        }
    )
    if receipt.runs:
        print_table(HEADERS, [_row(receipt.titles[name], run) for name, run in receipt.runs.items()], NUMBERS)
    print()
    for sentence in receipt.notes:
        note(f"{receipt.card.name} is no more than {receipt.level}: {sentence}")
    for reason in receipt.flags:
        note(f"{receipt.card.name} is flagged: {reason}")
    if receipt.earlier:
        note(
            f"{receipt.card.name}: there is an earlier submission of the same name and revision, "
            f"{', '.join(one[:SHORT] for one in receipt.earlier)}: --supersedes {receipt.earlier[-1][:SHORT]} would "
            "have this one take its place, or give another --revision."
        )


def _row(title: str, run: VerifiedRun) -> tuple[object, ...]:
    score = run.scores[run.primary]
    claimed = run.claimed.get(run.primary)
    value = (number(score.value), interval(score.low, score.high))
    return (title, run.primary, *value, number(claimed), run.n, run.n_errors)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "submissions": [_receipt_as_json(receipt) for receipt in report.receipts],
        "packed": [
            {"file": str(path), "submission": bundle.id, "model": _name(bundle)} for path, bundle in report.packed
        ],
        "failures": [
            {"model": whose, "error": str(error), "exit_code": error.exit_code} for whose, error in report.failures
        ],
    }


def _receipt_as_json(receipt: Receipt) -> dict[str, Any]:
    plain_parts = asdict(receipt)
    return {
        **plain_parts,
        "card": receipt.card.model_dump(mode="json"),
        "runs": {name: run.model_dump(mode="json") for name, run in receipt.runs.items()},
        "permalink": receipt.permalink,
    }
