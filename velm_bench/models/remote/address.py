"""Where a model is served: the part of a reference after `openai:`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from velm_bench.errors import UsageError

BASE_URL = "OPENAI_BASE_URL"
"""The environment variable with the URL of references that name none."""
BEFORE_URL = re.compile(r"@(?=[a-z][a-z0-9+.\-]*://)", re.IGNORECASE)
"""What stands between model and URL. A model's name may hold an @ of its own (a revision, say)."""
BARE_HOST = re.compile(r"@(localhost|[\w.\-]+:\d+)(/\S*)?$", re.IGNORECASE)
"""A URL whose scheme was forgotten."""
EXAMPLE = "openai:MODEL@http://127.0.0.1:8000/v1"


@dataclass(frozen=True)
class Address:
    """A model on a server."""

    model: str
    """As the server calls it."""
    url: str
    """The base URL: no credentials, no query, no slash at its end; the endpoints stand below it."""

    @property
    def reference(self) -> str:
        """The whole reference, by which the model is known in results."""
        return f"openai:{self.model}@{self.url}"

    @property
    def completions(self) -> str:
        """The URL that requests are sent to."""
        return f"{self.url}/chat/completions"


def parse_address(rest: str) -> Address:
    """The address in `MODEL@URL` or `MODEL`; UsageError, which never repeats a URL's credentials, for anything else."""
    match = BEFORE_URL.search(rest)
    model, url = (rest[: match.start()], rest[match.end() :]) if match else (rest, os.environ.get(BASE_URL, ""))
    if not model.strip():
        raise UsageError(f"The reference names no model: write {EXAMPLE}.")
    if not match and BARE_HOST.search(model):
        raise UsageError(f"The server of 'openai:{model}' has no scheme: write http:// or https:// after the @.")
    if not url:
        raise UsageError(
            f"The reference 'openai:{model}' does not say where the server is: write {EXAMPLE}, or set {BASE_URL}."
        )
    return Address(model, _base(url))


def _base(url: str) -> str:
    """The base URL; a server named without any path has its endpoints below /v1, as such servers do."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        usable = False
    if not usable or re.search(r"[\s\x00-\x1f\x7f]", url.strip()):
        raise UsageError(f"The URL of the server is not one that can be asked: write it as in {EXAMPLE}.")
    _refuse_secrets(parts)
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def _refuse_secrets(parts: SplitResult) -> None:
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"The URL of the server {parts.hostname} holds credentials, which would be written into results: leave "
            "them out and put the key into OPENAI_API_KEY."
        )
    if parts.query or parts.fragment:
        raise UsageError(f"The URL of the server {parts.hostname} has something after its path: end it at the path.")
