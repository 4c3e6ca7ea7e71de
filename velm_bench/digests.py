"""Content digests: the identity of everything that decides an answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no free white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_bytes(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 over the canonical JSON of a value."""
    return digest_bytes(canonical_json(value).encode("ascii"))


def digest_file(path: Path) -> str:
    """SHA-256 over a file's bytes, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of several files, in name order."""
    return digest_json([(path.name, digest_file(path)) for path in sorted(paths)])
