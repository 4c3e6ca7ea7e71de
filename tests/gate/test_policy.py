"""The policy file: strict, and never one that decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gate.made_evidence import made_evidence
from velm_bench.errors import UsageError
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
        ("", "must hold keys and values"),
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
