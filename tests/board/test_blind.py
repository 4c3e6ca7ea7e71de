"""Nobody who does not look outranks a model that does, by any embedded task's primary metric."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board
from velm_bench.board.schema import VerifiedRun
from velm_bench.board.verification.standing import stand
from velm_bench.tasks.registry import embedded

BLIND = ("baseline:constant", "baseline:majority", "baseline:random")
SIGHTED = ("ref:prefix", "ref:concat")


@pytest.fixture(scope="module")
def ordinary(real_board: Path) -> dict[tuple[str, str], VerifiedRun]:
    """Every ordinary run of the small board, recomputed, by model and task."""
    board = Board.open(str(real_board))
    standings = stand(board.events())
    return {
        (manifest.card.name, entry.task): standings[submission].runs[entry.name]
        for submission in board.submissions()
        for manifest in [board.manifest(submission)]
        for entry in manifest.runs
        if not entry.control
    }


def test_the_board_has_all_embedded_tasks(real_board: Path) -> None:
    asked = {name.partition(":")[0] for name in Board.open(str(real_board)).tasks}
    assert asked == {one.task.name for one in embedded()}


@pytest.mark.parametrize("blind", BLIND)
@pytest.mark.parametrize("sighted", SIGHTED)
def test_no_blind_baseline_outranks_a_sighted_model(
    real_board: Path, ordinary: dict[tuple[str, str], VerifiedRun], blind: str, sighted: str
) -> None:
    """Not by the score, and not by chance either: the intervals lie apart."""
    for task, pinned in Board.open(str(real_board)).tasks.items():
        low = ordinary[sighted, task].scores[pinned.primary].low
        high = ordinary[blind, task].scores[pinned.primary].high
        assert pinned.higher_is_better
        assert low is not None
        assert high is not None
        assert low > high, task


def test_the_floor_is_at_least_what_any_blind_baseline_has(
    real_board: Path, ordinary: dict[tuple[str, str], VerifiedRun]
) -> None:
    for task, pinned in Board.open(str(real_board)).tasks.items():
        scores = [ordinary[blind, task].scores[pinned.primary].value for blind in BLIND]
        assert pinned.floor == max(score for score in scores if score is not None)


COLUMNS = {
    "scenes_captioning": "captions: CIDEr",
    "scenes_vqa": "VQA accuracy",
    "scenes_classification": "classification",
    "scenes_ner": "NER: entity F1",
}


def test_on_the_full_splits_every_sighted_model_that_we_publish_is_above_the_floor(tmp_path: Path) -> None:
    """The published table against floors that are computed here; `ref:blind` does not look, and "cannot" is none."""
    text = (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8")
    table = text.partition("<!-- zoo: scores -->")[2].partition("<!-- end of scores -->")[0].strip().splitlines()
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    sighted = [dict(zip(header, row, strict=True)) for row in rows if row[0] != "`ref:blind`"]
    board = create_board(str(tmp_path / "board"), "Full", embedded())
    compared = 0
    for task, column in COLUMNS.items():
        floor = board.tasks[task].floor
        for row in sighted:
            found = re.match(r"[\d.]+ \[([\d.]+), [\d.]+\]$", row[column])
            if found and floor is not None:
                compared += 1
                assert float(found[1]) > floor, (row["model"], task)
    assert compared >= 4 * len(COLUMNS)
