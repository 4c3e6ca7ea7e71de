"""What GitHub's Actions are told: lines by their rules, a summary within its limit, outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.made_verdict import hostile_verdict, large_verdict, made_row, made_verdict, mixed_verdict
from velm_bench.gate.reports.annotations import annotations, append_summary, on_actions
from velm_bench.gate.reports.markdown import SUMMARY_BYTES, job_summary
from velm_bench.gate.reports.refusals import refused
from velm_bench.gate.schema import Outcome, Tier


def levels(lines: list[str]) -> list[str]:
    return [line.removeprefix("::").split(" ")[0] for line in lines]


def test_each_row_that_does_not_pass_has_a_line_of_its_level() -> None:
    lines = annotations(mixed_verdict())
    assert levels(lines) == ["error", "error", "warning", "warning", "warning", "warning", "notice"]
    assert lines[1] == (
        "::error title=Release gate%3A scenes_ner entity_f1::regression: The loss is shown: p = 0.00004."
    )
    assert lines[3].endswith("::regression (advisory): change -0.0410 [-0.0560, -0.0260], margin 0.0200")
    assert lines[-1] == "::notice title=Release gate::Of 6 rows the worst is invalid."


def test_a_failure_without_a_row_is_an_error() -> None:
    assert annotations(refused("100% gone.", ["a"], ["b"])) == ["::error title=Release gate::Invalid: 100%25 gone."]


def test_what_passes_is_one_notice() -> None:
    assert levels(annotations(made_verdict(made_row()))) == ["notice"]


@pytest.mark.parametrize(("policy", "level"), [("pass", "notice"), ("warn", "warning"), ("fail", "error")])
def test_what_is_inconclusive_has_the_level_of_the_policy(policy: str, level: str) -> None:
    lines = annotations(made_verdict(made_row(Outcome.INCONCLUSIVE), on_inconclusive=policy))
    assert levels(lines) == [level, "notice"]


def test_more_than_github_shows_are_counted() -> None:
    rows = [made_row(Outcome.REGRESSION, task=f"t{place}") for place in range(25)]
    rows += [made_row(Outcome.REGRESSION, task=f"a{place}", tier=Tier.ADVISORY) for place in range(13)]
    lines = annotations(made_verdict(*rows))
    assert [levels(lines).count(level) for level in ("error", "warning", "notice")] == [10, 10, 1]
    assert lines[-1].endswith("Without a line of their own: 15 more errors, 3 more warnings; the report has all.")


def test_names_of_others_give_no_commands() -> None:
    for line in annotations(hostile_verdict()):
        assert "\n" not in line
        assert "\r" not in line
        head, _, message = line.removeprefix("::").partition("::")
        assert head.count(":") == head.count(",") == 0
        assert head.split(" ")[0] in ("error", "warning", "notice")
        assert "%0A" not in message.replace("%250A", "")


@pytest.mark.parametrize(("value", "found"), [("true", True), ("false", False), (None, False)])
def test_where_this_runs(monkeypatch: pytest.MonkeyPatch, value: str | None, found: bool) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    if value is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert on_actions() is found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The files of the summary and of the outputs, which are set."""
    found = tmp_path / "summary.md", tmp_path / "output"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(found[0]))
    monkeypatch.setenv("GITHUB_OUTPUT", str(found[1]))
    return found


def test_summary_and_outputs_are_added_to_what_is_there(places: tuple[Path, Path]) -> None:
    places[0].write_text("# Before\n")
    places[1].write_text("a=b\n")
    assert append_summary(mixed_verdict()) == ""
    assert places[0].read_text() == f"# Before\n\n{job_summary(mixed_verdict())}"
    assert places[1].read_text() == "a=b\noutcome=invalid\nexit-code=2\n"


@pytest.mark.parametrize("before", [0, SUMMARY_BYTES - 20_000, SUMMARY_BYTES - 1000, 2 * SUMMARY_BYTES])
def test_what_is_there_counts(places: tuple[Path, Path], before: int) -> None:
    places[0].write_bytes(b"x" * before)
    append_summary(large_verdict(3000))
    after = places[0].stat().st_size
    assert after <= max(SUMMARY_BYTES, before)
    assert (after > before) == (before <= SUMMARY_BYTES - 16_384)


def test_nothing_is_written_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert append_summary(mixed_verdict()) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said(places: tuple[Path, Path]) -> None:
    places[0].mkdir()
    assert "GITHUB_STEP_SUMMARY cannot be written" in append_summary(mixed_verdict())
    assert "outcome=invalid" in places[1].read_text()
