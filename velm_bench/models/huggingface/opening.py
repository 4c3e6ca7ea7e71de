"""`hf:ORG/NAME[@REVISION]` or `hf:DIR`: which adapter opens a checkpoint is found in its own config.json."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from velm_bench.errors import UnavailableError, UsageError
from velm_bench.models.base import Model, Setup
from velm_bench.models.huggingface.checkpoint import PATTERNS, Checkpoint
from velm_bench.models.huggingface.options import HfOptions

_HERE = "velm_bench.models.huggingface"
ADAPTERS = {
    "IMAGE_TEXT_TO_TEXT": f"{_HERE}.generative:GenerativeModel",
    "VISUAL_QUESTION_ANSWERING": f"{_HERE}.answering:VqaClassifier",
    "ZERO_SHOT_IMAGE_CLASSIFICATION": f"{_HERE}.contrastive:ContrastiveModel",
    "IMAGE_CLASSIFICATION": f"{_HERE}.classifying:ImageClassifier",
    "TOKEN_CLASSIFICATION": f"{_HERE}.tagging:TokenClassifier",
    "MULTIMODAL_LM": f"{_HERE}.generative:GenerativeModel",
    "CAUSAL_LM": f"{_HERE}.generative:LanguageModel",
    "SEQ_TO_SEQ_CAUSAL_LM": f"{_HERE}.generative:LanguageModel",
}
"""transformers' own tables of architectures, and the adapter that asks them; the first that has it decides."""
WRITES_ANSWERS = f"{_HERE}.generative:AnswerWriter"
"""For those that transformers counts among the answerers of visual questions, but which write."""
_OWN_FAMILY = "velm"


def open_huggingface(rest: str, setup: Setup) -> Model:
    """The model of a hub's name or of a folder; UsageError in one sentence for anything that cannot be opened."""
    options = setup.parsed(HfOptions, f"hf:{rest}")
    checkpoint = find_checkpoint(rest, options)
    if checkpoint.model_type == _OWN_FAMILY:
        raise UsageError(f"{checkpoint.folder} is a checkpoint of the reference family: open it as 'ref:{rest}'.")
    if checkpoint.custom_code and not options.trust_remote_code and not _native(checkpoint):
        raise UsageError(
            f"'hf:{rest}' needs Python code that comes with it: read that code, and if you trust it add "
            "--model-arg trust_remote_code=true."
        )
    module, _, name = adapter_of(checkpoint).partition(":")
    model: Model = getattr(importlib.import_module(module), name)(checkpoint, setup, options)
    return model


def find_checkpoint(rest: str, options: HfOptions) -> Checkpoint:
    """The folder behind what stands after "hf:"; the hub is asked only where no such folder is here."""
    folder = Path(rest).expanduser()
    if folder.is_dir():
        return Checkpoint(folder, f"hf:{rest}")
    name, _, revision = rest.partition("@")
    if rest.startswith((".", "/", "~")) or not 1 <= name.count("/") + 1 <= 2 or not all(name.split("/")):
        raise UsageError(f"'hf:{rest}' is neither a folder nor a hub's name: write hf:DIR or hf:ORG/NAME[@REVISION].")
    found = _download(name, revision, options)
    return Checkpoint(found, f"hf:{rest}", revision, found.name)


def _download(name: str, revision: str, options: HfOptions) -> Path:
    """The snapshot of a hub's model, from the cache or fetched; UsageError where it cannot be had."""
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise UnavailableError("hf: models need transformers: pip install 'velm-bench[models]'.") from error
    code = [] if options.trust_remote_code else ["*.py"]
    wanted = [*PATTERNS, "model*.safetensors", "model.safetensors.index.json", "additional_chat_templates/*"]
    at = f" at revision '{revision}'" if revision else ""
    try:
        found = huggingface_hub.snapshot_download(
            name, revision=revision or None, allow_patterns=wanted, ignore_patterns=code
        )
    except errors.GatedRepoError as error:
        raise UsageError(
            f"The hub gives 'hf:{name}' only to those who accepted its terms: do so on its page, then set HF_TOKEN."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UsageError(f"The hub's '{name}' has no revision '{revision}': see its page for those it has.") from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"The hub has no model '{name}', or it is private: check the name, or set HF_TOKEN."
        ) from error
    except Exception as error:  # the hub's client raises its own types, httpx's and OSError
        raise UnavailableError(
            f"'hf:{name}'{at} is not in the local cache and the hub cannot be reached: fetch it where there is a "
            f"network with 'hf download {name}{' --revision ' + revision if revision else ''}', or name a folder."
        ) from error
    return Path(found)


def adapter_of(checkpoint: Checkpoint) -> str:
    """ "module:Class" of the adapter for a checkpoint; UsageError where no table of transformers has its class."""
    for table, adapter in ADAPTERS.items():
        if _in_table(checkpoint, table):
            writes = table == "VISUAL_QUESTION_ANSWERING" and _class_of(checkpoint).can_generate()
            return WRITES_ANSWERS if writes else adapter
    for name in checkpoint.config.get("auto_map", {}):  # code of its own says what it is by the auto class's name
        remote = _BY_AUTO_CLASS.get(name)
        if remote:
            return ADAPTERS[remote]
    what = checkpoint.architecture or checkpoint.model_type or "nothing"
    raise UsageError(
        f"'{checkpoint.name}' is of the class {what}, which transformers {_version()} does not know as a model that "
        "writes, answers, classifies or tags: name a checkpoint with a head, or install a newer transformers."
    )


_BY_AUTO_CLASS = {
    "AutoModelForImageTextToText": "IMAGE_TEXT_TO_TEXT",
    "AutoModelForMultimodalLM": "IMAGE_TEXT_TO_TEXT",
    "AutoModelForImageClassification": "IMAGE_CLASSIFICATION",
    "AutoModelForZeroShotImageClassification": "ZERO_SHOT_IMAGE_CLASSIFICATION",
    "AutoModelForTokenClassification": "TOKEN_CLASSIFICATION",
    "AutoModelForCausalLM": "CAUSAL_LM",
    "AutoModelForSeq2SeqLM": "SEQ_TO_SEQ_CAUSAL_LM",
}


def _in_table(checkpoint: Checkpoint, table: str) -> bool:
    """Whether a table has the checkpoint's class; its model type, where config.json names no class."""
    names = _table(table)
    if not checkpoint.architecture:
        return checkpoint.model_type in names
    return any(checkpoint.architecture in ([held] if isinstance(held, str) else held) for held in names.values())


def _native(checkpoint: Checkpoint) -> bool:
    """Whether transformers has the checkpoint's class itself, so that its own code is not needed."""
    return any(_in_table(checkpoint, table) for table in ADAPTERS)


def _table(name: str) -> dict[str, Any]:
    try:
        from transformers.models.auto import modeling_auto
    except ImportError as error:
        raise UnavailableError("hf: models need transformers: pip install 'velm-bench[models]'.") from error
    return dict(getattr(modeling_auto, f"MODEL_FOR_{name}_MAPPING_NAMES", {}))


def _class_of(checkpoint: Checkpoint) -> Any:
    import transformers

    return getattr(transformers, checkpoint.architecture)


def _version() -> str:
    import transformers

    return str(transformers.__version__)
