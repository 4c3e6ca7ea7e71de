"""A board with two releases of a model and a hostile submission beside the real ones; and bundles to be uploaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.made_boards import command

HOSTILE = '<img src=x onerror="document.title=1"> ![](http://127.0.0.1:9/x.png) **bold** :red[red]'
FORMULA = '=HYPERLINK("http://127.0.0.1:9","win")'
TURNED = "evil \u202egnp.exe"
SCRIPT = "<script>document.title=1</script>[click](javascript:document.title=1)"
CARDS: dict[str, dict[str, Any]] = {
    "first": {"name": "Prism", "revision": "1.0", "release_date": "2026-03-01", "organisation": "Example Lab"},
    "second": {
        "name": "Prism",
        "revision": "2.0",
        "release_date": "2026-08-01",
        "organisation": "Example Lab",
        "licence": "Apache-2.0",
        "training_data": "Rendered scenes of the training split, and no picture of any other.",
        "homepage": "https://example.org/prism",
    },
    "hostile": {
        "name": HOSTILE,
        "revision": FORMULA,
        "organisation": TURNED,
        "licence": SCRIPT,
        "parent": "Prism",
        "homepage": "javascript:document.title=1",
        "training_data": "X" * 1900,
        "notes": f"{HOSTILE}\n{SCRIPT}\u200b",
    },
}


def make_model_board(place: Path, board: Path, results: Path) -> None:
    """`board/`: a copy of a board, to which the three cards are submitted."""
    shutil.copytree(board, place / "board")
    for card, model in (("first", "ref=concat"), ("second", "ref=prefix"), ("hostile", "ref=concat")):
        (place / f"{card}.json").write_text(json.dumps(CARDS[card]), encoding="utf-8")  # JSON is YAML
        command("submit", results / model, "--board", "board", "--card", f"{card}.json", folder=place)


def make_bundles(place: Path, results: Path) -> None:
    """`good.zip` and `hostile.zip`, packed by the command."""
    for card, file in (("second", "good.zip"), ("hostile", "hostile.zip")):
        (place / f"{card}.json").write_text(json.dumps(CARDS[card]), encoding="utf-8")
        command("submit", results / "ref=prefix", "--card", f"{card}.json", "--pack", file, folder=place)


def short_id(board: Path, name: str, revision: str = "") -> str:
    """The first digits of the submission with this card."""
    for manifest in sorted(board.glob("submissions/*/manifest.json")):
        card = json.loads(manifest.read_text(encoding="utf-8"))["card"]
        if card["name"] == name and card["revision"] == revision:
            return manifest.parent.name[:12]
    raise AssertionError(f"no submission of {name}")
