"""The gain: the paired difference of a run and its control, oriented, cached, and never stale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toys import Toy, make_task, settings
from velm_bench.engine.runner import Run, evaluate
from velm_bench.errors import UsageError
from velm_bench.results.gain import (
    BADGE,
    Gain,
    Gap,
    Side,
    badge,
    gain_path,
    gap_rows,
    measure_gain,
    read_gains,
    uses_image,
)
from velm_bench.results.pairing import paired
from velm_bench.results.store import RESULT
from velm_bench.samples import ChoiceAnswer
from velm_bench.tasks.registry import Definition


class Looker(Toy):
    """Right wherever it sees the picture: dark ones are dark, and it is the surer of it."""

    def choose(self, prepared: Sequence[Any]) -> Sequence[ChoiceAnswer]:
        self._take(prepared)
        return [ChoiceAnswer((-0.05, -3.0) if int(request.sample_id[1:]) % 2 == 0 and level != 128 else (-3.0, -0.05))
                for request, level in prepared]  # fmt: skip


def runs(task: Definition, output: Path, *controls: str, model: type[Toy] = Looker, **changes: Any) -> list[Run]:
    return [evaluate(task, model(), settings(output, control=control, **changes)) for control in ("", *controls)]


@pytest.fixture
def task(tmp_path: Path) -> Definition:
    return make_task(tmp_path / "data", 40, "classification")


def test_the_gain_is_the_paired_difference(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gain = measure_gain(plain.folder, blank.folder)
    gap = gain.scores["accuracy"]
    assert (gap.sighted, gap.control) == (plain.result.scores["accuracy"].value, blank.result.scores["accuracy"].value)
    assert gap.gain == pytest.approx((gap.sighted or 0) - (gap.control or 0))
    alone = paired(blank.folder, plain.folder, "accuracy", replicates=50)
    assert (gap.gain, gap.low, gap.high, gap.p) == pytest.approx(tuple(alone))
    assert gain.control == "blank"
    assert gain.primary_gap == gap
    assert gain.above_zero
    assert gain.resampling.replicates == 50


def test_where_less_is_better_the_gain_is_turned_round(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gap = measure_gain(plain.folder, blank.folder).scores["ece"]
    alone = paired(blank.folder, plain.folder, "ece", replicates=50)
    assert not gap.higher_is_better
    assert alone.value < 0
    assert (gap.gain, gap.low, gap.high) == pytest.approx((-alone.value, -alone.high, -alone.low))
    assert (gap.low or 0) <= (gap.gain or 0) <= (gap.high or 0)


def test_every_slice_and_every_metric_has_its_gap(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gain = measure_gain(plain.folder, blank.folder)
    assert [(part, name) for part, name, _ in gap_rows(gain)] == [
        (part, name) for part in ("all", "q=even", "q=odd") for name in ("accuracy", "ece")
    ]
    for value in ("even", "odd"):
        gap = gain.slices["q"][value]["accuracy"]
        alone = paired(blank.folder, plain.folder, "accuracy", {"q": value}, replicates=50)
        assert (gap.gain, gap.low) == pytest.approx((alone.value, alone.low))
        assert gap.n == 20


def test_measuring_again_computes_nothing_and_writes_the_same(
    task: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    path = gain_path(plain.folder, "blank")
    first = measure_gain(plain.folder, blank.folder)
    content = path.read_bytes()
    path.unlink()
    assert measure_gain(plain.folder, blank.folder) == first
    assert path.read_bytes() == content
    monkeypatch.setattr("velm_bench.results.gain.open_pair", lambda *_: pytest.fail("measured again"))
    assert measure_gain(plain.folder, blank.folder) == first
    assert read_gains(plain.folder) == ([first], [])


def test_a_gain_of_other_runs_is_not_shown_and_is_measured_anew(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    old = measure_gain(plain.folder, blank.folder)
    model = Looker()
    model.choose = lambda prepared: [ChoiceAnswer((-1.0, -1.5)) for _ in prepared]  # type: ignore[method-assign]
    evaluate(task, model, settings(tmp_path / "out", fresh=True))
    gains, (sentence,) = read_gains(plain.folder)
    assert gains == []
    assert "is older than the runs that it compares: run again with --controls" in sentence
    new = measure_gain(plain.folder, blank.folder)
    assert new.scores["accuracy"].sighted != old.scores["accuracy"].sighted
    assert read_gains(plain.folder) == ([new], [])


def test_other_replicates_make_it_stale_too(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    measure_gain(plain.folder, blank.folder)
    runs(task, tmp_path / "out", "blank", replicates=20)
    assert read_gains(plain.folder)[0] == []
    assert measure_gain(plain.folder, blank.folder).resampling.replicates == 20


def test_a_gain_without_its_control_or_damaged_is_not_shown(task: Definition, tmp_path: Path) -> None:
    plain, blank, absent = runs(task, tmp_path / "out", "blank", "absent")
    for other in (blank, absent):
        measure_gain(plain.folder, other.folder)
    (blank.folder / RESULT).unlink()
    gain_path(plain.folder, "absent").write_text("{", encoding="utf-8")
    gains, notes = read_gains(plain.folder)
    assert gains == []
    assert "is damaged" in notes[0]
    assert f"{blank.result.run_id}, which is not beside it any more" in notes[1]
    assert measure_gain(plain.folder, absent.folder).control == "absent"


def test_a_gain_under_another_name_or_control_is_not_shown(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gain = measure_gain(plain.folder, blank.folder)
    path = gain_path(plain.folder, "blank")
    path.with_name("gain.blank-copy.json").write_bytes(path.read_bytes())
    edited = path.read_text(encoding="utf-8").replace('"control": "blank"', '"control": "shuffled"')
    gain_path(plain.folder, "shuffled").write_text(edited, encoding="utf-8")
    gains, notes = read_gains(plain.folder)
    assert gains == [gain]
    assert ["gain.blank-copy.json" in notes[0], "gain.shuffled.json" in notes[1]] == [True, True]


def test_a_gain_changed_by_hand_is_not_shown_and_is_measured_anew(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gain = measure_gain(plain.folder, blank.folder)
    path = gain_path(plain.folder, "blank")
    data = json.loads(path.read_text(encoding="utf-8"))
    data["scores"]["accuracy"]["low"] = 0.4321
    for changed in (data, [data], "gain"):
        path.write_text(json.dumps(changed), encoding="utf-8")
        gains, (sentence,) = read_gains(plain.folder)
        assert gains == []
        assert "changed by hand" in sentence
    assert measure_gain(plain.folder, blank.folder) == gain
    assert read_gains(plain.folder) == ([gain], [])


def test_the_gains_are_found_from_within_the_folder(
    task: Definition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    gain = measure_gain(plain.folder, blank.folder)
    monkeypatch.chdir(plain.folder)
    assert read_gains(Path()) == ([gain], [])


def test_only_a_run_and_its_own_control_have_a_gain(task: Definition, tmp_path: Path) -> None:
    plain, blank = runs(task, tmp_path / "out", "blank")
    other = evaluate(task, Toy(weights=2), settings(tmp_path / "out", control="blank"))
    for first, second in ((blank, plain), (plain, plain), (plain, other)):
        with pytest.raises(UsageError, match="is no gain"):
            measure_gain(first.folder, second.folder)
    short = evaluate(task, Looker(), settings(tmp_path / "out", control="blank", limit=10))
    with pytest.raises(UsageError, match="content of the samples differs"):
        measure_gain(plain.folder, short.folder)


def test_a_colon_is_in_no_file_name(task: Definition, tmp_path: Path) -> None:
    plain, noisy = runs(task, tmp_path / "out", "noise:2")
    gain = measure_gain(plain.folder, noisy.folder)
    assert [path.name for path in plain.folder.glob("gain*")] == ["gain.noise-2.json"]
    assert read_gains(plain.folder) == ([gain], [])


def test_without_replicates_there_is_no_interval_and_no_verdict(task: Definition, tmp_path: Path) -> None:
    plain, *others = runs(task, tmp_path / "out", "blank", "shuffled", replicates=0)
    gains = [measure_gain(plain.folder, other.folder) for other in others]
    assert all(gain.scores["accuracy"].gain is not None and gain.scores["accuracy"].low is None for gain in gains)
    assert uses_image(gains) is None
    assert json.loads(gain_path(plain.folder, "blank").read_text())["scores"]["accuracy"]["low"] is None


def made(control: str, low: float | None, errors: int = 0) -> Gain:
    gap = Gap(sighted=0.6, control=0.5, gain=0.1, low=low, high=0.2, n=9, signature="s")
    sides = [Side(run_id="r", digest="d", n_errors=count) for count in (0, errors)]
    return Gain(
        control=control, sighted_run=sides[0], control_run=sides[1], primary="x", scores={"x": gap}, slices={}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([], None),
        ([made("blank", 0.1), made("shuffled", 0.1), made("absent", 0.1)], True),
        ([made("blank", 0.1), made("shuffled", 0.0), made("absent", 0.1)], False),
        ([made("blank", 0.1), made("shuffled", 0.1), made("absent", -0.01)], False),
        ([made("blank", 0.0), made("shuffled", 0.1), made("absent", 0.1)], False),
        ([made("blank", 1e-15), made("shuffled", 0.1)], False),
        ([made("shuffled", 0.1)], True),
        ([made("blank", 0.1), made("absent", 0.1)], None),
        ([made("blank", 0.0)], False),
        ([made("shuffled", 0.1), made("absent", 0.1, errors=3)], True),
        ([made("shuffled", 0.1), made("absent", -0.1, errors=3)], False),
        ([made("shuffled", 0.0, errors=1)], False),
        ([made("shuffled", 0.1, errors=3), made("blank", 0.1)], None),
        ([made("shuffled", None)], None),
        ([made("noise:3", -0.1)], None),
        ([made("shuffled", 0.1), made("noise:3", -0.1)], True),
    ],
)
def test_the_verdict(gains: list[Gain], verdict: bool | None) -> None:
    assert uses_image(gains) is verdict
    assert badge(gains) == (BADGE if verdict is False else "")
