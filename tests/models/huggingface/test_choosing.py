"""Models that write choose as one option at a time would have it, in batches of any size, from a checkpoint's files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.huggingface.families import FAMILIES, WRITES
from tests.models.huggingface.mixed import scene
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.base import Setup
from velm_bench.models.huggingface.opening import open_huggingface
from velm_bench.models.huggingface.writing import Prepared, WritingModel
from velm_bench.samples import ArrayPicture, ChoiceAnswer, ChooseRequest

CLOSE, RELATIVELY = 1e-4, 1e-5
"""How far sums may be apart; relatively where a tiny checkpoint's exaggerated weights make float32 sums of -100."""
ASKED = (
    "is there a square?",
    "what colour is the circle left of the one large yellow star? answer with a single word",
    "how many?",
    "describe the picture in one sentence. what colour is the star?",
)
OPTIONS = (
    ("yes", "no"),
    ("red", "two blue triangles", "a small green square on a white ground", "A"),
    ("2", "30", "4"),
)
WRITERS = [
    pytest.param(name, marks=pytest.mark.skipif(not family.runs, reason=f"needs {family.needs}"))
    for name, family in FAMILIES.items()
    if family.abilities == WRITES and name != "vilt"
]
"""vilt classifies answers instead of writing them."""


def request(number: int, pictures: int, options: Sequence[str] | None = None) -> ChooseRequest:
    rng = np.random.default_rng(number)
    shown = tuple(ArrayPicture(scene(rng, 32 + 8 * (number % 3), 40)) for _ in range(pictures))
    chosen = tuple(options or OPTIONS[number % len(OPTIONS)])
    return ChooseRequest(f"{number}", shown, ASKED[number % len(ASKED)], options=chosen)


def close(logprobs: Sequence[float]) -> Any:
    return pytest.approx(tuple(logprobs), abs=CLOSE, rel=RELATIVELY)


def opened(folder: Path) -> WritingModel:
    model = open_huggingface(str(folder), Setup(device="cpu", dtype="float32"))
    assert isinstance(model, WritingModel)
    try:
        model.load()
    except UsageError as error:
        if "torchvision" in str(error) and find_spec("torchvision") is None:
            pytest.skip("its processor needs torchvision")
        raise
    return model


def in_batches(model: WritingModel, prepared: Sequence[Prepared], size: int) -> list[ChoiceAnswer]:
    return [
        answer
        for start in range(0, len(prepared), size)
        for answer in model.choose(list(prepared[start : start + size]))
    ]


@torch.no_grad()
def forced(model: WritingModel, prepared: Prepared, tokens: Sequence[int]) -> float:
    """One sample, one option: transformers' own generation, allowed one token at each step; its raw scores' sum."""
    steps = iter(tokens)
    written: Any = model.model.generate(
        **model.batch([prepared]),
        prefix_allowed_tokens_fn=lambda *_: [next(steps)],
        max_new_tokens=len(tokens),
        num_beams=1,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert len(written.logits) == len(tokens)
    logprobs = [logits[0].double().log_softmax(-1) for logits in written.logits]
    return float(sum(step[token] for step, token in zip(logprobs, tokens, strict=True)))


@pytest.mark.parametrize("name", WRITERS)
def test_choosing_agrees_with_one_option_at_a_time_in_batches_of_any_size(
    name: str, checkpoint: Callable[[str], Path]
) -> None:
    model = opened(checkpoint(name))
    allowed = sorted(FAMILIES[name].pictures)
    requests = [request(number, allowed[number % len(allowed)]) for number in range(12)]
    prepared = [model.prepare(one) for one in requests]
    alone = in_batches(model, prepared, 1)

    for number in (0, 5, 7, 10):
        one, answer = prepared[number], alone[number]
        assert answer.lengths == tuple(map(len, one.options))
        assert len(answer.logprobs) == len(requests[number].options)
        assert answer.logprobs == close([forced(model, one, tokens) for tokens in one.options])
    for size in (8, 32):
        for together, single in zip(in_batches(model, prepared, size), alone, strict=True):
            assert together.logprobs == close(single.logprobs)
            assert np.argmax(together.logprobs) == np.argmax(single.logprobs)


def test_what_is_written_for_an_option_is_what_is_weighed(checkpoint: Callable[[str], Path]) -> None:
    model = opened(checkpoint("llava"))
    plain = request(1, 1, ["a red circle", "two"])
    letters = ChooseRequest("1", plain.images, plain.prompt, options=plain.options, spoken=("A", "B"))
    asked = model.choose([model.prepare(plain), model.prepare(letters)])
    assert asked[1].lengths == (1, 1)
    assert asked[0].lengths[0] > 1
    assert asked[0].logprobs != asked[1].logprobs


def test_options_follow_the_prompt_as_its_text_goes_on(checkpoint: Callable[[str], Path]) -> None:
    model = opened(checkpoint("llava"))
    prepared = model.prepare(request(0, 1, ["yes", "no"]))
    whole = [*prepared.inputs["input_ids"][0].tolist(), *prepared.options[0]]
    assert model.tokenizer.decode(whole).endswith("ASSISTANT: yes")


def test_an_option_without_text_is_that_samples_error(checkpoint: Callable[[str], Path]) -> None:
    model = opened(checkpoint("llava"))
    with pytest.raises(SampleError, match=r"Option 2 \(''\) has no tokens"):
        model.prepare(request(0, 1, ["yes", ""]))


def test_an_option_stands_behind_what_the_processor_adds_to_a_prompt(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    """PaliGemma's processor puts a newline behind the prompt, behind which words are written without a space."""
    folder = shutil.copytree(checkpoint("paligemma"), tmp_path / "own")
    said = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = said["model"]["vocab"]
    merged = {part for merge in said["model"]["merges"] for part in merge}
    spare = next(token for token in vocabulary if len(token) == 1 and token not in merged)
    newline = vocabulary["\u010a"] = vocabulary.pop(spare)  # as a byte-level tokenizer writes it
    (folder / "tokenizer.json").write_text(json.dumps(said), encoding="utf-8")
    model = opened(folder)
    prepared = model.prepare(request(0, 1))
    assert prepared.inputs["input_ids"][0, -1] == newline
    assert [model.tokenizer.decode(tokens) for tokens in prepared.options] == ["yes", "no"]
