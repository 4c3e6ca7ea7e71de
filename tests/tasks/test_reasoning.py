"""Reasoning is cut from what is scored, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.samples import Sample, TextAnswer
from velm_bench.tasks.definition import Task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.reasoning import without_reasoning

HARMONY = (
    "<|channel|>analysis<|message|>A red thing.<|end|><|start|>assistant<|channel|>final<|message|>It is red.<|return|>"
)
PAIRS = [
    ("<think>", "</think>"),
    ("<Think>", "</Think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
]


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_every_way_of_marking_it(opening: str, closing: str) -> None:
    assert without_reasoning(f"{opening}is it red?\n{closing}\n\nred") == ("red", False)
    assert without_reasoning(f"is it red?{closing} red") == ("red", False)  # the chat template opened it
    assert without_reasoning(f"{opening}is it red? Perh") == ("", True)  # cut off
    assert without_reasoning(f"{opening}it is red{closing}") == ("", True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\n\n</think>\n\nyes", "yes"),
        ("Yes. <think>Or not?</think>", "Yes."),
        ("Yes. <think>Or no", "Yes."),
        ("<think>a</think>yes<think>b</think>", "yes"),
        ("<think>a</think>yes<think>b", "yes"),
        ("<thinking>a<reflection>b</reflection>c</thinking>yes", "yes"),
        ("<think>a<think>b</think>c</think>yes", "yes"),
        ("<think>I shall close <think> soon</think>yes", "yes"),
        ("<think>a</think> b </think> yes", "yes"),
        ("<think>a</think> yes </think>", "yes"),
        ("<think>a</think><answer> B </answer>", "B"),
        ("<|begin_of_box|>B<|end_of_box|>", "B"),  # whose reasoning the server has cut off
        ("<think>a</think><answer><|begin_of_box|>B<|end_of_box|></answer>", "B"),
        (HARMONY, "It is red."),
        (HARMONY.removesuffix("<|return|>"), "It is red."),
        (HARMONY.partition("<|end|>")[0], ""),
        ("analysisA red thing.assistantfinalIt is red.", "It is red."),
    ],
)
def test_what_is_left(text: str, answer: str) -> None:
    assert without_reasoning(text) == (answer, not answer)


@pytest.mark.parametrize(
    "text",
    [
        " I think so. \n",
        "think",
        "<thinks>no</thinks>",
        "< think >",
        "[think] of a number [/think]",
        "x <think",
        "analysis of the picture: a dog",
        "analysis",
        "the assistantfinal word",
        "<answer>B</answer>",
        "",
    ],
)
def test_a_text_that_only_mentions_it_is_untouched(text: str) -> None:
    assert without_reasoning(text) == (text, False)


PLAIN = st.text(alphabet=st.characters(exclude_characters="<[◁"), max_size=60)


@given(PLAIN)
def test_a_text_without_markers_is_untouched(text: str) -> None:
    if not text.startswith("analysis"):
        assert without_reasoning(text) == (text, False)


@given(PLAIN, PLAIN, st.sampled_from(PAIRS))
def test_the_answer_behind_one_section_is_what_is_left(thought: str, answer: str, pair: tuple[str, str]) -> None:
    found = without_reasoning(f"{pair[0]}{thought}{pair[1]}{answer}")
    assert found == (answer.strip(), not answer.strip())


@given(st.lists(st.sampled_from(["a", " ", *(mark for pair in PAIRS for mark in pair)]), max_size=14))
def test_no_marker_is_ever_left_and_nothing_is_made_up(parts: list[str]) -> None:
    text = "".join(parts)
    found = without_reasoning(text)
    marked = any(part not in ("a", " ") for part in parts)
    assert set(found.text) <= {"a", " "} if marked else found.text == text
    assert found.text.count("a") <= parts.count("a")
    assert found.lost == (marked and not found.text)


def test_a_hostile_answer_takes_no_time_worth_mentioning() -> None:
    for piece in ("</think>a<think>", "<think>", "<think>a<reflection></think>", "<|channel|>a", "<answer>"):
        without_reasoning(piece * 20_000)


REASONED = "<think>a red | PER or\nnot</think>{}"


@pytest.mark.parametrize(
    ("name", "labels", "said", "value"),
    [
        ("captioning", [], "A red box.", "A red box."),
        ("vqa", [], "red", "red"),
        ("classification", ["red", "blue"], "It is blue.", {"label": "blue", "ranked": None, "probabilities": None}),
        ("ner", ["PER"], "Ada | PER", ["B-PER", "O"]),
    ],
)
def test_every_kind_scores_the_answer_alone_and_counts_one_that_never_came(
    name: str, labels: list[str], said: str, value: object
) -> None:
    task = {"name": "t", "kind": name, "source": {"type": "x"}, "metrics": ["m"], "labels": labels}
    kind = KINDS.get(name)(Task.model_validate(task))
    sample = Sample("1", inputs={"tokens": ("Ada", "ran"), "question": "?"}, references=("O", "O"))
    found = kind.predict(sample, TextAnswer(REASONED.format(said)))
    assert (found.value, found.failures) == (value, 0)
    assert kind.predict(sample, TextAnswer("<think>Ada | PER\nred or blue")).failures == 1
