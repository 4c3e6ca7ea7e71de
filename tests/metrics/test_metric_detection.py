"""Detection against pycocotools and its printed numbers, its weights against duplicated images, and hostile input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.coco_cases import HEIGHT, WIDTH, as_samples, compressed, generated, official, resampled, runs
from velm_bench.errors import UsageError
from velm_bench.metrics import Detection, MetricInputError, MetricUnavailableError, build
from velm_bench.samples import Sample

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # pycocotools
]

GEOMETRIES = ("bbox", "segm", "keypoints")
NAN, INF = float("nan"), float("inf")
ONE = pytest.approx(1, abs=1e-15)
"""COCO adds 2e-16 to every denominator of a precision."""
SIZE = {"height": HEIGHT, "width": WIDTH}
BOX = {"category": "cat", "bbox": [10, 10, 40, 40]}
FOUND = {**BOX, "score": 0.5}
SQUARE = [[10.0, 10.0, 50.0, 10.0, 50.0, 50.0, 10.0, 50.0]]
POINTS = [float(number) for point in range(17) for number in (10 + point, 20 + point, 2)]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def values(gold: Any, found: Any, geometry: str) -> np.ndarray:
    predictions, references, labels = as_samples(gold, found)
    return np.asarray(list(build(f"detection:{geometry}", labels).compute(predictions, references).values()))


def jittered(gold: Any, geometry: str, seed: int = 0) -> list[dict[str, Any]]:
    """Two detections near every object, boxes and points moved, polygons shifted."""
    from pycocotools import mask as coco_mask

    rng = np.random.default_rng(seed)
    sizes = {image["id"]: (image["height"], image["width"]) for image in gold["images"]}
    found = []
    for one in [*gold["annotations"], *gold["annotations"]]:
        result = {"image_id": one["image_id"], "category_id": one["category_id"], "score": float(rng.random())}
        if geometry == "bbox":
            shift = rng.normal(0, 0.1, 4) * np.asarray(one["bbox"])[[2, 3, 2, 3]]
            result["bbox"] = [*(one["bbox"] + shift)[:2].tolist(), *np.abs(one["bbox"] + shift)[2:].tolist()]
        elif geometry == "keypoints":
            moved = np.asarray(one["keypoints"], dtype=float).reshape(17, 3) + rng.normal(0, 6, (17, 3))
            result["keypoints"] = moved.ravel().tolist()
        elif isinstance(one["segmentation"], list):
            shift = float(rng.normal(0, 0.1) * one["bbox"][2])
            moved = [[place + shift for place in polygon] for polygon in one["segmentation"]]
            encoding = coco_mask.merge(coco_mask.frPyObjects(moved, *sizes[one["image_id"]]))
            result["segmentation"] = {"size": encoding["size"], "counts": encoding["counts"].decode()}
        else:
            continue
        found.append(result)
    return found


@pytest.fixture(scope="module")
def fake(shared: Path) -> dict[str, tuple[Any, Any]]:
    """COCO's 100 images with made-up results."""
    folder = shared / "coco_detection_eval"
    gold = read(folder / "instances_val2014_100.json")
    return {kind: (gold, read(folder / f"instances_val2014_fake{kind}100_results.json")) for kind in ("bbox", "segm")}


@pytest.mark.parametrize("geometry", ["bbox", "segm"])
def test_the_printed_numbers_of_cocoapi(fake: Any, shared: Path, geometry: str) -> None:
    text = (shared / "coco_detection_eval" / "val2014_fake_eval_res.txt").read_text(encoding="utf-8")
    printed = re.findall(r"= (-?\d\.\d{3})$", text.split(f"type={geometry}")[1].split("type=")[0], re.MULTILINE)
    assert [f"{value:.3f}" for value in values(*fake[geometry], geometry)] == printed
    assert len(printed) == 12


@pytest.mark.parametrize("geometry", ["bbox", "segm"])
def test_fake_results_equal_pycocotools(fake: Any, geometry: str) -> None:
    np.testing.assert_allclose(values(*fake[geometry], geometry), official(*fake[geometry], geometry), 0, 1e-12)


@pytest.mark.parametrize(
    ("geometry", "name"), [("bbox", "instances"), ("segm", "instances"), ("keypoints", "person_keypoints")]
)
def test_real_annotations_with_jittered_detections_equal_pycocotools(shared: Path, geometry: str, name: str) -> None:
    gold = read(shared / "coco_mini" / f"{name}_val2017_79.json")
    found = jittered(gold, geometry)
    ours = values(gold, found, geometry)
    np.testing.assert_allclose(ours, official(gold, found, geometry), 0, 1e-12)
    assert 0.05 < ours[0] < 0.95


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_generated_cases_equal_pycocotools(geometry: str) -> None:
    compared = 0
    for seed in range(40):
        gold, found = generated(geometry, seed)
        if found:
            compared += 1
            ours, theirs = values(gold, found, geometry), official(gold, found, geometry)
            np.testing.assert_allclose(ours, theirs, 0, 1e-12, err_msg=f"seed {seed}")
    assert compared > 35


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_weights_are_copies_of_images(geometry: str) -> None:
    for seed in range(0, 24, 2):  # even seeds have no equal scores: among copies, ties within an image have no order
        gold, found = generated(geometry, seed)
        predictions, references, labels = as_samples(gold, found)
        counts = np.random.default_rng(seed).multinomial(len(references), [1 / len(references)] * len(references), 3)
        metric = build(f"detection:{geometry}", labels)
        ours = metric.values(metric.statistics(predictions, references), counts)
        for weights, numbers in zip(counts, ours, strict=True):
            copies, results = resampled(gold, found, weights)
            if results:
                np.testing.assert_allclose(numbers, official(copies, results, geometry), 0, 1e-12)


def test_weights_of_real_data_are_copies_of_images(fake: Any) -> None:
    gold, found = fake["bbox"]
    rng = np.random.default_rng(5)
    scores = rng.permutation(len(found)) / len(found)
    found = [{**one, "score": float(score)} for one, score in zip(found, scores, strict=True)]
    predictions, references, labels = as_samples(gold, found)
    metric = Detection(labels)
    statistics = metric.statistics(predictions, references)
    counts = rng.multinomial(100, [0.01] * 100)
    np.testing.assert_allclose(
        metric.values(statistics, counts), official(*resampled(gold, found, counts), "bbox"), 0, 1e-12
    )
    np.testing.assert_allclose(metric.values(statistics, 0.25 * counts), metric.values(statistics, counts), 0, 1e-12)
    many = rng.multinomial(100, [0.01] * 100, 3)
    each = np.stack([metric.values(statistics, weights) for weights in many])
    np.testing.assert_allclose(metric.values(statistics, many), each, 0, 1e-12)


def test_a_mask_is_a_slice_and_rows_can_be_left_out(fake: Any) -> None:
    predictions, references, labels = as_samples(*fake["bbox"])
    metric = Detection(labels)
    statistics = metric.statistics(predictions, references)
    mask = np.arange(100) % 3 == 0
    alone = Detection(labels).compute(predictions[::3], references[::3])
    np.testing.assert_array_equal(metric.values(statistics, mask), list(alone.values()))
    np.testing.assert_array_equal(metric.values(statistics[mask]), list(alone.values()))


def test_columns_fit_every_call() -> None:
    metric = Detection(["cat"])
    rows = metric.statistics([[FOUND] * 3, None], [{"objects": [BOX]}, {"objects": [BOX, BOX]}])
    assert rows.shape == (2, len(metric.columns)) == (2, 20)
    assert np.isfinite(rows).all()
    failed = metric.statistics([None], [{"objects": [BOX]}])
    assert failed.shape == (1, len(metric.columns)) == (1, 5)
    assert metric.statistics([], []).shape == (0, 5)


def test_a_crowded_image_takes_little() -> None:
    """Objects that count alike are one event, and so many detections count that COCO looks at."""
    rng = np.random.default_rng(0)
    objects = [
        {**BOX, "bbox": [*rng.random(2) * 500, *rng.random(2) * 150], "iscrowd": int(one % 50 == 0)}
        for one in range(2000)
    ]
    found = [{**FOUND, "bbox": one["bbox"], "score": float(rng.random())} for one in objects]
    metric = Detection(["cat"])
    rows = metric.statistics([found, None], [{"objects": objects}, {"objects": objects}])
    assert rows.shape[1] <= 5 * (100 + 8)
    recall = dict(zip(metric.outputs, metric.values(rows), strict=True))["detection_ar100"]
    assert 0 < recall <= 100 / (2 * 1960)


def test_a_failed_image_misses_its_objects() -> None:
    gold = [{"objects": [BOX]}, {"objects": [BOX]}]
    assert Detection().compute([[FOUND], None], gold)["detection_ar100"] == 0.5
    assert Detection().compute([[FOUND], []], gold) == pytest.approx(
        Detection().compute([[FOUND], None], gold), nan_ok=True
    )


def test_perfect_detections_score_one_where_there_are_objects() -> None:
    scores = Detection().compute([[FOUND]], [{"objects": [BOX]}])
    assert scores["detection_ap"] == scores["detection_ap_medium"] == ONE
    assert scores["detection_ar1"] == 1.0
    assert np.isnan(scores["detection_ap_small"])


def test_identical_masks_of_every_encoding_match() -> None:
    text = compressed(SQUARE)
    forms = [SQUARE, text, runs(SQUARE), {**text, "counts": text["counts"].encode()}]
    for gold in forms:
        for found in forms:
            reference = {"objects": [{"category": "cat", "segmentation": gold}], **SIZE}
            prediction = [{"category": "cat", "segmentation": found, "score": 1}]
            assert build("detection:segm").compute([prediction], [reference])["detection_segm_ap"] == ONE


def test_detections_of_absent_categories_change_nothing_without_labels() -> None:
    other = {**FOUND, "category": "dog", "score": 0.9}
    gold = [{"objects": [BOX]}]
    assert Detection().compute([[FOUND, other]], gold)["detection_ap"] == ONE
    with pytest.raises(MetricInputError, match="Sample 0: a detection has the category 'dog'"):
        Detection(["cat"]).compute([[FOUND, other]], gold)


def test_no_samples_and_no_objects_are_undefined() -> None:
    assert all(np.isnan(value) for value in Detection().compute([], []).values())
    assert all(np.isnan(value) for value in Detection().compute([[]], [{"objects": []}]).values())
    assert all(np.isnan(value) for value in Detection(["cat"]).compute([[FOUND]], [{"objects": []}]).values())
    metric = Detection()
    statistics = metric.statistics([[FOUND]], [{"objects": [BOX]}])
    assert np.isnan(metric.values(statistics, np.zeros(1))).all()


def test_statistics_of_unknown_gold_add_nothing() -> None:
    metric = Detection()
    rows = metric.statistics([[FOUND]] * 2, [{"objects": [BOX]}] * 2)  # the same object in both is nobody else's
    np.testing.assert_array_equal(metric.values(np.vstack([rows, metric.unknown()])), metric.values(rows))


def test_shards_of_different_widths_are_merged() -> None:
    found = [[FOUND], [FOUND, {**FOUND, "score": 0.2}], []]
    sides = (10, 50, 200, 300)
    gold = [{"objects": [{**BOX, "bbox": [1, 1, side, side]} for side in sides[:many]]} for many in (1, 4, 2)]
    whole = Detection(["cat"])
    rows = whole.statistics(found, gold)
    shards = [Detection(["cat"]).statistics([one], [other]) for one, other in zip(found, gold, strict=True)]
    assert [shard.shape[1] for shard in shards] == [10, 25, 10]
    metric = Detection(["cat"])
    merged = metric.concatenate(shards)
    np.testing.assert_array_equal(merged, rows)
    assert metric.columns == whole.columns
    np.testing.assert_array_equal(metric.values(merged), whole.values(rows))
    assert metric.concatenate(shards[:1]).shape == (1, len(metric.columns)) == (1, 10)


def test_outputs_of_geometries_differ_and_unknown_ones_are_refused() -> None:
    names = [set(build(f"detection:{geometry}").outputs) for geometry in GEOMETRIES]
    assert [len(one) for one in names] == [12, 12, 10]
    assert len(set.union(*names)) == 34
    assert len({build(f"detection:{geometry}").signature for geometry in GEOMETRIES}) == 3
    with pytest.raises(UsageError, match="did you mean 'segm'"):
        build("detection:segmentation")


def test_a_sample_gives_objects_and_size() -> None:
    sample = Sample("a", references=(BOX,), facts={"height": 3, "width": 4, "oracle": "x"})
    assert Detection().reference(sample) == {"objects": [BOX], "height": 3, "width": 4}
    assert Detection().reference(Sample("a")) == {"objects": []}


BAD_BOXES = (
    None,
    [],
    [1, 2, 3],
    [1, 2, 3, 4, 5],
    [1, 2, -3, 4],
    [1, 2, NAN, 4],
    [1, 2, INF, 4],
    "abcd",
    [1, 2, "3", 4],
)
BAD_COUNTS = (
    *(None, "", "05", "zz~~\x00\x7f", "é☃", "\ud800", "o" * 9999, "P" * 30, b"\xff", "0J0"),
    *([], [5, 5], [1, HEIGHT * WIDTH], [-5, HEIGHT * WIDTH + 5], [0.5, HEIGHT * WIDTH - 0.5], [NAN], [10**30], ["1"]),
)
BAD_POLYGONS = (
    *(None, "x", 3, [], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], [[1, 2, 3, NAN, 5, 6]]),
    *([[1, 1, 1e9, 1, 1, 9]], [1, 2, 3, 4, 5, 6], [["1", 2, 3, 4, 5, 6]]),
)
BAD_SIZES = (None, [WIDTH, HEIGHT], [HEIGHT], [0, 0], [1.0, 2.0], "ab", [2**20, 2**20])
BAD = {
    "bbox": [
        *({**FOUND, "bbox": box} for box in (*BAD_BOXES, [[1, 2], [3, 4]], [1, 2, 10**400, 4], [1, 2, 1e200, 4])),
        *({**FOUND, "score": score} for score in (None, NAN, INF, "0.5", [0.5], 10**400)),
        *({**FOUND, "category": category} for category in (None, NAN, ["cat"], b"cat")),
        *({key: value for key, value in FOUND.items() if key != lost} for lost in FOUND),
        *("cat", None, b"cat", 3),
    ],
    "segm": [
        {"category": "cat", "score": 1, "segmentation": segmentation}
        for segmentation in (
            *BAD_POLYGONS,
            *({"size": [HEIGHT, WIDTH], "counts": counts} for counts in BAD_COUNTS),
            *({**compressed(SQUARE), "size": size} for size in BAD_SIZES),
        )
    ],
    "keypoints": [
        {"category": "cat", "score": 1, "keypoints": points}
        for points in (None, [], POINTS[:-1], [*POINTS, 1.0], [*POINTS[:-1], NAN], "abc")
    ],
}
GOOD = {
    "bbox": FOUND,
    "segm": {"category": "cat", "score": 1, "segmentation": SQUARE},
    "keypoints": {"category": "cat", "score": 1, "keypoints": POINTS, "bbox": [1, 2, 30, 40]},
}


@pytest.mark.parametrize(
    ("geometry", "bad"),
    [(geometry, bad) for geometry, many in BAD.items() for bad in many],
    ids=lambda one: ascii(one)[:60],
)
def test_what_cannot_be_read_is_one_sentence_with_the_row(geometry: str, bad: Any) -> None:
    good = GOOD[geometry]
    gold = {"objects": [good], **SIZE}
    metric = build(f"detection:{geometry}", ["cat"])
    with pytest.raises(MetricInputError, match=r"^Sample 1\b.*\.$"):
        metric.statistics([[good], [good, bad]], [gold, gold])


@pytest.mark.parametrize(
    "reference",
    [
        *(None, [], [BOX], {}, {"objects": None}, {"objects": BOX}, {"objects": ["cat"]}),
        *({"objects": [{**BOX, key: NAN}]} for key in ("area", "iscrowd")),
        {"objects": [{**BOX, "area": -1}]},
        *({"objects": [], "height": height, "width": 5} for height in (None, 0, -3, NAN, "7", 2**31)),
    ],
    ids=repr,
)
def test_references_that_cannot_be_read(reference: Any) -> None:
    with pytest.raises(MetricInputError, match=r"^Sample 0\b.*\.$"):
        Detection(["cat"]).statistics([[]], [reference])


def test_sizes_of_numpy_are_sizes() -> None:
    found = {"category": "cat", "segmentation": SQUARE}
    sides = {side: np.int64(number) for side, number in SIZE.items()}
    rows = [build("detection:segm").statistics([[{**found, "score": 1}]], [{"objects": [found], **size}])
            for size in (SIZE, sides)]  # fmt: skip
    np.testing.assert_array_equal(*rows)


def test_an_object_outside_the_labels_is_an_error() -> None:
    with pytest.raises(MetricInputError, match="Sample 0: an object has the category 'cat'"):
        Detection(["dog"]).statistics([[]], [{"objects": [BOX]}])


def test_polygons_need_a_size_and_encodings_do_not() -> None:
    metric = build("detection:segm")
    with pytest.raises(MetricInputError, match="'height' and 'width'"):
        metric.statistics([[]], [{"objects": [{"category": "cat", "segmentation": SQUARE}]}])
    gold = {"objects": [{"category": "cat", "segmentation": compressed(SQUARE)}]}
    found = {"category": "cat", "score": 1, "segmentation": runs(SQUARE)}
    assert metric.compute([[found]], [gold])["detection_segm_ap"] == ONE


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    geometry=st.sampled_from(GEOMETRIES),
    key=st.sampled_from(["category", "score", "bbox", "segmentation", "keypoints", "area", "iscrowd", "num_keypoints"]),
    value=JSON,
)
def test_anything_in_any_field_is_a_number_or_one_sentence(geometry: str, key: str, value: Any) -> None:
    metric = build(f"detection:{geometry}")
    good, spoiled = GOOD[geometry], {**GOOD[geometry], key: value}
    for found, gold in ((spoiled, good), (good, spoiled)):
        try:
            statistics = metric.statistics([[found]], [{"objects": [gold], **SIZE}])
        except MetricInputError as error:
            assert str(error).startswith("Sample 0")  # noqa: PT017
        else:
            assert np.isfinite(statistics).all()
            metric.values(statistics)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.text(alphabet=[chr(code) for code in range(40, 120)], max_size=12)
    | st.lists(st.integers(0, HEIGHT * WIDTH), max_size=4)
)
def test_any_run_lengths_come_back_from_the_mask_library(counts: Any) -> None:
    found = {"category": "cat", "score": 1, "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}
    try:
        metric = build("detection:segm")
        metric.compute([[found]], [{"objects": [GOOD["segm"]], **SIZE}])
    except MetricInputError as error:
        assert "'counts'" in str(error)  # noqa: PT017


def test_importing_loads_no_evaluation_library() -> None:
    code = (
        "import sys, velm_bench.metrics.detection as d; d.Detection().compute([[]], [{'objects': []}]);"
        "sys.exit(bool({'pycocotools', 'faster_coco_eval', 'cv2', 'numba'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_masks_without_the_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_coco_eval.core", None)
    with pytest.raises(MetricUnavailableError, match="pip install"):
        build("detection:segm").compute([[]], [{"objects": [GOOD["segm"]], **SIZE}])
