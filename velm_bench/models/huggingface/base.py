"""What all `hf:` adapters share: device, dtype, identity, processor parts, loading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from velm_bench.digests import digest_bytes, digest_json
from velm_bench.errors import RunError, UsageError, VelmError
from velm_bench.metrics.neural.checkpoints import quiet
from velm_bench.models.base import DTYPES, Identity, Model, Setup
from velm_bench.models.huggingface.checkpoint import Checkpoint, described
from velm_bench.models.huggingface.options import ALWAYS_HONOURED, HfOptions

if TYPE_CHECKING:
    import torch


class HuggingFaceModel(Model):
    """A checkpoint opened by transformers: `load` makes `model`, the adapter asks it."""

    Options = HfOptions
    honoured: ClassVar[frozenset[str]] = frozenset()
    """The fields of HfOptions, beyond those that every model heeds, that mean something to the adapter."""
    version: ClassVar[int] = 1
    """The version of what the adapter's code does to requests and answers; raised whenever answers change by it."""

    model: Any = None
    """The loaded model in eval mode, on `device`, in `torch_dtype` (after `load`)."""

    def __init__(self, checkpoint: Checkpoint, setup: Setup, options: HfOptions) -> None:
        """Weights are not opened; UsageError for a dtype or for options that mean nothing here."""
        self.checkpoint, self.setup, self.options = checkpoint, setup, options
        self.device = setup.device
        setup.require_dtype()
        self.dtype = resolve_dtype(setup.dtype, checkpoint.config)
        strange = sorted(options.model_fields_set - self.heeded)
        if strange:
            raise self.refused(strange[0], f"a {checkpoint.architecture} has no use for it")
        _ = checkpoint.weights  # so that a folder without them is named now

    @property
    def heeded(self) -> frozenset[str]:
        return self.honoured | ALWAYS_HONOURED

    def refused(self, option: str, why: str) -> UsageError:
        """The error for an option that this checkpoint cannot heed."""
        return UsageError(f"--model-arg {option} means nothing to '{self.checkpoint.name}': {why}; leave it out.")

    # ---------------------------------------------------------------- from files alone

    @cached_property
    def identity(self) -> Identity:  # type: ignore[override]
        """Read from the files alone."""
        terms = [self.checkpoint.digest, self.dtype, self._option_terms(), self.setup.seed, self.version]
        return Identity(
            self.checkpoint.name, digest_json(terms), self.checkpoint.parameters, self.dtype, self._details()
        )

    def _option_terms(self) -> dict[str, Any]:
        """The options that may change an answer; a file by its content."""
        idle = set() if self.checkpoint.custom_code else {"trust_remote_code"}  # else it decides whose code reads what
        given = self.options.model_dump(mode="json", exclude_defaults=True, exclude=idle)
        if self.options.chat_template is not None:
            given["chat_template"] = digest_bytes(self.options.chat_template_text.encode())
        return given

    def _details(self) -> dict[str, Any]:
        """What a result file says of the model beside its name."""
        said = {
            "architecture": self.checkpoint.architecture,
            "model_type": self.checkpoint.model_type,
            "revision": self.checkpoint.revision,
            "commit": self.checkpoint.commit,
            "options": self._option_terms(),
        }
        return {name: value for name, value in said.items() if value}

    # ---------------------------------------------------------------- processor parts, first used by `load`

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer with left padding and a pad token; UsageError where there is none."""
        found = getattr(self.processor, "tokenizer", None)
        if found is None:
            from transformers import AutoTokenizer

            found = self._part(AutoTokenizer, "tokenizer")
        return left_padded(found)

    @cached_property
    def image_processor(self) -> Any:
        """The checkpoint's image processor, of the backend that the options name; UsageError where there is none."""
        from transformers import AutoImageProcessor

        found = self._part(AutoImageProcessor, "image processor", backend=self.options.backend)
        held = getattr(found, "backend", "code of its own")
        if held != self.options.backend and "backend" in self.options.model_fields_set:
            raise self.refused("backend", f"its image processor is there as {held} only")
        return found

    @cached_property
    def processor(self) -> Any:
        """The whole processor as AutoProcessor opens it; it may be a tokenizer or an image processor alone."""
        from transformers import AutoProcessor

        return self._part(AutoProcessor, "processor")

    def _part(self, auto: Any, what: str, **how: Any) -> Any:
        """A part of the processor, from the checkpoint's folder alone; UsageError in one sentence."""
        with quiet(), self._named(f"The {what} of '{self.checkpoint.name}' cannot be opened"):
            found = auto.from_pretrained(self.checkpoint.folder, **self._trust, **how)
            if wordless(getattr(found, "tokenizer", found)):
                raise UsageError(
                    f"The tokenizer of '{self.checkpoint.name}' has no vocabulary: get the checkpoint anew with its "
                    "tokenizer.json or vocabulary file."
                )
            return found

    @property
    def _trust(self) -> dict[str, Any]:
        """What every opening is told: run no code unasked, stay offline."""
        return {"trust_remote_code": self.options.trust_remote_code, "local_files_only": True}

    # ---------------------------------------------------------------- weights

    def load(self) -> None:
        """Processor and weights made ready; UsageError where they do not fit each other, the device or the options."""
        import torch

        from velm_bench.reference.devices import usable_device

        self.device = usable_device(self.setup.device)
        if self.dtype == "float32":  # convolutions would otherwise be rounded to ten bits on a GPU
            torch.backends.cudnn.allow_tf32 = False
        with self._fitting():
            with quiet(), self._named(f"The weights of '{self.checkpoint.name}' cannot be opened"):
                model = self._load_model().to(self.device).eval()
            self.model = model
            self._find_out()
            if self.options.compile:  # afterwards, since what is tried out would be compiled for its own shapes
                self._compile()

    def peak_memory(self) -> int | None:
        from velm_bench.reference.devices import allocated_peak

        return allocated_peak(self.device)

    def _find_out(self) -> None:
        """Learn of the loaded model what its files do not say."""

    def _load_model(self) -> Any:
        """The model with its weights, on the CPU; UsageError where weights are missing."""
        how = {"dtype": self.torch_dtype, "use_safetensors": True, "output_loading_info": True, **self._trust}
        if self.options.attn:
            how["attn_implementation"] = self.options.attn
        model, found = self._loader().from_pretrained(self.checkpoint.folder, **how)
        missing = [*found["missing_keys"], *(entry[0] for entry in found["mismatched_keys"])]
        if missing:
            raise UsageError(
                f"The weights of '{self.checkpoint.name}' do not fit its config.json: {described(sorted(missing))} "
                "would be left at random; name the checkpoint of a trained model."
            )
        return model

    def _loader(self) -> Any:
        """What `from_pretrained` is called on: the class that config.json names, or the auto class of its own code."""
        import transformers

        native = getattr(transformers, self.checkpoint.architecture, None)
        if native is not None:
            return native
        return getattr(transformers, self.checkpoint.auto_class or "AutoModel")

    def _compile(self) -> None:
        """torch.compile over every part that is called by itself, for shapes that change; it is done at first use."""
        import torch

        # A prompt, each further token, with and without pictures: of these 8, by default, would be the most.
        torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
        parts = [part for part in self.model.modules() if getattr(part, "generation_config", None) is not None]
        for part in parts or [self.model]:
            part.compile(dynamic=True)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of the weights."""
        import torch

        found: torch.dtype = getattr(torch, self.dtype)
        return found

    def on_device(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A batch of tensors on the model's device, floating ones in the model's dtype."""
        return {
            name: value.to(self.device, self.torch_dtype) if value.is_floating_point() else value.to(self.device)
            for name, value in inputs.items()
        }

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """A lack of memory while the model gets ready is a RunError of one sentence."""
        try:
            yield
        except Exception as error:
            if not self.out_of_memory(error):
                raise
            raise RunError(
                f"The model '{self.checkpoint.name}' does not fit as {self.dtype} into the memory of '{self.device}': "
                "try --dtype bfloat16 or another --device."
            ) from error

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Whatever transformers raises is a UsageError of one sentence."""
        try:
            yield
        except VelmError:
            raise
        except Exception as error:  # transformers, safetensors, tokenizers and torch each have types of their own
            if self.out_of_memory(error):
                raise
            raise UsageError(f"{what}: {reason_of(error)}") from error


def wordless(part: Any) -> bool:
    """Whether a part of a processor is a tokenizer that knows special tokens alone: without any file of a vocabulary
    transformers makes one for most families, to which every text is the same. Qwen's has one token beside them."""
    if not hasattr(part, "get_vocab") or not hasattr(part, "all_special_tokens"):
        return False
    return len(set(part.get_vocab()) - set(part.get_added_vocab()) - set(part.all_special_tokens)) <= 1


def reason_of(error: BaseException) -> str:
    """What to say of an exception of transformers, with what to do where that is known."""
    said = " ".join(str(error).split()) or type(error).__name__
    if "trust_remote_code" in said or "custom code" in said:
        return "it is Python code of the checkpoint's own: to trust it add --model-arg trust_remote_code=true."
    for package in ("torchvision", "timm", "sentencepiece", "flash_attn", "tiktoken", "librosa", "av"):
        if isinstance(error, ImportError) and package in said.lower():
            return f"it needs {package}, which is not installed here: pip install {package} (as built for this torch)."
    return f"{said[:300].rstrip('.')}."


def resolve_dtype(asked: str, config: Mapping[str, Any]) -> str:
    """The dtype of the weights: what was asked for, else what config.json recommends, else float32."""
    if asked != "auto":
        return asked
    for part in (config, config.get("text_config") or {}, config.get("llm_config") or {}):
        found = str(part.get("dtype") or part.get("torch_dtype") or "").removeprefix("torch.")
        if found in DTYPES:
            return found
    return "float32"


def left_padded(tokenizer: Any) -> Any:
    """A tokenizer that pads on the left, with a token to do it with."""
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        stand_in = tokenizer.eos_token or tokenizer.unk_token or tokenizer.bos_token
        if stand_in is None:
            raise UsageError("The tokenizer has no token to pad with: name a pad_token in its tokenizer_config.json.")
        tokenizer.pad_token = stand_in
    return tokenizer
