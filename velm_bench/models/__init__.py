"""Models by reference: `scheme:rest`, one module per adapter, imported when first used."""

from __future__ import annotations

from collections.abc import Callable

from velm_bench.errors import UsageError
from velm_bench.models.base import Identity, Model, Setup, View
from velm_bench.registry import Registry

Opener = Callable[[str, Setup], Model]
"""Makes a model of the part of a reference after its scheme; UsageError where that part means nothing."""

MODELS: Registry[Opener] = Registry(
    "model scheme",
    "velm_bench.models",
    {
        "ref": "velm_bench.models.reference:open_reference",
        "baseline": "velm_bench.models.baselines:open_baseline",
        "answers": "velm_bench.models.answers:open_answers",
        "hf": "velm_bench.models.huggingface.opening:open_huggingface",
        "openai": "velm_bench.models.remote.opening:open_remote",
    },
)


def open_model(reference: str, setup: Setup | None = None) -> Model:
    """The model behind a reference such as "ref:prefix"; UsageError with what is known for one that means nothing."""
    scheme, colon, rest = reference.partition(":")
    if not colon or not rest:
        raise UsageError(
            f"The model '{reference}' is not a reference: write SCHEME:NAME with one of {', '.join(MODELS)}, "
            "such as ref:prefix."
        )
    setup = setup or Setup()
    model = MODELS.get(scheme)(rest, setup)
    if setup.options and model.Options is None:
        raise UsageError(f"The model '{reference}' takes no --model-arg: leave '{next(iter(setup.options))}' out.")
    return model


__all__ = ["MODELS", "Identity", "Model", "Setup", "View", "open_model"]
