"""`velm-bench tasks fetch`: a mirror filled from a hub on loopback, mended, and used without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.cli.conftest import Velm
from tests.cli.test_offline import BLOCKED
from tests.conftest import REPOSITORY
from tests.sources.hub_server import Hub, ask, serving
from tests.sources.made_tables import packed, parquet
from velm_bench.errors import UsageError
from velm_bench.sources.hub.fetching import _export
from velm_bench.sources.hub.mirror import RECORD
from velm_bench.sources.hub.settings import Part

TASK = """
name: {name}
kind: vqa
source: {{type: hub, id: org/set, split: test, fields: {{id: i, image: image, question: q, answer: a}}{more}}}
metrics: [exact_match]
expected_samples: {expected}
"""
TEST_FILES = ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"]


def shard(*numbers: int, answer: str = "x") -> bytes:
    return parquet(
        i=[f"n{number}" for number in numbers],
        image=[packed(number) for number in numbers],
        q=["?"] * len(numbers),
        a=[answer] * len(numbers),
    )


SET = {
    "README.md": b"---\nlicense: mit\n---\n",
    TEST_FILES[0]: shard(0, 1, 2),
    TEST_FILES[1]: shard(3, 4),
    "data/train-00000-of-00001.parquet": shard(9),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture
def hub(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub with one data set, a task about it in the current folder, and a mirror that is not there yet."""
    for known in (server.data, server.refusals, server.asked, server.spoil):
        known.clear()
    server.put("org/set", SET)
    ask(monkeypatch, server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf-datasets")
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VELM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    write_task()
    return server


@pytest.mark.parametrize("where", [{"config": "/x"}, {"config": ".."}, {"split": "../../x"}])
def test_nothing_is_written_outside_of_the_mirror(tmp_path: Path, where: dict[str, str]) -> None:
    folder = tmp_path / "org" / "set"
    part = Part(**{"id": "org/set", "config": "", "split": "test", **where})
    with pytest.raises(UsageError, match="would lie outside of its mirror: correct 'config' and 'split'"):
        _export(part, "c" * 40, folder)
    assert not folder.parent.exists()


def write_task(name: str = "asked", expected: int = 5, more: str = "") -> Path:
    path = Path(f"{name}.yaml")
    path.write_text(TASK.format(name=name, expected=expected, more=more), encoding="utf-8")
    return path


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path("mirror/org/set") / RECORD).read_text(encoding="utf-8"))
    return found


def test_a_mirror_is_filled_by_one_process_at_a_time(velm: Velm, hub: Hub) -> None:
    """Two parts of a data set share its record, which the second must not write as it was before the first."""
    folder = Path("mirror/org/set")
    folder.mkdir(parents=True)
    with ThreadPoolExecutor(1) as pool, FileLock(folder / ".fetching.lock"):
        fetching = pool.submit(velm, "tasks", "fetch", "asked.yaml", "--data", "mirror")
        with pytest.raises(TimeoutError):
            fetching.result(timeout=1)
        assert not (folder / RECORD).exists()
        assert hub.asked == []
    assert fetching.result().code == 0
    assert record()["parts"]


def test_a_mirror_is_filled_once(velm: Velm, hub: Hub) -> None:
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror", "--json")
    assert done.code == 0, done.err
    (outcome,) = done.json
    sizes = [len(SET[name]) for name in TEST_FILES]
    assert (outcome["files"], outcome["fetched"], outcome["rows"], outcome["samples"]) == (2, 2, 5, 5)
    assert (outcome["size"], outcome["commit"], outcome["problem"]) == (sum(sizes), hub.commit("org/set"), "")
    written = record()
    assert [written["files"][name]["size"] for name in TEST_FILES] == sizes
    assert [written["files"][name]["rows"] for name in TEST_FILES] == [3, 2]
    (part,) = written["parts"]
    assert (part["commit"], part["split"], part["rows"], part["files"]) == (
        hub.commit("org/set"),
        "test",
        5,
        TEST_FILES,
    )
    assert {name for name in SET if (Path("mirror/org/set") / name).exists()} == {*TEST_FILES, "README.md"}
    shown = [path.name for path in Path("mirror/org/set").iterdir() if not path.name.startswith(".")]
    assert sorted(shown) == ["README.md", "data", RECORD]
    hub.asked.clear()
    again = velm("tasks", "fetch", "asked.yaml", "--data", "mirror", "--json")
    assert (again.code, again.json[0]["fetched"], hub.asked) == (0, 0, [])


@pytest.mark.parametrize("harm", ["missing", "shorter", "changed"])
def test_a_file_that_is_not_sound_is_fetched_again(velm: Velm, hub: Hub, harm: str) -> None:
    velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    path = Path("mirror/org/set") / TEST_FILES[1]
    whole = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[:-9] if harm == "shorter" else whole[:50] + b"\0" + whole[51:])
    hub.asked.clear()
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert (done.code, hub.downloads(), path.read_bytes()) == (0, [path.name], whole)
    assert "Fetching org/set/data/test-00001-of-00002.parquet." in done.err


def test_a_file_is_mended_from_the_commit_of_the_others(velm: Velm, hub: Hub) -> None:
    velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    before, commit = record(), hub.commit("org/set")
    old = dict(SET)
    hub.data["org/set"]["old"] = old
    hub.put("org/set", {**SET, **{name: shard(7, answer="y") for name in TEST_FILES}})
    (Path("mirror/org/set") / TEST_FILES[0]).unlink()
    assert velm("tasks", "fetch", "asked.yaml", "--data", "mirror").code == 0
    assert record() == before
    assert record()["parts"][0]["commit"] == commit != hub.commit("org/set")


def test_what_was_fetched_before_a_stop_is_not_fetched_again(velm: Velm, hub: Hub) -> None:
    hub.spoil.add(TEST_FILES[1])
    stopped = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert stopped.code == 4
    assert not (Path("mirror/org/set") / TEST_FILES[1]).exists()
    assert record()["parts"] == []
    hub.spoil.clear()
    hub.asked.clear()
    assert velm("tasks", "fetch", "asked.yaml", "--data", "mirror").code == 0
    assert hub.downloads() == [Path(TEST_FILES[1]).name]


def test_a_run_on_the_mirror_equals_one_on_the_hub(velm: Velm, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    results = []
    for data in ((), ("--data", "mirror")):
        arguments = ("run", "-m", "baseline:majority", "-t", "asked.yaml", "--replicates", "0", "--json", "--fresh")
        done = velm(*arguments, "-o", f"results{len(data)}", *data)
        assert done.code == 0, done.err
        results.append(done.json["runs"][0]["result"])
        ask(monkeypatch, "http://127.0.0.1:9")
    commits = [result.pop("provenance")["data_revision"] for result in results]
    assert commits == [hub.commit("org/set")] * 2
    assert all(result.pop("timing") for result in results)
    assert results[0] == results[1]


def test_other_splits_and_several_tasks(velm: Velm, hub: Hub) -> None:
    write_task("second")
    done = velm("tasks", "fetch", "asked.yaml", "second.yaml", "--splits", "train, test", "--data", "mirror", "--json")
    assert done.code == 0, done.err
    assert [(one["task"], one["fetched"]) for one in done.json] == [
        ("asked:train", 1),
        ("asked:test", 2),
        ("second:train", 0),
        ("second:test", 0),
    ]
    assert [part["split"] for part in record()["parts"]] == ["train", "test"]
    shown = velm("tasks", "fetch", "asked.yaml:train", "--data", "mirror")
    assert "asked:train" in shown.out
    assert shown.code == 0


def test_the_first_folder_of_the_environment_is_filled(velm: Velm, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = velm("tasks", "fetch", "asked.yaml")
    assert (refused.code, refused.sentence) == (
        2,
        "Error: There is no folder to fetch into: name one with --data or VELM_DATA.",
    )
    monkeypatch.setenv("VELM_DATA", os.pathsep.join(("here", "there")))
    assert velm("tasks", "fetch", "asked.yaml").code == 0
    assert Path("here/org/set", RECORD).is_file()
    assert not Path("there").exists()


def test_the_number_of_samples_is_checked(velm: Velm, hub: Hub) -> None:
    write_task(expected=6)
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert done.code == 2
    assert "has 5 samples where 'expected_samples' says 6" in done.sentence
    assert "not complete" in done.out


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        ((403, "GatedRepo"), 2, "The data set 'org/set' is gated: accept its terms at"),
        ((404, "RepoNotFound"), 2, "The hub knows no data set 'org/set'"),
        ((503, ""), 4, "The data set 'org/set' (split test) cannot be fetched, as the hub cannot be asked"),
    ],
)
def test_a_hub_that_says_no(velm: Velm, hub: Hub, refusal: tuple[int, str], code: int, message: str) -> None:
    hub.refusals["org/set"] = refusal
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert done.code == code
    assert message in done.sentence


def test_a_network_that_is_not_there(velm: Velm, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, "http://127.0.0.1:9")
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert done.code == 4
    assert "cannot be fetched, as the hub cannot be asked (ConnectError" in done.sentence
    assert "where there is a network" in done.sentence


def test_data_that_is_not_from_the_hub(velm: Velm, hub: Hub) -> None:
    done = velm("tasks", "fetch", "scenes_vqa", "asked.yaml", "--data", "mirror")
    assert done.code == 2
    assert "is not from the hub but from the source 'scenes': there is nothing to fetch" in done.sentence
    assert record()["parts"][0]["rows"] == 5


def test_data_that_is_no_parquet_becomes_some(velm: Velm, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps({"i": f"n{number}", "q": "?", "a": "x"}) + "\n" for number in range(5))
    hub.put("org/set", {"test.jsonl": lines.encode()})
    Path("asked.yaml").write_text(TASK.format(name="asked", expected=5, more="").replace("image: image, ", ""))
    assert velm("tasks", "fetch", "asked.yaml", "--data", "mirror").code == 0
    assert record()["parts"][0]["files"] == ["data/test/0000.parquet"]
    ask(monkeypatch, "http://127.0.0.1:9")
    assert velm("tasks", "fetch", "asked.yaml", "--data", "mirror", "--json").json[0]["fetched"] == 0
    assert velm("tasks", "check", "asked.yaml", "--data", "mirror").code == 0


def test_a_folder_that_cannot_be_written(velm: Velm, hub: Hub) -> None:
    Path("mirror").write_text("a file")
    done = velm("tasks", "fetch", "asked.yaml", "--data", "mirror")
    assert done.code == 2
    assert "The folder mirror cannot be written (it is a file): give another with --data" in done.sentence


def call(code: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"PYTHONPATH": str(REPOSITORY), "HF_HOME": str(folder / "hf"), "VELM_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", code, *arguments]
    kept = {key: value for key, value in os.environ.items() if key != "VELM_DATA"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**kept, **settings, **environment})


PLAIN = "import sys\nfrom velm_bench.cli.main import main\nmain(sys.argv[1:])\n"


def test_end_to_end_in_processes_of_their_own(server: Hub, tmp_path: Path) -> None:
    """Fetched through the real clients as HF_ENDPOINT says; then run with sockets blocked, from the mirror alone."""
    server.refusals.clear()
    server.put("org/set", SET)
    (tmp_path / "asked.yaml").write_text(TASK.format(name="asked", expected=5, more=""), encoding="utf-8")
    run = ("run", "-m", "baseline:majority", "-t", "asked.yaml", "--replicates", "0", "--json")
    nowhere = call(BLOCKED, tmp_path, *run)
    (sentence,) = [line for line in nowhere.stderr.splitlines() if line.startswith("Error")]
    assert nowhere.returncode == 2
    assert "Traceback" not in nowhere.stderr
    assert "The data set 'org/set' (split test) is in no data folder" in sentence
    assert "run `velm-bench tasks fetch asked.yaml --data DIR`" in sentence
    fetched = call(PLAIN, tmp_path, "tasks", "fetch", "asked.yaml", "--data", "mirror", HF_ENDPOINT=server.address)
    assert fetched.returncode == 0, fetched.stderr
    done = call(BLOCKED, tmp_path, *run, VELM_DATA="mirror")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["result"]["n"] == 5
