"""Processes that publish: one of a crowd, and one that is killed at every step in turn."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.board.small_bundles import said, small_bundle, submitted
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import EventKind
from velm_bench.board.stores import LocalStore

STEPS = frozenset({"open", "os.mkdir", "os.link", "os.rename", "os.remove"})
"""What the system is asked that changes a folder, as Python tells it before it happens."""


def publish(place: Path, bundle: Bundle) -> bool:
    """What submitting does to a board, in its order."""
    board = Board(LocalStore(place))
    first = board.publish(bundle, submitted(bundle))
    board.record(said(bundle, EventKind.FLAGGED, reason="an event behind it"))
    return first


def publish_all(place: str, numbers: list[int], links: bool) -> int:
    """How many of these bundles this process was the first to publish."""
    if not links:
        without_links()
    board = Board(LocalStore(Path(place)))
    return sum(board.publish(bundle, submitted(bundle)) for bundle in map(small_bundle, numbers))


def without_links() -> None:
    def link(source: Any, target: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    os.link = link  # type: ignore[assignment]


def killed_at(step: int, place: Path, bundle: Bundle) -> bool:
    """Publish in a process that is killed just before this step; False if it ended before."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event in STEPS and str(place) in str(arguments[0]):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        publish(place, bundle)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main() -> None:
    """A board for each step, under the folder that is given."""
    root, links = Path(sys.argv[1]), sys.argv[2] == "links"
    if not links:
        without_links()
    step = 0
    while killed_at(step, root / f"{step:03}" / "board", small_bundle(1)):
        step += 1


if __name__ == "__main__":
    main()
