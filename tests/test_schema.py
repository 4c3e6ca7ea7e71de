"""YAML of any author: one sentence for whatever it cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from velm_bench.errors import UsageError
from velm_bench.schema import DEEPEST, read_yaml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\nreleased: 2026-13-45\n", "line 2 is not valid YAML: '2026-13-45' is no date"),
        ("name: x\nsize: !!int x\n", "is not valid YAML"),
        ("name: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "line 1 is nested too deeply"),
        ("name:\n" + "- " * (DEEPEST + 1) + "x", "line 2 is nested too deeply"),
        ("".join(f"{' ' * level}a:\n" for level in range(DEEPEST + 2)), "is nested too deeply"),
    ],
)
def test_what_no_yaml_file_may_hold_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.yaml") as caught:
        read_yaml(path)
    assert said in str(caught.value)


def test_a_nest_that_would_end_the_process_is_refused(tmp_path: Path) -> None:
    """In a process of its own: the fast reader overflows the stack."""
    path = tmp_path / "mine.yaml"
    path.write_text("name: " + "[" * 100_000)
    code = f"from pathlib import Path; from velm_bench.schema import read_yaml; read_yaml(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nested too deeply" in done.stderr


def test_many_brackets_beside_each_other_are_no_nest(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("labels: [" + ", ".join(["[a, {b: c}]"] * 500) + "]\ntext: '" + "-" * 300 + "'\n")
    assert len(read_yaml(path)["labels"]) == 500
