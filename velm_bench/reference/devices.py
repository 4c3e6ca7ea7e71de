"""The torch device that a name on the command line means."""

from __future__ import annotations

from velm_bench.errors import UsageError


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
