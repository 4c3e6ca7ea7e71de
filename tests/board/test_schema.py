"""The records of a board: what they refuse."""

from __future__ import annotations

import pytest

from velm_bench.board.schema import Card, VerifiedRun
from velm_bench.schema import parse


@pytest.mark.parametrize("name", ["  ", "\n\r\n", "\u200b\u202e"])
def test_a_name_can_be_seen(name: str) -> None:
    with pytest.raises(Exception, match="can be seen"):
        parse(Card, {"name": name}, "the card")


def test_a_verified_run_has_its_primary_score() -> None:
    said = {"answers": "0" * 64, "n": 1, "n_errors": 0, "primary": "accuracy", "scores": {}}
    with pytest.raises(Exception, match="'scores' has no 'accuracy'"):
        parse(VerifiedRun, said, "the event")
