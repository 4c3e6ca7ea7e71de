"""What is peculiar to single data sets: several pictures, options in odd places, pictures kept elsewhere."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Velm
from tests.tasks.hub.conftest import ShortTask
from tests.tasks.hub.fixtures import picture
from velm_bench.engine.opening import Opened, limited, open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.metrics.questions.mixed import ROTATION
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest, Sample
from velm_bench.tasks.registry import definitions

Opens = Callable[[str], Opened]
Scored = Callable[[str, Mapping[str, str]], dict[str, Any]]


@pytest.fixture
def opened(mirror: Path) -> Opens:
    """Opens a shipped task on its fixture, whatever its number of samples."""

    def open_it(name: str) -> Opened:
        shipped = definitions()[name]
        task = shipped.task.model_copy(update={"expected_samples": None})
        return open_task(dataclasses.replace(shipped, task=task), RunSettings(mirror, data=(mirror,)))

    return open_it


@pytest.fixture
def scored(velm: Velm, mirror: Path, short_task: ShortTask, tmp_path: Path) -> Scored:
    """Scores the given predictions of a shipped task."""

    def score(name: str, predictions: Mapping[str, str]) -> dict[str, Any]:
        lines = [json.dumps({"id": one, "prediction": text}) + "\n" for one, text in predictions.items()]
        path = tmp_path / "predictions.jsonl"
        path.write_text("".join(lines), encoding="utf-8")
        done = velm("score", "--task", short_task(name), "--predictions", path, "--data", mirror, "--json")
        assert done.code == 0, done.err
        scores: dict[str, Any] = done.json["runs"][0]["result"]["scores"]
        return scores

    return score


def prompts(found: Opened) -> list[str]:
    return [found.kind.request(sample, frozenset(Ability)).prompt for sample in found.everything]


def test_mmmu_has_as_many_pictures_as_a_question_needs(opened: Opens) -> None:
    found = opened("mmmu")
    assert [len(sample.images) for sample in found.everything] == [1, 2, 1, 1]
    second = found.everything[1].images
    assert [tuple(one.decode()[0, 0]) for one in second] == [picture(7).getpixel((0, 0)), picture(8).getpixel((0, 0))]


def test_mmmu_chooses_where_there_are_options_and_writes_where_there_are_none(opened: Opens) -> None:
    found = opened("mmmu")
    asked = [found.kind.request(sample, frozenset(Ability)) for sample in found.everything]
    assert [type(one) for one in asked] == [ChooseRequest, ChooseRequest, GenerateRequest, GenerateRequest]
    assert asked[0].options == ("$63,020", "$58,410", "$71,320", "$77,490")
    assert found.everything[0].references == ("$58,410",)
    assert found.everything[3].references == ("3.43", "24/7")


def test_mmbench_leaves_out_what_is_nan(opened: Opens) -> None:
    first, *_, last = prompts(opened("mmbench_en"))
    assert first.startswith("The passage is a tale.\nWhich one is right?\nA. cat\nB. dog\nC. bird\nD. fish\n")
    assert last.startswith("Is the dog left?\nA. no\nB. yes\n")
    assert "nan" not in first + last


def test_mmbench_counts_questions_and_not_rotations(scored: Scored) -> None:
    """One question is right in all four rotations, the other one in one of two."""
    turns = {str(241 + 1_000_000 * turn): "cat" for turn in range(4)}
    scores = scored("mmbench_en", {**turns, "252": "A", "1000252": "A"})
    assert (scores["circular_choice"]["n"], scores["multiple_choice_accuracy"]["n"]) == (2, 6)
    assert scores["circular_choice"]["value"] == 0.5
    assert scores["multiple_choice_accuracy"]["value"] == pytest.approx(5 / 6)


def test_scienceqa_gives_a_hint_where_there_is_one(opened: Opens) -> None:
    without, with_hint = prompts(opened("scienceqa_img"))
    assert without.startswith("Which of these states")
    assert with_hint.startswith("Context: The picture shows juice.\nIs this a solid?\n")


def test_gqa_finds_its_pictures_in_another_subset(opened: Opens) -> None:
    samples = opened("gqa").everything
    shown = [sample.images[0].decode() for sample in samples]
    np.testing.assert_array_equal(shown[0], np.asarray(picture(0)))
    np.testing.assert_array_equal(shown[2], np.asarray(picture(1)))
    assert [sample.group for sample in samples] == ["n161310", "n161310", "n161311"]


def test_the_difficult_questions_are_in_multiple_choice_only(opened: Opens) -> None:
    assert len(opened("aokvqa_mc").everything) == 3
    assert len(opened("aokvqa_da").everything) == 2
    assert len(opened("aokvqa_da").everything[0].references) == 10


def test_realworldqa_takes_the_option_for_its_letter(scored: Scored) -> None:
    scores = scored("realworldqa", {"0": "Towards us.", "1": "two", "2": "red"})
    assert scores["mixed_choice_accuracy"]["value"] == pytest.approx(2 / 3)
    assert scores["mixed_choice_unparsed"]["value"] == pytest.approx(1 / 3)


def test_nlvr2_shows_both_pictures_and_knows_which_sentences_belong_together(opened: Opens) -> None:
    samples = opened("nlvr2").everything
    assert [len(sample.images) for sample in samples] == [2, 2, 2]
    assert samples[0].facts["sentence"] == samples[1].facts["sentence"] != samples[2].facts["sentence"]


def test_documents_of_several_questions_are_one_group(opened: Opens) -> None:
    for name in ("docvqa", "infographicvqa", "textvqa", "pope"):
        assert len({sample.cluster for sample in opened(name).everything}) == 1, name


@pytest.mark.parametrize(("name", "fact"), [("mmbench_en", "circular"), ("nlvr2", "sentence")])
def test_a_limit_keeps_together_what_is_right_only_together(name: str, fact: str, opened: Opens) -> None:
    """Else a question would count as right in all its rotations where a limit kept one of them."""
    found = opened(name).everything
    whole = Counter(map(_unit(fact), found))
    assert max(whole.values()) > 1
    pairs = {(_unit(fact)(sample), sample.facts["pair"]) for sample in found}
    assert len(pairs) == len(whole)
    for seed in range(5):
        for limit in range(1, len(found)):
            kept = Counter(map(_unit(fact), limited(found, limit, seed)))
            assert sum(count < whole[unit] for unit, count in kept.items()) <= 1


def _unit(fact: str) -> Callable[[Sample], Any]:
    def unit(sample: Sample) -> Any:
        known = sample.facts[fact]
        return known % ROTATION if isinstance(known, int) else known

    return unit
