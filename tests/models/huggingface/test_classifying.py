"""Image classifiers: agreement with transformers' own scores, and how a task's options are found among the classes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from tests.models.huggingface import tiny_encoders
from tests.models.huggingface.asking import BATCHES, Unreadable, answers, image, opened, picture
from velm_bench.cli.main import execute
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.huggingface.labels import output_labels, outputs_of
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest

COLOURS = tiny_encoders.COLOURS


def choice(number: int = 0, options: Sequence[str] = COLOURS) -> ChooseRequest:
    return ChooseRequest(f"s{number}", (picture(number),), "What is it?", tuple(options))


@pytest.mark.parametrize("name", tiny_encoders.CLASSIFIERS)
def test_scores_are_those_of_transformers_at_every_batch_size(name: str, tmp_path: Path) -> None:
    folder = tiny_encoders.CLASSIFIERS[name](tmp_path / name)
    plain = AutoModelForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    pictures = AutoImageProcessor.from_pretrained(folder, backend="pil")
    with torch.inference_mode():
        expected = [plain(**pictures(image(number), return_tensors="pt")).logits[0] for number in range(10)]
    model = opened(folder)
    assert model.abilities == {Ability.CHOOSE}
    for size in BATCHES:
        given = answers(model, [choice(number) for number in range(10)], size)
        for one, logits in zip(given, expected, strict=True):
            assert one.logprobs == pytest.approx(logits.log_softmax(-1).tolist(), abs=1e-5)
    assert len({tuple(round(value, 4) for value in one.tolist()) for one in expected}) == 10


def test_options_are_weighed_among_all_classes_and_in_their_own_order(tmp_path: Path) -> None:
    model = opened(tiny_encoders.make_vit(tmp_path))
    every, some = (answers(model, [choice(1, options)])[0].logprobs for options in (COLOURS, ("White", "red")))
    assert some == (every[3], every[0])
    assert math.fsum(map(math.exp, every)) == pytest.approx(1, abs=1e-5)


def test_classes_that_stand_for_one_option_are_added_up(tmp_path: Path) -> None:
    model = opened(tiny_encoders.make_vit(tmp_path, ("crane", "dog", "crane", "cat")))
    logprobs = answers(model, [choice(1, ("crane", "dog", "cat"))])[0].logprobs
    assert math.fsum(map(math.exp, logprobs)) == pytest.approx(1, abs=1e-5)


def test_classes_that_do_not_exclude_each_other_each_get_a_probability(tmp_path: Path) -> None:
    folder = tiny_encoders.make_vit(tmp_path, problem_type="multi_label_classification")
    plain = AutoModelForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(image(2), return_tensors="pt")
    with torch.inference_mode():
        expected = torch.sigmoid(plain(**pixels).logits[0])
    given = answers(opened(folder), [choice(2)])[0].logprobs
    assert [math.exp(value) for value in given] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("options", "labels", "expected"),
    [
        (("b", "a"), ("a", "b"), ((1,), (0,))),
        (("Apple Pie",), ("apple_pie", "pie"), ((0,),)),
        (("tabby", "tench, Tinca tinca"), ("tench", "tabby, tabby cat"), ((1,), (0,))),
        (("tabby cat",), ("tench", "tabby, tabby cat"), ((1,),)),
        (("missile",), ("missile", "projectile, missile"), ((0,),)),
        (("cat", "dog"), ("LABEL_0", "LABEL_1"), ((0,), (1,))),
        (("0", "1"), ("LABEL_0", "LABEL_1"), ((0,), (1,))),
        (("1", "0"), ("0", "1"), ((1,), (0,))),
        (("cat", "dog"), ("LABEL_0", "LABEL_1", "LABEL_2"), ((), ())),
        (("cat", "lion"), ("cat", "dog"), ((0,), ())),
        (("crane", "dog", "CRANE"), ("crane", "dog", "crane"), ((0,), (1,), (2,))),
        (("crane",), ("crane", "dog", "crane"), ((0, 2),)),
        (("tab",), ("tabby",), ((),)),
    ],
)
def test_options_are_found_among_classes(
    options: tuple[str, ...], labels: tuple[str, ...], expected: tuple[tuple[int, ...], ...]
) -> None:
    assert outputs_of(options, labels) == expected


def test_a_few_other_names_in_a_list_of_the_same_order_are_known_by_their_place() -> None:
    labels = tuple(f"class {letter}" for letter in "abcdefghijklmnopqrst")
    renamed = ("construction crane", *labels[1:])
    assert outputs_of(renamed, labels) == tuple((place,) for place in range(20))
    assert outputs_of(tuple(reversed(renamed)), labels)[-1] == (), "in another order places say nothing"
    assert outputs_of(renamed[:10], labels)[0] == (), "in a shorter list neither"


def test_outputs_are_named_by_number_and_not_by_text() -> None:
    labels = [f"l{index}" for index in range(12)]
    assert output_labels({"id2label": {str(index): label for index, label in enumerate(labels)}}) == tuple(labels)
    assert output_labels({"num_labels": 3}) == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_a_task_with_an_option_that_is_no_class_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    folder = tiny_encoders.make_vit(tmp_path / "vit", ("red", "green", "blue", "white", "a", "b"))
    model = opened(folder)
    for ask in (model.cost, model.prepare):
        with pytest.raises(UsageError, match=r"no class for the option 'pink'.*'white' and 2 more; give it a task"):
            ask(choice(0, ("red", "pink", "mauve")))


def test_a_sample_has_one_picture_that_can_be_decoded(tmp_path: Path) -> None:
    model = opened(tiny_encoders.make_vit(tmp_path))
    for pictures, said in (((), "has none"), ((picture(0), picture(1)), "has 2"), ((Unreadable(),), "broken")):
        with pytest.raises(SampleError, match=rf"^[A-Z].*{said}.*\.$"):
            model.prepare(ChooseRequest("s", pictures, "", COLOURS))


def test_it_can_only_choose(tmp_path: Path) -> None:
    model = opened(tiny_encoders.make_vit(tmp_path))
    with pytest.raises(Exception, match="cannot generate"):
        model.cost(GenerateRequest("s", (picture(0),), "Write."))


def write_task(folder: Path, labels: Sequence[str]) -> Path:
    """Eight pictures and the task to classify them."""
    rows = []
    for number in range(8):
        Image.fromarray(picture(number).decode()).save(folder / f"{number}.png")
        rows.append({"id": str(number), "image": f"{number}.png", "label": labels[number % len(labels)]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = {"id": "id", "image": "image", "references": "label", "group": "id"}
    source = {"type": "jsonl", "path": "rows.jsonl", "fields": fields}
    task = {"name": "colours", "kind": "classification", "source": source, "labels": list(labels)}
    (folder / "task.yaml").write_text(json.dumps({**task, "metrics": ["accuracy"]}))
    return folder / "task.yaml"


def test_the_command_line_runs_a_classifier_and_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_encoders.make_vit(tmp_path / "vit")
    model, output = f"hf:{folder}", ["--output", str(tmp_path / "results")]
    assert execute(["models", "show", model, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["abilities"] == ["choose"]
    assert execute(["run", "--model", model, "--tasks", str(write_task(tmp_path, COLOURS)), *output, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert execute(["run", "--model", model, "--tasks", str(write_task(tmp_path, ("red", "pink"))), *output]) == 2
    assert "no class for the option 'pink'" in capsys.readouterr().err
