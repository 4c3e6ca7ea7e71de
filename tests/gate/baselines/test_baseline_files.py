"""Baseline files: evidence comes back equal, and whatever is not as it was written is refused in one sentence."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gate.baselines.made_baselines import forge, held, put, release
from tests.gate.made_evidence import made_evidence
from velm_bench.errors import RunError, UsageError
from velm_bench.gate.baselines import files, is_baseline, load_baseline, open_or_begin, read_baseline
from velm_bench.gate.baselines.blocks import same_evidence, weight
from velm_bench.gate.baselines.files import replace_blocks
from velm_bench.gate.evidence import Circumstances, evidence_of
from velm_bench.results.pairing import read_run
from velm_bench.results.schema import Timing
from velm_bench.statistics.resampling import cluster_codes


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A baseline of two tasks."""
    path = tmp_path_factory.mktemp("baseline") / "base.json"
    return put(path, release(0), release(1, title="scenes_ner", n=40)).read_bytes()


@pytest.fixture
def file(tmp_path: Path, written: bytes) -> Path:
    path = tmp_path / "base.json"
    path.write_bytes(written)
    return path


def refused(path: Path) -> str:
    """The sentence in which reading is refused."""
    with pytest.raises(UsageError) as error:
        read_baseline(path)
    sentence = str(error.value)
    assert path.name in sentence
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


def test_all_that_evidence_holds_comes_back_but_its_answers_and_where_it_lay(tmp_path: Path) -> None:
    given_ = release(
        3,
        labels=("a", "b"),
        limit=120,
        imported="lm-eval 0.4",
        failed=np.arange(120) % 50 == 7,
        timing=Timing(wall=1.5, phases={"answer": 1.25}, asked=120, samples_per_second=80.1),
        circumstances=Circumstances("cuda:0 (NVIDIA H100)", "bfloat16", 64, "Linux x86_64"),
    )
    path = put(tmp_path / "base.json", given_, max_error_rate=0.1)
    found = held(path)
    assert same_evidence(given_, found)
    assert (found.source, found.run) == (str(path), None)
    for name in ("ids", "groups", "contents"):
        assert getattr(found, name).dtype.kind == "U"
        assert getattr(found, name).tolist() == getattr(given_, name).tolist()
    assert found.failed.tolist() == given_.failed.tolist()
    assert found.slices == given_.slices
    assert (found.scores, found.timing) == (given_.scores, given_.timing)
    assert (found.circumstances, found.labels, found.outputs) == (given_.circumstances, given_.labels, given_.outputs)
    table = found.statistics["given:score"]
    assert table.dtype == np.float64
    assert table.tobytes() == given_.statistics["given:score"].tobytes()
    assert cluster_codes(found.groups)[1] == 30


def test_equality_looks_at_every_part() -> None:
    """So that the test above can fail: a change of any field is seen."""
    one = release(0)
    table = one.statistics["given:score"]
    changed: dict[str, Any] = {
        "labels": ("x",),
        "limit": 7,
        "ids": one.ids[::-1],
        "groups": one.groups[::-1],
        "contents": one.contents[::-1],
        "failed": ~one.failed,
        "slices": {"question_type": ("other",) * one.n},
        "scores": {},
        "statistics": {"given:score": np.where(table == 0.0, -0.0, table)},
        "timing": Timing(wall=9.0),
        "circumstances": Circumstances("cpu"),
    }
    for field in {field.name for field in fields(one)} - {"source", "run"}:
        assert not same_evidence(one, replace(one, **{field: changed.get(field, "other")})), field
    assert same_evidence(one, replace(one, source="elsewhere"))


def test_real_runs_come_back_equal_and_small(real_results: Path, tmp_path: Path) -> None:
    """All kinds of statistics: fractions, floats, counts of words, of entities and of tags."""
    runs = [evidence_of(read_run(path.parent)) for path in sorted(real_results.glob("ref=prefix/*/*/result.json"))]
    path = put(tmp_path / "base.json", *runs)
    found = read_baseline(path)
    assert [one.title for one in found] == sorted(one.title for one in runs)
    assert all(any(same_evidence(one, other) for other in runs) for one in found)
    taken = sum(file.stat().st_size for file in real_results.glob("ref=prefix/*/*/*.*"))
    assert path.stat().st_size < 0.3 * taken


def test_equal_evidence_gives_an_equal_file_wherever_it_lay(tmp_path: Path) -> None:
    """But for the log, which has the time: so the same run set again leaves the file as it is, to the byte."""
    first = put(tmp_path / "a.json", release(0), release(1, title="scenes_ner"))
    before, stamp = first.read_bytes(), first.stat().st_mtime_ns
    put(first, release(0, source="elsewhere"))
    put(first, held(first))
    assert (first.read_bytes(), first.stat().st_mtime_ns) == (before, stamp)
    second = put(tmp_path / "b.json", release(1, title="scenes_ner"))
    put(second, release(0))
    blocks = [json.loads(path.read_bytes())["tasks"] for path in (first, second)]
    for tasks in blocks:
        del tasks[""]
        for block in tasks.values():
            del block["log"], block["digest"]
    assert json.dumps(blocks[0]) == json.dumps(blocks[1])
    assert str(tmp_path) not in first.read_text()


def test_what_people_review_stands_in_plain_sight(file: Path) -> None:
    lines = file.read_text().splitlines()
    block = lines[lines.index('    "scenes_vqa": {') :]
    packed = next(place for place, line in enumerate(block) if line.startswith('      "ids"'))
    head = "\n".join(block[:packed])
    score = held(file).scores["score"]
    assert f'"score": {{"value": {score.value!r}, ' in head
    assert f'"n": {score.n}, ' in head
    assert '"model": "hf:team/model-0"' in head
    assert '"reason": "for the tests"' in head
    assert max(map(len, head.splitlines())) < 400
    data = [line for line in block[packed:] if re.fullmatch(r'"[A-Za-z0-9+/=]+",?', line)]
    assert data
    assert max(map(len, data)) <= 103


def values_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a document stands."""
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in values_in(part, (*path, key))]
    if isinstance(value, list) and value:
        return [found for place, part in enumerate(value) for found in values_in(part, (*path, place))]
    return [path]


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, str):
        return f"{value[:-1]}{'A' if value[-1:] != 'A' else 'B'}"
    return [0] if isinstance(value, list) else value + 1


@given(st.data())
def test_any_value_that_is_changed_by_hand_is_noticed(written: bytes, data: st.DataObject) -> None:
    """A score, a packed letter, a reason: in the text as an editor shows it."""
    document = json.loads(written)
    place = data.draw(st.sampled_from(values_in(document)))
    inside = document
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = other(inside[place[-1]])
    check_refused(json.dumps(document).encode() + b"\n")


@given(st.data())
def test_any_packed_letter_that_is_changed_is_noticed(written: bytes, data: st.DataObject) -> None:
    text = written.decode()
    lines = list(re.finditer(r'"([A-Za-z0-9+/=]{40,})"', text))
    place = data.draw(st.integers(*data.draw(st.sampled_from([(one.start(1), one.end(1) - 1) for one in lines]))))
    letter = data.draw(st.sampled_from("ABz9+/="))
    changed = text[:place] + letter + text[place + 1 :]
    if changed != text:
        check_refused(changed.encode())


@given(st.data())
def test_a_file_cut_off_anywhere_is_refused(written: bytes, data: st.DataObject) -> None:
    check_refused(written[: data.draw(st.integers(0, len(written) - 1))])


@given(st.data())
def test_a_line_or_an_entry_that_is_gone_moved_or_there_twice_is_noticed(written: bytes, data: st.DataObject) -> None:
    """As merging by hand may leave it."""
    lines = written.splitlines(keepends=True)
    solid = [place for place, line in enumerate(lines) if line.strip()]
    place, where = data.draw(st.sampled_from(solid)), data.draw(st.sampled_from(solid))
    rest = [*lines[:place], *lines[place + 1 :]]
    check_refused(b"".join(rest))
    moved = b"".join([*rest[:where], lines[place], *rest[where:]])
    if json_or_none(moved) != json_or_none(written):
        check_refused(moved)
    check_refused(b"".join([*lines[:where], lines[place], *lines[where:]]))


def json_or_none(data: bytes) -> Any:
    """The document with the order of its keys; None where it is none."""
    try:
        return json.loads(data, object_pairs_hook=list)
    except ValueError:
        return None


def check_refused(data: bytes) -> None:
    """Without the fixtures of one test, which hypothesis would share between its examples."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.json"
        path.write_bytes(data)
        refused(path)


def test_line_ends_of_another_system_change_nothing(file: Path) -> None:
    """Git may write them so on Windows."""
    before = held(file)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert same_evidence(before, held(file))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b'"baseline_version": 1', b'"baseline_version": 2'), "is of version 2 and this velm-bench reads 1"),
        ((b'"baseline_version": 1', b'"baseline_version": true'), "is of version True"),
        ((b'"baseline_version": 1', b'"baseline_version": 1e999'), "only finite numbers"),
        ((b'"baseline_version": 1', b'"version": 1'), "no 'baseline_version'"),
        ((b'"n": 120', b'"n": NaN'), "it holds NaN, and only finite numbers"),
        ((b'"n": 120', b'"n": -Infinity'), "it holds -Infinity"),
        ((b'"n": 120', b'"n": 1' + b"0" * 5000), "too many digits"),
        ((b'"n": 120', b'"n": 120, "n": 120'), "the key 'n' stands there twice"),
        ((b'"n": 120', b'"n": 121'), "not what its digest says"),
        ((b'"kind"', b'"knid"'), "unknown key 'knid'.*kind"),
        ((b'"about"', b'"abuot"'), "unknown key 'abuot'.*about"),
        ((b"edit nothing", b"edit something"), "'about' is not what"),
        ((b"end of the tasks", b"the end"), "the last entry of 'tasks'"),
        ((b'"tasks": {', b'"tasks": [], "about": {'), "stands there twice"),
        ((b'"scenes_vqa": {', b'"scenes_other": {'), "not what its digest says"),
        ((b"hf:team", b"hf:t\xe9am"), "not UTF-8"),
        ((b'    "scenes_vqa": {', b"<<<<<<< HEAD\n=======\n"), r"holds conflict markers of git \(line \d+\)"),
    ],
)
def test_what_a_file_must_not_be_is_refused_in_a_sentence(file: Path, change: tuple[bytes, bytes], said: str) -> None:
    data = file.read_bytes()
    assert change[0] in data
    file.write_bytes(data.replace(*change, 1))
    assert re.search(said, refused(file))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"[]\n", "holds no object, but list"),
        (b'{"baseline_version": 1}\n', "'about' is not"),
        (b'{"a": ' * 5000, "not valid JSON|nested too deeply"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"PAR1", "not valid JSON"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(data)
    assert re.search(said, refused(path))


def test_a_baseline_without_a_task_is_refused(file: Path) -> None:
    text = file.read_text()
    file.write_text(f'{text[: text.index(chr(10) + chr(10))]}\n    "": "end of the tasks"\n  }}\n}}\n')
    assert "holds no task" in refused(file)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent.json")
    assert "directory" in refused(tmp_path)
    for odd in ("x" * 300, "nul\0l"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_baseline(tmp_path / odd)
        assert not is_baseline(tmp_path / odd)
    if os.geteuid():
        (tmp_path / "closed.json").touch(0o000)
        assert "Permission denied" in refused(tmp_path / "closed.json")


def bomb(block: dict[str, Any]) -> None:
    """A few letters that say they are five million samples of 21 numbers."""
    block["n"] = 5_000_000
    block["ids"] = block["groups"] = block["contents"] = {"values": ["x"]}
    block["statistics"]["given:score"] = {"columns": [{"values": [1.0]}] * 21}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda block: block.update(n=121), "'failed' holds 120 values of form bits where 121"),
        (lambda block: block.update(n=10**12), "'n' is not valid"),
        (lambda block: block.update(ids={"values": ["a", "b"]}), "'ids' holds 2 values for 120 samples"),
        (lambda block: block.update(n_errors=1), "says that 1 samples failed, and marks 0"),
        (lambda block: block.update(groups={"values": [None]}), "'groups' has no text for a sample"),
        (lambda block: block.update(groups={"values": ["x" * 9_000_000]}), "'groups' has a text that is too long"),
        (lambda block: block.update(failed=block["ids"]["values"]["numbers"]), "'failed' holds"),
        (lambda block: block["slices"].update(more={"values": ["a", "b"]}), "'slice more' holds 2 values for 120"),
        (lambda block: block["scores"]["score"].update(value="high"), "scores.score.value.* is not valid"),
        (lambda block: block.update(log=[]), "'log' is not valid"),
        (lambda block: block["log"][0].update(did="won"), "'log.0.did' is not valid"),
        (lambda block: block.pop("kind"), "the key 'kind' is missing"),
        (bomb, "more than 100000000 statistics"),
        (
            lambda block: block["statistics"]["given:score"]["columns"][0].update(values=[1e300], codes=None),
            "holds a number that is not finite, or beyond 1e.100",
        ),
        (
            lambda block: block.update({name: {"values": ["x" * 400_000]} for name in ("ids", "groups", "contents")}),
            "'contents' has a text that is too long",
        ),
    ],
)
def test_what_is_forged_with_the_right_digest_is_refused_where_it_does_not_fit(
    file: Path, change: Any, said: str
) -> None:
    assert re.search(said, refused(forge(file, change)))


@pytest.mark.parametrize("value", ["scenes_vqa", 7, None, []])
def test_a_task_that_is_no_object_is_refused(file: Path, value: Any) -> None:
    document = json.loads(file.read_bytes())
    document["tasks"]["scenes_vqa"] = value
    file.write_text(json.dumps(document) + "\n")
    assert "task scenes_vqa: it is no object" in refused(file)


def test_what_an_editor_put_before_it_is_named(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert "begins with a byte order mark" in refused(file)


def test_tasks_that_are_each_small_enough_are_not_together(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to little may stand there many times."""
    letters, numbers = map(sum, zip(*(weight(one) for one in read_baseline(file)), strict=True))
    for name, most in (("MOST_LETTERS", letters), ("MOST_NUMBERS", numbers)):
        with monkeypatch.context() as patch:
            patch.setattr(files, name, most)
            read_baseline(file)
            patch.setattr(files, name, most - 1)
            assert "use a baseline per task" in refused(file)


def test_a_baseline_is_known_by_how_it_begins(file: Path, tmp_path: Path) -> None:
    assert is_baseline(file)
    file.write_bytes(b"\xef\xbb\xbf\r\n" + file.read_bytes()[:100])
    assert is_baseline(file)
    file.write_bytes(b"<<<<<<< HEAD\n" + b'{\n  "baseline_version": 1')
    assert is_baseline(file)
    for data in (b"", b"{}", b'{"results": {}}', b'["baseline_version"]', b"id,score\n"):
        file.write_bytes(data)
        assert not is_baseline(file), data
    assert not is_baseline(tmp_path)
    assert not is_baseline(tmp_path / "absent")


def test_whoever_writes_second_is_told_that_the_file_has_changed(file: Path) -> None:
    mine = load_baseline(file)
    put(file, release(5))
    after = file.read_bytes()
    with pytest.raises(UsageError, match="was changed meanwhile by somebody else: run the same command again"):
        replace_blocks(mine, {})
    assert file.read_bytes() == after
    fresh = open_or_begin(file.with_name("new.json"))
    put(file.with_name("new.json"), release(5))
    with pytest.raises(UsageError, match="was changed meanwhile"):
        replace_blocks(fresh, {})


def _keep_setting(path: Path, title: str) -> None:
    """Until it is in: as a person would who is told to run the command again."""
    while True:
        try:
            put(path, made_evidence([0.0, 1.0] * 5, title=title))
            return
        except UsageError as error:
            if "was changed meanwhile" not in str(error):
                raise


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path, titles = tmp_path / "base.json", [f"task_{place}" for place in range(6)]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_keep_setting, args=(path, title)) for title in titles]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    assert sorted(load_baseline(path).tasks) == titles
    assert [one.name for one in tmp_path.iterdir()] == ["base.json"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(file)
    put(link, release(9))
    assert link.is_symlink()
    assert held(file).model == "hf:team/model-9"


def test_where_it_cannot_be_written_the_old_file_stays(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()
    with pytest.raises(UsageError, match="make its folder first"):
        put(tmp_path / "no" / "base.json", release(0))

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("velm_bench.gate.baselines.files.write_bytes", full)
    with pytest.raises(RunError, match="No space left on device"):
        put(file, release(3))
    assert file.read_bytes() == before
    shutil.rmtree(tmp_path)
