"""Every option does something, or is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.huggingface.asking import answers, opened, picture
from velm_bench.errors import UsageError
from velm_bench.models import Setup, open_model
from velm_bench.samples import GenerateRequest, Generation

Made = Callable[[str], Path]
SHORT = Generation(max_new_tokens=4)


def request(number: int = 0) -> GenerateRequest:
    return GenerateRequest(str(number), (picture(number),), "what colour is it?", generation=SHORT)


def text_of(model: Any) -> str:
    """The text that a request becomes."""
    return str(model.tokenizer.decode(model.prepare(request()).inputs["input_ids"][0]))


@pytest.mark.parametrize("attn", ["eager", "sdpa"])
def test_attention_is_chosen(checkpoint: Made, attn: str) -> None:
    model = opened(checkpoint("llava"), options={"attn": attn})
    parts = {model.model.config._attn_implementation, model.model.config.text_config._attn_implementation}
    assert parts == {attn}


def test_attention_that_is_not_here_is_refused(checkpoint: Made) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        opened(checkpoint("llava"), options={"attn": "flash_attention_2"})


def test_compile_goes_through_the_compiler(checkpoint: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiler's quickest backend, since code that is made here is used for a few tokens only."""
    from torch._dynamo.utils import counters

    plain = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: plain(self, backend="eager", **how))
    counters.clear()
    asked = [request(number) for number in range(3)]
    expected = answers(opened(checkpoint("llama")), asked)
    assert not counters["stats"]
    assert answers(opened(checkpoint("llama"), options={"compile": "true"}), asked) == expected
    assert counters["stats"]["unique_graphs"] > 0


def test_a_compiler_that_fails_is_one_sentence(checkpoint: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no working C++ compiler found")

    plain = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: plain(self, backend=broken, **how))
    with pytest.raises(UsageError, match=r"compile=true cannot be heeded here: .*no working C\+\+ compiler"):
        opened(checkpoint("llama"), options={"compile": "true"})


def test_pictures_are_kept_within_bounds(checkpoint: Made) -> None:
    """An area of 64 x 64 pixels is 16 tokens here: patches of 8 pixels, merged two by two."""
    large = GenerateRequest("1", (picture(4),), "what?", generation=SHORT)  # 96 x 33

    def tokens(**options: str) -> int:
        model = opened(checkpoint("qwen2_vl"), options=options)
        inputs = model.prepare(large).inputs
        return int((inputs["input_ids"] == model.model.config.image_token_id).sum())

    usual = tokens()
    assert usual > 6
    assert tokens(max_pixels="1024") <= 4
    assert tokens(image_tokens="6") <= 6
    assert tokens(image_tokens="6") != tokens(max_pixels="1024")
    assert tokens(min_pixels="4096") >= 16


@pytest.mark.parametrize("name", ["min_pixels", "max_pixels", "image_tokens"])
def test_bounds_that_a_processor_does_not_know_are_refused(checkpoint: Made, name: str) -> None:
    with pytest.raises(UsageError, match=f"--model-arg {name} means nothing to"):
        opened(checkpoint("llava"), options={name: "64"})


def test_bounds_on_the_wrong_side_of_each_other_are_refused(checkpoint: Made) -> None:
    with pytest.raises(UsageError, match="on the wrong side of"):
        opened(checkpoint("qwen2_vl"), options={"min_pixels": "100000"})


def test_both_bounds_may_be_beyond_what_they_were(checkpoint: Made) -> None:
    model = opened(checkpoint("qwen2_vl"), options={"min_pixels": "100000", "max_pixels": "200000"})
    assert dict(model.image_processor.size) == {"shortest_edge": 100000, "longest_edge": 200000}


def test_patches_are_a_budget_too(checkpoint: Made) -> None:
    model = opened(checkpoint("pix2struct"), options={"image_tokens": "9"})
    assert model.prepare(request()).inputs["flattened_patches"].shape[1] == 9


def test_a_system_prompt_of_the_model_stands_first(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"), options={"system": "answer with a word"})
    assert text_of(model).startswith("SYSTEM: answer with a word")
    assert model.identity.digest != opened(checkpoint("llava")).identity.digest


def test_a_template_of_ones_own_is_used_and_is_part_of_the_identity(checkpoint: Made, tmp_path: Path) -> None:
    given = tmp_path / "mine.jinja"
    given.write_text("{% for m in messages %}<image> I ask: {{ m['content'][-1]['text'] }}{% endfor %} ->", "utf-8")
    model = opened(checkpoint("llava"), options={"chat_template": str(given)})
    assert text_of(model).endswith("I ask: what colour is it? ->")
    before = model.identity.digest
    given.write_text(given.read_text("utf-8") + " ", "utf-8")
    assert (
        open_model(f"hf:{checkpoint('llava')}", Setup(options={"chat_template": str(given)})).identity.digest != before
    )
    with pytest.raises(UsageError, match=r"none\.jinja cannot be read"):
        opened(checkpoint("llava"), options={"chat_template": str(tmp_path / "none.jinja")})


def test_a_chat_template_can_be_done_without(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"), options={"chat": "false", "prompt": "Question: {prompt} Answer:"})
    assert text_of(model).endswith("<image>Question: what colour is it? Answer:")


def test_thinking_is_passed_to_a_template_that_knows_it(checkpoint: Made, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint("llama"), tmp_path / "thinks")
    template = "{{ messages[-1]['content'] }}{% if enable_thinking is defined and not enable_thinking %} no{% endif %}"
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    assert text_of(opened(folder, options={"thinking": "false"})).endswith("what colour is it? no")
    assert text_of(opened(folder, options={"thinking": "true"})).endswith("what colour is it?")
    with pytest.raises(UsageError, match="knows no enable_thinking"):
        opened(checkpoint("llama"), options={"thinking": "false"})


@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        ("llava", {"prompt": "Q: {prompt}"}, "which has a chat template"),
        ("blip_2", {"chat": "false"}, "it has no chat template"),
        ("llava", {"prompt": "{question}"}, "'prompt' is not valid"),
        ("llama", {"max_pixels": "9"}, "--model-arg max_pixels means nothing"),
        ("llava", {"atn": "sdpa"}, "unknown key 'atn'"),
        ("llava", {"backend": "torchvision"}, "its image processor is there as pil only"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    checkpoint: Made, family: str, options: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=said):
        opened(checkpoint(family), options=options)


def test_a_captioner_can_write_unasked(checkpoint: Made) -> None:
    model = opened(checkpoint("git"), options={"prompt": ""})
    assert model.prepare(request()).inputs["input_ids"].tolist() == [[model.tokenizer.cls_token_id]]
    assert answers(model, [request()]) != answers(opened(checkpoint("git")), [request()])
