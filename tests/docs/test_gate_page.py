"""docs/gate.md, docs/ci.md and the README's section: their policies are valid, and their commands and flags exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

from tests.conftest import REPOSITORY
from velm_bench.cli.app import command
from velm_bench.gate.policy import CostRule, Policy, Rule, Slices, read_policy

PAGE = (REPOSITORY / "docs" / "gate.md").read_text(encoding="utf-8")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def commands() -> Iterator[str]:
    """Each line of a code block that calls velm-bench, without what is said beside it."""
    section = README[README.index("\n## The release gate") : README.index("\n## The leaderboard")]
    for text in (PAGE, section, (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")):
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield from re.findall(r"^\s*(?:- run: )?(velm-bench .*)$", block, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_of_the_pages_exists_with_its_flags(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    found, context = _deepest(words)
    known = {flag for one in found.get_params(context) for flag in one.opts}
    flags = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert flags <= known, f"{line}: {flags - known}"


def _deepest(words: list[str]) -> tuple[Any, Any]:
    """The command or subcommand that these words call."""
    found: Any = command()
    context = typer.Context(found)
    for word in words:
        below = found.get_command(context, word) if hasattr(found, "get_command") else None
        if below is None:
            break
        found, context = below, typer.Context(below, parent=context)
    assert found.name != "velm-bench", f"no command in {words}"
    return found, context


def test_the_example_policy_is_valid() -> None:
    policy = read_policy(REPOSITORY / "examples" / "gate" / "gate.yaml")
    assert policy.cost is not None


def test_the_policies_of_the_page_are_valid() -> None:
    blocks = re.findall(r"^```yaml\n(tasks:.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        Policy.model_validate(yaml.safe_load(block))


def test_every_key_of_a_policy_is_explained() -> None:
    table = PAGE[PAGE.index("## The policy file") : PAGE.index("**Choosing a margin.**")]
    explained = set(re.findall(r"`(?:slices: |cost: )?(\w+)(?:: [^`]*)?`", table))
    explained |= set(re.findall(r"`(slices|cost): ", table))
    for model in (Policy, Rule, Slices, CostRule):
        assert set(model.model_fields) <= explained
    for name, field in (*Policy.model_fields.items(), *Slices.model_fields.items()):
        if isinstance(field.default, float):
            assert re.search(rf"`(slices: )?{name}` \| {field.default:g}0? \|", table), name
