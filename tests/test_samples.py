"""The shared nouns: pictures are lazy and honest, requests know what decides their answer."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from velm_bench.errors import SampleError
from velm_bench.samples import (
    ArrayPicture,
    ChooseRequest,
    EncodedPicture,
    GenerateRequest,
    Generation,
    Sample,
    TagRequest,
)


def png(colour: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (4, 3)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


def test_a_picture_file_decodes_to_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    pixels = EncodedPicture(path).decode()
    assert pixels.shape == (3, 4, 3)
    assert pixels[0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "I;16", "CMYK"])
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new(mode, (5, 2)).save(buffer, format="TIFF")
    assert EncodedPicture(buffer.getvalue()).decode().shape == (2, 5, 3)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1), (99, 0)])
def test_a_camera_held_otherwise_is_made_up_for(orientation: int, turns: int) -> None:
    """As `datasets` and everybody's viewer do."""
    seen = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(seen).save(buffer, format="PNG", exif=exif)
    assert np.array_equal(EncodedPicture(buffer.getvalue()).decode(), np.rot90(seen, turns))


def test_damaged_notes_of_a_camera_do_no_harm() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3)).save(buffer, format="JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert EncodedPicture(buffer.getvalue()).decode().shape == (3, 4, 3)


def test_a_missing_file_is_a_sample_error_that_names_it(tmp_path: Path) -> None:
    picture = EncodedPicture(tmp_path / "gone.png")
    for look in (picture.decode, lambda: picture.digest):
        with pytest.raises(SampleError, match=r"gone\.png cannot be read"):
            look()


@pytest.mark.parametrize("data", [b"", b"no image", png()[:40]])
def test_a_damaged_file_is_a_sample_error(data: bytes) -> None:
    with pytest.raises(SampleError, match=r"The image cover cannot be decoded"):
        EncodedPicture(data, name="cover").decode()


def test_the_same_damage_gives_the_same_words() -> None:
    said = set()
    for _ in range(3):
        with pytest.raises(SampleError) as caught:
            EncodedPicture(b"no image " * 50, name="cover").decode()
        said.add(str(caught.value))
    assert said == {"The image cover cannot be decoded: cannot identify image file."}


def test_a_truncated_png_is_not_silently_grey() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    with pytest.raises(SampleError):
        EncodedPicture(buffer.getvalue()[:-2000]).decode()


def test_equal_bytes_have_equal_digests_wherever_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    assert EncodedPicture(path).digest == EncodedPicture(png()).digest != EncodedPicture(png((1, 1, 1))).digest


def test_array_digests_tell_shapes_apart() -> None:
    flat = np.zeros((2, 8), dtype=np.uint8)
    assert ArrayPicture(flat).digest != ArrayPicture(flat.reshape(8, 2)).digest
    assert ArrayPicture(flat).decode().shape == (2, 8, 3)


def test_the_cluster_is_the_group_or_the_sample() -> None:
    assert Sample("a").cluster == "a"
    assert Sample("a", group="image").cluster == "image"


def test_a_request_digest_holds_all_that_decides_the_answer() -> None:
    picture = EncodedPicture(png())
    base = GenerateRequest("1", (picture,), "What?", Generation(max_new_tokens=4))
    others = [
        replace(base, prompt="Who?"),
        replace(base, images=()),
        replace(base, images=(EncodedPicture(png((0, 0, 0))),)),
        replace(base, generation=Generation(max_new_tokens=5)),
        replace(base, generation=Generation(max_new_tokens=4, beams=2)),
        ChooseRequest("1", (picture,), "What?", ("a", "b")),
        ChooseRequest("1", (picture,), "What?", ("b", "a")),
        TagRequest("1", (picture,), "What?", ("a",), ("O",)),
        TagRequest("1", (picture,), "What?", ("a",), ("O", "B-X")),
    ]
    digests = {base.digest(), *(other.digest() for other in others)}
    assert len(digests) == len(others) + 1
    assert replace(base, sample_id="2").digest() == base.digest()
