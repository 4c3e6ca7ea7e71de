"""The table of families: how to make a tiny checkpoint of each, and what it is known to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.models.huggingface import (
    tiny,
    tiny_captioners,
    tiny_chat,
    tiny_encoders,
    tiny_further,
    tiny_seq2seq,
    tiny_tiles,
)
from velm_bench.samples import Ability

WRITES = frozenset({Ability.GENERATE, Ability.CHOOSE})
CHOOSES = frozenset({Ability.CHOOSE})
TAGS = frozenset({Ability.TAG})
ANY_NUMBER = frozenset({0, 1, 2})


@dataclass(frozen=True)
class Family:
    """One kind of model."""

    make: Callable[[Path], Path]
    """Writes a checkpoint into a folder."""
    abilities: frozenset[Ability] = WRITES
    pictures: frozenset[int] = ANY_NUMBER
    """How many pictures a question of this family may have; others are error rows."""
    sees: bool = True
    """Whether its answers depend on the picture."""
    reads: bool = True
    """Whether its answers depend on the question."""
    varied: int = 4
    """How many different answers it gives at least to six pictures, if it sees them."""
    needs: str = ""
    """A package without which transformers cannot build its processor."""

    @property
    def runs(self) -> bool:
        """Whether it can run here."""
        return not self.needs or find_spec(self.needs) is not None


ONE = frozenset({1})

FAMILIES = {
    "llava": Family(tiny.make_llava),
    "llava_next": Family(tiny_tiles.make_llava_next),
    "llava_onevision": Family(tiny_tiles.make_llava_onevision),
    "aya_vision": Family(tiny_tiles.make_aya_vision),
    "internvl": Family(tiny_tiles.make_internvl),
    "idefics3": Family(tiny_tiles.make_idefics3),
    "smolvlm": Family(tiny_tiles.make_smolvlm, needs="num2words"),
    "idefics2": Family(tiny_chat.make_idefics2),
    "paligemma": Family(tiny_chat.make_paligemma, pictures=frozenset({1, 2})),
    "gemma3": Family(tiny_chat.make_gemma3),
    "pixtral": Family(tiny_chat.make_pixtral, needs="torchvision"),
    "mistral3": Family(tiny_chat.make_mistral3, needs="torchvision"),
    "qwen2_vl": Family(tiny_further.make_qwen2_vl),
    "qwen2_5_vl": Family(tiny_further.make_qwen2_5_vl),
    "qwen3_vl": Family(tiny_further.make_qwen3_vl),
    "mllama": Family(tiny_further.make_mllama),
    "kosmos2": Family(tiny_captioners.make_kosmos2, pictures=ONE),
    "blip": Family(tiny_captioners.make_blip, pictures=ONE),
    "blip_2": Family(tiny_captioners.make_blip_2, pictures=ONE),
    "instructblip": Family(tiny_captioners.make_instructblip, pictures=ONE),
    "git": Family(tiny_captioners.make_git, pictures=frozenset({0, 1})),
    "florence2": Family(tiny_seq2seq.make_florence2, pictures=frozenset({0, 1})),
    "pix2struct": Family(tiny_seq2seq.make_pix2struct, pictures=ONE),
    "donut": Family(tiny_seq2seq.make_donut, pictures=ONE),
    "vit_gpt2": Family(tiny_seq2seq.make_vit_gpt2, pictures=ONE, reads=False),
    "llama": Family(tiny.make_llama, sees=False),
    "qwen2": Family(tiny.make_qwen2, sees=False),
    "gpt2": Family(tiny.make_gpt2, sees=False),
    "vilt": Family(tiny_encoders.make_vilt, pictures=ONE, varied=2),
    "clip": Family(tiny_encoders.make_clip, CHOOSES, ONE),
    "siglip": Family(tiny_encoders.make_siglip, CHOOSES, ONE),
    "vit": Family(tiny_encoders.make_vit, CHOOSES, ONE, reads=False),
    "resnet": Family(tiny_encoders.make_resnet, CHOOSES, ONE, reads=False),
    "convnext": Family(tiny_encoders.make_convnext, CHOOSES, ONE, reads=False),
    "bert": Family(tiny_encoders.make_bert, TAGS, sees=False),
    "roberta": Family(tiny_encoders.make_roberta, TAGS, sees=False),
}
"""Every family by name."""
