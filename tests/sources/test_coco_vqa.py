"""The official COCO captions and VQA v2 formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from velm_bench.errors import SampleError, UsageError

CAPTIONS = {
    "images": [{"id": 7, "file_name": "7.png"}, {"id": 3, "file_name": "3.png"}],
    "annotations": [
        {"id": 1, "image_id": 3, "caption": "three"},
        {"id": 2, "image_id": 7, "caption": "seven"},
        {"id": 3, "image_id": 3, "caption": "drei"},
    ],
}
QUESTIONS = {
    "data_subtype": "val2014",
    "questions": [
        {"question_id": 70, "image_id": 7, "question": "how many?"},
        {"question_id": 71, "image_id": 7, "question": "what?"},
    ],
}
ANNOTATIONS = {
    "annotations": [
        {
            "question_id": 70,
            "image_id": 7,
            "question_type": "how many",
            "answer_type": "number",
            "answers": [{"answer": "2", "answer_id": 1}, {"answer": "two", "answer_id": 2}],
        }
    ]
}


def write(folder: Path, **files: Any) -> None:
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def captions(folder: Path, open_source, data: Any, **section: Any):
    write(folder, captions=data)
    return open_source(folder, "captioning", type="coco", annotations="captions.json", **section)


def changed(data: dict[str, Any], name: str, index: int, **values: Any) -> dict[str, Any]:
    rows = [dict(row) for row in data[name]]
    rows[index] |= values
    return {**data, name: rows}


def test_a_sample_per_image_with_its_captions(tmp_path, open_source, draw):
    draw(tmp_path / "pictures/7.png", 9)
    first, second = captions(tmp_path, open_source, CAPTIONS, images="pictures").samples()
    assert (first.id, first.references, first.group) == ("7", ("seven",), "7")
    assert second.references == ("three", "drei")
    assert first.images[0].decode()[0, 0, 0] == 9
    with pytest.raises(SampleError, match=r"3.png cannot be read"):
        second.images[0].decode()


def test_an_image_without_captions_is_a_problem(tmp_path, open_source):
    data = {**CAPTIONS, "annotations": CAPTIONS["annotations"][:1]}
    first, second = captions(tmp_path, open_source, data).samples()
    assert first.problem == "captions.json, image 7: The reference list is empty."
    assert not second.problem


@pytest.mark.parametrize("name", ["../7.png", "/etc/7.png", "C:\\7.png", "a/../../7.png", "..\\7.png", "a\0.png"])
def test_a_path_that_leads_out_is_refused(tmp_path, open_source, name):
    first, second = captions(tmp_path, open_source, changed(CAPTIONS, "images", 0, file_name=name)).samples()
    assert "leads out of the images folder: it is refused" in first.problem
    assert first.images == ()
    assert not second.problem


def test_defects_of_one_sample(tmp_path, open_source):
    data = changed(changed(CAPTIONS, "images", 0, file_name=5), "annotations", 0, caption=None)
    first, second = captions(tmp_path, open_source, data).samples()
    assert "The image value 5 is not a file name" in first.problem
    assert "The reference None is not text" in second.problem


def test_reference_files_without_file_names_can_be_scored_but_not_looked_at(tmp_path, open_source):
    data = {**CAPTIONS, "images": [{"id": 7}, {"id": 3}]}
    first, _ = captions(tmp_path, open_source, data).samples()
    assert (first.references, first.problem) == (("seven",), "")
    for look in (lambda: first.images[0].digest, first.images[0].decode):
        with pytest.raises(SampleError, match=r"The image 7 has no 'file_name' in captions.json"):
            look()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", r"captions.json, line 1, is not valid JSON"),
        ("[" * 200000, r"captions.json is not usable JSON: it is nested too deeply"),
        ([], "has no list 'images': give a captions file in COCO's format"),
        ({"images": []}, "lists no images"),
        ({**CAPTIONS, "images": [1]}, r"images\[0\], is not an object"),
        ({"images": [{"id": 1}]}, "has no list 'annotations'"),
        (changed(CAPTIONS, "images", 1, id=7), r"images\[1\]: the image id '7' was used before \(.*images\[0\]\)"),
        (changed(CAPTIONS, "images", 1, id=None), r"images\[1\]: 'id' must be a number or text, not None"),
        (
            changed(CAPTIONS, "annotations", 1, image_id=8),
            r"annotations\[1\]: the image_id '8' is not among the images",
        ),
        ({**CAPTIONS, "annotations": [{"image_id": 7, "bbox": []}]}, r"annotations\[0\]: there is no 'caption'"),
    ],
)
def test_malformed_captions(tmp_path, open_source, data, message):
    with pytest.raises(UsageError, match=message):
        captions(tmp_path, open_source, data)


def test_fingerprint_follows_content_not_place(tmp_path, open_source):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first = captions(one, open_source, CAPTIONS).fingerprint()
    (two / "elsewhere").mkdir()
    assert captions(two, open_source, CAPTIONS, images="elsewhere").fingerprint() == first
    changed_data = changed(CAPTIONS, "annotations", 0, caption="other")
    assert captions(two, open_source, changed_data).fingerprint() != first


def vqa(folder: Path, open_source, questions: Any = QUESTIONS, annotations: Any = ANNOTATIONS, **section: Any):
    write(folder, questions=questions, annotations=annotations)
    files = {"questions": "questions.json", "annotations": "annotations.json"}
    return open_source(folder, "vqa", type="vqa", **files, **section)


def test_a_sample_per_question(tmp_path, open_source, draw):
    draw(tmp_path / "pictures/COCO_val2014_000000000007.jpg")
    first, second = vqa(tmp_path, open_source, images="pictures").samples()
    assert (first.id, first.inputs, first.references) == ("70", {"question": "how many?"}, ("2", "two"))
    assert first.slices == {"question_type": "how many", "answer_type": "number"}
    assert first.group == second.group == "7"
    assert first.images[0].decode().shape == (4, 5, 3)
    assert second.problem == "questions.json, question 71: The reference list is empty."


def test_file_names_by_pattern(tmp_path, open_source):
    first, _ = vqa(
        tmp_path, open_source, {**QUESTIONS, "data_subtype": None}, filename="{image_id}/{question_id}.png"
    ).samples()
    assert first.images[0].source == tmp_path / "7" / "70.png"


def test_a_value_that_does_not_fit_the_pattern(tmp_path, open_source):
    first, second = vqa(tmp_path, open_source, changed(QUESTIONS, "questions", 0, image_id="a")).samples()
    assert "The value 'a' does not fit 'COCO_{split}_{image_id:012d}.jpg'" in first.problem
    bad = changed(changed(QUESTIONS, "questions", 0, question=None), "questions", 1, image_id=None)
    first, second = vqa(tmp_path, open_source, bad).samples()
    assert "The question None is not text" in first.problem
    assert "The image value is missing" in second.problem


@pytest.mark.parametrize(
    ("questions", "annotations", "section", "message"),
    [
        ({"questions": []}, ANNOTATIONS, {}, "lists no questions: give a questions file in VQA v2's format"),
        (ANNOTATIONS, ANNOTATIONS, {}, "has no list 'questions'"),
        (QUESTIONS, QUESTIONS, {}, "has no list 'annotations'"),
        (
            changed(QUESTIONS, "questions", 1, question_id=70),
            ANNOTATIONS,
            {},
            r"questions\[1\]: the question_id '70' was used before",
        ),
        (
            QUESTIONS,
            changed(ANNOTATIONS, "annotations", 0, question_id=1),
            {},
            "No question of .* is answered in .*: give the files of one split",
        ),
        ({**QUESTIONS, "data_subtype": None}, ANNOTATIONS, {}, "has no 'data_subtype', which 'COCO_"),
        (QUESTIONS, ANNOTATIONS, {"filename": "{image}.jpg"}, r"there is no field \{image\}"),
        (QUESTIONS, ANNOTATIONS, {"filename": "{image_id"}, "'filename' is not valid"),
        (QUESTIONS, ANNOTATIONS, {"filename": "{image_id.real}"}, r"there is no field \{image_id.real\}"),
    ],
)
def test_malformed_vqa(tmp_path, open_source, questions, annotations, section, message):
    with pytest.raises(UsageError, match=message):
        vqa(tmp_path, open_source, questions, annotations, **section)


def test_splits(tmp_path, open_source):
    train = changed(QUESTIONS, "questions", 0, question="another?")
    write(tmp_path, train=train, annotations=ANNOTATIONS)
    splits = {"train": {"questions": "train.json"}}
    source = vqa(tmp_path, open_source, splits=splits)
    other = vqa(tmp_path, open_source, splits=splits, split="train")
    assert next(other.samples()).inputs["question"] == "another?"
    (tmp_path / "alone").mkdir()
    assert vqa(tmp_path / "alone", open_source, train).fingerprint() == other.fingerprint()
    assert other.fingerprint() != source.fingerprint() == vqa(tmp_path, open_source).fingerprint()


def test_splits_that_are_wrong(tmp_path, open_source):
    splits = {"train": {"questions": "train.json"}}
    with pytest.raises(UsageError, match=r"'split' is not valid: there is no split of that name, did you mean 'train'"):
        vqa(tmp_path, open_source, splits=splits, split="trian")
    with pytest.raises(UsageError, match=r"there is no split of that name, add it under 'splits'"):
        vqa(tmp_path, open_source, split="train")
    with pytest.raises(UsageError, match=r"unknown key 'question': did you mean 'questions'"):
        vqa(tmp_path, open_source, splits={"train": {"question": "train.json"}})


def test_coco_mini(shared, open_source):
    section = {"annotations": "coco_mini/captions_val2017_283.json", "images": "coco_mini/images/val2017"}
    samples = list(open_source(shared, "captioning", type="coco", **section).samples())
    assert len(samples) == 283
    assert sum(len(sample.references) for sample in samples) == 1416
    assert not any(sample.problem for sample in samples)
    assert samples[0].images[0].decode().shape == (426, 640, 3)


def test_the_references_of_the_fakecap_results(shared, open_source):
    path = "coco_caption/captions_val2014_fakecap_refs_tokenized.json"
    samples = list(open_source(shared, "captioning", type="coco", annotations=path).samples())
    assert (len(samples), sum(len(sample.references) for sample in samples)) == (1000, 5005)
    assert not any(sample.problem for sample in samples)


INSTANCES = {
    "images": [{"id": 7}, {"id": 3}, {"id": 5}],
    "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    "annotations": [{"id": place, "image_id": 7, "category_id": one} for place, one in enumerate((18, 1, 18))],
}


def test_instances_say_which_objects_are_there(tmp_path, open_source):
    write(tmp_path, instances=INSTANCES)
    source = captions(tmp_path, open_source, CAPTIONS, instances="instances.json")
    first, second = source.samples()
    assert first.facts == {"objects": ["dog", "person"]}
    assert second.facts == {"objects": []}
    without = captions(tmp_path, open_source, CAPTIONS)
    assert next(without.samples()).facts == {}
    prints = {source.fingerprint(), without.fingerprint()}
    write(tmp_path, instances=changed(INSTANCES, "annotations", 0, category_id=1))
    prints.add(captions(tmp_path, open_source, CAPTIONS, instances="instances.json").fingerprint())
    assert len(prints) == 3


def test_instances_that_lack_an_image_are_refused(tmp_path, open_source):
    write(tmp_path, instances={**INSTANCES, "images": [{"id": 7}, {"id": 5}]})
    with pytest.raises(UsageError, match=r"instances.json does not list 1 of the 2 images of .*captions.json, '3' the"):
        captions(tmp_path, open_source, CAPTIONS, instances="instances.json")


@pytest.mark.parametrize("odd", [{"category_id": 5}, {"image_id": 9}])
def test_an_instance_of_something_unlisted_is_refused(tmp_path, open_source, odd):
    write(tmp_path, instances=changed(INSTANCES, "annotations", 1, **odd))
    with pytest.raises(UsageError, match=r"instances.json, annotations\[1\]: image .* is not listed"):
        captions(tmp_path, open_source, CAPTIONS, instances="instances.json")
