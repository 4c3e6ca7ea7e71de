"""The files that the command writes: docs/reference.md's parts, its plot, and a section of every card."""

from __future__ import annotations

from pathlib import Path

from benchmarks.zoo.cards import section, with_scores
from benchmarks.zoo.family import Member
from benchmarks.zoo.marked import marks, parts, replaced
from benchmarks.zoo.plot import plot
from benchmarks.zoo.tables import PARTS, Known
from velm_bench.errors import UsageError
from velm_bench.models.reference import CHECKPOINTS
from velm_bench.results.atomic import write_bytes

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
PAGE, PICTURE = Path("docs/reference.md"), Path("docs/reference.svg")
CARDS = CHECKPOINTS.relative_to(ROOT)


def write_all(known: Known, into: Path) -> list[Path]:
    """Write page, plot and cards below `into`, made from those of the repository where they are not there yet.

    A checkpoint without a card gets none. UsageError, before anything is written, if the page asks for a part that is
    none.
    """
    files = {PAGE: page(_read(PAGE, into), known), PICTURE: plot(known.zoo)}
    for member in known.zoo.members:
        text, path = section(known.zoo, member), card_path(member)
        if text and ((into / path).is_file() or (ROOT / path).is_file()):
            files[path] = with_scores(_read(path, into), text, str(path))
    for path, content in files.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(into / path, content.encode("utf-8"))
    return [into / path for path in files]


def card_path(member: Member) -> Path:
    """A member's model card, below the repository."""
    return CARDS / member.name / "README.md"


def page(text: str, known: Known) -> str:
    """The page with every part that it asks for, made anew."""
    for name in parts(text):
        if name not in PARTS:
            raise UsageError(f"{PAGE} asks for the part '{name}', which is none of {', '.join(PARTS)}.")
        text = replaced(text, marks(name), PARTS[name](known), str(PAGE))
    return text


def _read(path: Path, into: Path) -> str:
    there = into / path
    return (there if there.is_file() else ROOT / path).read_text(encoding="utf-8")
