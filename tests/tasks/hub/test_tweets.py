"""Tweets with pictures: the tasks whose data comes as the authors' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Velm
from tests.tasks.hub.conftest import ShortTask
from tests.tasks.hub.fixtures import picture

POSTS = "IMGID:7\nRT\tO\n@Ana\tO\nMadrid\tB-LOC\nCup\tB-OTHER\nFinal\tI-OTHER\n\nIMGID:8\nhi\tO\n\n"

both = pytest.mark.parametrize("name", ["twitter2015", "twitter2017"])


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    """The files of both data sets, a few tweets each."""
    for name in ("twitter2015", "twitter2017"):
        for folder in (name, f"{name}_images"):
            (tmp_path / "data" / folder).mkdir(parents=True)
        for split in ("train", "valid", "test"):
            (tmp_path / "data" / name / f"{split}.txt").write_text(POSTS, encoding="utf-8")
        for number in (7, 8):
            picture(number).save(tmp_path / "data" / f"{name}_images" / f"{number}.jpg")
    return tmp_path / "data"


@both
def test_an_oracle_is_perfect(name: str, velm: Velm, tweets: Path, short_task: ShortTask) -> None:
    done = velm("run", "--model", "baseline:oracle", "--tasks", short_task(name), "--data", tweets, "--json")
    assert done.code == 0, done.err
    result = done.json["runs"][0]["result"]
    assert result["scores"]["entity_f1"]["value"] == 1.0
    assert (result["n"], result["n_errors"]) == (2, 0)
    checked = velm("tasks", "check", f"{short_task(name)}:validation", "--data", tweets, "--json")
    assert (checked.code, checked.json[0]["problems"]) == (0, 0)


@both
def test_a_tweet_without_its_picture_is_a_row_with_an_error(
    name: str, velm: Velm, tweets: Path, short_task: ShortTask
) -> None:
    (tweets / f"{name}_images" / "8.jpg").unlink()
    done = velm("run", "--model", "baseline:oracle", "--tasks", short_task(name), "--data", tweets, "--json")
    assert done.code == 4
    assert done.json["runs"][0]["result"]["n_errors"] == 1


@both
def test_without_the_files_one_sentence_names_them(name: str, velm: Velm) -> None:
    done = velm("tasks", "check", name)
    assert done.code == 2
    assert f"{name}/test.txt" in done.sentence
    assert "--data" in done.sentence
