"""A checkpoint's folder and what its files say; no torch here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_file, digest_json
from velm_bench.errors import UsageError

INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"
PATTERNS = (
    "config.json",
    "generation_config.json",
    "*processor_config.json",
    "chat_template*",
    "tokenizer*",
    "*token*.json",
    "vocab*",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "*.py",
)
"""The files beside the weights that may decide an answer."""
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
        """The model's class: the first of config.json's `architectures`; empty where there is none."""
        return str((self.config.get("architectures") or [""])[0])

    @property
    def model_type(self) -> str:
        """config.json's `model_type`; empty where there is none."""
        return str(self.config.get("model_type") or "")

    @property
    def custom_code(self) -> bool:
        """Whether the checkpoint asks for Python code of its own."""
        return any(self.has(name) and self.json(name).get("auto_map") for name in _CODED)

    @cached_property
    def weights(self) -> tuple[Path, ...]:
        """The safetensors files; UsageError where there are none, or fewer than the index names."""
        if self.has(WEIGHTS):
            return (self.folder / WEIGHTS,)
        if self.has(INDEX):
            names = sorted(set(self.json(INDEX).get("weight_map", {}).values()))
            missing = [name for name in names if not self.has(name)]
            if missing:
                raise UsageError(f"The checkpoint {self.folder} lacks the weights file {missing[0]}: get it anew.")
            return tuple(self.folder / name for name in names)
        pickled = sorted(path.name for pattern in _PICKLES for path in self.folder.glob(pattern))
        what = f"only {pickled[0]}, which may run code when it is opened" if pickled else "none at all"
        raise UsageError(
            f"The checkpoint {self.folder} has no weights as safetensors, {what}: convert it with save_pretrained, "
            "or name another revision."
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over weights, configuration, tokenizer, processor and chat template; UsageError without weights."""
        beside = {path for pattern in PATTERNS for path in self.folder.glob(pattern) if path.is_file()}
        beside |= set(self.folder.glob("additional_chat_templates/*.jinja"))
        files = sorted({*self.weights, *beside})
        with ThreadPoolExecutor(4) as pool:
            digests = list(pool.map(digest_file, files))
        return digest_json([(path.name, found) for path, found in zip(files, digests, strict=True)])

    @cached_property
    def parameters(self) -> int:
        """How many weights there are, from the headers of the safetensors files; UsageError for a damaged one."""
        return sum(_count(path) for path in self.weights)


_CODED = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
"""The files in which a checkpoint may ask for code of its own."""


def _count(path: Path) -> int:
    """The weights of one file; running statistics are none."""
    try:
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(size, path.stat().st_size)))
        shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__" and "running_" not in name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The weights file {path} is damaged: get it anew.") from error
    return sum(math.prod(shape) for shape in shapes if shape)


def described(names: Iterable[str]) -> str:
    """Names for a sentence: the first few, and how many more."""
    listed = list(names)
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + more
