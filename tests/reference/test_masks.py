"""Who may look at whom."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velm_bench.reference.masks import continued_mask, packed_mask, segment_mask

YES, NO = torch.tensor([True]), torch.tensor([False])


def test_segments_see_the_picture_and_themselves_only() -> None:
    segments = torch.tensor([[0, 0, 1, 1, -1]])
    both = torch.tensor([[False, False, True, True, False]])
    mask = packed_mask(segments, both, YES, NO, 2)[0].int().tolist()
    assert mask == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 0, 1],
    ]
    assert not packed_mask(segments, both, NO, NO, 2)[0, 2:, :2].any()


def test_what_is_told_is_read_by_the_other_segments_and_reads_none() -> None:
    segments, both = torch.tensor([[0, 0, 1, 2, -1]]), torch.zeros(1, 5, dtype=torch.bool)
    mask = packed_mask(segments, both, NO, YES, 0)[0].int().tolist()
    assert mask == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_new_segments_see_all_that_is_real_and_themselves() -> None:
    mask = continued_mask(torch.tensor([[False, True]]), torch.tensor([[0, 0, 1]]))[0].int().tolist()
    assert mask == [[0, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 0, 1]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=12), st.booleans(), st.booleans(), st.integers(0, 3))
def test_every_position_sees_itself_and_none_sees_another_segment(
    numbers: list[int], sighted: bool, told: bool, visual: int
) -> None:
    segments = torch.tensor([sorted(numbers)])
    both = segments % 2 == 0
    mask = packed_mask(segments, both, torch.tensor([sighted]), torch.tensor([told]), visual)[0]
    assert bool(mask.diagonal().all())
    text = mask[visual:, visual:]
    apart = segments[0][:, None] != segments[0][None, :]
    described = (segments[0] == 0)[None, :] & (segments[0] > 0)[:, None] & told
    assert not bool((text & apart & ~described).any())
    assert torch.equal(text & ~apart, segment_mask(segments, both)[0])
    assert not bool(mask[:visual, visual:].any())
