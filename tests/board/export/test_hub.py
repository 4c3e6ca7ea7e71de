"""For the hub: what huggingface_hub itself reads back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.board.export.made_snapshots import HOSTILE, listing, run, small_board, snapshot, task
from velm_bench.board.export.hub import files
from velm_bench.errors import UnavailableError

huggingface_hub = pytest.importorskip("huggingface_hub")
SHA = "0123456789abcdef0123456789abcdef01234567"


def _ignored(_: str) -> None:
    pass


def _card(data: bytes, folder: Path) -> Any:
    place = folder / "README.md"
    place.write_bytes(data)
    return huggingface_hub.ModelCard.load(place)


def test_the_model_index_reads_back_with_all_whole_scores(tmp_path: Path) -> None:
    tasks = {"seen": task("seen", "vqa"), "words": task("words", "ner")}
    runs = [run("a", "Model A", name, one.kind, 0.75) for name, one in tasks.items()]
    found = files(snapshot(listing(runs, tasks)), {}, _ignored)
    card = _card(found["Model-A~" + next(path for path in found).split("~")[1].split("/")[0] + "/README.md"], tmp_path)
    assert card.data.model_name == "Model A"
    results = {(one.task_type, one.dataset_name, one.metric_type): one.metric_value for one in card.data.eval_results}
    assert results == {
        ("visual-question-answering", "seen", "accuracy"): 0.75,
        ("visual-question-answering", "seen", "ece"): 0.5,
        ("token-classification", "words", "accuracy"): 0.75,
        ("token-classification", "words", "ece"): 0.5,
    }
    assert all(one.verified is None for one in card.data.eval_results)  # that is for the hub to say


def test_a_task_of_the_hub_has_its_benchmark_and_another_the_one_that_is_named() -> None:
    source = {"type": "hub", "id": "org/bench", "config": "part", "split": "test", "revision": SHA}
    tasks = {
        "hub": task("hub", "vqa", definition={"source": source}),
        "own": task("own", "vqa"),
        "not": task("not", "ner"),
    }
    runs = [run("a", "a", name, one.kind, 0.75) for name, one in tasks.items()]
    notes: list[str] = []
    found = files(snapshot(listing(runs, tasks)), {"own": "me/mine:seen"}, notes.append)
    entries = {
        path: huggingface_hub.parse_eval_result_entries(yaml.safe_load(data))
        for path, data in found.items()
        if path.endswith(".yaml")
    }
    assert set(entries) == {"a/.eval_results/hub.yaml", "a/.eval_results/own.yaml"}
    (first,), (second,) = entries.values()
    assert (first.dataset_id, first.task_id, first.dataset_revision) == ("org/bench", "part", SHA)
    assert (second.dataset_id, second.task_id, second.value) == ("me/mine", "seen", 0.75)
    assert first.date == "2026-03-04"
    assert "95 % interval 0.7000 to 0.8000; recomputed" in first.notes
    assert len(notes) == 1
    assert "The task not has no benchmark on the hub" in notes[0]


def test_hostile_names_are_plain_values_of_the_metadata(tmp_path: Path) -> None:
    found = files(small_board(), {"seen": "me/mine"}, _ignored)
    readmes = [data for path, data in found.items() if path.endswith("README.md")]
    assert len(readmes) == 7  # neither the control nor what was withdrawn
    names = [_card(data, tmp_path).data.model_name for data in readmes]
    assert names == [*list(HOSTILE.values())[:4], "safe⟨202E⟩gnp.exe", HOSTILE["quote"], "Incomplete"]
    for path, data in found.items():
        assert ".." not in path.split("/")
        body = data.decode("utf-8").rpartition("\n---\n")[2]
        assert path.endswith(".yaml") or body.strip().startswith("Evaluation results of velm-bench, snapshot")
        assert not any(name in body for name in HOSTILE.values() if path.endswith(".md"))


def test_two_submissions_of_one_name_have_two_folders() -> None:
    tasks = {"seen": task("seen", "vqa")}
    runs = [run(letter, name, "seen", "vqa", 0.5) for letter, name in (("a", "twin"), ("b", "Twin"), ("c", "other"))]
    found = files(snapshot(listing(runs, tasks)), {}, _ignored)
    assert set(found) == {f"twin~{'a' * 12}/README.md", f"Twin~{'b' * 12}/README.md", "other/README.md"}


def test_an_undefined_score_is_left_out(tmp_path: Path) -> None:
    found = files(
        snapshot(listing([run("a", "a", "seen", "vqa", None)], {"seen": task("seen", "vqa")})),
        {"seen": "a/b"},
        _ignored,
    )
    assert list(found) == ["a/README.md"]
    assert [one.metric_type for one in _card(found["a/README.md"], tmp_path).data.eval_results] == ["ece"]


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UnavailableError, match="pip install"):
        files(small_board(), {}, _ignored)


def test_the_same_snapshot_gives_the_same_files() -> None:
    assert files(small_board(), {}, _ignored) == files(small_board(), {}, _ignored)
