"""Contrastive models: agreement with transformers' own scores, prompt ensembles, texts embedded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoProcessor, AutoTokenizer

from tests.models.huggingface import tiny_encoders
from tests.models.huggingface.asking import BATCHES, Unreadable, answers, image, opened, picture
from velm_bench.errors import SampleError, UsageError
from velm_bench.models import Setup, open_model
from velm_bench.models.huggingface import ensembles
from velm_bench.samples import Ability, ChooseRequest, GenerateRequest, Picture

OPTIONS = ("red circle", "two small green squares", "dog", "yes")
ENSEMBLE = ("a photo of a {label}.", "one large {label}", "{label}")
PADDING: Mapping[str, Any] = {
    "clip": {"padding": True},
    "siglip": {"padding": "max_length"},
    "siglip2": {"patch_size": 8, "max_num_patches": 16},  # its processor would put those of the released models
    "chinese_clip": {"padding": True},
    "align": {},
}
"""How the documentation of each family has its texts padded, where its processor does not do so itself."""
SIGMOID = ("siglip", "siglip2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("contrastive")
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = tiny_encoders.CONTRASTIVE[name](root / name)
        return made[name]

    return folder


def choice(number: int = 0, options: tuple[str, ...] = OPTIONS, **further: Any) -> ChooseRequest:
    return ChooseRequest(f"s{number}", (picture(number),), "What is it?", options, **further)


def plain(folder: Path, name: str, number: int, texts: list[str]) -> torch.Tensor:
    """What transformers makes of one picture and texts, by its own example; log-probabilities, shape (texts,)."""
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    inputs = processor(text=texts, images=image(number), return_tensors="pt", **PADDING[name])
    with torch.inference_mode():
        logits = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()(**inputs).logits_per_image[0]
    return torch.nn.functional.logsigmoid(logits) if name in SIGMOID else logits.log_softmax(-1)


@pytest.mark.parametrize("name", tiny_encoders.CONTRASTIVE)
def test_scores_are_those_of_transformers(name: str, folders: Callable[[str], Path]) -> None:
    model = opened(folders(name))
    assert model.abilities == {Ability.CHOOSE}
    for number in (1, 2):
        given = answers(model, [choice(number, templates=("{label}",))])[0].logprobs
        expected = plain(folders(name), name, number, list(OPTIONS))
        assert given == pytest.approx(expected.tolist(), abs=1e-4)
        assert expected.max() - expected.min() > 1e-2, "scores that are all alike would show nothing"


@pytest.mark.parametrize("name", tiny_encoders.CONTRASTIVE)
def test_every_batch_size_gives_the_same(name: str, folders: Callable[[str], Path]) -> None:
    """Pictures of eight sizes, two lists of options, one and two pictures."""
    requests = [choice(number, OPTIONS[: 2 + number % 3]) for number in range(12)]
    requests.append(ChooseRequest("two", (picture(1), picture(2)), "", OPTIONS))
    model = opened(folders(name))
    alone, *others = ([one.logprobs for one in answers(model, requests, size)] for size in BATCHES)
    for other in others:
        assert [list(one) for one in other] == [pytest.approx(one, abs=1e-4) for one in alone]
    assert len({round(one[0], 4) for one in alone}) > 6


def test_an_option_stands_as_the_normalised_mean_of_its_templates(folders: Callable[[str], Path]) -> None:
    folder = folders("clip")
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")

    def unit(vectors: torch.Tensor) -> torch.Tensor:
        return vectors / vectors.norm(dim=-1, keepdim=True)

    with torch.inference_mode():
        rows = []
        for option in OPTIONS:
            texts = [template.format(label=option) for template in ENSEMBLE]
            tokens = tokenizer(texts, padding=True, return_tensors="pt")
            rows.append(unit(unit(model.get_text_features(**tokens).pooler_output).mean(0)))
        pixels = processor(images=image(3), return_tensors="pt")
        seen = unit(model.get_image_features(**pixels).pooler_output[0])
        expected = (torch.stack(rows) @ seen * model.logit_scale.exp()).log_softmax(-1)
    given = answers(opened(folder), [choice(3, templates=ENSEMBLE)])[0].logprobs
    assert given == pytest.approx(expected.tolist(), abs=1e-4)
    single = answers(opened(folder), [choice(3, templates=ENSEMBLE[:1])])[0].logprobs
    assert given != pytest.approx(single, abs=1e-3)


def test_labels_get_a_template_and_choices_stand_as_they_are(folders: Callable[[str], Path]) -> None:
    model = opened(folders("clip"))
    label, choices, photo, bare = answers(
        model,
        [
            choice(),
            choice(spoken=("A", "B", "C", "D")),
            choice(templates=("a photo of a {label}.",)),
            choice(templates=("{label}",)),
        ],
    )
    assert label == photo
    assert choices == bare
    assert photo != bare


def test_probabilities_of_a_softmax_sum_to_one_and_those_of_a_sigmoid_do_not(folders: Callable[[str], Path]) -> None:
    soft, single = (answers(opened(folders(name)), [choice()])[0].logprobs for name in ("clip", "siglip"))
    assert math.fsum(map(math.exp, soft)) == pytest.approx(1, abs=1e-5)
    assert math.fsum(map(math.exp, single)) != pytest.approx(1, abs=1e-2)
    one_of_two = answers(opened(folders("siglip")), [choice(options=OPTIONS[:2])])[0].logprobs
    assert one_of_two == pytest.approx(single[:2], abs=1e-5), "a pair's probability owes nothing to the other pairs"


def test_a_model_that_cannot_tell_padding_from_text_gets_the_length_it_knows(folders: Callable[[str], Path]) -> None:
    """Unpadded texts would give something else, so that the agreement above depends on the length."""
    folder = folders("siglip")
    unpadded = []
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        for padding in (False, "max_length"):
            tokens = tokenizer(["dog"], padding=padding, return_tensors="pt")
            unpadded.append(model.get_text_features(**tokens).pooler_output[0])
    assert not torch.allclose(*unpadded, atol=1e-2)
    assert opened(folder).ensembles.texts.longest == 24


def test_texts_are_embedded_once(folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened(folders("clip"))
    read, asked = model.model.get_text_features, []

    def counted(**inputs: torch.Tensor) -> Any:
        asked.append(len(inputs["input_ids"]))
        return read(**inputs)

    model.model.get_text_features = counted
    first = answers(model, [choice(number, templates=ENSEMBLE) for number in range(6)], 2)
    assert sum(asked) == len(OPTIONS) * len(ENSEMBLE)
    monkeypatch.setattr(ensembles, "KEPT", 4)
    monkeypatch.setattr(ensembles, "TEXTS", 2)
    answers(model, [choice(number, (f"red {number}", "blue"), templates=ENSEMBLE) for number in range(6)], 2)
    assert sum(map(len, model.ensembles.kept.values())) <= 4
    assert max(asked[-6:]) <= 2
    again = answers(model, [choice(number, templates=ENSEMBLE) for number in range(6)], 2)
    for one, other in zip(first, again, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_several_pictures_stand_as_their_mean(folders: Callable[[str], Path]) -> None:
    model = opened(folders("clip"))

    def asked(*pictures: Picture) -> tuple[float, ...]:
        return tuple(answers(model, [ChooseRequest("s", pictures, "", OPTIONS)])[0].logprobs)

    assert asked(picture(1), picture(1)) == pytest.approx(asked(picture(1)), abs=1e-4)
    assert asked(picture(1), picture(2)) == pytest.approx(asked(picture(2), picture(1)), abs=1e-4)
    assert asked(picture(1), picture(2)) != pytest.approx(asked(picture(1)), abs=1e-3)


def test_a_sample_without_a_picture_or_with_a_damaged_one_is_an_error(folders: Callable[[str], Path]) -> None:
    model = opened(folders("clip"))
    with pytest.raises(SampleError, match=r"^A contrastive model compares .* the sample has no picture\.$"):
        model.prepare(ChooseRequest("s", (), "", OPTIONS))
    with pytest.raises(SampleError, match=r"broken\.png"):
        model.prepare(ChooseRequest("s", (picture(0), Unreadable()), "", OPTIONS))


def test_options_longer_than_the_text_tower_are_cut(folders: Callable[[str], Path]) -> None:
    for name in ("clip", "siglip", "chinese_clip"):
        longer = ("red circle " * 60, "dog")
        assert all(map(math.isfinite, answers(opened(folders(name)), [choice(options=longer)])[0].logprobs))


def test_it_can_only_choose(folders: Callable[[str], Path]) -> None:
    model = opened(folders("clip"))
    with pytest.raises(Exception, match="cannot generate"):
        model.prepare(GenerateRequest("s", (picture(0),), "Write."))


def test_dtype_is_heeded_and_part_of_the_identity(folders: Callable[[str], Path]) -> None:
    full, half = (opened(folders("clip"), dtype=dtype) for dtype in ("float32", "bfloat16"))
    assert half.model.dtype == torch.bfloat16
    assert full.identity.digest != half.identity.digest
    one, other = (answers(model, [choice(1)])[0].logprobs for model in (full, half))
    assert one != other
    assert other == pytest.approx(one, abs=1.0)


def test_both_towers_are_compiled(folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are called by themselves, so that compiling the model's forward pass alone would do nothing."""
    compiled: list[str] = []

    def noted(called: Any, **how: Any) -> Any:
        compiled.append(called.__name__)
        return called

    monkeypatch.setattr(torch, "compile", noted)
    opened(folders("clip"), options={"compile": "true"})
    assert {"get_image_features", "get_text_features"} <= set(compiled)


def test_an_option_of_writing_models_is_refused(folders: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="system"):
        open_model(f"hf:{folders('clip')}", Setup(options={"system": "Be brief."}))


def test_a_model_without_embeddings_is_refused(folders: Callable[[str], Path], monkeypatch: Any) -> None:
    from transformers import CLIPModel

    monkeypatch.delattr(CLIPModel, "get_text_features")
    with pytest.raises(UsageError, match=r"is a CLIPModel, which has no embeddings .* name a checkpoint that has\.$"):
        opened(folders("clip"))
