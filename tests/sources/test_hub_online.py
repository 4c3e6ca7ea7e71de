"""The `hub` source against a hub on loopback, through the real clients."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sources.hub_server import Hub, ask, serving
from tests.sources.made_tables import levels, packed, parquet, png
from velm_bench.errors import SampleError, UsageError
from velm_bench.schema import parse
from velm_bench.sources import SOURCES, Place, Source
from velm_bench.sources.packed import _COLUMNS

VQA = {"id": "i", "image": "image", "question": "q", "answer": "a"}
CARD = b"---\nlicense: mit\n---\n# A data set\n"
DEAD = "http://127.0.0.1:9"


def shard(*numbers: int) -> bytes:
    return parquet(
        i=[f"n{number}" for number in numbers],
        image=[packed(number) for number in numbers],
        q=["?"] * len(numbers),
        a=["x"] * len(numbers),
    )


SET = {
    "README.md": CARD,
    "data/test-00000-of-00002.parquet": shard(0, 1, 2),
    "data/test-00001-of-00002.parquet": shard(3, 4),
    "data/train-00000-of-00001.parquet": shard(9),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture
def hub(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub without data sets; the clients ask it, and keep what they get in the test's own folder."""
    server.data.clear()
    server.refusals.clear()
    server.asked.clear()
    ask(monkeypatch, server.address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hf-datasets")
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    return server


def opened(kind: str = "vqa", **section: Any) -> Source:
    source = SOURCES.get("hub")
    settings = {"type": "hub", "id": "org/set", "split": "test", "fields": VQA, **section}
    return source.open(parse(source.Settings, settings, "task 'test'"), Place((), task="asked"), kind)


def numbers(source: Source) -> list[int]:
    return [level for sample in source.samples() for level in levels(sample)]


@pytest.mark.parametrize("streaming", [False, True])
def test_parquet_of_the_hub(hub: Hub, streaming: bool, tmp_path: Path) -> None:
    commit = hub.put("org/set", SET)
    source = opened(streaming=streaming)
    assert source.revision() == commit
    assert numbers(source) == [0, 1, 2, 3, 4]
    assert not any("train" in one for one in hub.downloads())
    kept = list((tmp_path / "hf").rglob("*.parquet"))
    assert len(kept) == (0 if streaming else 2)


def test_streaming_asks_for_what_is_looked_at(hub: Hub) -> None:
    hub.put("org/looked", SET)
    found = list(opened(id="org/looked", streaming=True).samples())
    hub.asked.clear()
    assert levels(found[4]) == [4]
    assert set(hub.downloads()) == {"test-00001-of-00002.parquet"}
    hub.asked.clear()
    assert levels(found[3]) == [3]
    assert hub.downloads() == []  # the same row group


def test_streaming_that_breaks_off_is_an_error_of_the_sample(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("org/gone", SET)
    found = list(opened(id="org/gone", streaming=True).samples())
    hub.refusals["org/gone"] = (404, "RepoNotFound")
    with pytest.raises(SampleError, match=r"The image of test-00000-of-00002.parquet, row 1 cannot be read"):
        found[0].images[0].decode()


def test_a_commit_that_was_asked_for_before_is_not_asked_for_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.put("org/set", SET)
    first = opened(revision=commit)
    hub.asked.clear()
    again = opened(revision=commit)
    assert hub.asked == []
    assert (numbers(again), again.fingerprint()) == (numbers(first), first.fingerprint())


def test_what_was_there_once_is_there_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.put("org/set", SET)
    fingerprint = opened().fingerprint()
    ask(monkeypatch, DEAD)
    source = opened()
    assert (numbers(source), source.revision(), source.fingerprint()) == ([0, 1, 2, 3, 4], commit, fingerprint)
    with pytest.raises(
        UsageError, match=r"the hub cannot be asked \(.*\): run `velm-bench tasks fetch asked --data DIR`"
    ):
        opened(split="train")


def test_a_snapshot_that_another_program_has_downloaded(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    commit = hub.put("org/set", {**SET, "loose/0000.parquet": shard(1)})
    huggingface_hub.snapshot_download(
        "org/set", repo_type="dataset", allow_patterns=["data/test*", "loose/*", "README.md"]
    )
    ask(monkeypatch, DEAD)
    source = opened()
    assert (numbers(source), source.revision()) == ([0, 1, 2, 3, 4], commit)
    for unsure in ({"split": "train"}, {"files": "loose/*.parquet"}):
        with pytest.raises(UsageError, match=r"the hub cannot be asked"):
            opened(**unsure)


def test_a_branch_is_the_commit_that_it_is_now(hub: Hub) -> None:
    first = hub.put("org/set", SET)
    other = {"en/test/0000.parquet": shard(7)}
    converted = hub.put("org/set", other, "refs/convert/parquet")
    source = opened(revision="refs/convert/parquet", config="en")
    assert (numbers(source), source.revision()) == ([7], converted)
    second = hub.put("org/set", {**SET, "README.md": b"# Another\n", "data/test-00001-of-00002.parquet": shard(5)})
    assert (numbers(opened()), opened().revision()) == ([0, 1, 2, 5], second)
    assert first != second


JSONL = "".join(json.dumps({"i": f"n{number}", "q": "?", "a": "x"}) + "\n" for number in range(250)).encode()


@pytest.mark.parametrize("streaming", [False, True])
def test_json_lines_are_read_by_datasets(hub: Hub, streaming: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    card = b"---\nconfigs:\n- config_name: default\n  data_files:\n  - {split: test, path: x.jsonl}\n---\n"
    commit = hub.put("org/set", {"README.md": card, "x.jsonl": JSONL})
    fields = {"id": "i", "question": "q", "answer": "a"}
    source = opened(fields=fields, streaming=streaming)
    assert [sample.id for sample in source.samples()] == [f"n{number}" for number in range(250)]
    assert source.revision() == commit
    hub.asked.clear()
    again = opened(fields=fields, streaming=streaming)
    assert again.fingerprint() == source.fingerprint()
    assert any("x.jsonl" in one for one in hub.asked) is streaming


def test_a_folder_of_pictures_is_read_by_datasets(hub: Hub) -> None:
    pictures = {f"test/{name}/{level}.png": png(level) for level, name in enumerate(("cat", "dog", "cat"))}
    hub.put("org/set", pictures)
    source = opened("classification", fields={"image": "image", "label": "label"})
    found = list(source.samples())
    assert source.options() == ("cat", "dog")
    assert sorted((sample.references[0], levels(sample)[0]) for sample in found) == [("cat", 0), ("cat", 2), ("dog", 1)]


def test_pictures_that_are_read_in_passing_outlive_their_source(hub: Hub) -> None:
    hub.put("org/set", {f"test/{name}/{level}.png": png(level) for level, name in enumerate(("cat", "dog", "cat"))})
    fields = {"image": "image", "label": "label"}
    found = list(opened("classification", fields=fields, streaming=True).samples())
    gc.collect()
    assert sorted(levels(sample)[0] for sample in found) == [0, 1, 2]
    folder = Path(found[0].images[0].file.path).parent  # type: ignore[attr-defined]
    del found
    _COLUMNS.kept.clear()
    gc.collect()
    assert not folder.exists()


def test_what_datasets_has_kept_is_there_without_a_network(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    hub.put("org/set", {"test.jsonl": JSONL})
    datasets.load_dataset("org/set", split="test")
    ask(monkeypatch, DEAD)
    source = opened(fields={"id": "i", "question": "q", "answer": "a"})
    assert len(list(source.samples())) == 250
    del source
    gc.collect()


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (
            403,
            "GatedRepo",
            r"The data set 'org/set' is gated: accept its terms at http://.*/datasets/org/set, log in with",
        ),
        (401, "RepoNotFound", r"The hub knows no data set 'org/set', or it is private: correct 'source.id' or log in"),
        (404, "RepoNotFound", r"The hub knows no data set 'org/set'"),
        (404, "RevisionNotFound", r"The data set 'org/set' has no revision 'v2' on the hub: correct 'source.revision'"),
        (500, "", r"is in no data folder \(none is given\), and the hub cannot be asked \(HfHubHTTPError: .*500"),
    ],
)
def test_a_hub_that_says_no(hub: Hub, status: int, code: str, message: str) -> None:
    hub.refusals["org/set"] = (status, code)
    with pytest.raises(UsageError, match=message) as raised:
        opened(revision="v2")
    assert "\n" not in str(raised.value)


def test_what_was_had_before_a_hub_says_no(hub: Hub) -> None:
    hub.put("org/set", SET)
    opened()
    hub.refusals["org/set"] = (403, "GatedRepo")
    assert numbers(opened()) == [0, 1, 2, 3, 4]
    with pytest.raises(UsageError, match=r"is gated"):
        opened(split="train")


def test_a_split_that_is_not_there(hub: Hub) -> None:
    hub.put("org/set", SET)
    with pytest.raises(
        UsageError, match=r"'org/set' \(split tset\) cannot be read by `datasets` \(.*tset.*\): correct"
    ):
        opened(split="tset")


def test_columns_that_are_not_there(hub: Hub) -> None:
    hub.put("org/set", SET)
    with pytest.raises(UsageError, match=r"has no column 'qq': did you mean 'q'|has no column 'qq'"):
        opened(fields={**VQA, "question": "qq"})
