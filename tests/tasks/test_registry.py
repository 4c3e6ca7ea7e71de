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
        ("ner/scenes*", ["scenes_ner"]),
        ("vqa:lite", ["scenes_vqa:lite"]),
        ("vqa:fresh:my-key,vqa", ["scenes_vqa:fresh:10f44029de55", "scenes_vqa"]),
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


TASK = "name: NAME\nkind: ner\nsource: {type: conll, path: x, splits: {dev: {path: y}}}\nmetrics: [entity_f1]\n"


def written(path: Path, name: str = "own") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TASK.replace("NAME", name), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a,b/task.yaml", "c:d/task.yml", "a, b: c.yaml", "x.yaml:y/task.yaml", ",.yaml"])
def test_a_path_may_hold_commas_and_colons(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    assert [one.path for one in resolve(str(path))] == [path]
    assert names(f"vqa, {path}:dev ,ner") == ["scenes_vqa", "own:dev", "scenes_ner"]


def test_many_paths_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [written(Path(f"{number:030}.yaml"), f"own{number}") for number in range(20)]
    assert len(names(",".join(map(str, paths)))) == 20


def test_a_key_may_look_like_a_file() -> None:
    assert resolve("vqa:fresh:key.yaml")[0].task.source["split"] == "fresh:key.yaml"


def test_a_split_of_a_yaml_may_hold_colons(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nkind: ner\nsource: {type: scenes}\nmetrics: [entity_f1]\n", encoding="utf-8")
    (one,) = resolve(f"{path}:fresh:a:b")
    assert one.task.source["split"] == "fresh:a:b"


def test_two_tasks_of_one_name_are_not_one(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.yaml"), written(tmp_path / "b.yaml")
    with pytest.raises(UsageError, match=r"Two tasks are called 'own' \(.*a\.yaml, .*b\.yaml\): rename one"):
        resolve(f"{first},{second}")
    mine = written(tmp_path / "mine.yaml", "scenes_vqa")
    with pytest.raises(UsageError, match=r"Two tasks are called 'scenes_vqa' \(.*mine\.yaml\): rename one"):
        resolve(f"vqa,{mine}")
    assert names(f"{first},{tmp_path}/../{tmp_path.name}/a.yaml,{first}:dev,{first}:dev") == ["own", "own:dev"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vqaa", "Unknown task 'vqaa': did you mean 'vqa'"),
        ("multiple_choice", r"The kind 'multiple_choice' has no embedded task: .* 'multiple_choice/\*' for all"),
        ("", "No task is named"),
        (" , ", "No task is named"),
        ("vqa:", "names no split"),
        ("zzz/*", "Unknown task"),
        ("none.yaml", "cannot be read"),
        ("none.yaml:dev", r"The file none\.yaml cannot be read"),
        ("no,ne.yaml", "Unknown task 'no'"),
    ],
)
def test_words_that_mean_nothing(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(words)
