"""Perturbations: what they do to pixels and words, and that only seed, sample, picture and strength decide it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.toys import Toy, draw, make_task, rows_of, settings
from velm_bench.digests import digest_bytes
from velm_bench.engine.perturbations import KINDS, SPOILERS, STRENGTHS, perturbation
from velm_bench.engine.runner import evaluate
from velm_bench.engine.typos import Typos, mistyped
from velm_bench.errors import UsageError
from velm_bench.results.store import read_samples
from velm_bench.samples import Ability, ArrayPicture, Pixels, Sample, TagRequest, TextAnswer


def scene(height: int = 60, width: int = 80) -> Pixels:
    """Fine stripes and a gradient: every perturbation shows on it."""
    down, across = np.mgrid[:height, :width]
    return np.stack([down * 255 // height, across % 4 * 80, (down + across) % 8 * 36], axis=2).astype(np.uint8)


def spoilt(name: str, pixels: Pixels, sample_id: str = "a", seed: int = 0) -> Pixels:
    sample = Sample(sample_id, (ArrayPicture(pixels),))
    return perturbation(name).begin([], seed)(sample).sample.images[0].decode()


def damage(name: str) -> float:
    pixels = scene()
    return float(np.abs(spoilt(name, pixels).astype(int) - pixels).mean())


@pytest.mark.parametrize("kind", ["noise", "blur", "jpeg"])
def test_more_strength_is_more_damage(kind: str) -> None:
    found = [damage(f"{kind}:{strength}") for strength in STRENGTHS]
    assert found == sorted(found)
    assert 0 < found[0] < found[-1]


def test_the_scales_are_those_documented() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert spoilt("noise:2", grey).std() == pytest.approx(0.12 * 255, rel=0.02)
    for strength, share in zip(STRENGTHS, (0.05, 0.1, 0.2, 0.3, 0.4), strict=True):
        covered = (spoilt(f"occlude:{strength}", np.zeros((200, 200, 3), np.uint8)) == 128).all(axis=2)
        assert covered.mean() == pytest.approx(share, rel=0.03)
    edge = np.zeros((224, 224, 3), np.uint8)
    edge[:, 112:] = 255
    spread = np.diff(spoilt("blur:4", edge)[112, :, 0].astype(float)) / 255
    place = np.arange(len(spread))
    deviation = np.sqrt((spread * (place - (spread * place).sum()) ** 2).sum())
    assert deviation == pytest.approx(4.0, rel=0.15)


def test_rotation_goes_both_ways_and_keeps_the_size() -> None:
    turned = {spoilt("rotate:5", scene(), sample_id=str(number)).tobytes() for number in range(12)}
    assert len(turned) == 2
    assert all(len(one) == scene().nbytes for one in turned)


@pytest.mark.parametrize("kind", list(SPOILERS))
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (60, 80)])
def test_pictures_of_any_size_stay_pictures_and_the_original_is_untouched(kind: str, size: tuple[int, int]) -> None:
    pixels = scene(*size)
    before = pixels.copy()
    for strength in (1, 5):
        found = spoilt(f"{kind}:{strength}", pixels)
        assert (found.dtype, found.shape) == (np.uint8, pixels.shape)
    assert (pixels == before).all()


@pytest.mark.parametrize("kind", ["noise", "rotate", "occlude"])
def test_what_is_drawn_depends_on_seed_sample_and_picture(kind: str) -> None:
    assert (spoilt(kind, scene()) == spoilt(f"{kind}:3", scene())).all()
    others = {spoilt(kind, scene(), sample_id=str(number)).tobytes() for number in range(8)}
    seeds = {spoilt(kind, scene(), seed=number).tobytes() for number in range(8)}
    assert len(others) > 1
    assert len(seeds) > 1


def test_noise_is_the_same_in_pieces_and_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spoilt("noise", scene())
    monkeypatch.setattr("velm_bench.engine.perturbations.PIECE", 100)
    assert (spoilt("noise", scene()) == whole).all()
    monkeypatch.undo()
    large = np.zeros((2000, 2000, 3), np.uint8)
    tracemalloc.start()
    SPOILERS["noise"].spoil(large, 0.2, np.random.PCG64(0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * large.nbytes


@pytest.mark.parametrize("name", ["noise", "occlude:5", "typos:2"])
def test_answers_depend_neither_on_batches_nor_on_the_order_nor_on_a_limit(name: str, tmp_path: Path) -> None:
    class Reader(Toy):
        """Says all that it is shown."""

        def prepare(self, request: Any) -> Any:
            return request, hash_of(request)

        def generate(self, prepared: Any) -> Any:
            self.batches.append([request.sample_id for request, _ in prepared])
            return [TextAnswer(said) for _, said in prepared]

    def hash_of(request: Any) -> str:
        return f"{request.prompt} {[digest_bytes(one.decode().tobytes()) for one in request.images]}"

    def said(folder: str, backwards: bool = False, **changes: Any) -> dict[str, str]:
        rows = rows_of("vqa", 12)
        task = make_task(tmp_path / folder, rows=rows[::-1] if backwards else rows)
        run = evaluate(task, Reader(), settings(tmp_path / folder / "out", control=name, **changes))
        table = read_samples(run.folder)
        return dict(zip(table["id"].to_pylist(), table["prediction"].to_pylist(), strict=True))

    first = said("a", batch_size=1, workers=1)
    assert len(set(first.values())) == 12
    assert said("b", batch_size=8, workers=4) == first
    assert said("c", backwards=True) == first
    limited = said("d", limit=5)
    assert limited == {key: first[key] for key in limited}
    assert said("e", seed=1) != first


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nois", ["nois", "noise"]),
        ("blank", ["Unknown perturbation", "typos"]),
        ("noise:0", ["from 1 to 5", "noise:3"]),
        ("noise:6", ["from 1 to 5"]),
        ("noise:", ["from 1 to 5"]),
        ("noise:3.5", ["from 1 to 5"]),
        ("typos:x", ["from 1 to 5", "typos:3"]),
    ],
)
def test_unknown_kinds_and_strengths_are_refused(name: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        perturbation(name)
    assert all(word in str(caught.value) for word in words)


def test_the_strength_is_3_unless_given(tmp_path: Path) -> None:
    for kind in KINDS:
        assert perturbation(kind).name == f"{kind}:3"
    assert settings(tmp_path, control="noise").control == "noise:3"


QUESTION = "How many yellow triangles can you see beside the large cylinder, or 12?"


def test_typos_keep_everything_but_letters() -> None:
    inputs = {
        "question": QUESTION,
        "tokens": ("Ada", "Lovelace", "visits", "U.N.", "in", "2019"),
        "options": ("yellow", "purple"),
        "year": 1843,
    }
    found = Typos(5).inputs(inputs, "key")
    assert found["question"] != QUESTION
    assert "12" in found["question"]
    assert len(found["question"].split()) == len(QUESTION.split())
    assert len(found["tokens"]) == 6
    assert found["tokens"] != inputs["tokens"]
    assert found["tokens"][3:] == ("U.N.", "in", "2019")
    assert [one[0] for one in found["tokens"]] == [one[0] for one in inputs["tokens"]]
    assert (found["options"], found["year"]) == (inputs["options"], 1843)


def test_more_strength_is_more_typos_and_one_at_the_least() -> None:
    words = " ".join(["house"] * 40)
    wrong = [
        sum(word != "house" for word in Typos(strength).inputs({"question": words}, "k")["question"].split())
        for strength in STRENGTHS
    ]
    assert wrong == [4, 8, 12, 16, 20]
    assert Typos(1).inputs({"question": "What is it?"}, "k")["question"] != "What is it?"
    assert Typos(5).inputs({"question": "Is it a 7?"}, "k")["question"] == "Is it a 7?"


def test_a_mistyped_word_is_another_word_with_the_same_first_letter() -> None:
    for word in ("see", "aaa", "Zoo", "LLL", "größe", "ééé", "question"):
        for dice in range(60):
            other = mistyped(word, dice)
            assert other != word
            assert other[0] == word[0]
            assert abs(len(other) - len(word)) <= 1
            assert not set(other) & set(" \t\n")


def test_tags_stay_aligned_with_mistyped_tokens(tmp_path: Path) -> None:
    """A model that can only write is understood in the words that it was shown, and scored against the same tags."""

    class Writer(Toy):
        abilities = frozenset({Ability.GENERATE})

        def generate(self, prepared: Any) -> Any:
            return [
                TextAnswer(f"{request.prompt.rsplit('Sentence: ')[1].split()[0]} | PER", 1) for request, _ in prepared
            ]

    class Tagger(Toy):
        def prepare(self, request: Any) -> Any:
            assert isinstance(request, TagRequest)
            seen.append(request.tokens)
            return super().prepare(request)

    seen: list[tuple[str, ...]] = []
    task = make_task(tmp_path, 6, "ner")
    for model in (Writer(), Tagger()):
        run = evaluate(task, model, settings(tmp_path / "out" / type(model).__name__, control="typos:5"))
        assert (run.result.n_errors, run.result.parse_failures) == (0, 0)
        assert run.result.scores["entity_f1"].value == 1.0
    assert {len(tokens) for tokens in seen} == {1, 2}
    assert all("Ada" not in tokens for tokens in seen if len(tokens) == 1)


def test_typos_do_nothing_where_no_words_come_along(tmp_path: Path) -> None:
    model = Toy()
    with pytest.raises(UsageError, match="bring no words along"):
        evaluate(make_task(tmp_path, 4, "classification"), model, settings(tmp_path / "out", control="typos"))
    assert model.asked == []


def test_a_spoilt_picture_is_asked_again_when_the_picture_changes(tmp_path: Path) -> None:
    task = make_task(tmp_path, 4)
    evaluate(task, Toy(), settings(tmp_path / "out", control="blur"))
    draw(tmp_path / "pictures" / "1.png", 99)
    model = Toy()
    evaluate(task, model, settings(tmp_path / "out", control="blur"))
    assert set(model.asked) == {"s002", "s003"}
