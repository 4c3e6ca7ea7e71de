"""Putting runs into a baseline: what is refused, what is compared, and what the log keeps for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.gate.baselines.made_baselines import held, put, release
from tests.gate.made_evidence import drawn_pair, made_evidence
from velm_bench.errors import UsageError
from velm_bench.gate.baselines import Event, changes, comparable, load_baseline
from velm_bench.gate.baselines.changes import compare
from velm_bench.gate.comparing import Settings, measure
from velm_bench.gate.matching import match


def log_of(path: Path, title: str = "scenes_vqa") -> list[Event]:
    return list(load_baseline(path).tasks[title].log)


def test_the_log_keeps_who_accepted_what_when_and_why_and_what_the_comparison_said(tmp_path: Path) -> None:
    first, second = drawn_pair(400, 0, flips=0.2, drop=0.1, per_group=4)
    path = put(tmp_path / "base.json", first, by="Ann", reason="the first")
    put(path, second, did="accept", by="Bob", reason="  faster, and little lost ")
    made, accepted = log_of(path)
    assert (made.did, made.by, made.reason, made.model) == ("set", "Ann", "the first", "ref:prefix")
    assert (accepted.did, accepted.by, accepted.reason) == ("accept", "Bob", "faster, and little lost")
    assert (accepted.model, accepted.run_id, accepted.n, accepted.n_errors) == ("candidate", second.run_id, 400, 0)
    for event in (made, accepted):
        at = datetime.fromisoformat(event.at)
        assert timedelta() <= datetime.now(UTC) - at < timedelta(minutes=10)
    row = measure(match(first, second), [("score", "")], {}, Settings())[0].row
    move = accepted.scores["score"]
    assert (move.before, move.after) == (first.scores["score"].value, second.scores["score"].value)
    for name in ("change", "low", "high", "p_worse"):
        assert getattr(move, name) == pytest.approx(getattr(row, name), rel=1e-5)
    assert made.scores["score"].model_dump(exclude_none=True) == {"after": first.scores["score"].value}


def test_the_log_is_only_added_to(tmp_path: Path) -> None:
    path = put(tmp_path / "base.json", release(0), release(0, title="scenes_ner"))
    logs = [log_of(path)]
    for seed, did in enumerate(("accept", "set", "accept"), 1):
        put(path, release(seed), did=did, reason=f"release {seed}")
        logs.append(log_of(path))
    for earlier, later in pairwise(logs):
        assert later[:-1] == earlier
    assert [event.reason for event in logs[-1]] == ["for the tests", "release 1", "release 2", "release 3"]
    assert len(log_of(path, "scenes_ner")) == 1


def test_other_tasks_stay_to_the_byte(tmp_path: Path) -> None:
    path = put(tmp_path / "base.json", release(0), release(0, title="a"), release(0, title="z"))

    def around() -> tuple[str, str]:
        text = path.read_text()
        return text[: text.index('    "scenes_vqa": {')], text[text.index('    "z": {') :]

    before = around()
    put(path, release(4), did="accept")
    assert around() == before
    assert held(path).model == "hf:team/model-4"


@pytest.mark.parametrize("reason", ["", " \n\t"])
def test_nothing_is_accepted_without_a_reason(tmp_path: Path, reason: str) -> None:
    path = put(tmp_path / "base.json", release(0))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="--reason is empty"):
        put(path, release(1), did="accept", reason=reason)
    assert path.read_bytes() == before
    with pytest.raises(UsageError, match="1001 letters, and at most 1000"):
        put(path, release(1), did="accept", reason="x" * 1001)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            release(1, failed=np.arange(120) < 2),
            "has 2 errors in 120 samples of scenes_vqa, more than --max-error-rate 0",
        ),
        (release(1, ids=np.asarray(["same"] * 120)), "has a sample of scenes_vqa twice"),
        (made_evidence([]), "has no sample of scenes_vqa"),
        (release(1, title=""), "no name of a task"),
        (release(1, statistics={}), "no statistics of 'score'"),
        (
            release(1, statistics={"given:score": np.full((120, 2), np.nan)}),
            "a statistic of 'given:score' that is not finite",
        ),
        (release(1, n=80), "has 80 samples in the place of 120 .* or --fewer"),
        (release(1, title="scenes_ner"), "has no task scenes_ner to replace, only scenes_vqa"),
    ],
)
def test_a_run_that_is_no_yardstick_is_refused_and_nothing_is_written(tmp_path: Path, run: object, said: str) -> None:
    path = put(tmp_path / "base.json", release(0))
    before = path.read_bytes()
    with pytest.raises(UsageError, match=said):
        put(path, release(2), run, did="accept")  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_a_score_that_would_be_lost_is_not_lost_silently(tmp_path: Path) -> None:
    one = release(0)
    scores = {name: one.scores["score"].model_copy(update={"metric": f"given:{name}"}) for name in ("score", "second")}
    statistics = {f"given:{name}": one.statistics["given:score"] for name in scores}
    path = put(tmp_path / "base.json", replace(one, scores=scores, statistics=statistics))
    with pytest.raises(UsageError, match="has no score second for scenes_vqa"):
        put(path, release(1), did="accept")
    put(path, release(1), did="accept", fewer=True)
    assert held(path).outputs == ("score",)


def test_errors_are_put_up_with_as_far_as_said(tmp_path: Path) -> None:
    failing = release(0, failed=np.arange(120) < 2)
    with pytest.raises(UsageError, match=r"--max-error-rate 0\.01"):
        put(tmp_path / "base.json", failing, max_error_rate=0.01)
    assert log_of(put(tmp_path / "base.json", failing, max_error_rate=2 / 120))[0].n_errors == 2


def test_what_cannot_be_compared_is_accepted_and_said(tmp_path: Path) -> None:
    path = put(tmp_path / "base.json", release(0))
    put(path, release(1, fingerprint="f" * 64), did="accept", reason="new data")
    event = log_of(path)[-1]
    assert [part[:21] for part in event.differences] == ["the data set differs "]
    assert event.scores["score"].change is None
    assert None not in (event.scores["score"].before, event.scores["score"].after)


def test_changes_tell_new_missing_same_and_changed_tasks(tmp_path: Path) -> None:
    path = put(tmp_path / "base.json", *(release(0, title=title) for title in ("a", "b", "c")))
    found = changes(load_baseline(path), [release(0, title="a"), release(1, title="b"), release(1, title="d")])
    assert [(change.title, change.state) for change in found] == [
        ("a", "same"),
        ("b", "changed"),
        ("c", "missing"),
        ("d", "new"),
    ]
    assert [len(change.rows) for change in found] == [1, 1, 0, 0]
    assert found[0].rows[0].change == 0.0


def test_only_the_scores_that_differ_in_their_making_are_not_compared() -> None:
    one = release(0)
    score = one.scores["score"]
    both = {"score": score, "second": score.model_copy(update={"metric": "given:second", "signature": "old"})}
    table = one.statistics["given:score"]
    mine = replace(one, scores=both, statistics={"given:score": table, "given:second": table})
    newer = {**both, "second": both["second"].model_copy(update={"signature": "new"})}
    change = compare(mine, replace(mine, scores=newer))
    assert [row.metric for row in change.rows] == ["score"]
    assert ["signature of 'second'" in part for part in change.differences] == [True]
    assert compare(mine, one).differences[0].endswith("has no score 'second'")
    foreign = replace(one, scores={"score": score.model_copy(update={"signature": "x"})})
    assert (compare(one, foreign).rows, len(compare(one, foreign).differences)) == ((), 1)


@pytest.mark.parametrize("fewer", [False, True])
def test_samples_that_one_of_the_two_lacks_make_no_change_of_the_model(tmp_path: Path, fewer: bool) -> None:
    """A run of another size is compared on the samples of both, and the log says so for ever."""
    right = np.arange(100) % 5 > 0
    sides = [made_evidence(right[:60], model="a"), made_evidence(right, model="b")]
    if fewer:
        sides.reverse()
    change = compare(*sides)
    assert (change.rows[0].change, change.rows[0].n, change.common) == (0.0, 60, 60)
    assert change.notes == ["40 samples of 100 of made/b are not in made/a: compared on the 60 of both"]
    path = put(tmp_path / "base.json", sides[0])
    put(path, sides[1], did="accept", reason="another limit", fewer=fewer)
    event = log_of(path)[-1]
    assert (event.scores["score"].change, event.common, event.n) == (0.0, 60, sides[1].n)
    put(path, made_evidence(1 - right[: sides[1].n], model="c"), did="accept", reason="all else")
    assert log_of(path)[-1].common is None


def test_what_both_lack_of_each_other_is_told_of_both() -> None:
    first, second = made_evidence([1.0] * 100), made_evidence([1.0] * 90)
    names = np.asarray([f"s{place}" for place in range(20, 110)])
    second = replace(second, source="other", ids=names, groups=names, contents=np.full(90, ""))
    change = compare(first, second)
    assert (change.rows[0].change, change.rows[0].n) == (0.0, 80)
    assert change.notes == [
        "20 samples of 100 of made/ref:prefix are not in other: compared on the 80 of both",
        "10 samples of 90 of other are not in made/ref:prefix: compared on the 80 of both",
    ]


def test_nothing_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no run to put into the baseline"):
        put(tmp_path / "base.json")
    assert not (tmp_path / "base.json").exists()


def test_a_task_of_which_only_the_value_is_known_is_left_out_and_told() -> None:
    whole, odd = release(0), replace(release(1, title="perplexity"), statistics={})
    told: list[str] = []
    assert comparable([whole, odd], told.append) == [whole]
    assert [part[:33] for part in told] == ["Left out: of 'score' of perplexit"]
    with pytest.raises(UsageError, match="Nothing could be compared with this baseline: of 'score' of perplexity"):
        comparable([odd], told.append)


def test_what_cannot_even_be_asked_is_a_difference_and_no_error() -> None:
    twice = release(0, ids=np.asarray(["same"] * 120))
    change = compare(release(0), twice)
    assert (change.rows, len(change.differences)) == ((), 1)
    assert "twice" in change.differences[0]
    unknown = release(0)
    odd = unknown.scores["score"].model_copy(update={"metric": "no_such_metric"})
    unknown = replace(unknown, scores={"score": odd}, statistics={"no_such_metric": np.ones((120, 2))})
    assert "no_such_metric" in compare(unknown, replace(unknown, model="other")).differences[0]
