"""The losses against their formulas, and a batch's parts against the whole."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from velm_bench.reference.losses import added, contrast, counts, cross_entropy, likelihood, matching
from velm_bench.reference.teacher import SightTeacher


def lessons(rows: int, empty: bool = False) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(rows)
    looks = torch.randint(-1, 2, (rows, 4, 2), generator=draw)
    offsets = torch.rand(rows, 4, 2, generator=draw)
    offsets[torch.rand(rows, 4, generator=draw) < 0.5] = math.nan
    return {
        "looks": torch.where(looks < 0, -100, looks) if not empty else torch.full((rows, 4, 2), -100),
        "centres": torch.randint(0, 2, (rows, 4), generator=draw).float(),
        "offsets": offsets if not empty else torch.full((rows, 4, 2), math.nan),
        "visual_tags": torch.randint(0, 2, (rows, 5), generator=draw).float(),
        "classes": torch.randint(0, 3, (rows,), generator=draw) if not empty else torch.full((rows,), -100),
    }


def counted(batch: dict[str, torch.Tensor]) -> dict[str, float]:
    return counts({name: tensor.numpy() for name, tensor in batch.items()})


def test_losses_over_nothing_are_zero() -> None:
    teacher, empty = SightTeacher(8, [3, 2], 5, 3), lessons(2, empty=True)
    found = teacher.loss(torch.randn(2, 4, 8), empty, counted(empty))
    assert all(torch.isfinite(loss) for loss in found.values())
    assert found["classes"] == 0
    assert cross_entropy(torch.randn(3, 4), torch.full((3,), -100), 0) == 0


def test_cross_entropy_is_the_mean_over_what_is_asked() -> None:
    logits, targets = torch.randn(3, 4), torch.tensor([1, -100, 2])
    assert torch.allclose(cross_entropy(logits, targets, 2), functional.cross_entropy(logits, targets))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_likelihood_is_weighted_and_smoothed(smoothing: float) -> None:
    logits, targets, weights = torch.randn(3, 4), torch.tensor([1, 0, 2]), torch.tensor([1.0, 0.5, 2.0])
    log = logits.log_softmax(-1)
    each = [-(1 - smoothing) * log[i, t] - smoothing * log[i].mean() for i, t in enumerate(targets)]
    mean = sum(w * one for w, one in zip(weights, each, strict=True)) / weights.sum()
    assert torch.allclose(likelihood(logits, targets, weights, smoothing, 3.5), torch.as_tensor(mean))


def test_the_teachers_losses_of_parts_add_up() -> None:
    teacher, features, whole = SightTeacher(8, [2, 2], 5, 3), torch.randn(7, 4, 8), lessons(7)
    cuts = list(pairwise([0, 2, 3, 7]))
    parts = [{name: tensor[start:end] for name, tensor in whole.items()} for start, end in cuts]
    total = added([counted(part) for part in parts])
    assert total == counted(whole)
    expected = teacher.loss(features, whole, total)
    each = [teacher.loss(features[start:end], part, total) for (start, end), part in zip(cuts, parts, strict=True)]
    assert expected.keys() == {"patches", "tags", "classes"}
    for name, loss in expected.items():
        assert torch.allclose(torch.stack([part[name] for part in each]).sum(), loss, atol=1e-5)


def test_the_class_of_a_picture_is_a_lesson() -> None:
    teacher, features = SightTeacher(8, [2], 5, 3), torch.randn(4, 6, 8)
    batch = {"classes": torch.tensor([0, 2, -100, 1])}
    pooled = torch.cat([features.mean(1), features.amax(1)], 1)
    assert teacher.kind is not None
    expected = functional.cross_entropy(teacher.kind(pooled), batch["classes"])
    assert torch.allclose(teacher.loss(features, batch, counted(batch))["classes"], expected)


def test_equal_texts_of_other_pictures_match() -> None:
    """Pictures 0 and 2 share a text, so each matches both copies of it; picture 1 has two texts, picture 3 none."""
    rows, pairs = torch.tensor([0, 1, 1, 2]), torch.tensor([7, 8, 9, 7])
    assert matching(rows, pairs, 4).tolist() == [
        [True, False, True, False],
        [False, True, False, False],
        [False, True, False, False],
        [True, False, True, False],
    ]


def test_the_contrast_is_that_of_siglip() -> None:
    """Equation 1 of Zhai et al. 2023, written out: -1/n of the sum of log 1 / (1 + exp(-z · logit))."""
    draw = np.random.default_rng(3)
    logits, match = draw.normal(size=(3, 3)), np.eye(3, dtype=bool)
    expected = -sum(
        math.log(1 / (1 + math.exp(-(1 if match[i, j] else -1) * logits[i, j]))) for i in range(3) for j in range(3)
    )
    assert float(contrast(torch.tensor(logits), torch.tensor(match), 3)) == pytest.approx(expected / 3)


def test_texts_that_take_part_and_weights_are_counted() -> None:
    batch = {
        "targets": np.array([[-100, 3, 4]]),
        "weights": np.array([[9.0, 1.0, 0.5]]),
        "tags": np.array([[0, -100, -100]]),
        "texts": np.array([[0, 0, 12]]),
        "classes": np.array([-100]),
    }
    assert counts(batch) == {"text": 1.5, "ner": 1.0, "joint": 1.0, "classes": 0.0}
