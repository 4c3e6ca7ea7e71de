"""Files that lm-eval 0.4.13 and lmms-eval 0.7.3 wrote about three questions, read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from velm_bench.errors import UsageError
from velm_bench.results.foreign.base import ForeignRun
from velm_bench.results.foreign.converting import convert
from velm_bench.results.foreign.lm_eval import find_results, read_runs

FILES = Path(__file__).parent / "files"


def runs(folder: Path) -> dict[str, ForeignRun]:
    return {run.task: run for path in find_results(folder) for run in read_runs(path)}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES / "lm_eval", tmp_path / "out"))


def test_both_tasks_of_lm_eval_are_read_with_every_filter() -> None:
    found = runs(FILES / "lm_eval")
    assert set(found) == {"colours_mc", "colours_gen"}
    assert {run.harness for run in found.values()} == {"lm-eval 0.4.13"}
    chosen, written = found["colours_mc"], found["colours_gen"]
    assert [sample.scores["acc"] for sample in chosen.samples] == [1.0, 1.0, 0.0]
    assert [sample.answer for sample in chosen.samples] == ["0", "1", "1"]
    assert chosen.reported == pytest.approx({"acc": 2 / 3, "acc_norm": 2 / 3})
    assert [sample.answer for sample in written.samples] == ["lol", "lol", "lol"]
    assert set(written.samples[0].scores) == {"exact_match@strict", "exact_match@flexible"}
    assert len(written.samples) == written.total == 3


def test_lmms_eval_wraps_scores_and_prints_addresses() -> None:
    run = runs(FILES / "lmms_eval")["colours_vqa"]
    assert run.harness.startswith("lmms-eval")
    assert [sample.scores for sample in run.samples][1] == {"colour_accuracy": 0.0, "exact_match": 0.0}
    assert run.reported == pytest.approx({"colour_accuracy": 2 / 3, "exact_match": 2 / 3})
    assert "0x" not in str(run.settings)


def test_documents_that_lmms_eval_digests_alike_stay_apart() -> None:
    samples = runs(FILES / "lmms_eval")["colours_vqa"].samples
    assert len({json.dumps(sample.content) for sample in samples}) == 3


def test_metrics_of_which_less_is_better_are_known(copied: Path) -> None:
    path = next(copied.glob("results_*.json"))
    results = json.loads(path.read_text())
    results["higher_is_better"]["colours_mc"]["acc"] = False
    path.write_text(json.dumps(results))
    assert runs(copied)["colours_mc"].lower_is_better == {"acc"}


def test_a_run_without_its_samples_says_how_to_get_them(copied: Path) -> None:
    for path in copied.glob("samples_*"):
        path.unlink()
    with pytest.raises(UsageError, match="--log_samples"):
        runs(copied)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:-40], "line 3: it is no valid JSON"),
        (lambda text: text + "[]\n", "line 4: it must be a JSON object"),
        (lambda text: text + '{"id": 1}\n', "line 4: it has no 'doc_id'"),
        (lambda text: text + text.splitlines()[0] + "\n", "about '0' again"),
    ],
)
def test_a_damaged_line_is_named(copied: Path, spoil: object, said: str) -> None:
    path = next(copied.glob("samples_colours_mc*"))
    path.write_text(spoil(path.read_text()))  # type: ignore[operator]
    with pytest.raises(UsageError, match=said):
        runs(copied)


def test_another_json_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results_1.json").write_text("{}")
    with pytest.raises(UsageError, match="no result file of lm-eval"):
        runs(tmp_path)


def test_scores_that_are_only_reported_have_their_direction(copied: Path) -> None:
    path = next(copied.glob("results_*.json"))
    results = json.loads(path.read_text())
    results["results"]["colours_mc"]["word_perplexity,none"] = 12.5
    results["higher_is_better"]["colours_mc"]["word_perplexity"] = False
    path.write_text(json.dumps(results))
    result, _ = convert(runs(copied)["colours_mc"], replicates=0)
    assert {name: score.higher_is_better for name, score in result.scores.items()} == {
        "acc": True, "acc_norm": True, "word_perplexity": False
    }  # fmt: skip


def test_a_task_without_its_samples_does_not_stop_those_after_it(copied: Path) -> None:
    path = next(copied.glob("results_*.json"))
    first = next(iter(json.loads(path.read_text())["configs"]))
    next(copied.glob(f"samples_{first}_*")).unlink()
    found = read_runs(path)
    assert next(found).task != first
    with pytest.raises(UsageError, match=f"samples of '{first}' are not beside"):
        next(found)


@pytest.mark.parametrize("number", ["9" * 400, "NaN", "1e999"])
def test_a_number_that_is_none_is_no_score(copied: Path, number: str) -> None:
    path = next(copied.glob("samples_colours_mc*"))
    path.write_text(path.read_text().replace('"acc": 1.0', f'"acc": {number}'))
    assert [sample.scores.get("acc") for sample in runs(copied)["colours_mc"].samples] == [None, None, 0.0]


@pytest.mark.parametrize("odd", [None, 3, "x", [1], {"a": {"b": [1]}}])
def test_whatever_stands_about_a_task_it_is_read_or_refused_in_a_sentence(copied: Path, odd: object) -> None:
    path = next(copied.glob("results_*.json"))
    whole = json.loads(path.read_text())
    for part in ("results", "configs", "n-samples", "higher_is_better", "versions"):
        path.write_text(json.dumps({**whole, part: dict.fromkeys(whole["configs"], odd)}))
        assert {run.task for run in read_runs(path)} == set(whole["configs"])


def test_a_task_that_no_file_can_be_called_by_is_refused(copied: Path) -> None:
    path = next(copied.glob("results_*.json"))
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "configs": {"x" * 5000: {}}}))
    with pytest.raises(UsageError, match="no file can have"):
        list(read_runs(path))


def test_metrics_that_are_no_list_of_names_are_passed_over(copied: Path) -> None:
    path = next(copied.glob("samples_colours_mc*"))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    changed = [row | {"metrics": odd} for row, odd in zip(rows, (3, [["acc"], "acc"], {}), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in changed))
    assert [sample.scores.get("acc") for sample in runs(copied)["colours_mc"].samples] == [1.0, 1.0, 0.0]
