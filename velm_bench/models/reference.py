"""The reference family: `ref:NAME` for a checkpoint that velm-bench ships, `ref:FOLDER` for one that you trained."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.digests import digest_files, digest_json
from velm_bench.errors import UsageError
from velm_bench.models.base import Identity, Model, Setup
from velm_bench.registry import suggestion
from velm_bench.samples import (
    Ability,
    ChoiceAnswer,
    ChooseRequest,
    GenerateRequest,
    Request,
    TagAnswer,
    TagRequest,
    TextAnswer,
)

if TYPE_CHECKING:
    from velm_bench.reference.answering import Answering, Asked

CHECKPOINTS = Path(__file__).parent.parent / "reference" / "checkpoints"
"""Where the shipped checkpoints lie, a folder each."""

DTYPES = ("float32", "bfloat16", "float16")
_FILES = ("config.json", "model.safetensors", "tokenizer.json")


def shipped() -> list[str]:
    """The names of the shipped checkpoints."""
    return sorted(path.parent.name for path in CHECKPOINTS.glob("*/config.json"))


def open_reference(rest: str, setup: Setup) -> Model:
    """The model of a shipped name or of a checkpoint's folder; UsageError with the nearest name for anything else."""
    folder = Path(rest) if (Path(rest) / "config.json").is_file() else CHECKPOINTS / rest
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if len(missing) == len(_FILES):
        known = suggestion(rest, shipped()) if shipped() else "none is shipped with this installation."
        raise UsageError(f"'ref:{rest}' is neither a shipped model nor a checkpoint's folder: {known}")
    if missing:
        raise UsageError(f"The checkpoint {folder} is incomplete: it lacks {', '.join(missing)}.")
    if setup.dtype not in ("auto", *DTYPES):
        raise UsageError(f"--dtype {setup.dtype} is not known: choose auto, {', '.join(DTYPES)}.")
    return ReferenceModel(f"ref:{rest}", folder, setup)


class ReferenceModel(Model):
    """A trained reference model: one set of weights that writes, weighs and tags."""

    abilities = frozenset({Ability.GENERATE, Ability.CHOOSE, Ability.TAG})
    batch_size = 64

    def __init__(self, name: str, folder: Path, setup: Setup) -> None:
        self.name, self.folder, self.setup = name, folder, setup
        self.dtype = "float32" if setup.dtype == "auto" else setup.dtype
        self.device = setup.device
        self.answering: Answering | None = None

    @cached_property
    def identity(self) -> Identity:  # type: ignore[override]
        """Read from the files alone."""
        digest = digest_json([digest_files(self.folder / name for name in _FILES), self.dtype, self.setup.seed])
        details = {key: self.config[key] for key in ("vision", "language", "fusion")}
        return Identity(self.name, digest, _parameters(self.folder / "model.safetensors"), self.dtype, details)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The checkpoint's configuration."""
        found: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        return found

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer."""
        from velm_bench.reference.processing import load_tokenizer

        return load_tokenizer(self.folder)

    def load(self) -> None:
        import torch

        from velm_bench.reference.answering import Answering
        from velm_bench.reference.modelling import VelmForGeneration
        from velm_bench.reference.saving import without_bars

        self.device = usable_device(self.setup.device)
        with without_bars():
            model = VelmForGeneration.from_pretrained(self.folder, dtype=getattr(torch, self.dtype))
        self.answering = Answering(model, self.device)

    def prepare(self, request: Request) -> Asked:
        from velm_bench.reference.answering import Asked
        from velm_bench.reference.processing import blank_picture, encode_prompt, fit_picture

        size, context = self.config["vision"]["image_size"], self.config["language"]["context"]
        pictures = [picture.decode() for picture in request.images]
        pixels = fit_picture(pictures[0], size) if pictures else blank_picture(size)
        extra = self._extra(request)
        room = context - min(context // 2, max(1, extra.get("new_tokens", context // 4)))
        return Asked(pixels, bool(pictures), tuple(encode_prompt(self.tokenizer, request.prompt, room)), **extra)

    def _extra(self, request: Request) -> dict[str, Any]:
        """What this kind of request adds to picture and prompt."""
        from velm_bench.reference.processing import encode_answer, encode_words

        if isinstance(request, GenerateRequest):
            return self._generation(request)
        if isinstance(request, ChooseRequest):
            return {"options": tuple(tuple(encode_answer(self.tokenizer, option)) for option in request.options)}
        if isinstance(request, TagRequest):
            words = encode_words(self.tokenizer, request.tokens)
            return {"words": tuple(tuple(word) for word in words), "labels": request.labels}
        raise self._cannot(request.ability)

    def _generation(self, request: GenerateRequest) -> dict[str, Any]:
        settings = request.generation
        if settings.beams != 1:
            raise UsageError(f"{self.name} has no beam search: set generation.beams to 1.")
        seed = int(digest_json([self.setup.seed, request.digest()])[:15], 16) if settings.temperature > 0 else 0
        return {"new_tokens": settings.max_new_tokens, "temperature": settings.temperature, "seed": seed}

    def generate(self, prepared: Sequence[Any]) -> list[TextAnswer]:
        written = self._ready.generate(prepared)
        return [TextAnswer(self.tokenizer.decode(tokens).strip(), len(tokens)) for tokens in written]

    def choose(self, prepared: Sequence[Any]) -> list[ChoiceAnswer]:
        return [ChoiceAnswer(tuple(logprobs)) for logprobs in self._ready.choose(prepared)]

    def tag(self, prepared: Sequence[Any]) -> list[TagAnswer]:
        return [TagAnswer(tuple(tags)) for tags in self._ready.tag(prepared, self.config["tags"])]

    def out_of_memory(self, error: BaseException) -> bool:
        text = str(error)
        return super().out_of_memory(error) or "out of memory" in text or "can't allocate memory" in text

    @property
    def _ready(self) -> Answering:
        if self.answering is None:
            self.load()
        assert self.answering is not None
        return self.answering


def usable_device(name: str) -> str:
    """The torch device of that name, the best there is for "auto"; UsageError for one that is not here."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
        said = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"--device {name} cannot be used here ({said}): choose cpu or auto.") from error
    return name


def _parameters(weights: Path) -> int:
    """How many weights a safetensors file holds, from its header; running statistics are none."""
    with weights.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__" and "running_" not in name]
    return sum(math.prod(shape) for shape in shapes if shape)
