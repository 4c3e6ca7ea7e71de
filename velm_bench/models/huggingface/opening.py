"""`hf:ORG/NAME[@REVISION]` or `hf:DIR`: which adapter opens a checkpoint is found in its own config.json."""

from __future__ import annotations

import errno
import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from velm_bench.errors import UnavailableError, UsageError, VelmError
from velm_bench.models.base import Model, Setup
from velm_bench.models.huggingface.checkpoint import AUTO_CLASSES, PATTERNS, Checkpoint
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
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)


def open_huggingface(rest: str, setup: Setup) -> Model:
    """The model of a hub's name or of a folder; UsageError in one sentence for anything that cannot be opened."""
    options = setup.parsed(HfOptions, f"hf:{rest}")
    checkpoint = find_checkpoint(rest, options)
    if not checkpoint.architecture:
        checkpoint = replace(checkpoint, usual=_usual_class(checkpoint))
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
    except ImportError as error:
        raise UnavailableError("hf: models need transformers: pip install 'velm-bench[models]'.") from error
    code = [] if options.trust_remote_code else ["*.py"]
    wanted = [*PATTERNS, "model*.safetensors", "model.safetensors.index.json", "additional_chat_templates/*"]
    try:
        found = huggingface_hub.snapshot_download(
            name, revision=revision or None, allow_patterns=wanted, ignore_patterns=code
        )
    except Exception as error:  # the hub's client raises its own types, httpx's and OSError
        raise _not_had(error, name, revision) from error
    return Path(found)


def _not_had(error: Exception, name: str, revision: str) -> VelmError:
    """Why a hub's model cannot be had, and what to do."""
    from huggingface_hub import errors

    at = f" at revision '{revision}'" if revision else ""
    if isinstance(error, errors.HFValidationError):
        return UsageError(f"'hf:{name}' is neither a folder nor a hub's name: write hf:DIR or hf:ORG/NAME[@REVISION].")
    if isinstance(error, errors.GatedRepoError):
        return UsageError(
            f"The hub gives 'hf:{name}' only to those who accepted its terms: do so on its page, then set HF_TOKEN."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UsageError(f"The hub's '{name}' has no revision '{revision}': see its page for those it has.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return UsageError(f"The hub has no model '{name}', or it is private: check the name, or set HF_TOKEN.")
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return UsageError(
            f"'hf:{name}'{at} cannot be kept in the local cache ({error.strerror}): make room there, or point "
            "HF_HUB_CACHE at another folder."
        )
    return UnavailableError(
        f"'hf:{name}'{at} is not in the local cache and the hub cannot be reached: fetch it where there is a "
        f"network with 'hf download {name}{' --revision ' + revision if revision else ''}', or name a folder."
    )


def adapter_of(checkpoint: Checkpoint) -> str:
    """ "module:Class" of the adapter for a checkpoint; UsageError where no table of transformers has its class."""
    for table, adapter in ADAPTERS.items():
        if _in_table(checkpoint, table):
            writes = table == "VISUAL_QUESTION_ANSWERING" and _class_of(checkpoint).can_generate()
            return WRITES_ANSWERS if writes else adapter
    if checkpoint.auto_class:  # code of its own says by that what it is, but that it sees is often left out
        table = AUTO_CLASSES[checkpoint.auto_class]
        return ADAPTERS["IMAGE_TEXT_TO_TEXT" if table == "CAUSAL_LM" and checkpoint.shows else table]
    what = checkpoint.architecture or checkpoint.model_type or "nothing"
    raise UsageError(
        f"'{checkpoint.name}' is of the class {what}, which transformers {_version()} does not know as a model that "
        "writes, answers, classifies or tags: name a checkpoint with a head, or install a newer transformers."
    )


def _in_table(checkpoint: Checkpoint, table: str) -> bool:
    """Whether a table has the checkpoint's class."""
    names = _table(table).values()
    return any(checkpoint.architecture in ([held] if isinstance(held, str) else held) for held in names)


def _usual_class(checkpoint: Checkpoint) -> str:
    """The class that transformers has for the model type, "" for none; UsageError where there are several."""
    held = [_table(table).get(checkpoint.model_type, ()) for table in ADAPTERS]
    names = dict.fromkeys(names if isinstance(names, str) else names[0] for names in held if names)
    if len(names) > 1:
        raise UsageError(
            f"The config.json of '{checkpoint.name}' names no class under 'architectures', and its type "
            f"{checkpoint.model_type} may be of {', '.join(names)}: write there which."
        )
    return next(iter(names), "")


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
