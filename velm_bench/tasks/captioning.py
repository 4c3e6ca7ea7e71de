"""Captioning: describe the picture; references are several people's captions."""

from __future__ import annotations

from velm_bench.tasks.base import TextKind


class Captioning(TextKind):
    """Free text, scored against all references of the picture."""

    name = "captioning"
    prompt = "Describe the image."
