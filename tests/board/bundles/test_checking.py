"""What can be said about a bundle without any data: each thing that is not as it should be has its sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.board.made_bundles import changed_line, repacked, runs_of, with_claims, with_lines
from velm_bench.board.bundles.checking import check_contents, check_form
from velm_bench.board.bundles.packing import pack, run_files
from velm_bench.board.folder import Bundle
from velm_bench.board.schema import PinnedTask
from velm_bench.errors import UsageError
from velm_bench.results.schema import Result
from velm_bench.results.store import read_result
from velm_bench.tasks.registry import resolve

VQA, NER, BLANK = "scenes_vqa=lite", "scenes_ner=lite", "scenes_vqa=lite-blank~e560e3a26fbc"
RESULT, ANSWERS = run_files(VQA)


def pinned(result: Result) -> PinnedTask:
    """The task of a run as a board pins it."""
    return PinnedTask(
        name=result.task.name, kind=result.task.kind, file="tasks/x.yaml", split="lite", digest=result.task.digest,
        fingerprint=result.data.fingerprint, content=result.data.content, samples=result.n, primary=result.primary,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(real_results: Path) -> Bundle:
    runs = [run for run in runs_of(real_results, "ref=prefix") if run.parent.name in (VQA, NER)]
    return pack(runs, {})[0]


@pytest.fixture(scope="module")
def tasks(real_results: Path) -> Mapping[str, PinnedTask]:
    results = [read_result(run) for run in runs_of(real_results, "baseline=oracle")]
    return {result.task.name: pinned(result) for result in results}


@pytest.fixture(scope="module")
def definitions() -> Mapping[str, Mapping[str, Any]]:
    return {one.task.name: one.task.public_definition() for one in resolve("vqa:lite,ner:lite")}


def check(bundle: Bundle, tasks: Mapping[str, PinnedTask], definitions: Any = None) -> None:
    """Everything that can be said without data."""
    check_form(bundle, tasks, definitions)
    for entry in bundle.manifest.runs:
        check_contents(bundle, entry, tasks[entry.task])


def test_a_bundle_of_real_runs_is_sound(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    assert [entry.name for entry in bundle.manifest.runs] == [NER, VQA, BLANK]
    check(bundle, tasks)
    whole = with_claims(bundle, VQA, setting("provenance", "device", to="a GPU \U0001f600"))  # two halves of a letter
    check(whole, tasks)


def refused(bundle: Bundle, tasks: Mapping[str, PinnedTask], *words: str, definitions: Any = None) -> str:
    with pytest.raises(UsageError) as caught:
        check(bundle, tasks, definitions)
    said = str(caught.value)
    assert all(word in said for word in words), said
    return said


def setting(*place: str, to: object) -> Callable[[dict[str, Any]], None]:
    """A change of one field of a result."""

    def change(value: dict[str, Any]) -> None:
        for key in place[:-1]:
            value = value[key]
        value[place[-1]] = to

    return change


@pytest.mark.parametrize(
    ("place", "to", "words"),
    [
        (("task", "name"), "scenes_ner:lite", ["'task.name'", "scenes_ner:lite", "scenes_vqa:lite"]),
        (("control",), "shuffled", ["'control'", "shuffled"]),
        (("model", "name"), "ref:other", ["'model.name'", "ref:other", "ref:prefix"]),
        (("model", "digest"), "0" * 64, ["'model.digest'", "000000"]),
        (("data", "fingerprint"), "0" * 64, ["'data.fingerprint'", "other data"]),
        (("data", "limit"), 50, ["'data.limit'", "50", "all", "--limit"]),
        (("data", "content"), "0" * 64, ["'data.content'", "000000"]),
        (("n",), 399, ["'n'", "399", "400"]),
        (("n_errors",), 3, ["'n_errors'", "3"]),
        (("primary",), "exact_match", ["'primary'", "exact_match", "vqa_accuracy"]),
        (("task", "kind"), "captioning", ["'task.digest'"]),
        (("schema_version",), 99, ["'schema_version'", "99"]),
        (("surprise",), 1, ["surprise"]),
        (("scores", "vqa_accuracy", "value"), "high", ["scores.vqa_accuracy.value"]),
        (("scores", "vqa_accuracy", "value"), float("nan"), ["NaN"]),
        (("model", "details"), {"a": float("inf")}, ["Infinity"]),
        (("provenance", "device"), "\ud800", ["provenance.device", "Unicode"]),
        (("model", "details"), {"\udc00": 1}, ["model.details", "Unicode"]),
        (("imported",), "lm-eval 0.4.13", ["'imported'", "lm-eval 0.4.13"]),
    ],
)  # fmt: skip
def test_claims_that_do_not_fit_are_refused_with_their_field(
    bundle: Bundle, tasks: Mapping[str, PinnedTask], place: tuple[str, ...], to: object, words: list[str]
) -> None:
    refused(with_claims(bundle, VQA, setting(*place, to=to)), tasks, RESULT, *words)


def test_the_same_seed_is_asked_where_it_decides_something(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    check(with_claims(bundle, VQA, setting("data", "seed", to=5)), tasks)  # it chose nothing: all samples were asked
    blank = with_claims(bundle, BLANK, setting("data", "seed", to=5))
    refused(blank, tasks, "'data.seed'", "5", "--seed")
    check(with_claims(bundle, VQA, setting("data", "limit", to=1000)), tasks)  # a limit that left nothing out


@pytest.mark.parametrize(
    ("place", "to", "words"),
    [
        (("prompt",), "Look: {question}", ["'prompt'", "Look: {question}"]),
        (("generation", "max_new_tokens"), 7, ["'generation.max_new_tokens'", "is 7"]),
        (("source", "split"), "test", ["'source.split'", "'test'", "'lite'"]),
        (("labels",), ["a"], ["'labels'", "['a']", "nothing"]),
    ],
)
def test_another_task_is_refused_with_what_differs(
    bundle: Bundle, tasks: Mapping[str, PinnedTask], definitions: Any, place: tuple[str, ...], to: object,
    words: list[str],
) -> None:  # fmt: skip
    def change(value: dict[str, Any]) -> None:
        setting("task", "definition", *place, to=to)(value)
        value["task"]["digest"] = "1" * 64

    other = with_claims(bundle, VQA, change)
    refused(other, tasks, RESULT, "'task.digest'", "scenes_vqa:lite", *words, definitions=definitions)
    refused(other, tasks, "'task.digest'", "source, prompt, generation settings or labels")


def test_a_task_that_the_board_lacks_is_refused_with_the_nearest(
    bundle: Bundle, tasks: Mapping[str, PinnedTask]
) -> None:
    few = {name: task for name, task in tasks.items() if name != "scenes_vqa:lite"}
    refused(bundle, few, VQA, "scenes_vqa:lite", "does not ask", "scenes_")


def test_answers_about_other_samples_are_refused(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    refused(with_lines(bundle, VQA, changed_line(3, content="0" * 64)), tasks, ANSWERS, "'content' was changed")
    refused(with_lines(bundle, VQA, lambda lines: lines[:-1]), tasks, ANSWERS, "399", "400")
    refused(with_lines(bundle, VQA, lambda lines: [*lines[1:], lines[0]]), tasks, ANSWERS, "order")
    more = with_lines(bundle, VQA, lambda lines: [*lines, lines[0].model_copy(update={"id": "more"})])
    refused(more, tasks, ANSWERS, "'more'")
    failed = with_lines(bundle, VQA, changed_line(0, answer=None, error="no answer"))
    refused(failed, tasks, ANSWERS, "1 samples have an 'error'", "'n_errors' of 0")


def test_the_form_alone_is_sound_where_the_contents_are_not(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    """Whoever has the data names the sample."""
    check_form(with_lines(bundle, VQA, lambda lines: lines[:-1]), tasks)


def runs(bundle: Bundle, change: Callable[[list[dict[str, Any]]], object]) -> Bundle:
    """The bundle with other entries of runs in its manifest."""
    value = bundle.manifest.model_dump(mode="json")
    change(value["runs"])
    return Bundle(type(bundle.manifest).model_validate(value), bundle.files)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.reverse(), ["'runs'", "sorted"]),
        (lambda found: found[0].update(name="other"), ["other", NER]),
        (lambda found: found[0].update(control="dark"), [NER, "dark"]),
        (lambda found: found[0].update(control="noise"), [NER, "noise:3"]),
        (lambda found: found.pop(), ["belongs to no run"]),
    ],
)
def test_a_manifest_whose_runs_are_not_in_order_is_refused(
    bundle: Bundle, tasks: Mapping[str, PinnedTask], change: Callable[[list[dict[str, Any]]], object], words: list[str]
) -> None:
    refused(runs(bundle, change), tasks, "manifest.json", *words)


def test_files_that_are_not_those_of_the_manifest_are_refused(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    files = dict(bundle.files)
    lacking = {path: data for path, data in files.items() if path != ANSWERS}
    refused(repacked(bundle, lacking), tasks, ANSWERS, "missing")
    refused(Bundle(bundle.manifest, lacking), tasks, ANSWERS, "missing")
    refused(repacked(bundle, {**files, "runs/x/model.pkl": b"\x80"}), tasks, "runs/x/model.pkl")
    refused(Bundle(bundle.manifest, {**files, "more.txt": b""}), tasks, "more.txt", "no run")
    torn = bytearray(files[ANSWERS])
    torn[100] ^= 1
    refused(Bundle(bundle.manifest, {**files, ANSWERS: bytes(torn)}), tasks, ANSWERS, "digest")
    backwards = bundle.manifest.model_copy(update={"files": bundle.manifest.files[::-1]})
    refused(Bundle(backwards, files), tasks, "'files'", "sorted")


def test_claims_that_are_no_result_are_refused(bundle: Bundle, tasks: Mapping[str, PinnedTask]) -> None:
    for data, words in (
        (b"\x80\x04pickle", ["UTF-8"]),
        (b"[1]", ["object"]),
        (b'{"a": 1, "a": 2}', ["'a'", "twice"]),
        (b'{"a":' + b"[" * 200_000, ["deeply"]),
        (json.dumps({"schema_version": 1}).encode(), ["missing"]),
    ):
        refused(repacked(bundle, {**bundle.files, RESULT: data}), tasks, RESULT, *words)
