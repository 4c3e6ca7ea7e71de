"""What a run is called in Every Eval Ever's datastore: its ids, its model, its folder."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from velm_bench.board.export.snapshot import Cells, Row, Snapshot
from velm_bench.board.listings.listing import ListedTask
from velm_bench.digests import digest_json
from velm_bench.results.pairing import ReadRun
from velm_bench.results.store import safe_name

RESERVED = frozenset({"data", "unknown", "none", "null", ""})
"""What no folder of the datastore may be called."""


@dataclass(frozen=True)
class Record:
    """One run on its way into the format."""

    snapshot: Snapshot
    row: Row
    cells: Cells
    """The run's columns in the listing."""
    scores: Sequence[Cells]
    """Its scores, the primary one first."""
    read: ReadRun | None
    """Result and samples; None where they are not on this machine."""

    @property
    def task(self) -> ListedTask:
        """What was asked."""
        return self.snapshot.listing.tasks[self.cells["task"]]

    @property
    def id(self) -> str:
        """A UUID of the fourth kind made of the run's identity, so that the same run always has the same."""
        known = digest_json([self.row.submission, self.cells["run"]])
        return str(uuid.UUID(bytes=bytes.fromhex(known)[:16], version=4))

    @property
    def model(self) -> str:
        """The model as DEVELOPER/NAME, both of them names of folders."""
        return "/".join(_identity(str(self.row.facts["model"]), str(self.row.facts["organisation"])))

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"data/{_component(self.task.name)}/{self.model}"

    @property
    def evaluation(self) -> str:
        """The record's id, which its samples repeat."""
        return f"{self.task.name}.{self.id[:8]}/{self.model}/{self.moment}"

    @property
    def moment(self) -> str:
        """The snapshot's day in seconds since 1970: when the record was made is no matter of the clock."""
        day = self.snapshot.newest or "1970-01-01"
        return str(int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()))


def _identity(model: str, organisation: str) -> tuple[str, str]:
    """Developer and name of a model: of "hf:ORG/NAME" its own, else the organisation, else the adapter."""
    scheme, colon, rest = model.partition(":")
    name = rest if colon and rest else model
    owner, slash, last = name.partition("/")
    if slash and owner and last:
        return _component(owner), _component(last)
    return _component(organisation or (scheme if colon and rest else "unnamed")), _component(name)


def _component(text: str) -> str:
    """The name of a folder of the datastore, unlike that of another text."""
    name = safe_name(text)
    return f"{name}_" if name.lower() in RESERVED else name
