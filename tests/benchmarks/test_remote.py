"""The benchmark of served models runs, and measures what it says."""

from __future__ import annotations

import pytest

from benchmarks.remote import main, measure


def test_every_round_of_every_concurrency_is_measured() -> None:
    speeds = measure(samples=12, latency=0.02, concurrency=[1, 4], rounds=2)
    assert {places: len(found) for places, found in speeds.items()} == {1: 2, 4: 2}
    assert all(0 < speed <= places / 0.02 for places, found in speeds.items() for speed in found)


def test_a_line_per_concurrency_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--samples", "6", "--latency", "0.01", "--concurrency", "2", "3", "--rounds", "1"])
    title, head, *lines = capsys.readouterr().out.splitlines()
    assert title == "6 samples, 10 ms latency, median of 1"
    assert head.split() == ["concurrency", "samples/s", "best", "share"]
    assert [line.split()[0] for line in lines] == ["2", "3"]
    assert [line.split()[2] for line in lines] == ["200.0", "300.0"]
