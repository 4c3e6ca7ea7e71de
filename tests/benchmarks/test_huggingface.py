"""The benchmark of `hf:` models runs, and both of its sides give the same answers (it asserts that itself)."""

from __future__ import annotations

import pytest

from benchmarks.huggingface import main


def test_prints_both_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--images", "12", "--batch-size", "5", "--rounds", "1", "--width", "32"])
    said = capsys.readouterr().out
    assert said.count("median ratio") == 2
    assert "runner to by hand" in said
    assert "together to one at a time" in said
