"""Kinds: which question is asked of which model, and what its answer says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velm_bench.errors import SampleError, UsageError
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Sample,
    TagAnswer,
    TagRequest,
    TextAnswer,
)
from velm_bench.tasks.base import Kind
from velm_bench.tasks.definition import Task
from velm_bench.tasks.kinds import KINDS
from velm_bench.tasks.ner import align_entities


def kind(name: str, **changes: Any) -> Kind:
    task = Task.model_validate({"name": "t", "kind": name, "source": {"type": "x"}, "metrics": ["m"], **changes})
    return KINDS.get(name)(task)


def test_vqa_asks_the_question_in_the_tasks_words() -> None:
    sample = Sample("1", inputs={"question": "how many?"}, references=("2",))
    assert kind("vqa").request(sample, {Ability.GENERATE}).prompt == "Question: how many? Answer:"
    assert (
        kind("vqa", prompt="{question} One word.").request(sample, {Ability.GENERATE}).prompt == "how many? One word."
    )


def test_a_prompt_field_that_samples_lack_is_an_error_of_the_task() -> None:
    with pytest.raises(UsageError, match=r"uses \{hint\}, which sample '1' lacks: it has question"):
        kind("vqa", prompt="{hint}").request(Sample("1", inputs={"question": "?"}), {Ability.GENERATE})


def test_a_text_kind_needs_a_model_that_generates() -> None:
    with pytest.raises(UsageError, match="which can only tag"):
        kind("captioning").request(Sample("1"), {Ability.TAG})


def test_an_answer_is_stripped_and_nothing_else() -> None:
    assert kind("vqa").predict(Sample("1"), TextAnswer("  Two dogs. \n")).value == "Two dogs."


@pytest.mark.parametrize("name", ["captioning", "vqa", "classification", "ner"])
def test_an_answer_of_the_wrong_sort_is_an_error_and_no_empty_answer(name: str) -> None:
    sample = Sample("1", inputs={"tokens": ("a",), "question": "?"}, references=("O",))
    answer = ChoiceAnswer((0.0,)) if name == "ner" else TagAnswer(("O",))
    with pytest.raises(SampleError, match=f"gave a {type(answer).__name__} where words were asked for"):
        kind(name, labels=["O"]).predict(sample, answer)


@pytest.mark.parametrize(
    ("name", "sample", "problem"),
    [
        ("captioning", Sample("1"), "The reference list is empty."),
        ("vqa", Sample("1", references=("x",)), "The sample has no 'question'"),
        ("ner", Sample("1", inputs={"tokens": ("a",)}, references=("O", "O")), "There are 1 tokens and 2 tags."),
        ("captioning", Sample("1", references=("x",), problem="no image"), "no image"),
    ],
)
def test_a_sample_that_cannot_be_asked_says_why(name: str, sample: Sample, problem: str) -> None:
    assert kind(name).problem(sample).startswith(problem)


class TestClassification:
    labels = ("cat", "dog", "sports car", "car")

    def one(self) -> Kind:
        return kind("classification", labels=list(self.labels))

    def test_prefers_choose_and_falls_back_to_generate(self) -> None:
        sample = Sample("1", references=("cat",))
        chosen = self.one().request(sample, {Ability.CHOOSE, Ability.GENERATE})
        assert isinstance(chosen, ChooseRequest)
        assert chosen.options == self.labels
        written = self.one().request(sample, {Ability.GENERATE})
        assert isinstance(written, GenerateRequest)
        assert "cat, dog, sports car, car" in written.prompt

    def test_probabilities_are_a_softmax_and_the_ranking_follows(self) -> None:
        answer = ChoiceAnswer((math.log(1), math.log(6), math.log(2), math.log(1)))
        value = self.one().predict(Sample("1"), answer).value
        assert value["label"] == "dog"
        assert value["ranked"] == ["dog", "sports car", "cat", "car"]
        assert value["probabilities"]["dog"] == pytest.approx(0.6)

    def test_where_lengths_are_known_there_is_a_label_by_token_too(self) -> None:
        plain, counted = ChoiceAnswer((-4.0, -3.0, -6.0, -9.0)), ChoiceAnswer((-4.0, -3.0, -6.0, -9.0), (2, 1, 4, 5))
        value = self.one().predict(Sample("1"), counted).value
        assert (value["label"], value["label_norm"]) == ("dog", "sports car")
        assert {key: value[key] for key in value if key != "label_norm"} == self.one().predict(Sample("1"), plain).value

    def test_models_that_compare_texts_are_given_the_tasks_templates(self) -> None:
        task = kind("classification", labels=list(self.labels), templates=["a photo of a {label}.", "{label}"])
        request = task.request(Sample("1", references=("cat",)), {Ability.CHOOSE})
        assert isinstance(request, ChooseRequest)
        assert request.templates == ("a photo of a {label}.", "{label}")

    def test_text_that_names_no_option_is_a_counted_failure(self) -> None:
        prediction = self.one().predict(Sample("1"), TextAnswer("I cannot say"))
        assert prediction.value["label"] is None
        assert prediction.failures == 1

    def test_a_label_outside_the_options_is_a_problem(self) -> None:
        assert "not among the options" in self.one().problem(Sample("1", references=("bird",)))

    def test_each_of_several_labels_must_be_among_the_options(self) -> None:
        known, other = Sample("1", references=("cat", "dog")), Sample("1", references=("cat", "bird"))
        assert (self.one().problem(known), self.one().scorable(known)) == ("", True)
        assert self.one().problem(other) == "The label 'bird' is not among the options."
        assert not self.one().scorable(other)

    def test_no_label_is_right_only_where_a_metric_takes_several(self) -> None:
        none, lost = Sample("1"), Sample("1", problem="The label is missing.")
        many = kind("classification", labels=list(self.labels), metrics=["accuracy", "mean_average_precision"])
        assert (many.problem(none), many.scorable(none), many.truth(none)) == ("", True, None)
        assert (many.problem(lost), many.scorable(lost)) == ("The label is missing.", False)
        assert (self.one().problem(none), self.one().scorable(none)) == ("The reference list is empty.", False)

    def test_a_sample_whose_label_and_options_are_lost_cannot_be_scored(self) -> None:
        assert not kind("classification").scorable(Sample("1", inputs={"options": ()}, problem="no list of texts"))

    def test_no_options_at_all_is_an_error_of_the_task(self) -> None:
        with pytest.raises(UsageError, match="list its classes under 'labels'"):
            kind("classification").request(Sample("1", references=("a",)), {Ability.CHOOSE})

    def test_options_that_are_no_closed_set_are_a_problem(self) -> None:
        for options, why in ((("a", "a", "b"), "'a' stands there twice"), (("a", " "), "is empty")):
            sample = Sample("1", inputs={"options": options}, references=("a",))
            assert why in kind("classification").problem(sample)


class TestNer:
    types = ("PER", "LOC")

    def test_prefers_tags_and_falls_back_to_lines(self) -> None:
        sample = Sample("1", inputs={"tokens": ("Ann", "left")}, references=("B-PER", "O"))
        one = kind("ner", labels=list(self.types))
        tagged = one.request(sample, {Ability.TAG, Ability.GENERATE})
        assert isinstance(tagged, TagRequest)
        assert tagged.labels == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
        written = one.request(sample, {Ability.GENERATE})
        assert "`entity | type`" in written.prompt
        assert written.prompt.endswith("Sentence: Ann left")

    def test_tags_pass_through(self) -> None:
        sample = Sample("1", inputs={"tokens": ("Ann",)})
        assert kind("ner", labels=["PER"]).predict(sample, TagAnswer(("B-PER",))).value == ["B-PER"]

    @pytest.mark.parametrize(
        ("text", "tags", "failures"),
        [
            ("Ann Lee | PER\nParis | LOC", ["B-PER", "I-PER", "O", "B-LOC", "O"], 0),
            ("- ann lee | per", ["B-PER", "I-PER", "O", "O", "O"], 0),
            ("Ann | PER\nLee | PER", ["B-PER", "B-PER", "O", "O", "O"], 0),
            ("none", ["O"] * 5, 0),
            ("", ["O"] * 5, 0),
            ("Ann Lee", ["O"] * 5, 1),
            ("Ann | ANIMAL\nRome | LOC\n| PER", ["O"] * 5, 3),
            ("Paris | LOC\nParis | LOC", ["O", "O", "O", "B-LOC", "O"], 1),
        ],
    )
    def test_lines_align_back_to_tokens(self, text: str, tags: list[str], failures: int) -> None:
        assert align_entities(text, ("Ann", "Lee", "loves", "Paris", "."), self.types) == (tags, failures)

    @pytest.mark.parametrize(
        ("text", "tags", "failures"),
        [
            ("北京 | LOC\n李明 | PER", ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "O"], 0),
            ("北 京 | LOC", ["O", "O", "O", "B-LOC", "I-LOC", "O", "O"], 0),
            ("京大 | LOC\n北京 | LOC", ["O"] * 4 + ["B-LOC", "I-LOC", "O"], 1),
            ("ON | PER\nN | PER", ["O"] * 6 + ["B-PER"], 1),
        ],
    )
    def test_white_space_is_no_matter_where_words_are_no_tokens(
        self, text: str, tags: list[str], failures: int
    ) -> None:
        assert align_entities(text, ("李", "明", "在", "北", "京", "大", "n"), self.types) == (tags, failures)

    @given(st.text(alphabet="Anb |PERLOC\n-.", max_size=60), st.lists(st.sampled_from(["An", "b", "PER"]), max_size=6))
    def test_any_text_gives_valid_iob2(self, text: str, tokens: list[str]) -> None:
        tags, failures = align_entities(text, tokens, self.types)
        assert len(tags) == len(tokens)
        assert failures >= 0
        before = "O"
        for tag in tags:
            assert not tag.startswith("I-") or before[1:] == tag[1:]
            before = tag


def test_the_truth_of_a_question_is_the_sources_or_the_annotators_favourite() -> None:
    sample = Sample("1", references=("blue", "red", "red"))
    assert kind("vqa").truth(sample) == "red"
    assert kind("vqa").truth(Sample("1", references=("blue",), facts={"oracle": "green"})) == "green"


@pytest.mark.parametrize(
    ("name", "sample", "words"),
    [
        ("captioning", Sample("1", references=("a dog", "a brown dog")), "a dog"),
        ("vqa", Sample("1", inputs={"question": "?"}, references=("blue", "red", "red")), "red"),
        ("classification", Sample("1", references=("PER",)), "PER"),
        (
            "ner",
            Sample("1", inputs={"tokens": tuple("abcd")}, references=("B-PER", "I-PER", "O", "B-LOC")),
            "a b | PER\nd | LOC",
        ),
        ("ner", Sample("1", inputs={"tokens": ("a",)}, references=("O",)), "none"),
    ],
)
def test_a_worked_answer_is_what_the_kind_reads_as_right(name: str, sample: Sample, words: str) -> None:
    one = kind(name, labels=["PER", "LOC"])
    assert one.worked_answer(sample) == words
    said = one.predict(sample, TextAnswer(words))
    assert said.failures == 0
    right = {"classification": {"label": "PER", "ranked": None, "probabilities": None}, "ner": list(sample.references)}
    assert said.value == right.get(name, words)
