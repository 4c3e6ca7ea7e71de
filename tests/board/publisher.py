"""Processes that publish: one of a crowd, and one that is killed at every step in turn."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tests.board.small_bundles import said, small_bundle, submitted
from tests.board.toy_boards import AT, ToyBoard, wrong
from velm_bench.board.folder import Board, Bundle
from velm_bench.board.schema import Card, EventKind
from velm_bench.board.stores import LocalStore
from velm_bench.board.submitting import Receipt, rehearse, submit
from velm_bench.board.verification.recomputing import Recomputer

STEPS = frozenset({"open", "os.mkdir", "os.link", "os.rename", "os.remove"})
"""What the system is asked that changes a folder, as Python tells it before it happens."""


def publish(place: Path, bundle: Bundle) -> bool:
    """A bundle onto a board, and something said of it."""
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


class Copycat:
    """A board with two models, and a submission that copies the first one's answers and replaces the second."""

    def __init__(self, folder: Path) -> None:
        toys = ToyBoard(folder)
        self.folder, self.data = folder / "board", toys.data
        toys.submitted(wrong("one"), name="one", second=1)
        self.old = toys.submitted(wrong("two"), name="two", second=2)
        copy = toys.bundle(wrong("one"), name="one")
        self.bundle = Bundle(copy.manifest.model_copy(update={"card": Card(name="two")}), copy.files)

    def recomputer(self) -> Recomputer:
        """One that has opened the task, so that those who fork need not."""
        board = Board(LocalStore(self.folder))
        recomputer = Recomputer(board, self.data)
        rehearse(board, self.bundle, recomputer, at=AT.format(3))
        return recomputer

    def submit(self, place: Path, recomputer: Recomputer) -> Receipt:
        """Submit it to a copy of the board."""
        return submit(Board(LocalStore(place)), self.bundle, recomputer, at=AT.format(3), supersedes=self.old)


def killed_at(step: int, place: Path, copycat: Copycat, recomputer: Recomputer) -> bool:
    """Submit in a process that is killed just before this step; False if it ended before."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if event in STEPS and str(place) in str(arguments[0]) and not (event == "open" and reads(arguments)):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        copycat.submit(place, recomputer)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def reads(arguments: tuple[Any, ...]) -> bool:
    """Whether what is to be opened is only read."""
    return not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)


def main() -> None:
    """A board for each step, under the folder that is given, which holds a Copycat."""
    root, links = Path(sys.argv[1]), sys.argv[2] == "links"
    copycat: Copycat = pickle.loads((root / "copycat").read_bytes())  # noqa: S301 (ours)
    recomputer = copycat.recomputer()
    if not links:
        without_links()
    for step in range(1000):
        place = root / "steps" / f"{step:03}" / "board"
        shutil.copytree(copycat.folder, place)
        if not killed_at(step, place, copycat, recomputer):
            break


if __name__ == "__main__":
    main()
