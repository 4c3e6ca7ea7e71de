"""What typer says about a wrong command line, as one sentence."""

from __future__ import annotations

from typing import Any

import typer

CommandLineError: Any = typer.BadParameter.__mro__[2]
"""Typer's base of usage errors; typer exports only its leaves (and brings its own click since 0.20)."""


def usage_sentence(error: Exception) -> str:
    """The sentence about a wrong command, flag or value; empty for any other exception."""
    if not isinstance(error, CommandLineError):
        return ""
    shown: Any = error
    near = getattr(shown, "possibilities", None)
    if near:
        return f"{_first(shown.message)}: did you mean '{sorted(near)[0]}'?"
    sentence = _first(shown.format_message())
    context = getattr(shown, "ctx", None)
    if context is None or sentence.endswith("?"):
        return sentence
    names = getattr(context.command, "list_commands", None)
    if names and "command" in sentence:
        return f"{sentence}: one of {', '.join(names(context))} is needed."
    return f"{sentence}: `{context.command_path} --help` shows what is possible."


def _first(message: str) -> str:
    return " ".join(message.split()).rstrip(".")
