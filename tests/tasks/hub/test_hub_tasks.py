"""Every shipped task of the hub runs on rows in its public copy's schema, and without network says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Velm
from tests.tasks.hub.conftest import ShortTask
from tests.tasks.hub.registry import MAKERS
from velm_bench.tasks.registry import definitions

HUB = {name: one for name, one in definitions().items() if one.task.source.get("type") == "hub"}
UNCOUNTED = {"aokvqa_da", "msra", "nlvr2"}
"""Tasks whose public copy nobody could count: the number of rows is not written in its card."""


def _has_examples(name: str) -> bool:
    """Whether the fixture holds the split that worked examples come from."""
    return any(table.split == definitions()[name].task.shots_split for table in MAKERS[name]().tables)


every_task = pytest.mark.parametrize("name", sorted(HUB))


def test_every_hub_task_has_a_fixture() -> None:
    assert sorted(HUB) == sorted(MAKERS)


@every_task
def test_a_task_says_where_its_data_is_from(name: str) -> None:
    task = HUB[name].task
    assert task.description.endswith(".")
    assert task.homepage.startswith("https://")
    assert task.licence
    assert task.citation
    assert (task.expected_samples is None) == (name in UNCOUNTED)
    assert HUB[name].path.parent.name == task.kind


@every_task
def test_the_fixture_is_in_order(name: str, velm: Velm, mirror: Path, short_task: ShortTask) -> None:
    done = velm("tasks", "check", short_task(name), "--data", mirror, "--json")
    (found,) = done.json
    assert (found["ok"], found["problems"]) == (True, 0), found["complaints"]
    assert found["samples"] == MAKERS[name]().samples
    assert done.code == 0


@every_task
def test_an_oracle_is_perfect(name: str, velm: Velm, mirror: Path, short_task: ShortTask) -> None:
    result = _run(velm, "baseline:oracle", short_task(name), mirror)
    output = MAKERS[name]().perfect or result["primary"]
    assert result["scores"][output]["value"] == pytest.approx(1.0)
    assert (result["n_errors"], result["parse_failures"]) == (0, 0)


@every_task
def test_a_majority_can_be_scored(name: str, velm: Velm, mirror: Path, short_task: ShortTask) -> None:
    result = _run(velm, "baseline:majority", short_task(name), mirror)
    assert result["n"] > 0
    assert result["n_errors"] == 0
    assert all(name in result["slices"] for name in HUB[name].task.slices)


@pytest.mark.parametrize("name", sorted(set(HUB) - UNCOUNTED))
def test_the_shipped_task_refuses_data_that_is_short(name: str, velm: Velm, mirror: Path) -> None:
    done = velm("tasks", "check", name, "--data", mirror)
    assert done.code == 2
    expected = HUB[name].task.expected_samples
    assert f"{MAKERS[name]().samples} samples where 'expected_samples' says {expected}" in done.sentence


@every_task
def test_without_network_and_mirror_one_sentence_says_what_to_fetch(name: str, velm: Velm, no_network: None) -> None:
    done = velm("run", "--model", "baseline:oracle", "--tasks", name)
    assert done.code == 2
    assert f"velm-bench tasks fetch {name}" in done.sentence
    assert str(HUB[name].task.source["id"]) in done.sentence


@pytest.mark.parametrize("name", sorted(name for name in MAKERS if _has_examples(name)))
def test_examples_come_from_another_split(name: str, velm: Velm, mirror: Path, short_task: ShortTask) -> None:
    """What --shots draws from can be read with the same fields."""
    done = velm("tasks", "check", f"{short_task(name)}:{HUB[name].task.shots_split}", "--data", mirror, "--json")
    assert done.code == 0, done.err
    assert done.json[0]["samples"] > 0


def _run(velm: Velm, model: str, task: Path, mirror: Path) -> dict[str, Any]:
    done = velm("run", "--model", model, "--tasks", task, "--data", mirror, "--replicates", "20", "--json")
    assert done.code == 0, done.err
    (run,) = done.json["runs"]
    result: dict[str, Any] = run["result"]
    return result
