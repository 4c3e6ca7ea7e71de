"""All the families whose likelihoods are tested, by name."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tests.models.huggingface import scored_captioners as captioners
from tests.models.huggingface import scored_chat as chat
from tests.models.huggingface import scored_texts as texts
from tests.models.huggingface.scored import Scored

FAMILIES: dict[str, Callable[[], Scored]] = {
    family.__name__: family
    for family in (
        texts.llama,
        texts.gpt2,
        texts.opt,
        texts.bloom,
        texts.mistral_sliding,
        texts.gemma2_hybrid,
        texts.llama4_chunked,
        texts.gemma3n_shared,
        texts.gpt_without_cache,
        texts.mamba,
        texts.lfm2_convolutions,
        texts.qwen3_next_recurrent,
        texts.jamba,
        chat.llava,
        chat.qwen2_vl,
        chat.qwen3_vl,
        chat.gemma3,
        chat.paligemma,
        chat.idefics3,
        chat.mllama,
        captioners.blip2_opt,
        captioners.git,
        captioners.blip,
        captioners.kosmos2,
        texts.t5,
        texts.bart_that_begins,
        captioners.blip2_t5,
        captioners.blip_vqa,
        captioners.florence2,
        captioners.vit_gpt2,
    )
}


def made(name: str) -> Scored:
    """A family's model and prompts, the same each time; weights are large enough for answers to differ."""
    torch.manual_seed(len(name))
    scored = FAMILIES[name]()
    scored.model.eval()
    with torch.no_grad():
        for weight in scored.model.parameters():
            if weight.ndim > 1:
                weight.normal_(0, 0.2)
    return scored
