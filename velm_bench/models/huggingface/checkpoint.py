"""A checkpoint's folder and what its files say; no torch here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_file, digest_json
from velm_bench.errors import UsageError
from velm_bench.models.weights import count_weights

INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"
PATTERNS = (
    "config.json",
    "generation_config.json",
    "*processor_config.json",
    "chat_template*",
    "tokenizer*",
    "*token*.json",
    "*vocab*",
    "merges.txt",
    "bpe.codes",
    "*.model",
    "*.spm",
    "*.tiktoken",
    "tekken.json",
    "*.tokenizer",
    "*_maps.json",
    "word_*.json",
    "emoji.json",
    "normalizer.json",
    "dict.txt",
    "*.py",
)
"""The files beside the weights that may decide an answer."""
AUTO_CLASSES = {
    "AutoModelForImageTextToText": "IMAGE_TEXT_TO_TEXT",
    "AutoModelForMultimodalLM": "MULTIMODAL_LM",
    "AutoModelForImageClassification": "IMAGE_CLASSIFICATION",
    "AutoModelForZeroShotImageClassification": "ZERO_SHOT_IMAGE_CLASSIFICATION",
    "AutoModelForTokenClassification": "TOKEN_CLASSIFICATION",
    "AutoModelForCausalLM": "CAUSAL_LM",
    "AutoModelForSeq2SeqLM": "SEQ_TO_SEQ_CAUSAL_LM",
}
"""The auto classes under which code of a checkpoint's own is known, and transformers' table for what they do."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")


@dataclass(frozen=True)
class Checkpoint:
    """A folder with config.json, weights as safetensors, and processor files."""

    folder: Path
    name: str
    """The reference as it was given: "hf:ORG/NAME@REVISION" or "hf:DIR"."""
    revision: str = ""
    """What was asked for behind the @."""
    commit: str = ""
    """The commit of the hub that it stands for; empty for a folder."""
    usual: str = ""
    """The class of a checkpoint whose config.json names none."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """config.json; UsageError where it is missing or damaged."""
        if not self.has("config.json"):
            hint = "merge the adapter into its base model first" if self.has("adapter_config.json") else "name another"
            raise UsageError(f"The folder {self.folder} has no config.json, so it is no checkpoint: {hint}.")
        return self.json("config.json")

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object of the folder; UsageError where it is missing or something else."""
        try:
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"The file {self.folder / name} cannot be read ({error}): get the checkpoint anew."
            ) from error
        if not isinstance(found, dict):
            raise UsageError(f"The file {self.folder / name} holds no JSON object: get the checkpoint anew.")
        return found

    def has(self, name: str) -> bool:
        """Whether the folder holds a file of that name."""
        return (self.folder / name).is_file()

    @property
    def architecture(self) -> str:
        """The model's class: the first of config.json's `architectures`, or the usual one; empty for none."""
        named = self.config.get("architectures") or [self.usual]
        if not isinstance(named, list):
            raise UsageError(
                f"The 'architectures' of {self.folder / 'config.json'} is no list: get the checkpoint anew, or write "
                "a list with the name of its class there."
            )
        return str(named[0])

    @property
    def model_type(self) -> str:
        """config.json's `model_type`; empty where there is none."""
        return str(self.config.get("model_type") or "")

    @property
    def custom_code(self) -> bool:
        """Whether the checkpoint has Python code of its own that transformers would run where it is trusted."""
        said = any(self.has(name) and self.json(name).get("auto_map") for name in _CODED)
        return said or self.has("custom_generate/generate.py")

    @property
    def auto_class(self) -> str:
        """Which of AUTO_CLASSES the checkpoint's own code offers, the first that it names; empty for none."""
        return next((name for name in self.config.get("auto_map") or () if name in AUTO_CLASSES), "")

    @property
    def shows(self) -> bool:
        """Whether the files speak of pictures."""
        return self.has("preprocessor_config.json") or "vision_config" in self.config

    @cached_property
    def weights(self) -> tuple[Path, ...]:
        """The safetensors files; UsageError where there are none, or fewer than the index names."""
        if self.has(WEIGHTS):
            return (self.folder / WEIGHTS,)
        if self.has(INDEX):
            held = self.json(INDEX).get("weight_map")
            names = sorted({str(name) for name in held.values()}) if isinstance(held, dict) else []
            if not names:
                raise UsageError(f"The file {self.folder / INDEX} names no weights: get the checkpoint anew.")
            missing = [name for name in names if not self.has(name)]
            if missing:
                raise UsageError(f"The checkpoint {self.folder} lacks the weights file {missing[0]}: get it anew.")
            return tuple(self.folder / name for name in names)
        if self.has("adapter_config.json"):
            raise UsageError(
                f"The folder {self.folder} holds an adapter and not the weights it belongs to: merge it into its base "
                "model first."
            )
        pickled = sorted(path.name for pattern in _PICKLES for path in self.folder.glob(pattern))
        what = f"only {pickled[0]}, which may run code when it is opened" if pickled else "none at all"
        if self.commit and not pickled:  # pickles are not fetched
            raise UsageError(
                f"The local copy {self.folder} of '{self.name}' has no weights as safetensors: fetch it whole where "
                "there is a network, or convert it with save_pretrained if the hub itself has none."
            )
        raise UsageError(
            f"The checkpoint {self.folder} has no weights as safetensors, {what}: convert it with save_pretrained, "
            "or name another revision."
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over weights, configuration, tokenizer, processor and chat template; UsageError without weights."""
        beside = {path for pattern in PATTERNS for path in self.folder.glob(pattern) if path.is_file()}
        beside |= set(self.folder.glob("additional_chat_templates/*.jinja"))
        if self.custom_code:  # which may lie in folders of its own
            beside |= set(self.folder.rglob("*.py"))
        files = sorted({*self.weights, *beside})
        with ThreadPoolExecutor(4) as pool:
            digests = list(pool.map(digest_file, files))
        names = [path.relative_to(self.folder).as_posix() for path in files]
        return digest_json(list(zip(names, digests, strict=True)))

    @cached_property
    def parameters(self) -> int:
        """How many weights there are, from the headers of the safetensors files; UsageError for a damaged one."""
        return sum(count_weights(path) for path in self.weights)


_CODED = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
"""The files in which a checkpoint may ask for code of its own."""


def described(names: Iterable[str]) -> str:
    """Names for a sentence: the first few, and how many more."""
    listed = list(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
