"""The package of docs/adding.md, as it stands there: built, installed, and run by the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY

FEW = 30
"""An example has fewer lines than these."""


def examples() -> dict[str, str]:
    """The files of the page by name: blocks whose first line is a comment with a file's name."""
    text = (REPOSITORY / "docs" / "adding.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w+\n# (\S+\.(?:py|yaml|toml))\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return dict(blocks)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the task, its data, and the package installed under `installed`."""
    home = tmp_path_factory.mktemp("adding")
    for name, text in examples().items():
        path = home / ("" if name.endswith(".yaml") else "package") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    flags = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", home / "installed"]
    subprocess.run([sys.executable, "-m", "pip", "install", *flags, home / "package"], check=True, capture_output=True)
    (home / "notes").mkdir()
    for name, level, truth in (("harbour-1", 220, "day"), ("harbour-2", 30, "night")):
        Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(home / "notes" / f"{name}.png")
        (home / "notes" / f"{name}.txt").write_text(truth, encoding="utf-8")
    return home


def call(workplace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "velm_bench.cli.main", *arguments]
    paths = [str(workplace / "installed"), str(REPOSITORY)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, timeout=120)


def test_every_example_is_there_and_short() -> None:
    found = examples()
    python = {f"velm_weather/{name}.py" for name in ("metric", "model", "source")}
    assert set(found) == {"pyproject.toml", "weather.yaml", *python}
    long = {name: len(text.splitlines()) for name, text in found.items() if len(text.splitlines()) >= FEW}
    assert long == {}


def test_the_package_runs_as_the_page_says(workplace: Path) -> None:
    checked = call(workplace, "tasks", "check", "weather.yaml", "--json")
    assert checked.returncode == 0, checked.stderr
    ran = call(workplace, "run", "--model", "brightness:128", "--tasks", "weather.yaml", "--json")
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(ran.stdout)["runs"]
    scores = run["result"]["scores"]
    assert {name: score["value"] for name, score in scores.items()} == {"first_word": 1.0, "exact_match": 1.0}
    assert run["result"]["slices"]["place"]["harbour"]["scores"]["first_word"]["n"] == 2


def test_what_the_model_says_depends_on_the_picture(workplace: Path) -> None:
    ran = call(workplace, "run", "--model", "brightness:230", "--tasks", "weather.yaml", "--json")
    (run,) = json.loads(ran.stdout)["runs"]
    assert run["result"]["scores"]["first_word"]["value"] == 0.5


def test_listings_know_the_package(workplace: Path) -> None:
    listed = call(workplace, "models", "list", "--json")
    assert "brightness:..." in {one["model"] for one in json.loads(listed.stdout)}
