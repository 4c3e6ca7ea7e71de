"""What the words after --tasks mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from velm_bench.errors import UsageError
from velm_bench.tasks.registry import definitions, resolve


def names(words: str) -> list[str]:
    return [one.task.name for one in resolve(words)]


def test_the_embedded_tasks_are_there() -> None:
    assert {"scenes_captioning", "scenes_vqa", "scenes_classification", "scenes_ner"} <= set(definitions())


def test_every_shipped_task_stands_in_its_kinds_folder_under_its_name() -> None:
    for one in definitions().values():
        assert one.path.stem == one.task.name
        assert one.path.parent.name == one.task.kind


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("vqa", ["scenes_vqa"]),
        ("scenes_ner", ["scenes_ner"]),
        ("vqa, captioning", ["scenes_vqa", "scenes_captioning"]),
        ("vqa,scenes_vqa", ["scenes_vqa"]),
        ("ner/*", ["scenes_ner"]),
        ("vqa:lite", ["scenes_vqa:lite"]),
        ("vqa:fresh:my-key,vqa", ["scenes_vqa:fresh:my-key", "scenes_vqa"]),
    ],
)
def test_words(words: str, expected: list[str]) -> None:
    assert names(words) == expected


def test_a_glob_over_everything() -> None:
    assert set(names("*")) == set(definitions())


def test_a_yaml_path_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nkind: ner\nsource: {type: conll, path: x}\nmetrics: [entity_f1]\n", encoding="utf-8")
    assert names(str(path)) == ["own"]
    assert resolve(str(path))[0].path == path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vqaa", "Unknown task 'vqaa': did you mean 'vqa'"),
        ("", "No task is named"),
        (" , ", "No task is named"),
        ("vqa:", "names no split"),
        ("zzz/*", "Unknown task"),
        ("none.yaml", "cannot be read"),
    ],
)
def test_words_that_mean_nothing(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(words)
