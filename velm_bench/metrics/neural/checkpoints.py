"""The checkpoints behind neural metrics: a local folder or an id of the Hugging Face hub, its identity, its weights."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from velm_bench.digests import digest_files
from velm_bench.errors import UsageError
from velm_bench.metrics.base import MetricUnavailableError

WEIGHTS = "*.safetensors"
DECIDING = (WEIGHTS, "*.json", "*.txt", "*.model")
"""The files that decide an embedding: weights, configuration, tokenizer, image processor. A pickle is never read."""
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
DEVICE = "VELM_METRIC_DEVICE"


class Checkpoint:
    """What a metric was given behind its colon. Making one reads nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def folder(self) -> Path:
        """Where its files lie, downloaded if need be; MetricUnavailableError where they cannot be had."""
        return locate(self.name, download=True)

    @property
    def label(self) -> str:
        """The last part of its name: letters, digits, dots, hyphens and underscores."""
        plain = Path(self.name)
        last = plain.resolve().name if plain.is_dir() else plain.name
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", last)

    @property
    def signed(self) -> str:
        """Its label and a digest of its files ("absent" where it is not here), for a signature."""
        return f"model:{self.label}|files:{self._digest}"

    @property
    def _digest(self) -> str:
        if "digest" not in vars(self):
            try:
                folder = vars(self).get("folder") or locate(self.name, download=False)
            except MetricUnavailableError:
                return "absent"
            files = {path for pattern in DECIDING for path in folder.glob(pattern)}
            vars(self)["digest"] = digest_files(files)[:12]
        return str(vars(self)["digest"])


def locate(name: str, download: bool) -> Path:
    """The folder of that name, or the hub's; MetricUnavailableError, in one sentence, where it cannot be had."""
    folder = Path(name)
    if not folder.is_dir():
        folder = _from_hub(name, download)
    for pattern in ("config.json", WEIGHTS):
        if not any(folder.glob(pattern)):
            raise MetricUnavailableError(
                f"The folder {folder} is no checkpoint: it has no {pattern}: save the model there with save_pretrained."
            )
    return folder


def _from_hub(name: str, download: bool) -> Path:
    if not HUB_ID.fullmatch(name):
        raise MetricUnavailableError(f"There is no folder '{name}': name the folder of a checkpoint, or a hub id.")
    with needed():
        from huggingface_hub import snapshot_download
    try:
        found = snapshot_download(
            name, allow_patterns=list(DECIDING), ignore_patterns=["*/*"], local_files_only=not download
        )
    except Exception as error:  # the hub's client, requests and the file system each have errors of their own
        raise MetricUnavailableError(
            f"The checkpoint '{name}' is no folder here and cannot be had from the Hugging Face hub "
            f"({type(error).__name__}): download it where there is a network, and name its folder."
        ) from error
    return Path(found)


@contextmanager
def needed() -> Iterator[None]:
    """An import of what neural metrics need, explained where it fails."""
    try:
        yield
    except ImportError as error:
        raise MetricUnavailableError(
            f"Neural metrics need torch and transformers ({error}): run pip install 'velm-bench[models]'."
        ) from error


def load(checkpoint: Checkpoint, spare: str = "") -> Any:
    """The model on its device, in float32, ready to be asked.

    Weights whose names hold `spare` may be missing, as those of a head that is not used. MetricUnavailableError where
    the files are no model, or lack others of its weights.
    """
    with needed():
        import torch
        from transformers import AutoModel
    with _readable(checkpoint), quiet():
        model, found = AutoModel.from_pretrained(
            checkpoint.folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    missing = [name for name in found["missing_keys"] if not spare or spare not in name]
    if missing:
        raise MetricUnavailableError(f"The checkpoint '{checkpoint.name}' lacks weights: {sorted(missing)[0]}, say.")
    torch.backends.cudnn.allow_tf32 = False  # convolutions would otherwise be rounded to ten bits on a GPU
    return model.to(device()).eval()


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The checkpoint's tokenizer; MetricUnavailableError where it has none."""
    with needed():
        from transformers import AutoTokenizer
    with _readable(checkpoint), quiet():
        return AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)


def load_image_processor(checkpoint: Checkpoint) -> Any:
    """The checkpoint's image processor, the one that goes through Pillow; MetricUnavailableError where it has none."""
    with needed():
        from transformers import AutoImageProcessor
    with _readable(checkpoint), quiet():
        return AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            checkpoint.folder, backend="pil", local_files_only=True, trust_remote_code=False
        )


@contextmanager
def _readable(checkpoint: Checkpoint) -> Iterator[None]:
    """Whatever goes wrong in reading a checkpoint is one sentence that names it."""
    try:
        yield
    except MetricUnavailableError:
        raise
    except Exception as error:  # json, safetensors, tokenizers and transformers each have types of their own
        said = " ".join(str(error).split())
        raise MetricUnavailableError(f"The checkpoint '{checkpoint.name}' cannot be read ({said:.200}).") from error


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no remarks of transformers about weights that are not used."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def device() -> str:
    """VELM_METRIC_DEVICE, or the GPU where there is one; UsageError for a device that is not here."""
    import torch

    chosen = os.environ.get(DEVICE)
    if not chosen:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch raises any of them
        said = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"{DEVICE}={chosen} cannot be used here ({said}): set it to cpu.") from error
    return chosen
