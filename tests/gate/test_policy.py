"""The policy file: strict, and never one that decides nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gate.made_evidence import made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.evidence import Evidence
from velm_bench.gate.policy import default_policy, read_policy
from velm_bench.gate.schema import Tier
from velm_bench.metrics import build

SMALL = "tasks: {vqa: {score: {margin: 0.02}}}\n"


def written(folder: Path, text: str) -> Path:
    """A policy file."""
    path = folder / "gate.yaml"
    path.write_text(text)
    return path


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, SMALL))
    rule = policy.tasks["vqa"]["score"]
    assert (rule.margin, rule.budget, rule.tier) == (0.02, None, Tier.REQUIRED)
    assert (policy.alpha, policy.replicates, policy.on_inconclusive) == (0.05, 10_000, "warn")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: it must hold keys and values"),
        ("tasks:", "it must hold keys and values, given was None"),
        ("tasks: {}", "nothing would be decided"),
        ("tasks: {vqa: {}}", "nothing would be decided"),
        ("tasks: {vqa: {score: {margin: 0.02, tier: advisory}}}", "nothing would be decided"),
        ("alpha: 0.05", "the key 'tasks' is missing"),
        (SMALL + "alfa: 0.1", "unknown key 'alfa': did you mean 'alpha'"),
        ("tasks: {vqa: {score: {margn: 0.02}}}", "margn"),
        ("tasks: {vqa: {score: {margin: -0.02}}}", "margin"),
        ("tasks: {vqa: {score: {margin: .nan}}}", "margin"),
        ("tasks: {vqa: {score: {margin: .inf}}}", "margin"),
        ("tasks: {vqa: {score: {margin: two}}}", "margin"),
        ("tasks: {vqa: {score: 0.02}}", "score"),
        (SMALL + "alpha: 0", "alpha"),
        (SMALL + "alpha: 0.7", "alpha"),
        (SMALL + "replicates: 10", "replicates"),
        (SMALL + "on_inconclusive: ignore", "on_inconclusive"),
        (SMALL + "slices: {smallest: 0}", "smallest"),
        (SMALL + "slices: {fdr: 2}", "fdr"),
        (SMALL + "cost: {slowdown: -1}", "slowdown"),
        (SMALL + SMALL, "twice"),
        ("tasks: {vqa: {score: {margin: yes}}}", r"margin' is not valid: a number belongs there"),
        ("tasks: {vqa: {score: {margin: 0.02, budget: on}}}", "budget' is not valid: a number belongs there"),
        (SMALL + "alpha: off", "alpha"),
        (SMALL + "seed: yes", "seed' is not valid: a number belongs there"),
        (SMALL + "cost: {slowdown: true}", "slowdown' is not valid: a number belongs there"),
        (SMALL + "alpha: 1e-320", "alpha"),
        (SMALL + "alpha: 1.0e-320", "alpha' is not valid: input should be greater than or equal to 0.000001"),
        (SMALL + "power: 1.0e-320", "power"),
        (SMALL + "power: 0.9999999999", "power"),
        (SMALL + "slices: {fdr: 1.0e-320}", "fdr"),
        (SMALL + "cost: {tier: required}", "neither slowdown nor memory is named"),
        (
            "tasks: {vqa: {score: {margin: 0.02, teir: advisory}}}",
            "unknown key 'tasks.vqa.score.teir': did you mean 'tier'",
        ),
        ("tasks: {vqa: {score: {margin: 0.02, zzz: 1}}}", "'tasks.vqa.score.zzz': known are: budget, margin, tier."),
        (SMALL + "slices: {smalest: 3}", "'slices.smalest': did you mean 'smallest'"),
        (SMALL + "cost: {memroy: 3}", "'cost.memroy': did you mean 'memory'"),
        (
            "tasks: {vqa: {score: 0.02}}",
            r"tasks.vqa.score' is not valid: it must hold keys and values \(margin, budget",
        ),
        ("tasks: {yes: {score: {margin: 0.02}}}", "'tasks' has the key True, which is no text: put it in quotes"),
        (SMALL + "on: push", "it has the key True, which is no text: put it in quotes"),
        ("tasks: {vqa: {score: {margin: 2 %}}}", "tasks.vqa.score.margin' is not valid"),
        ("? [a]\n: 1", "line 1 is not valid YAML: a key is a list or a mapping"),
        ("? {a: b}\n: 1", "line 1 is not valid YAML: a key is a list or a mapping"),
        ("tasks: [", "not valid YAML"),
        ("- a", "must hold keys and values"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_policy(written(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "gate.yaml" in str(caught.value)


def test_the_digest_is_of_what_it_says_and_not_of_how(tmp_path: Path) -> None:
    short = read_policy(written(tmp_path, SMALL))
    long = read_policy(written(tmp_path, "alpha: 0.05\n" + SMALL + "replicates: 10000\n"))
    other = read_policy(written(tmp_path, SMALL + "alpha: 0.1\n"))
    assert short.digest() == long.digest() != other.digest()


def test_by_default_every_primary_score_is_required() -> None:
    policy = default_policy([made_evidence([1, 0]), made_evidence([1, 0], title="other")])
    assert {task: list(rules) for task, rules in policy.tasks.items()} == {"scenes_vqa": ["score"], "other": ["score"]}
    assert {rule.margin for rules in policy.tasks.values() for rule in rules.values()} == {0.02}
    assert default_policy([made_evidence([1, 0])], 0.07).tasks["scenes_vqa"]["score"].margin == 0.07


def test_a_score_without_bound_has_a_margin_of_its_own_size() -> None:
    one = made_evidence([1.5, 2.5])
    assert build("given:score").best is None
    assert default_policy([one]).tasks["scenes_vqa"]["score"].margin == pytest.approx(0.04)


def test_a_policy_is_no_pipe(tmp_path: Path) -> None:
    """Nobody waits for a writer that may never come."""
    os.mkfifo(tmp_path / "gate.yaml")
    with pytest.raises(UsageError, match="cannot be read: it is no regular file"):
        read_policy(tmp_path / "gate.yaml")


def test_a_loss_that_is_small_throughout_has_no_margin_of_two_points() -> None:
    def by_default(*scores: float, output: str = "score") -> float:
        one = made_evidence(scores, output=output)
        return default_policy([one]).tasks["scenes_vqa"][output].margin

    assert by_default(0.0004, 0.0006) == 0.02
    assert by_default(0.5, -0.4) == pytest.approx(0.02 * 0.05)
    lower = lossy([0.0004, 0.0006])
    assert default_policy([lower]).tasks["scenes_vqa"]["score"].margin == pytest.approx(1e-5)
    assert default_policy([lossy([0.0, 0.0, 1.0])]).tasks["scenes_vqa"]["score"].margin == 0.02


def lossy(scores: list[float]) -> Evidence:
    """Evidence of an imported score of which less is better."""
    one = made_evidence(scores)
    metric = build("given:score:lower")
    score = one.scores["score"].model_copy(update={"metric": "given:score:lower", "signature": metric.signature})
    return replace(one, scores={"score": score}, statistics={"given:score:lower": one.statistics["given:score"]})


def test_no_task_is_no_policy() -> None:
    with pytest.raises(UsageError, match="no task"):
        default_policy([])


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_one_sentence(margin: float) -> None:
    with pytest.raises(UsageError, match=r"The margin .* cannot be"):
        default_policy([made_evidence([1, 0])], margin)
