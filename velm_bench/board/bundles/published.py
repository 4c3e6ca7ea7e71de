"""What of a run is told to strangers: all that a reader needs, and nothing of the machine it ran on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from velm_bench.results.provenance import redact, redact_text
from velm_bench.results.schema import Result

ADDRESS = r"(?P<address>[A-Za-z][A-Za-z0-9+.\-]+://[^\s'\"]*)"
"""Of a server or a hub: no file of this machine."""
ROOT = r"(?<![\w/\\.\-*?\[\]])(?:~[\w.\-]*|[A-Za-z]:)?[/\\]{1,2}"
"""How an absolute path begins, or one within a home folder."""
IN_TEXT = re.compile(rf"{ADDRESS}|{ROOT}(?:[^\s,:;'\"/\\]+[/\\]+)*(?P<name>[^\s,:;'\"/\\]+)[/\\]*")
"""Paths in a sentence end at a space."""
IN_WORD = re.compile(rf"{ADDRESS}|{ROOT}(?:[^,:;'\"/\\=]+[/\\]+)*(?P<name>[^,:;'\"/\\=]+)[/\\]*")
"""A word of a command line is a whole, spaces included."""
HOME = re.compile(r"^(?:/home|/Users|[A-Za-z]:[/\\]+Users)[/\\]+[^/\\]+[/\\]*$")
"""A home folder, whose last part is somebody's name."""


def without_paths(text: str) -> str:
    """A sentence with the name of each file in place of where it lies on this machine, secrets removed."""
    return IN_TEXT.sub(_last, redact_text(text))


def published(result: Result) -> Result:
    """The result as a bundle claims it: no folder of the machine, no secret, every number as it is."""
    command = [IN_WORD.sub(_last, word) for word in redact(result.provenance.command)]
    model = result.model.model_copy(
        update={"name": without_paths(result.model.name), "details": _everywhere(result.model.details, without_paths)}
    )
    definition = dict(result.task.definition)
    if "source" in definition:
        definition["source"] = _everywhere(definition["source"], without_paths)
    return result.model_copy(
        update={
            "model": model,
            "task": result.task.model_copy(update={"definition": definition}),
            "skipped": _everywhere(result.skipped, without_paths),
            "provenance": result.provenance.model_copy(update={"command": command}),
        }
    )


def _last(found: re.Match[str]) -> str:
    """An address as it is; of a path its last part."""
    if found["address"]:
        return found[0]
    return "~" if HOME.match(found[0]) else found["name"]


def _everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON with every text in it changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _everywhere(item, change) for key, item in value.items()}
    return [_everywhere(item, change) for item in value] if isinstance(value, (list, tuple)) else value
