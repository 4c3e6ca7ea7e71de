"""Controls and perturbations by name."""

from __future__ import annotations

from velm_bench.engine.controls import CONTROLS
from velm_bench.engine.perturbations import KINDS, perturbation
from velm_bench.engine.treatment import Treatment
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion


def find_control(name: str) -> Treatment:
    """The control of that name; UsageError with the nearest name for any other."""
    if name not in CONTROLS:
        raise UsageError(f"Unknown control '{name}': {suggestion(name, list(CONTROLS))}")
    return CONTROLS[name]


def find_treatment(name: str) -> Treatment:
    """The control or the perturbation of that name, with or without its strength; UsageError for any other."""
    kind = name.partition(":")[0]
    if name in CONTROLS:
        return CONTROLS[name]
    if kind in KINDS:
        return perturbation(name)
    raise UsageError(f"Unknown control or perturbation '{name}': {suggestion(kind, [*CONTROLS, *KINDS])}")
