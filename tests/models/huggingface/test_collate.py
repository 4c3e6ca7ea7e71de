"""Samples processed one by one become batches, and only those that can."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from velm_bench.models.huggingface.collate import Padding, Ways, groups, stack

PAD = 7


def text(length: int, **others: Tensor) -> dict[str, Tensor]:
    """A sample of `length` tokens."""
    ids = torch.arange(10, 10 + length)[None]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **others}


@pytest.mark.parametrize(
    ("side", "ids", "mask"),
    [
        (Padding.LEFT, [[PAD, 10, 11], [10, 11, 12]], [[0, 1, 1], [1, 1, 1]]),
        (Padding.RIGHT, [[10, 11, PAD], [10, 11, 12]], [[1, 1, 0], [1, 1, 1]]),
    ],
)
def test_texts_are_padded(side: Padding, ids: list[list[int]], mask: list[list[int]]) -> None:
    batch = stack([text(2), text(3)], PAD, side)
    assert batch["input_ids"].tolist() == ids
    assert batch["attention_mask"].tolist() == mask


def test_masks_over_tokens_and_pictures_go_with_the_text() -> None:
    """Mllama's (1, T, pictures, tiles)."""
    one, two = torch.ones(1, 2, 1, 4, dtype=torch.long), torch.ones(1, 3, 2, 4, dtype=torch.long)
    batch = stack([text(2, cross_attention_mask=one), text(3, cross_attention_mask=two)], PAD)
    assert batch["cross_attention_mask"].shape == (2, 3, 2, 4)
    assert batch["cross_attention_mask"][0, 0].sum() == 0
    assert batch["cross_attention_mask"][0, 1:, 0].all()
    assert batch["cross_attention_mask"][0, :, 1].sum() == 0


def test_another_text_of_the_same_length_is_not_taken_for_the_prompt() -> None:
    """InstructBLIP's Q-Former reads the prompt with its own tokens, padded behind."""
    ids = torch.ones(1, 2, dtype=torch.long)
    longer = torch.ones(1, 3, dtype=torch.long)
    batch = stack([text(2, qformer_input_ids=ids), text(4, qformer_input_ids=longer)], PAD)
    assert batch["qformer_input_ids"].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_pictures_are_put_one_after_another() -> None:
    samples = [text(2, pixel_values=torch.full((count, 3, 4, 4), float(count))) for count in (2, 1)]
    assert stack(samples, PAD)["pixel_values"][:, 0, 0, 0].tolist() == [2, 2, 1]


def test_tiles_are_padded_behind() -> None:
    sizes = torch.ones(1, 2, dtype=torch.long)
    samples = [text(2, pixel_values=torch.ones(1, tiles, 3, 4, 4), image_sizes=sizes) for tiles in (2, 5)]
    assert groups(samples, Ways(Padding.LEFT, pads_pictures=True)) == [[0, 1]]
    batch = stack(samples, PAD)["pixel_values"]
    assert batch.shape == (2, 5, 3, 4, 4)
    assert [float(batch[0, tile].mean()) for tile in range(5)] == [1, 1, 0, 0, 0]


def test_what_nothing_tells_the_padding_of_is_not_padded() -> None:
    samples = [text(2, pixel_values=torch.ones(1, 3, size, size)) for size in (4, 8, 4)]
    assert groups(samples, Ways(Padding.LEFT, pads_pictures=True)) == [[0, 2], [1]]
    sizes = torch.ones(1, 2, dtype=torch.long)
    told = [{**sample, "image_sizes": sizes} for sample in samples]
    assert groups(told, Ways(Padding.LEFT, pads_pictures=True)) == [[0, 1, 2]]
    assert groups(told, Ways(Padding.LEFT, pads_pictures=False)) == [[0, 2], [1]]


def test_samples_without_pictures_are_a_group_of_their_own() -> None:
    pictured = text(2, pixel_values=torch.ones(1, 3, 4, 4))
    assert groups([text(3), pictured, text(2), pictured], Ways(Padding.LEFT, Padding.LEFT)) == [[0, 2], [1, 3]]
    assert groups([text(3), pictured, text(2), pictured], Ways(Padding.LEFT)) == [[0], [1, 3], [2]]


def test_where_a_model_stands_no_padding_lengths_are_kept_apart() -> None:
    samples = [text(2), text(3), text(2)]
    assert groups(samples, Ways(Padding.NONE)) == [[0, 2], [1]]
    assert groups(samples, Ways(bare=Padding.RIGHT)) == [[0, 1, 2]]


def test_a_decoder_start_is_the_text_where_there_is_no_prompt() -> None:
    """Pix2Struct's attention mask belongs to its patches, whatever its length."""
    patches = {"flattened_patches": torch.ones(1, 2, 5), "attention_mask": torch.ones(1, 2)}
    samples = [{**patches, "decoder_input_ids": torch.ones(1, length, dtype=torch.long)} for length in (2, 3)]
    batch = stack(samples, PAD)
    assert batch["decoder_input_ids"].tolist() == [[PAD, 1, 1], [1, 1, 1]]
    assert batch["attention_mask"].shape == (2, 2)


def test_a_mask_that_ends_before_its_row_is_caught() -> None:
    wrong = text(3)
    wrong["attention_mask"] = torch.tensor([[1, 1, 0]])
    with pytest.raises(AssertionError, match="not padded on the left"):
        stack([wrong, text(2)], PAD)


def test_a_batch_holds_tensors_of_its_own() -> None:
    """Some models write into what they are given."""
    sample = text(2)
    stack([sample], PAD)["input_ids"][0, 0] = 99
    assert sample["input_ids"][0, 0] == 10
