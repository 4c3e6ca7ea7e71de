"""The key of a server: it comes from the environment, goes into one header, and is shown nowhere."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from velm_bench.errors import UsageError

USUAL = "OPENAI_API_KEY"
"""The environment variable of the key unless --model-arg key_env names another."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HIDDEN = "***"
FEWEST = 8
"""Shorter keys are placeholders ("none", "EMPTY") that servers without keys are given: nothing is hidden for them."""


@dataclass(frozen=True)
class Key:
    """A secret, perhaps empty; neither its text nor its repr says it."""

    secret: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """What says it to the server."""
        return {"Authorization": f"Bearer {self.secret}"} if self.secret else {}

    def hide(self, text: str) -> str:
        """A text in which a server may have repeated it, without it."""
        return text.replace(self.secret, HIDDEN) if len(self.secret) >= FEWEST else text

    def hide_in(self, body: bytes) -> bytes:
        """The same for what came over the wire, before a part of it is cut out that could end within the key."""
        secret = self.secret.encode("ascii")
        return body.replace(secret, HIDDEN.encode("ascii")) if len(secret) >= FEWEST else body

    def __reduce__(self) -> Any:
        raise TypeError("a key is not to be pickled")


def read_key(variable: str) -> Key:
    """The key in an environment variable; none where the usual one is not set.

    UsageError for another that is not set. It does not repeat what was given, which may be the key itself.
    """
    if not NAME.fullmatch(variable):
        raise UsageError("--model-arg key_env takes the name of an environment variable, not the key itself.")
    secret = os.environ.get(variable, "").strip()
    if not secret and variable != USUAL:
        raise UsageError("The environment variable that --model-arg key_env names is not set: export the key in it.")
    if not secret.isascii() or not secret.isprintable():
        raise UsageError("The key in the environment has characters that no key has: copy it again.")
    return Key(secret)
