"""Classifiers of answers: agreement with transformers' own scores, padding, options that are not on the list."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, ViltForQuestionAnswering

from tests.models.huggingface.asking import BATCHES, Unreadable, answers, image, opened, picture
from tests.models.huggingface.tiny_encoders import ANSWERS, make_vilt
from velm_bench.errors import SampleError, UsageError
from velm_bench.models.huggingface.answering import UNKNOWN, bare_question
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest, Generation

QUESTIONS = ("how many stars are there?", "what colour is it?", "is there a square left of the one large yellow star?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vilt(tmp_path_factory.mktemp("vilt"))


def question(number: int) -> GenerateRequest:
    return GenerateRequest(f"s{number}", (picture(number),), QUESTIONS[number % 3])


def choice(number: int, *options: str) -> ChooseRequest:
    return ChooseRequest(f"s{number}", (picture(number),), QUESTIONS[number % 3], options or ANSWERS)


def plain(folder: Path, number: int) -> torch.Tensor:
    """What transformers makes of one picture and question, by its own example; shape (answers,)."""
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = ViltForQuestionAnswering.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = processor(image(number), QUESTIONS[number % 3], return_tensors="pt")
    with torch.inference_mode():
        return model(**inputs).logits[0]


def test_answers_are_those_of_transformers_at_every_batch_size(folder: Path) -> None:
    """Pictures of eight sizes, which the processor keeps apart, and questions of three lengths."""
    model = opened(folder)
    assert model.abilities == {Ability.GENERATE, Ability.CHOOSE}
    expected = [plain(folder, number) for number in range(12)]
    best = [ANSWERS[int(logits.argmax())] for logits in expected]
    assert len(set(best)) >= 3
    for size in BATCHES:
        assert [one.text for one in answers(model, [question(number) for number in range(12)], size)] == best
        weighed = answers(model, [choice(number) for number in range(12)], size)
        for one, logits in zip(weighed, expected, strict=True):
            assert one.logprobs == pytest.approx(logits.log_softmax(-1).tolist(), abs=1e-4)


def test_the_same_is_said_to_the_last_digit_when_asked_again(folder: Path) -> None:
    """The model shuffles patches by lot; a run that is resumed must not differ for it."""
    requests = [choice(number) for number in range(8)]
    model = opened(folder)
    first = answers(model, requests, 4)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert answers(model, requests, 4) == first
    assert torch.equal(torch.get_rng_state(), state), "nobody else's random numbers are touched"


def test_all_patches_are_seen_also_where_training_saw_some(folder: Path, tmp_path: Path) -> None:
    few = make_vilt(tmp_path, max_image_length=4)
    assert [one.text for one in answers(opened(few), [question(number) for number in range(8)])] == [
        one.text for one in answers(opened(folder), [question(number) for number in range(8)])
    ]


def test_options_are_found_among_the_answers_and_others_are_last(folder: Path) -> None:
    model = opened(folder)
    every = answers(model, [choice(1)])[0].logprobs
    some = answers(model, [choice(1, "No", "a zebra", "a dog")])[0].logprobs
    assert some == (every[1], UNKNOWN, every[4])
    assert math.exp(UNKNOWN) == 0
    assert min(every) > UNKNOWN


def test_a_sample_none_of_whose_options_is_known_is_an_error(folder: Path) -> None:
    with pytest.raises(SampleError, match=r"^None of the options \('zebra', 'lion'\) is among the answers .*\.$"):
        opened(folder).prepare(choice(0, "zebra", "lion"))


@pytest.mark.parametrize(
    "prompt",
    [
        "Is it red?",
        "Question: Is it red? Answer:",
        "Question: Is it red? Short answer:",
        " Is it red?\nAnswer the question using a single word or phrase.",
        "Is it red?\nA. yes\nB. no\nAnswer with the option's letter from the given choices directly.",
    ],
)
def test_a_question_is_asked_without_the_words_for_models_that_write(prompt: str) -> None:
    assert bare_question(prompt) == "Is it red?"


@pytest.mark.parametrize("prompt", ["Answer:", "What is the answer: red or blue?", "red\nAnswers differ"])
def test_a_question_is_never_emptied(prompt: str) -> None:
    assert bare_question(prompt).strip()
    assert bare_question("What is the answer?") == "What is the answer?"


def test_the_frame_changes_no_answer(folder: Path) -> None:
    model = opened(folder)
    framed = GenerateRequest("s", (picture(0),), f"Question: {QUESTIONS[0]} Answer:")
    assert answers(model, [framed]) == answers(model, [question(0)])
    other = ChooseRequest("s", (picture(0),), f"Query: {QUESTIONS[0]}", ANSWERS)
    assert answers(model, [other]) != answers(model, [choice(0)]), "the question is read"


def test_a_question_longer_than_the_model_is_cut(folder: Path) -> None:
    model = opened(folder)
    longer = [ChooseRequest("s", (picture(0),), "is it red " * times, ANSWERS) for times in (40, 50)]
    one, other = answers(model, longer)
    assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_a_sample_has_one_picture_that_can_be_decoded(folder: Path) -> None:
    model = opened(folder)
    for pictures, said in (((), "has none"), ((picture(0), picture(1)), "has 2"), ((Unreadable(),), "broken")):
        with pytest.raises(SampleError, match=rf"^[A-Z].*{said}.*\.$"):
            model.prepare(GenerateRequest("s", pictures, "is it red?"))


def test_settings_of_generation_that_mean_nothing_here_are_refused(folder: Path) -> None:
    model = opened(folder)
    model.prepare(GenerateRequest("s", (picture(0),), "is it red?", Generation(max_new_tokens=3)))
    with pytest.raises(UsageError, match=r"generation\.temperature"):
        model.prepare(GenerateRequest("s", (picture(0),), "is it red?", Generation(temperature=0.5)))
