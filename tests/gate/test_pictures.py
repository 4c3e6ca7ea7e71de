"""Questions and pictures of flipped samples: from the task's own source, the right one or none, and a sentence then."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import REPOSITORY
from tests.gate.made_evidence import made_evidence
from tests.gate.made_verdict import made_flip
from tests.made_boards import command
from tests.sources.made_tables import packed, parquet, write
from velm_bench.engine.pictures import LARGEST, encode_png, shrunk
from velm_bench.gate.evidence import Evidence, evidence_of
from velm_bench.gate.pictures import Pictures, find_pictures
from velm_bench.gate.schema import Flip
from velm_bench.results.pairing import ReadRun, read_run
from velm_bench.samples import Sample
from velm_bench.sources.scenes.source import ScenesSettings, ScenesSource


def evidence(results: Path, task: str, model: str = "ref=prefix") -> Evidence:
    """A run of the real results as evidence; the one without a control."""
    found = [read_run(path.parent) for path in sorted(results.glob(f"{model}/{task}/*/result.json"))]
    return evidence_of(next(run for run in found if not run.result.control))


def flips_of(one: Evidence, count: int = 3) -> list[Flip]:
    return [made_flip(str(name), task=one.title) for name in one.ids[:count]]


def scenes(kind: str) -> dict[str, Sample]:
    return {sample.id: sample for sample in ScenesSource(ScenesSettings(type="scenes", split="lite"), kind).samples()}


def pixels(png: bytes) -> Any:
    import io

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def rerun(one: Evidence, **changes: Any) -> Evidence:
    """The evidence with its result's fields replaced."""
    assert one.run is not None
    return replace(one, run=ReadRun(one.run.folder, one.run.result.model_copy(update=changes), one.run.table))


def test_the_pictures_are_those_of_the_samples(real_results: Path) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    found = find_pictures([one], flips_of(one))
    asked = scenes("vqa")
    assert found.notes == {}
    assert len(found.samples) == 3
    for (title, name), shown in found.samples.items():
        assert title == "scenes_vqa:lite"
        assert shown.question == asked[name].inputs["question"]
        picture = pixels(shown.pngs[0])
        assert picture.shape == (256, 256, 3)
        assert (picture[::4, ::4] == asked[name].images[0].decode()).all()
    flip = made_flip(str(one.ids[0]), task=one.title)
    assert found.of(flip) is not None
    assert Pictures().of(flip) is None


def test_every_kind_has_its_prompt(real_results: Path) -> None:
    tasks = [evidence(real_results, f"scenes_{kind}=lite") for kind in ("captioning", "classification", "ner")]
    found = find_pictures(tasks, [flip for one in tasks for flip in flips_of(one, 1)])
    assert found.notes == {}
    assert {title for title, _ in found.samples} == {one.title for one in tasks}
    assert all(shown.pngs for shown in found.samples.values())
    words = next(shown.question for (title, _), shown in found.samples.items() if title == "scenes_ner:lite")
    assert len(words.split()) > 3, "the words that were to be tagged"


def test_a_sample_with_other_content_is_never_shown(real_results: Path) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    other = np.where(np.arange(one.n) == 0, "f" * 16, one.contents)
    found = find_pictures([replace(one, contents=other)], flips_of(one))
    assert (one.title, str(one.ids[0])) not in found.samples
    assert len(found.samples) == 2
    assert found.notes[one.title].startswith("1 of its samples are not shown")
    whole = find_pictures([replace(one, contents=np.full(one.n, "f" * 16))], flips_of(one))
    assert whole.samples == {}
    assert whole.notes[one.title].endswith("is not what the run asked.")


def test_without_contents_the_fingerprint_decides(real_results: Path) -> None:
    one = replace(evidence(real_results, "scenes_vqa=lite"), contents=np.full(200, ""))
    assert len(find_pictures([one], flips_of(one)).samples) == 3
    assert find_pictures([replace(one, fingerprint="0" * 64)], flips_of(one)).samples == {}


def test_an_unknown_sample_is_counted(real_results: Path) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    found = find_pictures([one], [*flips_of(one, 1), made_flip("nope", task=one.title)])
    assert len(found.samples) == 1
    assert "1 of its samples" in found.notes[one.title]


def test_a_run_under_a_control_says_that_the_model_saw_something_else(real_results: Path) -> None:
    runs = [read_run(path.parent) for path in sorted(real_results.glob("ref=prefix/scenes_vqa=lite/*/result.json"))]
    one = evidence_of(next(run for run in runs if run.result.control == "blank"))
    found = find_pictures([one], flips_of(one))
    assert found.notes == {"scenes_vqa:lite (blank)": "The model was not shown these pictures as they are (blank)."}
    assert len(found.samples) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"run": None}, "no run with its answers is here, only a baseline."),
        ({"imported": "lm-eval 0.4.13"}, "another harness ran it, whose data is not known here."),
        ({"title": "another"}, "no run with its answers is here, only a baseline."),
    ],
)
def test_what_has_no_run_of_ours_is_a_sentence(real_results: Path, change: dict[str, Any], said: str) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    found = find_pictures([replace(one, **change)], flips_of(one))
    assert found.samples == {}
    assert found.notes == {one.title: f"The pictures of {one.title} are not shown: {said}"}


def test_a_definition_that_does_not_say_all_is_a_sentence(real_results: Path) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    assert one.run is not None
    task = one.run.result.task
    hidden = {**task.definition, "source": {**task.definition["source"], "split": "fresh:0123456789ab"}}
    found = find_pictures([rerun(one, task=task.model_copy(update={"definition": hidden}))], flips_of(one))
    assert found.samples == {}
    assert "the key of a secret split is hidden" in found.notes[one.title]


@pytest.mark.parametrize(
    "definition", [{}, {"name": 3}, {"name": "a", "kind": "no such", "source": {}, "metrics": ["x"]}]
)
def test_a_damaged_definition_is_a_sentence(real_results: Path, definition: dict[str, Any]) -> None:
    one = evidence(real_results, "scenes_vqa=lite")
    assert one.run is not None
    task = one.run.result.task.model_copy(update={"definition": definition})
    found = find_pictures([rerun(one, task=task)], flips_of(one))
    assert found.samples == {}
    assert "cannot be read: In the definition of task 'scenes_vqa:lite'" in found.notes[one.title]


def test_the_whole_secret_of_a_split_stays_out(tmp_path: Path) -> None:
    command("run", "--model", "baseline:constant", "--tasks", "ner:fresh:hush", "--limit", "20", folder=tmp_path)
    one = evidence_of(read_run(next(tmp_path.glob("results/*/*/*/result.json")).parent))
    found = find_pictures([one], flips_of(one))
    assert found.samples == {}
    assert "hush" not in str(found.notes)
    assert "secret split" in found.notes[one.title]


@pytest.fixture
def folder_task(tmp_path: Path) -> Path:
    """A task of one's own with pictures in files beside it, and a run of it."""
    (tmp_path / "images").mkdir()
    lines = ["id,image,question,answer"]
    for place in range(4):
        Image.fromarray(np.full((900, 600, 3), 60 * place, np.uint8)).save(tmp_path / "images" / f"{place}.png")
        lines.append(f"q{place},{place}.png,Which?,{place}")
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    task = {
        "name": "own",
        "kind": "vqa",
        "source": {
            "type": "csv", "path": "rows.csv", "images": "images",
            "fields": {"id": "id", "image": "image", "question": "question", "references": "answer"},
        },
        "metrics": ["vqa_accuracy"],
    }  # fmt: skip
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(task))
    command("run", "--model", "baseline:constant", "--tasks", "own.yaml", "--output", "results", folder=tmp_path)
    return tmp_path


def test_a_task_of_ones_own_is_found_beside_its_file_or_in_a_data_folder(
    folder_task: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = evidence_of(read_run(next(folder_task.glob("results/*/*/*/result.json")).parent))
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    absent = find_pictures([one], flips_of(one))
    assert absent.samples == {}
    assert "own cannot be read" in absent.notes["own"]
    found = find_pictures([one], flips_of(one), [folder_task])
    assert found.notes == {}
    assert pixels(found.samples["own", "q1"].pngs[0]).shape == (448, 299, 3)
    assert (pixels(found.samples["own", "q2"].pngs[0]) == 120).all()
    (folder_task / "images" / "1.png").unlink()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder_task / "images" / "2.png")
    assert set(find_pictures([one], flips_of(one), [folder_task]).samples) == {("own", "q0")}
    monkeypatch.chdir(folder_task)
    assert set(find_pictures([one], flips_of(one)).samples) == {("own", "q0")}


def test_nothing_is_fetched_for_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from velm_bench.sources.hub import finding
    from velm_bench.tasks.registry import definitions

    def refused(*given: Any) -> Any:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(finding, "on_hub", refused)
    monkeypatch.setattr(finding, "export", refused)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    task = definitions()["pope"].task
    real = made_evidence([1.0, 0.0], title="pope")
    result = made_result_of(task)
    one = replace(real, run=ReadRun(tmp_path, result, None))
    found = find_pictures([one], [made_flip("s0", task="pope")], [tmp_path])
    assert found.samples == {}
    assert found.notes["pope"].endswith("is in no data folder: give its folder with --data or VELM_DATA.")


def made_result_of(task: Any) -> Any:
    from tests.made_runs import made_result, made_score

    result = made_result("m", task.name, task.kind, {"accuracy": made_score(0.5, "accuracy")})
    info = result.task.model_copy(update={"definition": task.public_definition(), "digest": task.digest()})
    return result.model_copy(update={"task": info})


@pytest.fixture
def hub_task(tmp_path: Path) -> Path:
    """A task on a data set of the hub that lies in the data folder `mirror`, and a run of it."""
    columns = {"image": [packed(40), packed(80)], "q": ["one?", "two?"], "a": ["x", "y"]}
    write(tmp_path, "mirror/org/set/data/test-00000-of-00001.parquet", parquet(**columns))
    fields = {"image": "image", "question": "q", "references": "a"}
    source = {"type": "hub", "id": "org/set", "split": "test", "fields": fields}
    task = {"name": "far", "kind": "vqa", "source": source, "metrics": ["vqa_accuracy"]}
    (tmp_path / "far.yaml").write_text(yaml.safe_dump(task))
    words = ("--model", "baseline:constant", "--tasks", "far.yaml", "--data", "mirror")
    command("run", *words, folder=tmp_path)
    return tmp_path


def test_a_data_set_of_the_hub_is_read_from_a_data_folder(hub_task: Path) -> None:
    one = evidence_of(read_run(next(hub_task.glob("results/*/*/*/result.json")).parent))
    found = find_pictures([one], flips_of(one), [hub_task / "mirror"])
    assert found.notes == {}
    assert [shown.question for shown in found.samples.values()] == ["one?", "two?"]
    assert all(shown.pngs for shown in found.samples.values())


def test_a_data_set_of_the_hub_is_read_from_what_its_client_kept(hub_task: Path) -> None:
    pytest.importorskip("huggingface_hub")
    kept = hub_task / "hub" / "datasets--org--set"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (kept / "snapshots").mkdir(parents=True)
    (hub_task / "mirror" / "org" / "set").rename(kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    program = (
        "import socket, sys\n"
        "from pathlib import Path\n"
        "def refuse(*given, **named): raise AssertionError('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from tests.gate.test_pictures import evidence_of, find_pictures, flips_of, read_run\n"
        "one = evidence_of(read_run(next(Path('results').glob('*/*/*/result.json')).parent))\n"
        "found = find_pictures([one], flips_of(one))\n"
        "print([shown.question for shown in found.samples.values()], dict(found.notes), 'torch' in sys.modules)\n"
    )
    settings = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HF_HUB_CACHE": str(hub_task / "hub")}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=hub_task, env=settings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['one?', 'two?'] {} False"


def test_no_torch_is_loaded() -> None:
    program = (
        "import sys, velm_bench.gate.pictures, velm_bench.gate.reports.files, velm_bench.gate.reports.annotations\n"
        "print([name for name in ('torch', 'transformers', 'streamlit', 'datasets', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_picture_is_shrunk_before_it_is_stored() -> None:
    assert shrunk(np.zeros((10, 2000, 3), np.uint8), 448).shape == (2, 448, 3)
    assert pixels(encode_png(np.zeros((10, 3000, 3), np.uint8))).shape[1] == LARGEST
