"""Answers from files: four forms, every malformed one named by file, place and field."""

from __future__ import annotations

import json
import math
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from velm_bench.errors import SampleError, UsageError
from velm_bench.models import View, open_model
from velm_bench.models.answers import Answers, read_answers
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest, TagRequest
from velm_bench.sources.conll import read_conll

ONE = '[{"image_id": 9, "caption": "x"}]'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "answers.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"image_id": 5, "caption": "a cat"}]', {"5": "a cat"}),
        ('[{"question_id": 7, "answer": "two"}]', {"7": "two"}),
        ('{"id": "a", "prediction": "x"}\r\n\n{"id": 3, "prediction": ""}\n', {"a": "x", "3": ""}),
        ('{"id": "a", "prediction": ["O", "B-PER"]}', {"a": ("O", "B-PER")}),
        ('{"id": "a", "prediction": {"cat": 0.25, "dog": 1}}', {"a": {"cat": 0.25, "dog": 1}}),
        ("-DOCSTART- -X- O\n\nAnn NN B-PER\nleft VB O\n\n\nParis NN B-LOC", {"0": ("B-PER", "O"), "1": ("B-LOC",)}),
        ('\ufeff{"id": "a", "prediction": "x"}', {"a": "x"}),
        (' [\n {"image_id": 5, "caption": "["}]', {"5": "["}),
        ("[ -LRB- O\nAnn NNP B-PER\n", {"0": ("O", "B-PER")}),
        ("{ -LRB- O\n} -RRB- O\n", {"0": ("O", "O")}),
    ],
)
def test_the_four_forms(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    assert read_answers(written(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no predictions"),
        ("[]", "holds no predictions"),
        ('[{"image_id": 5}', "not valid JSON at line 1"),
        ('{"id": "a", "prediction": "x"}\n{"id"', "line 2 is not valid JSON"),
        ('{"id": "a", "predicton": "x"}', "line 1 has the fields 'id', 'predicton': it needs 'id' with 'prediction'"),
        ('[{"image_id": 1, "caption": "x"}, 3]', "row 1 is int"),
        ("[3]", "line 1 has one column"),
        ("Ann B-PER\nleft\n", "line 2 has one column: write the token first and the predicted tag last, or JSON"),
        ('[{"a": ' + "[" * 200_000, "not valid JSON: it is nested too deeply"),
        ('{"a": ' + "[" * 200_000, "line 1 is not valid JSON: it is nested too deeply"),
        ('{"id": ' + "9" * 5_000 + ', "prediction": "x"}', "line 1 is not valid JSON: it holds a number of too many"),
        ('[{"image_id": ' + "9" * 5_000 + ', "caption": "x"}]', "not valid JSON: it holds a number of too many digits"),
        ('{"id": "a", "prediction": {"cat": ' + "9" * 400 + "}}", "'prediction' is dict"),
        ('{"id": null, "prediction": "x"}', "'id' must be a string or a whole number"),
        ('{"id": true, "prediction": "x"}', "'id' must be"),
        ('{"id": "a", "prediction": 3}', "'prediction' is int"),
        ('{"id": "a", "prediction": null}', "'prediction' is NoneType"),
        ('{"id": "a", "prediction": {"cat": NaN}}', "'prediction' is dict"),
        ('{"id": "a", "prediction": {"cat": -1}}', "'prediction' is dict"),
        ('{"id": "a", "prediction": [1]}', "'prediction' is list"),
        ('{"id": 1, "prediction": "x"}\n{"id": "1", "prediction": "y"}', "line 2: the id '1' stands there twice"),
    ],
)
def test_malformed_files_are_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_answers(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_or_binary(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_answers(tmp_path / "none.jsonl")
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_answers(tmp_path / "b")


def test_forms_are_not_mixed(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 1, "prediction": "x"}\n{"id": 2, "prediction": ["O"]}')
    with pytest.raises(UsageError, match="mixes texts"):
        Answers(path)


def test_the_form_decides_the_ability(tmp_path: Path) -> None:
    assert Answers(written(tmp_path, '{"id": 1, "prediction": "x"}')).abilities == {Ability.GENERATE}
    assert Answers(written(tmp_path, '{"id": 1, "prediction": ["O"]}')).abilities == {Ability.TAG}
    assert Answers(written(tmp_path, '{"id": 1, "prediction": {"a": 1}}')).abilities == {Ability.CHOOSE}


def test_ids_that_the_task_lacks_are_refused(tmp_path: Path) -> None:
    model = open_model(f"answers:{written(tmp_path, ONE)}")
    model.start(View({"9": "x", "10": "y"}))
    with pytest.raises(UsageError, match="has 1 ids that the task does not have, '9' the first"):
        model.start(View({"10": "y"}))


def test_an_id_that_the_file_lacks_is_an_error_of_that_sample(tmp_path: Path) -> None:
    model = open_model(f"answers:{written(tmp_path, ONE)}")
    assert model.generate([model.prepare(GenerateRequest("9", (), ""))])[0].text == "x"
    with pytest.raises(SampleError, match="no answer for '10'"):
        model.prepare(GenerateRequest("10", (), ""))


def test_tags_must_fit_the_tokens(tmp_path: Path) -> None:
    model = Answers(written(tmp_path, '{"id": 1, "prediction": ["O"]}'))
    with pytest.raises(SampleError, match="1 tags for 2 tokens"):
        model.prepare(TagRequest("1", (), "", ("a", "b"), ("O",)))


@pytest.mark.parametrize(
    ("given", "options", "likeliest"),
    [
        ({"A": 0.2, "B": 0.8}, ("red", "blue"), "blue"),
        ({"B": 1.0}, ("red", "blue"), "blue"),
        ({"A": 0.2, "B": 0.8}, ("B", "A"), "B"),  # the text goes before the letter
        ({"red": 0.9, "blue": 0.1}, ("red", "blue"), "red"),
    ],
)
def test_options_may_go_by_their_letters(
    tmp_path: Path, given: dict[str, float], options: tuple[str, ...], likeliest: str
) -> None:
    model = Answers(written(tmp_path, json.dumps({"id": "a", "prediction": given})))
    prepared = model.prepare(ChooseRequest("a", (), "?", options, spoken=("A", "B")))
    assert options[prepared.index(max(prepared))] == likeliest


def test_letters_and_texts_are_not_mixed(tmp_path: Path) -> None:
    model = Answers(written(tmp_path, '{"id": "a", "prediction": {"A": 0.2, "blue": 0.8}}'))
    with pytest.raises(SampleError, match="names 'A', which is not among the options"):
        model.prepare(ChooseRequest("a", (), "?", ("red", "blue"), spoken=("A", "B")))


def test_probabilities_become_logprobs_in_the_options_order(tmp_path: Path) -> None:
    model = Answers(written(tmp_path, '{"id": 1, "prediction": {"dog": 3, "cat": 1}}'))
    prepared = model.prepare(ChooseRequest("1", (), "", ("cat", "dog", "bird")))
    assert [math.exp(value) for value in prepared] == pytest.approx([1.0, 3.0, 0.0])
    with pytest.raises(SampleError, match="'dog', which is not among the options"):
        model.prepare(ChooseRequest("1", (), "", ("cat", "bird")))


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9), min_size=1, max_size=5))
def test_json_lines_round_trip(tmp_path_factory: pytest.TempPathFactory, answers: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    lines = [json.dumps({"id": key, "prediction": value}) for key, value in answers.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert read_answers(path) == answers


TOKENS = st.text(st.characters(exclude_characters=" \t\r\n\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=6)
LINES = st.lists(st.lists(st.tuples(TOKENS, st.sampled_from(["O", "B-X", "I-X"])), max_size=4), max_size=4)


@given(LINES)
@example([[("\x85", "O")], [("a\u2028b", "O"), ("c\xa0", "B-X")], [("\x0c", "O")], [("-DOCSTART-", "O")], [("[", "O")]])
def test_gold_and_predictions_are_read_alike(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[tuple[str, str]]]
) -> None:
    text = "\n\n".join("\n".join(f"{token} {tag}" for token, tag in sentence) for sentence in sentences)
    path = tmp_path_factory.mktemp("columns") / "x.conll"
    path.write_bytes(text.encode())
    gold = {str(number): tuple(one.tags) for number, one in enumerate(read_conll(text, 0, -1, path))}
    if gold:
        assert read_answers(path) == gold


def test_the_digest_is_of_what_was_read_even_from_a_pipe(tmp_path: Path) -> None:
    digests = []
    for text in ('{"id": 1, "prediction": "x"}', '{"id": 1, "prediction": "y"}', '{"prediction": "x",  "id": "1"}'):
        pipe = tmp_path / f"pipe{len(digests)}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_text, args=(text,))
        writer.start()
        digests.append(Answers(pipe).identity.digest)
        writer.join()
    assert digests[0] == digests[2] != digests[1]
