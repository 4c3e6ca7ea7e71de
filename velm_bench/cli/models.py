"""`velm-bench models`: what can be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from velm_bench.cli.options import Device, Dtype, Json, ModelArgs, assignments
from velm_bench.cli.output import print_facts, print_json, print_table, stdout_aside
from velm_bench.models.reference import shipped as shipped_checkpoints

if TYPE_CHECKING:
    from velm_bench.models.base import Model

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="List the kinds of model references, or show one model."
)

SCHEMES = {
    "ref": "a model of the reference family: a shipped checkpoint's name, or a folder",
    "baseline": "answers from the statistics of the answers, never from the picture",
    "hf": "a checkpoint for transformers: ORG/NAME, ORG/NAME@REVISION, or a folder",
    "openai": "a model behind a server that speaks OpenAI's protocol: MODEL@URL",
    "answers": "answers from a file, as `velm-bench score` reads them",
}
"""What stands after the colon, for the schemes that come with velm-bench."""


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the models that come with velm-bench, and the schemes under which others are named."""
    rows = [*_named(), *_schemes()]
    if as_json:
        print_json([{"model": model, "description": description} for model, description in rows])
    else:
        print_table(("model", "description"), rows)


@app.command("show")
def show_model(
    reference: Annotated[str, typer.Argument(help="SCHEME:NAME, such as ref:prefix.")],
    device: Device = "auto",
    dtype: Dtype = "auto",
    model_arg: ModelArgs = None,
    as_json: Json = False,
) -> None:
    """Show who a model is: its digest, size, abilities, what its checkpoint says about itself, and its --model-args."""
    from velm_bench.models import Setup, open_model

    given = assignments(model_arg, "--model-arg")
    with stdout_aside():
        model = open_model(reference, Setup(device=device, dtype=dtype, options=given))
    identity = model.identity
    facts: dict[str, Any] = {
        "name": identity.name,
        "digest": identity.digest,
        "parameters": identity.parameters,
        "dtype": identity.dtype,
        "device": model.device,
        "abilities": sorted(ability.value for ability in model.abilities),
        "converses": model.converses,
        "details": dict(identity.details),
        "options": _options(model),
    }
    if as_json:
        print_json(facts)
        return
    details, options = facts.pop("details"), facts.pop("options")
    print_facts({**facts, "abilities": ", ".join(facts["abilities"]), **details})
    if options:
        print()
        print_table(
            ("--model-arg", "default", "meaning"),
            [(option["name"], _shown(option["default"]), option["description"]) for option in options],
        )


def _options(model: Model) -> list[dict[str, Any]]:
    """What --model-arg can set of a model: names, defaults and meanings."""
    schema = model.Options
    if schema is None:
        return []
    described = schema.model_json_schema().get("properties", {})
    return [
        {
            "name": name,
            "default": described.get(name, {}).get("default"),
            "description": field.description or described.get(name, {}).get("description", ""),
        }
        for name, field in schema.model_fields.items()
        if name in model.heeded
    ]


def _shown(default: Any) -> str:
    return "" if default is None else str(default)


def _named() -> list[tuple[str, str]]:
    from velm_bench.models.baselines import BASELINES

    checkpoints = [
        (f"ref:{name}", "a reference checkpoint that comes with velm-bench") for name in shipped_checkpoints()
    ]
    baselines = [(f"baseline:{name}", _first_sentence(kind.__doc__)) for name, kind in BASELINES.items()]
    return checkpoints + baselines


def _schemes() -> list[tuple[str, str]]:
    from velm_bench.models import MODELS

    return [(f"{scheme}:...", SCHEMES.get(scheme, f"from {MODELS.target(scheme)}")) for scheme in MODELS]


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).partition(". ")[0].rstrip(".")
