"""Folders per class and IDX files."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from velm_bench.errors import SampleError, UsageError
from velm_bench.sources.idx import read_idx


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_pair(folder: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, str]:
    (folder / "images.gz").write_bytes(gzip.compress(idx(images)))
    (folder / "labels").write_bytes(idx(labels))
    return {"type": "images", "images": "images.gz", "labels": "labels"}


IMAGES = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
LABELS = np.array([1, 0, 1], np.uint8)


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, max_side=4)), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.binary(max_size=40), st.binary(max_size=20).map(lambda tail: b"\0\0\x08\x01" + tail)), st.booleans()
)
def test_any_bytes_give_an_array_or_one_sentence(tmp_path_factory, data, packed):
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(gzip.compress(data) if packed else data)
    try:
        read = read_idx(path)
    except UsageError as error:
        outcome = str(error)
    else:
        outcome = f"{path}: {read.size}"
    assert str(path) in outcome


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not an IDX file: it begins with nothing"),
        (b"\x89PNG....", "is not an IDX file: it begins with 89504e47"),
        (b"\0\0\x0d\x01\0\0\0\x01....", "holds type 0x0d: only unsigned bytes"),
        (b"\0\0\x08\x02\0\0\0\x01", "ends within its header"),
        (b"\0\0\x08\x01\0\0\0\0", "is empty: its header declares 0"),
        (idx(LABELS)[:-1], "does not hold the 3 bytes that its header declares: fetch it again"),
        (idx(LABELS) + b"x", "does not hold the 3 bytes"),
        (gzip.compress(idx(LABELS)[:-1], mtime=0), "does not hold the 3 bytes"),
        (gzip.compress(idx(LABELS) + b"x", mtime=0), "does not hold the 3 bytes"),
        (gzip.compress(b"\0\0\x08\x02" + b"\xff" * 8, mtime=0), "does not hold the 4294967295 x 4294967295 bytes"),
        (gzip.compress(idx(LABELS), mtime=0)[:-9], "is damaged gzip"),
        (b"\x1f\x8bnonsense", "is damaged gzip"),
    ],
)
def test_malformed_idx(tmp_path, data, message):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        read_idx(path)


def test_a_missing_idx_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_idx(tmp_path / "x")


def test_idx_samples(tmp_path, open_source):
    source = open_source(tmp_path, "classification", **write_pair(tmp_path, IMAGES, LABELS), names=["cat", "dog"])
    samples = list(source.samples())
    assert [(sample.id, sample.references) for sample in samples] == [("0", ("dog",)), ("1", ("cat",)), ("2", ("dog",))]
    assert source.options() == ("cat", "dog")
    np.testing.assert_array_equal(samples[1].images[0].decode()[:, :, 2], IMAGES[1])
    assert len({sample.images[0].digest for sample in samples}) == 3


def test_idx_without_names_and_in_colour(tmp_path, open_source):
    colour = np.zeros((3, 2, 2, 3), np.uint8)
    source = open_source(tmp_path, "classification", **write_pair(tmp_path, colour, LABELS))
    assert source.options() == ("0", "1")
    assert next(source.samples()).images[0].decode().shape == (2, 2, 3)


def test_a_label_without_a_name_is_the_samples_problem(tmp_path, open_source):
    section = write_pair(tmp_path, IMAGES, LABELS)
    samples = list(open_source(tmp_path, "classification", **section, names=["cat"]).samples())
    assert samples[0].problem == "labels, item 0: class 1 is not among the 1 names."
    assert not samples[1].problem


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:2], LABELS, r"There are 2 pictures in .*images.gz and 3 labels in .*labels: give files of one split"),
        (LABELS, LABELS, r"images.gz holds no pictures: its shape is \(3,\)"),
        (IMAGES, IMAGES, r"labels holds no labels: its shape is \(3, 2, 4\)"),
    ],
)
def test_idx_files_that_do_not_go_together(tmp_path, open_source, images, labels, message):
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "classification", **write_pair(tmp_path, images, labels))


def test_idx_fingerprint_ignores_place_and_compression(tmp_path, open_source):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    section = write_pair(one, IMAGES, LABELS)
    (two / "raw").write_bytes(idx(IMAGES))
    (two / "labels").write_bytes(idx(LABELS))
    first = open_source(one, "classification", **section).fingerprint()
    assert open_source(two, "classification", **{**section, "images": "raw"}).fingerprint() == first
    assert open_source(one, "classification", **section, names=["a", "b"]).fingerprint() != first
    write_pair(one, IMAGES, LABELS[::-1][:3] ^ 1)
    assert open_source(one, "classification", **section).fingerprint() != first


def test_class_folders(tmp_path, open_source, draw):
    draw(tmp_path / "data/dog/b.PNG")
    draw(tmp_path / "data/cat/deep/a.jpeg")
    draw(tmp_path / "data/dog/a.bmp")
    draw(tmp_path / "data/.thumbnails/x.png")
    draw(tmp_path / "data/dog/._a.png")
    (tmp_path / "data/dog/notes.txt").write_text("no picture")
    source = open_source(tmp_path, "classification", type="images", path="data", names={"cat": "house cat"})
    samples = list(source.samples())
    assert [(sample.id, sample.references[0]) for sample in samples] == [
        ("cat/deep/a.jpeg", "house cat"),
        ("dog/a.bmp", "dog"),
        ("dog/b.PNG", "dog"),
    ]
    assert source.options() == ("house cat", "dog")
    assert samples[1].images[0].decode().shape == (4, 5, 3)


def test_a_damaged_picture_is_a_sample_error_when_looked_at(tmp_path, open_source, draw):
    whole = draw(tmp_path / "data/cat/a.png").read_bytes()
    (tmp_path / "data/cat/a.png").write_bytes(whole[:40])
    (sample,) = open_source(tmp_path, "classification", type="images", path="data").samples()
    with pytest.raises(SampleError, match=r"a.png cannot be decoded"):
        sample.images[0].decode()


def test_class_folder_fingerprint(tmp_path, open_source, draw):
    section = {"type": "images", "path": "data"}
    for root in (tmp_path / "one", tmp_path / "two"):
        draw(root / "data/cat/a.png")
    one, two = (open_source(tmp_path / name, "classification", **section).fingerprint() for name in ("one", "two"))
    assert one == two
    draw(tmp_path / "two/data/cat/b.png")
    assert open_source(tmp_path / "two", "classification", **section).fingerprint() != one


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "give either 'path'"),
        ({"images": "x"}, "give either 'path'"),
        ({"path": "data", "labels": "x"}, "give either 'path'"),
        ({"path": "data", "names": ["cat"]}, "'names' must be a mapping from folder to name"),
        ({"images": "x", "labels": "x", "names": {"a": "b"}}, "'names' must be a list in the order"),
        ({"images": "x", "labels": "x", "names": ["a", "a"]}, "'names' calls two classes the same"),
        ({"path": "data", "names": {"cats": "x"}}, "'names' has no folder 'cats' in .*: did you mean 'cat'"),
        ({"path": "data/cat"}, "has no pictures in class folders"),
        ({"path": "data/cat/a.png"}, "is not a folder"),
        ({"path": "nowhere"}, "The data for 'path: nowhere' is (neither|not) at"),
        ({"path": "data", "splits": {"train": {"names": ["x"]}}}, "'names' must be a mapping"),
    ],
)
def test_settings_that_do_not_fit(tmp_path, open_source, draw, section, message):
    draw(tmp_path / "data/cat/a.png")
    with pytest.raises(UsageError, match=message):
        open_source(tmp_path, "classification", type="images", **section)


def test_fashion_mnist(shared, open_source):
    train = {
        "images": "fashion_mnist/train-images-idx3-ubyte.gz",
        "labels": "fashion_mnist/train-labels-idx1-ubyte.gz",
    }
    section = {
        "type": "images",
        "images": "fashion_mnist/t10k-images-idx3-ubyte.gz",
        "labels": "fashion_mnist/t10k-labels-idx1-ubyte.gz",
        "splits": {"train": train},
    }
    samples = list(open_source(shared, "classification", **section).samples())
    assert len(samples) == 10000
    assert [samples[i].references[0] for i in range(5)] == ["9", "2", "1", "1", "6"]
    assert samples[0].images[0].decode().shape == (28, 28, 3)
    tracemalloc.start()
    larger = open_source(shared, "classification", **section, split="train")
    assert sum(1 for _ in larger.samples()) == 60000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * 60000 * 28 * 28  # the pixels once, and once more in the decompressor


def test_a_dangling_link_is_one_error_row(tmp_path, open_source, draw):
    draw(tmp_path / "data/cat/a.png")
    (tmp_path / "data/cat/dead.png").symlink_to(tmp_path / "nowhere.png")
    source = open_source(tmp_path, "classification", type="images", path="data")
    samples = list(source.samples())
    assert [sample.id for sample in samples] == ["cat/a.png", "cat/dead.png"]
    assert len(source.fingerprint()) == 64
    with pytest.raises(SampleError, match=r"dead\.png cannot be read"):
        samples[1].images[0].decode()


def test_linked_folders_are_walked_once(tmp_path, open_source, draw):
    draw(tmp_path / "data/cat/a.png")
    draw(tmp_path / "elsewhere/b.png")
    (tmp_path / "data/cat/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/cat/loop").symlink_to(tmp_path / "data/cat")
    source = open_source(tmp_path, "classification", type="images", path="data")
    assert [sample.id for sample in source.samples()] == ["cat/a.png", "cat/linked/b.png"]


def test_a_picture_beside_the_class_folders_is_not_passed_over(tmp_path, open_source, draw):
    draw(tmp_path / "data/cat/a.png")
    draw(tmp_path / "data/stray.png")
    with pytest.raises(UsageError, match=r"stray\.png lies in .* beside the class folders"):
        open_source(tmp_path, "classification", type="images", path="data")
