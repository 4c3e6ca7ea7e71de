"""What a large board costs, and how often rank intervals hold the truth.

    python benchmarks/board.py [--submissions 5000] [--tasks 20] [--rows 50000] [--verified 300] [--simulations 40]

Printed are seconds of the clock (and of the processor, which a busy machine changes less), each with its target: the
index made from manifests and events; the Board page's frame with ranks that are kept, for which the recomputed runs of
some submissions lie there; what the other pages make of a listing; rank intervals of 300 models x
5,000 samples x 1,000 replicates, weights included; the same steps for a board of very many rows with one task; and the
coverage of 95 % rank intervals on simulated boards of 50 models whose true ranks are known.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.made_board import add_runs, make_board
from benchmarks.simulated_boards import ABILITIES, coverage, simulated
from velm_bench.board.folder import Board
from velm_bench.board.listings.board_listing import list_board
from velm_bench.board.listings.index import rebuild
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.ranking import rank_frame
from velm_bench.board.pages import plots
from velm_bench.board.pages.comparing import compare_frame
from velm_bench.board.pages.entrants import entrants
from velm_bench.board.pages.facets import facets
from velm_bench.board.pages.frames import View, board_frame
from velm_bench.board.pages.model_frames import scores_of
from velm_bench.board.pages.releases import predecessor, release_frame, speed_frame, task_scores
from velm_bench.board.pages.task_frames import baseline_frame, blind_and_sighted, ranked_rows, slice_frame
from velm_bench.metrics import build
from velm_bench.statistics.joint import Asked, joint_replicates
from velm_bench.statistics.ranking import Ranks, rank_intervals

T = TypeVar("T")


def timed(what: str, target: str, work: Callable[[], T]) -> T:
    """Do it and print a row of the table."""
    clock, processor = time.perf_counter(), time.process_time()
    found = work()
    spent = time.perf_counter() - clock, time.process_time() - processor
    print(f"| {what} | {spent[0]:.2f} s | {spent[1]:.2f} s | {target} |", flush=True)
    return found


def measure_board(submissions: int, tasks: int, verified: int, target: str) -> None:
    """Index, listing, ranks and pages of one made board, of which some submissions' runs are on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "board"
        make_board(place, submissions, tasks)
        board = Board.open(str(place))
        runs = add_runs(board, verified, board.tasks)
        size = f"{submissions:,} x {tasks}"
        timed(f"index of {size} made anew", target, lambda: rebuild(board))
        listing = timed(f"listing of {size} from its index", "-", lambda: list_board(board))
        ranks = timed(f"scores and ranks of {size}, {runs:,} runs read", "-", lambda: rank_frame(listing))
        if int(ranks["rank_low"].notna().sum()) != min(verified, submissions):
            raise SystemExit("The made board has not the rank intervals that it should have.")
        timed(f"ranks of {size} as they are kept", "-", lambda: rank_frame(listing))
        timed(
            f"Board frame of {size} with kept ranks and their intervals",
            "< 1 s",
            lambda: board_frame(listing, View(), rank_frame(listing)),
        )
        measure_pages(listing, size)


def measure_pages(listing: Listing, size: str) -> None:
    """What the pages Board, Task, Model and Compare make of a listing, beside the ranks."""
    task, two = next(iter(listing.tasks)), list(listing.runs["submission"].unique()[:2])
    best = two[0]
    ranks = rank_frame(listing, tasks=(task,))
    frame = board_frame(listing, View(task=task), ranks)
    timed(f"Board of {size}: what can be chosen", "-", lambda: facets(listing))
    timed(
        f"Board of {size}: its charts",
        "-",
        lambda: (plots.score_by_row(frame), plots.score_over_time(frame), plots.size_against_quality(frame)),
    )
    timed(
        f"Task of {size}",
        "-",
        lambda: (
            blind_and_sighted(listing, task),
            baseline_frame(listing, task),
            ranked_rows(listing, task, ranks),
            slice_frame(listing, task),
        ),
    )
    timed(
        f"Model of {size}",
        "-",
        lambda: (
            scores_of(listing, best),
            release_frame(listing, best, task_scores(listing, task)),
            predecessor(listing, best),
            speed_frame(listing, task, best),
        ),
    )
    timed(f"Compare of {size}: who can be chosen", "-", lambda: entrants(listing))
    timed(f"Compare of {size}: two models", "-", lambda: compare_frame(listing, two, task))


def ranked(models: int, samples: int, replicates: int) -> Ranks:
    """Draw weights, resample and rank."""
    chance = np.random.default_rng(0)
    groups = np.asarray([f"image {sample // 2:05d}" for sample in range(samples)])
    right = (chance.random((models, samples)) < np.linspace(0.3, 0.7, models)[:, None]).astype(np.float64)
    runs = [np.column_stack([row, np.ones(samples)]) for row in right]
    asked = Asked(build("accuracy"), "accuracy", "made", groups, runs)
    return rank_intervals(right.mean(axis=1), joint_replicates({"task": asked}, replicates)["task"])


def measure_coverage(simulations: int) -> None:
    """The share of true ranks within their intervals, and how wide these are."""
    print(f"\n| 50 models, {simulations} boards | coverage | mean width | target |\n|---|---|---|---|")
    for abilities in ABILITIES:
        boards = [simulated(abilities, seed) for seed in range(simulations)]
        found = [rank_intervals(board.scores, board.replicates) for board in boards]
        width = np.mean([(ranks.high - ranks.low).mean() + 1 for ranks in found])
        covered = np.mean([coverage(board) for board in boards])
        print(f"| {abilities} | {covered:.1%} | {width:.1f} ranks | >= 93 % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a large board costs.")
    parser.add_argument("--submissions", type=int, default=5000)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--verified", type=int, default=300, help="submissions whose runs are on this machine")
    parser.add_argument("--simulations", type=int, default=40)
    given = parser.parse_args()
    print(f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    print("| what | clock | processor | target |\n|---|---|---|---|")
    measure_board(given.submissions, given.tasks, given.verified, "< 20 s")
    timed("ranks of 300 x 5,000 samples x 1,000 replicates", "< 3 s", lambda: ranked(300, 5000, 1000))
    timed("ranks of 1,000 x 5,000 x 1,000", "-", lambda: ranked(1000, 5000, 1000))
    timed("ranks of 5,000 x 1,000 x 1,000", "-", lambda: ranked(5000, 1000, 1000))
    measure_board(given.rows, 1, given.verified, "-")
    measure_coverage(given.simulations)


if __name__ == "__main__":
    main()
