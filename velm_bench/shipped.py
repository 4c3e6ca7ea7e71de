"""Where the files that come with the package lie: tasks, recipes, the leaderboard."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The folder `name`, inside an installed wheel or beside the package in a checkout."""
    packed = PACKAGE / "_shipped" / name
    return packed if packed.is_dir() else PACKAGE.parent / name
