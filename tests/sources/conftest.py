"""Opening sources as a task does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from velm_bench.schema import parse
from velm_bench.sources import SOURCES, Place, Source

Opener = Callable[..., Source]


@pytest.fixture(scope="session")
def open_source() -> Opener:
    """A source from its section of a task; relative paths are looked for below `root`."""

    def opened(root: Path, kind: str, **section: Any) -> Source:
        source = SOURCES.get(section["type"])
        return source.open(parse(source.Settings, section, "task 'test'"), Place((root,)), kind)

    return opened


@pytest.fixture
def draw() -> Callable[[Path, int], Path]:
    """Write a small picture of one grey level."""

    def drawn(path: Path, level: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5, 3), level, np.uint8)).save(path)
        return path

    return drawn
