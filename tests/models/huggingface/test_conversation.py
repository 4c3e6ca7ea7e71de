"""A request becomes a conversation under a template, or plain text; nothing that it says is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models.huggingface.asking import Unreadable, answers, opened, picture
from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import ChooseRequest, GenerateRequest, Generation, Shot

Made = Callable[[str], Path]
SHORT = Generation(max_new_tokens=4)
SHOTS = (Shot((picture(1),), "how many?", "two"), Shot((), "why?", "so"))
ASKED = GenerateRequest("1", (picture(0),), "what?", generation=SHORT, system="be brief", shots=SHOTS)


def text_of(model: Any, request: GenerateRequest) -> str:
    return str(model.conversation.text(request, model.tokenizer))


def test_a_chat_has_system_examples_and_question_in_order(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"), options={"system": "look well"})
    assert text_of(model, ASKED) == (
        "SYSTEM: look well\n\nbe brief USER: <image>how many? ASSISTANT: two</s> USER: why? ASSISTANT: so</s> "
        "USER: <image>what? ASSISTANT:"
    )
    assert model.converses
    prepared = model.prepare(ASKED)
    assert prepared.inputs["pixel_values"].shape[0] == 2
    assert int((prepared.inputs["input_ids"] == model.model.config.image_token_id).sum()) == 2 * 16


def test_what_is_asked_changes_the_answer(checkpoint: Made) -> None:
    """System prompt, examples, their pictures and the task's template are heeded, each of them."""
    model = opened(checkpoint("llava"))
    other = (replace(SHOTS[0], images=(picture(5),)), SHOTS[1])
    template = "{% for m in messages %}{% for p in m['content'] %}{{ p['text'] if p['type'] == 'text' else '<image>' }}"
    variants = [
        ASKED,
        replace(ASKED, system=""),
        replace(ASKED, shots=()),
        replace(ASKED, shots=other),
        replace(ASKED, chat_template=template + "{% endfor %}{% endfor %}"),
    ]
    scores = [answers(model, [variant])[0].text for variant in variants]
    assert len(set(scores)) == len(variants)


def test_words_of_a_prompt_are_not_taken_for_those_of_a_template(checkpoint: Made) -> None:
    """What tells that a template prints lists of parts may stand in a prompt, too."""
    prompt = "what is the 'type' in {'type': 'text'}?"
    asked = GenerateRequest("1", (), prompt)
    texts = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }} {% endfor %}"
    model = opened(checkpoint("llava"))
    assert text_of(model, replace(asked, chat_template=texts)) == f"user: {prompt} "
    assert text_of(model, asked) == f"USER: {prompt} ASSISTANT:"
    told = replace(asked, prompt="what?", system=f"heed 'type', {prompt}")
    assert text_of(model, told) == f"SYSTEM: {told.system} USER: what? ASSISTANT:"


def test_a_language_model_that_is_asked_nothing_begins_a_text(checkpoint: Made) -> None:
    model = opened(checkpoint("gpt2"))
    nothing, begin = (GenerateRequest("1", (), prompt, generation=SHORT) for prompt in ("", "<s>"))
    assert answers(model, [nothing, begin])[0] == answers(model, [begin])[0]
    chosen = [ChooseRequest("1", (), prompt, options=("a red circle", "yes")) for prompt in ("", "<s>")]
    alone, behind = (model.prepare(one) for one in chosen)
    assert alone.inputs["input_ids"].equal(behind.inputs["input_ids"])
    assert all(logprob < 0 for logprob in answers(model, chosen)[0].logprobs)


def test_a_model_that_sees_is_not_asked_nothing_at_all(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"), options={"chat": "false"})
    assert answers(model, [replace(ASKED, prompt="", system="", shots=())])[0].tokens
    with pytest.raises(SampleError, match=r"The prompt of this sample has no tokens: give its task one\."):
        model.prepare(GenerateRequest("1", (), ""))


def test_a_plain_model_reads_examples_as_text(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"), options={"chat": "false"})
    assert text_of(model, ASKED) == "be brief\n\n<image>how many? two\n\nwhy? so\n\n<image>what?"
    assert answers(model, [ASKED])[0].text


def test_a_language_model_reads_the_same_without_pictures(checkpoint: Made) -> None:
    model = opened(checkpoint("llama"))
    assert text_of(model, replace(ASKED, shots=(), system="")) in ("what?", "USER: what? ASSISTANT:")
    blind = replace(ASKED, images=(), shots=tuple(replace(shot, images=()) for shot in SHOTS))
    assert answers(model, [ASKED])[0].text == answers(model, [blind])[0].text


@pytest.mark.parametrize("family", ["llava", "llama", "blip", "donut"])
def test_an_unreadable_picture_is_the_same_error_everywhere(checkpoint: Made, family: str) -> None:
    model = opened(checkpoint(family))
    with pytest.raises(SampleError, match=r"The image broken\.png cannot be decoded\."):
        model.prepare(GenerateRequest("1", (Unreadable(),), "what?", generation=SHORT))


def test_a_model_that_takes_one_picture_says_so(checkpoint: Made) -> None:
    two = GenerateRequest("1", (picture(0), picture(1)), "what?", generation=SHORT)
    for family in ("blip", "blip_2", "donut"):
        model = opened(checkpoint(family))
        assert not model.converses
        with pytest.raises(SampleError, match="this sample has 2"):
            model.prepare(two)


def test_a_template_that_takes_texts_is_given_texts(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    template = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}[assistant]"
    asked = replace(ASKED, chat_template=template, shots=())
    assert text_of(model, asked) == "[system] be brief [user] <image>what? [assistant]"


def test_a_template_without_a_place_for_a_system_prompt_is_refused(checkpoint: Made) -> None:
    model = opened(checkpoint("llava"))
    silent = "{{ messages[-1]['content'][-1]['text'] }}"
    with pytest.raises(UsageError, match="has no place for a system prompt"):
        text_of(model, replace(ASKED, chat_template=silent, shots=()))
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    with pytest.raises(UsageError, match="refuses the conversation: no system role"):
        text_of(model, replace(ASKED, chat_template=strict, shots=()))


def test_the_beginning_of_a_text_is_marked_once(checkpoint: Made) -> None:
    """A template may write the start token itself; the tokenizer must not add another."""
    model = opened(checkpoint("llava"))
    start = model.tokenizer.bos_token
    template = start + "{% for m in messages %}<image>{{ m['content'][-1]['text'] }}{% endfor %}"
    ids = model.prepare(replace(ASKED, chat_template=template, shots=(), system="")).inputs["input_ids"]
    assert ids[0].tolist().count(model.tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("family", ["blip", "blip_2", "donut", "paligemma", "kosmos2"])
def test_a_model_that_needs_a_picture_says_so(checkpoint: Made, family: str) -> None:
    with pytest.raises(SampleError, match=r"this sample has (none|0)"):
        opened(checkpoint(family)).prepare(GenerateRequest("1", (), "what?", generation=SHORT))
