"""What is sent: messages, pictures and settings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.models.remote.serving import decoded
from velm_bench.errors import SampleError
from velm_bench.models.remote.messages import completion, conversation, settings
from velm_bench.models.remote.options import RemoteOptions
from velm_bench.models.remote.pictures import data_url
from velm_bench.samples import ArrayPicture, EncodedPicture, GenerateRequest, Generation, Shot

NOISE = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)
GREY = ArrayPicture(np.full((4, 4), 7, np.uint8))
NOISY = ArrayPicture(NOISE)


def encode(image: Image.Image, form: str, **how: Any) -> EncodedPicture:
    stream = io.BytesIO()
    image.save(stream, form, **how)
    return EncodedPicture(stream.getvalue())


def turned() -> EncodedPicture:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(Image.fromarray(NOISE), "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("picture", "start", "kept"),
    [
        (encode(Image.fromarray(NOISE), "PNG"), "data:image/png;", True),
        (encode(Image.fromarray(NOISE), "JPEG"), "data:image/jpeg;", True),
        (encode(Image.fromarray(NOISE).convert("L"), "JPEG"), "data:image/jpeg;", True),
        (encode(Image.fromarray(NOISE), "WEBP", lossless=True), "data:image/png;", False),
        (encode(Image.fromarray(NOISE), "BMP"), "data:image/png;", False),
        (encode(Image.fromarray(NOISE).convert("RGBA"), "PNG"), "data:image/png;", False),
        (encode(Image.fromarray(NOISE).convert("P"), "PNG"), "data:image/png;", False),
        (encode(Image.fromarray(NOISE).convert("CMYK"), "JPEG"), "data:image/png;", False),
        (turned(), "data:image/png;", False),
        (NOISY, "data:image/png;", False),
        (GREY, "data:image/png;", False),
    ],
)
def test_a_server_sees_the_pixels_that_every_model_sees(picture: Any, start: str, kept: bool) -> None:
    url = data_url(picture)
    assert url.startswith(start)
    assert np.array_equal(decoded(url), picture.decode())
    if isinstance(picture, EncodedPicture):
        import base64

        assert (base64.b64decode(url.partition("base64,")[2]) == picture.read()) is kept


def test_a_damaged_picture_fails_here_and_is_not_sent() -> None:
    whole = encode(Image.fromarray(NOISE), "PNG").read()
    with pytest.raises(SampleError, match="cannot be decoded"):
        data_url(EncodedPicture(whole[:100]))
    with pytest.raises(SampleError, match="cannot be read"):
        data_url(EncodedPicture(Path("missing.png")))


def test_the_conversation_has_system_prompts_worked_examples_and_pictures_in_their_places() -> None:
    shots = (Shot((NOISY,), "which?", "noise"), Shot((), "and this?", "none"))
    request = GenerateRequest("s", (GREY, NOISY), "what?", system="Be brief.", shots=shots)
    told, shown, answered, asked, said, last = conversation(request, system="You see.")
    assert told == {"role": "system", "content": "You see.\n\nBe brief."}
    assert [turn["role"] for turn in (shown, answered, asked, said, last)] == [*["user", "assistant"] * 2, "user"]
    assert (answered["content"], asked["content"], said["content"]) == ("noise", "and this?", "none")
    assert [part["type"] for part in shown["content"]] == ["image_url", "text"]
    assert [part["type"] for part in last["content"]] == ["image_url", "image_url", "text"]
    first, second = (decoded(part["image_url"]["url"]) for part in last["content"][:2])
    assert np.array_equal(first, GREY.decode())
    assert np.array_equal(second, NOISE)
    assert last["content"][2] == {"type": "text", "text": "what?"}


def test_what_is_not_there_is_not_sent() -> None:
    assert conversation(GenerateRequest("s", (), "what?")) == [{"role": "user", "content": "what?"}]
    (turn,) = conversation(GenerateRequest("s", (GREY,), ""))
    assert [part["type"] for part in turn["content"]] == ["image_url"]


@pytest.mark.parametrize(
    ("generation", "options", "sent"),
    [
        ({}, {}, {"max_tokens": 32, "temperature": 0.0}),
        ({}, {"temperature": "server"}, {"max_tokens": 32}),
        ({}, {"max_tokens_field": "max_completion_tokens"}, {"max_completion_tokens": 32, "temperature": 0.0}),
        ({"temperature": 0.5}, {}, {"max_tokens": 32, "temperature": 0.5, "seed": 7}),
        ({"temperature": 0.5}, {"temperature": "server"}, {"max_tokens": 32, "temperature": 0.5, "seed": 7}),
        ({"temperature": 0.5, "top_p": 0.9}, {}, {"max_tokens": 32, "temperature": 0.5, "seed": 7, "top_p": 0.9}),
        ({"stop": ("\n", "!")}, {}, {"max_tokens": 32, "temperature": 0.0, "stop": ["\n", "!"]}),
        (
            {"temperature": 0.5, "top_k": 4, "repetition_penalty": 1.5},
            {"server": "vllm"},
            {"max_tokens": 32, "temperature": 0.5, "seed": 7, "top_k": 4, "repetition_penalty": 1.5},
        ),
    ],
)
def test_settings(generation: dict[str, Any], options: dict[str, Any], sent: dict[str, Any]) -> None:
    assert settings(Generation(**generation), RemoteOptions(**options), seed=7) == sent


def test_further_fields_stand_beside_ours() -> None:
    options = RemoteOptions.model_validate({"extra_body": '{"min_p": 0.1}'})
    body = completion("m", GenerateRequest("s", (), "what?", chat_template="{{ 1 }}"), options, 0)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "what?"}],
        "max_tokens": 32,
        "temperature": 0.0,
        "min_p": 0.1,
        "chat_template": "{{ 1 }}",
    }
