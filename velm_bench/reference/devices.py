"""The torch device that a name on the command line means."""

from __future__ import annotations

from velm_bench.errors import UsageError


def usable_device(name: str, local: int | None = None) -> str:
    """The torch device of that name, the best there is for "auto"; UsageError for one that is not here.

    Of several processes on this machine, number `local` gets the GPU of its number.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local is not None:
        name = f"cuda:{local}"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by how it was built
        said = str(error).splitlines()[0].rstrip(".")
        raise UsageError(f"--device {name} cannot be used here ({said}): choose cpu or auto.") from error
    return name


def allocated_peak(device: str) -> int | None:
    """The most memory of a GPU that was allocated since this was last asked, in bytes; None for any other device."""
    if not device.startswith("cuda"):
        return None
    import torch

    peak = int(torch.cuda.max_memory_allocated(device))
    torch.cuda.reset_peak_memory_stats(device)
    return peak
