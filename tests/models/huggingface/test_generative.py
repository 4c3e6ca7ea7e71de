"""Models that write do what the request says, whatever else is in the batch and in the checkpoint's own settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.huggingface.asking import BATCHES, answers, image, opened, picture
from tests.models.huggingface.tiny import save
from velm_bench.errors import SampleError, UsageError
from velm_bench.models import Setup, open_model
from velm_bench.models.huggingface.collate import Padding
from velm_bench.models.huggingface.decoding import Decoding, Watch, cut
from velm_bench.samples import ChooseRequest, GenerateRequest, Generation, Shot, TextAnswer

Made = Callable[[str], Path]
WORDS = "what colour is the circle left of one large yellow star and how many are there?".split()


def asked(count: int = 12, pictures: Sequence[int] = (1,), **settings: Any) -> list[GenerateRequest]:
    """Requests of different lengths, with so many pictures in turn."""
    generation = Generation(**{"max_new_tokens": 6, **settings})
    return [
        GenerateRequest(
            str(number),
            tuple(picture(number + other) for other in range(pictures[number % len(pictures)])),
            " ".join(WORDS[: 2 + 5 * number % 13]),
            generation=generation,
        )
        for number in range(count)
    ]


def texts(model: Any, requests: Sequence[GenerateRequest], size: int = 32) -> list[str]:
    return [answer.text for answer in answers(model, requests, size)]


def by_hand(model: Any, request: GenerateRequest, **settings: Any) -> str:
    """What transformers says itself to one request, as its documentation has it."""
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": request.prompt}]}]
    text = model.processor.apply_chat_template(said, add_generation_prompt=True)
    inputs = model.processor(images=[image(int(request.sample_id))], text=text, return_tensors="pt")
    with torch.no_grad():
        written = model.model.generate(**inputs, max_new_tokens=6, do_sample=False, **settings)
    return str(model.tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)).strip()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"repetition_penalty": 1.7}, {"repetition_penalty": 1.7}),
        ({"beams": 3}, {"num_beams": 3}),
        ({"beams": 3, "length_penalty": -2.0}, {"num_beams": 3, "length_penalty": -2.0}),
    ],
)
def test_writes_what_transformers_writes(checkpoint: Made, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    model = opened(checkpoint("llava"))
    requests = asked(8, **ours)
    expected = [by_hand(model, request, **theirs) for request in requests]
    assert texts(model, requests) == expected
    assert len(set(expected)) > 4


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 1.5, "top_p": 0.9, "top_k": 40},
        {"repetition_penalty": 3.0},
        {"beams": 2},
        {"stop": ("e",)},
    ],
    ids=["greedy", "drawn", "penalty", "beams", "stop"],
)
def test_batch_size_changes_nothing(checkpoint: Made, settings: dict[str, Any]) -> None:
    """With two, one and no pictures in one batch, and with padding that is the end token."""
    model = opened(checkpoint("llava"))
    model.tokenizer.pad_token = model.tokenizer.eos_token
    requests = asked(12, pictures=(2, 1, 0), **settings)
    found = [texts(model, requests, size) for size in BATCHES]
    assert found[0] == found[1] == found[2]
    assert len(set(found[0])) > 6


def test_drawn_words_depend_on_seed_sample_and_settings(checkpoint: Made) -> None:
    folder = checkpoint("llava")
    drawn = asked(8, temperature=2.0)
    model = opened(folder)
    assert texts(model, drawn) == texts(model, list(reversed(drawn)))[::-1]
    other = opened(folder, seed=1)
    assert texts(other, drawn) != texts(model, drawn)
    assert other.identity.digest != model.identity.digest
    greedy = texts(model, asked(8))
    assert texts(model, drawn) != greedy
    assert texts(model, asked(8, temperature=2.0, top_k=1)) == greedy
    assert texts(model, asked(8, temperature=2.0, top_p=1e-6)) == greedy
    assert texts(model, asked(8, temperature=1e-6)) == greedy


def test_draws_follow_the_models_chances(checkpoint: Made) -> None:
    """First tokens of 400 draws against the probabilities of one forward pass."""
    model = opened(checkpoint("llama"))
    once = GenerateRequest("", (), "why?", generation=Generation(max_new_tokens=1, temperature=1.0))
    prepared = [model.prepare(replace(once, sample_id=str(number), system=" " * number)) for number in range(400)]
    seeds = {one.decoding.seed for one in prepared}
    assert len(seeds) == 400
    inputs = prepared[0].inputs
    with torch.no_grad():
        chances = model.model(**inputs).logits[0, -1].double().softmax(0)
    same = [replace(one, inputs=inputs) for one in prepared]
    found = [answer.text for answer in model.generate(same)]
    likeliest = int(chances.argmax())
    share = found.count(model.tokenizer.decode([likeliest]).strip()) / 400
    deviation = float((chances[likeliest] * (1 - chances[likeliest]) / 400).sqrt())
    assert abs(share - float(chances[likeliest])) < 5 * deviation


def test_texts_end_before_a_stop_text_and_are_not_written_further(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    whole = answers(model, asked(12, max_new_tokens=12))
    stop = whole[0].text[3:5]
    cut = answers(model, asked(12, max_new_tokens=12, stop=(stop,)))
    assert [one.text for one in cut] == [one.text.split(stop)[0].strip() for one in whole]
    assert cut[0].tokens is not None
    assert cut[0].tokens < 12


def test_no_more_tokens_than_asked_for(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    found = answers(model, asked(4, max_new_tokens=3))
    assert [one.tokens for one in found] == [3] * 4
    whole = texts(model, asked(4, max_new_tokens=9))
    assert all(text.startswith(one.text) for text, one in zip(whole, found, strict=True))


def test_an_answer_ends_at_the_models_end_token(checkpoint: Made, tmp_path: Path) -> None:
    """The end token is made to be one that is written: generation_config.json names it."""
    folder = checkpoint("llava")
    model = opened(folder)
    prepared = model.prepare(asked(1)[0])
    with torch.no_grad():
        written = model.model.generate(**prepared.inputs, max_new_tokens=6)[0, -6:].tolist()
    own = shutil.copytree(folder, tmp_path / "own")
    (own / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, written[3]]}), encoding="utf-8")
    found = answers(opened(own), asked(1))[0]
    assert found == TextAnswer(model.tokenizer.decode(written[:3], skip_special_tokens=True).strip(), 3)


def test_a_model_that_names_no_end_has_its_tokenizers(checkpoint: Made, tmp_path: Path) -> None:
    folder = checkpoint("llava")
    model = opened(folder)
    written = model.model.generate(**model.prepare(asked(1)[0]).inputs, max_new_tokens=6)[0, -6:].tolist()
    own = shutil.copytree(folder, tmp_path / "own")
    for name in ("generation_config.json", "config.json"):
        said = json.loads((own / name).read_text(encoding="utf-8"))
        said.get("text_config", {}).pop("eos_token_id", None)
        said.pop("eos_token_id", None)
        (own / name).write_text(json.dumps(said), encoding="utf-8")
    told = json.loads((own / "tokenizer_config.json").read_text(encoding="utf-8"))
    told["eos_token"] = model.tokenizer.convert_ids_to_tokens(written[3])
    (own / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    template = "{% for m in messages %}USER: <image>{{ m['content'][-1]['text'] }} ASSISTANT:{% endfor %}"
    [plain] = answers(model, [replace(asked(1)[0], chat_template=template)])
    [ended] = answers(opened(own), [replace(asked(1)[0], chat_template=template)])
    assert plain.text != ended.text
    assert ended.tokens == 3


def test_padding_that_a_model_writes_itself_does_not_end_its_text() -> None:
    """Only the end token does; what stands behind it is padding."""
    how = Decoding(Generation(max_new_tokens=6), 6)
    assert cut([5, 0, 6, 2, 0, 0], how, frozenset({2}), 0) == [5, 0, 6]
    assert cut([5, 0, 6, 7, 8, 9], how, frozenset({2}), 0) == [5, 0, 6, 7, 8, 9]
    assert cut([5, 0, 6, 7, 8, 9], replace(how, room=4), frozenset({2}), 0) == [5, 0, 6, 7]
    stopped = replace(how, generation=Generation(max_new_tokens=6, stop=("x",)))
    assert cut([5, 6, 0, 0, 0, 0], stopped, frozenset({2}), 0) == [5, 6]


def test_a_stop_text_that_is_a_token_of_its_own_ends_a_text(checkpoint: Made) -> None:
    """Such tokens are no part of what a decoded text says."""
    model = opened(checkpoint("llama"))
    end = model.tokenizer.convert_tokens_to_ids("<unk>")
    row = [*model.tokenizer("a red circle", add_special_tokens=False)["input_ids"], end]
    how = Decoding(Generation(max_new_tokens=20, stop=("<unk>",)), 20)
    watch = Watch([how], model.tokenizer)
    steps = [watch(torch.tensor([row[:count]]), None) for count in range(1, len(row) + 1)]
    assert [bool(step) for step in steps] == [False] * (len(row) - 1) + [True]
    assert model._answer([*row, *row], how).text == "a red circle"


def test_a_checkpoints_own_taste_is_not_heeded_but_named(checkpoint: Made, tmp_path: Path) -> None:
    folder = checkpoint("llava")
    own = shutil.copytree(folder, tmp_path / "own")
    kept = json.loads((own / "generation_config.json").read_text(encoding="utf-8"))
    taste = {
        "do_sample": True,
        "temperature": 9.0,
        "repetition_penalty": 5.0,
        "num_beams": 4,
        "no_repeat_ngram_size": 1,
    }
    (own / "generation_config.json").write_text(json.dumps({**kept, **taste, "min_length": 99}), encoding="utf-8")
    model = opened(own)
    assert texts(model, asked(6)) == texts(opened(folder), asked(6))
    options = [ChooseRequest("1", (picture(1),), "what?", options=("red", "blue"))]
    assert answers(model, options) == answers(opened(folder), options)
    assert model.identity.details["ignored_generation_settings"] == {**taste, "min_length": 99}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": 1.0, "beams": 2}, "No words are drawn in a beam search"),
        ({"top_p": 0.5}, "generation.top_p does nothing without a temperature"),
        ({"top_k": 5}, "generation.top_k does nothing without a temperature"),
        ({"length_penalty": 2.0}, "generation.length_penalty does nothing without beams"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(checkpoint: Made, settings: dict[str, Any], said: str) -> None:
    model = opened(checkpoint("llama"))
    with pytest.raises(UsageError, match=said):
        model.prepare(asked(1, **settings)[0])


def test_a_small_context_limits_answers_and_refuses_longer_prompts(checkpoint: Made) -> None:
    model = opened(checkpoint("llama"))
    assert model.context == 512
    length = model.prepare(GenerateRequest("1", (), "why " * 100)).inputs["input_ids"].shape[1]
    per_word = length / 100
    near = GenerateRequest("1", (), "why " * int(500 / per_word), generation=Generation(max_new_tokens=400))
    prepared = model.prepare(near)
    left = 512 - prepared.inputs["input_ids"].shape[1]
    assert 0 < left < 400
    assert model.generate([prepared])[0].tokens == left
    short = GenerateRequest("2", (), "why?", generation=Generation(max_new_tokens=400))
    alone = model.generate([model.prepare(short)])
    assert model.generate([prepared, model.prepare(short)])[1] == alone[0]
    with pytest.raises(SampleError, match=r"The prompt has \d+ tokens and the model's context 512"):
        model.prepare(GenerateRequest("1", (), "why " * 600))
    shots = tuple(Shot((), "why " * 50, "so") for _ in range(12))
    with pytest.raises(SampleError, match="fewer worked examples"):
        model.prepare(GenerateRequest("1", (), "why?", shots=shots))


@pytest.mark.parametrize(
    ("family", "padding", "takes_off", "pads_pictures"),
    [
        ("llava", Padding.LEFT, False, True),
        ("llava_next", Padding.LEFT, False, True),
        ("gpt2", Padding.LEFT, False, True),
        ("florence2", Padding.RIGHT, False, True),
        ("blip", Padding.NONE, True, False),
        ("mllama", Padding.LEFT, False, False),
    ],
)
def test_what_a_model_does_with_padding_is_found_out(
    checkpoint: Made, family: str, padding: Padding, takes_off: bool, pads_pictures: bool
) -> None:
    found = opened(checkpoint(family)).found
    assert (found.padding, found.takes_off_last, found.pads_pictures) == (padding, takes_off, pads_pictures)


def test_a_captioner_goes_on_from_its_prompt_and_does_not_repeat_it(checkpoint: Made) -> None:
    """BLIP takes the prompt's [SEP] off and gives the prompt back; GIT must be given none."""
    model: Any = opened(checkpoint("blip"))
    request = asked(1)[0]
    inputs = model.processor(images=image(0), text=request.prompt, return_tensors="pt")
    with torch.no_grad():
        written = model.model.generate(**inputs, max_new_tokens=6)[0]
    length = inputs["input_ids"].shape[1]
    assert texts(model, [request]) == [model.tokenizer.decode(written[length - 1 :], skip_special_tokens=True).strip()]

    model = opened(checkpoint("git"))
    words = model.tokenizer(request.prompt, add_special_tokens=False)["input_ids"]
    inputs = {"input_ids": torch.tensor([[model.tokenizer.cls_token_id, *words]])}
    inputs |= {"pixel_values": model.image_processor([image(0)], return_tensors="pt")["pixel_values"]}
    with torch.no_grad():
        written = model.model.generate(**inputs, max_new_tokens=6)[0, len(words) + 1 :]
    assert texts(model, [request]) == [model.tokenizer.decode(written, skip_special_tokens=True).strip()]


def test_an_answerer_that_writes_gives_the_answer_alone(checkpoint: Made, tmp_path: Path) -> None:
    """BLIP's VQA model has an encoder for picture and question; its own `generate` is what its users call."""
    from transformers import BlipConfig, BlipForQuestionAnswering, BlipProcessor

    blip = checkpoint("blip")
    network = BlipForQuestionAnswering(BlipConfig.from_pretrained(blip))
    model = opened(save(tmp_path / "vqa", network, BlipProcessor.from_pretrained(blip)))
    requests = asked(8)
    expected = []
    for number, request in enumerate(requests):
        inputs = model.processor(images=image(number), text=request.prompt, return_tensors="pt")
        written = model.model.generate(**inputs, max_new_tokens=6)[0, 1:]
        expected.append(model.tokenizer.decode(written, skip_special_tokens=True).strip())
    assert [texts(model, requests, size) for size in BATCHES] == [expected] * 3
    assert len(set(expected)) > 4
    chosen = [ChooseRequest(one.sample_id, one.images, one.prompt, options=("a red circle", "no")) for one in requests]
    alone, together = (answers(model, chosen, size) for size in (1, 8))
    for one, other in zip(alone, together, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_preparing_on_many_threads_is_the_same(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    requests = asked(40, pictures=(1, 2, 0))
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(model.prepare, requests))
    for request, found in zip(requests, threaded, strict=True):
        expected = model.prepare(request)
        assert expected.inputs.keys() == found.inputs.keys()
        assert all(torch.equal(expected.inputs[name], found.inputs[name]) for name in expected.inputs)


def test_choosing_weighs_what_would_be_said(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    lettered = ChooseRequest("1", (picture(0),), "which?", options=("a red star", "blue"), spoken=("A", "B"))
    [found] = answers(model, [lettered])
    [plain] = answers(model, [replace(lettered, options=("A", "B"), spoken=())])
    assert found == plain
    [long] = answers(model, [replace(lettered, spoken=())])
    assert long.lengths[0] > long.lengths[1]
    assert all(value < 0 for value in long.logprobs)


def test_prepare_before_load_is_no_trap(checkpoint: Made) -> None:
    model: Any = open_model(f"hf:{checkpoint('llava')}", Setup(device="cpu"))
    [request] = asked(1)
    assert [answer.text for answer in model.generate([model.prepare(request)])] == texts(
        opened(checkpoint("llava")), [request]
    )
