"""A built wheel, installed in a virtual environment of its own and run from an empty folder, finds what it ships."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command; the environment borrows its dependencies from the one that runs the tests."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel],
        check=True,
        capture_output=True,
    )
    own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    (Path(own.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home / "bin" / "velm-bench"


def call(command: Path, folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([command, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_what_it_should(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "velm_bench/_shipped/tasks/vqa/scenes_vqa.yaml" in names
    assert "velm_bench/_shipped/leaderboard/app.py" in names
    assert "velm_bench/_shipped/recipes/prefix.yaml" in names
    assert "velm_bench/reference/checkpoints/prefix/model.safetensors" in names
    assert not [name for name in names if name.startswith(("tests/", "shared/"))]


def test_it_is_the_installed_package_that_answers(command: Path, tmp_path: Path) -> None:
    python = command.parent / "python"
    where = subprocess.check_output([python, "-c", "import velm_bench; print(velm_bench.__file__)"], cwd=tmp_path)
    assert str(command.parent.parent) in where.decode()


def test_tasks_and_models_are_found_from_an_empty_folder(command: Path, tmp_path: Path) -> None:
    tasks = json.loads(call(command, tmp_path, "tasks", "list", "--json"))
    assert "scenes_vqa" in {task["name"] for task in tasks}
    assert "ref:prefix" in call(command, tmp_path, "models", "list", "--json")


def test_the_main_job_runs_from_an_empty_folder(command: Path, tmp_path: Path) -> None:
    call(command, tmp_path, "run", "--model", "ref:prefix", "--tasks", "vqa:lite", "--limit", "5")
    assert len(list(tmp_path.glob("results/*/*/*/result.json"))) == 1


def test_the_leaderboard_is_found(command: Path, tmp_path: Path) -> None:
    code = "from velm_bench.shipped import shipped; print((shipped('leaderboard') / 'app.py').is_file())"
    where = subprocess.check_output([command.parent / "python", "-c", code], cwd=tmp_path, text=True)
    assert where.strip() == "True"
