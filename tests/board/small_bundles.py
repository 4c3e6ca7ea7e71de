"""Small bundles for the tests of what keeps them; their contents mean nothing."""

from __future__ import annotations

import gzip

from velm_bench.board.folder import Bundle
from velm_bench.board.schema import Card, Event, EventKind, FileEntry, Manifest, RunEntry
from velm_bench.digests import digest_bytes


def small_bundle(number: int = 0, runs: int = 1, name: str = "") -> Bundle:
    """A bundle unlike that of any other number."""
    names = [f"task{run}" for run in range(runs)]
    files: dict[str, bytes] = {}
    for run in names:
        files[f"runs/{run}/answers.jsonl.gz"] = gzip.compress(f'{{"id": "{number}"}}\n'.encode(), mtime=0)
        files[f"runs/{run}/result.json"] = f'{{"score": {number}}}\n'.encode()
    manifest = Manifest(
        model=f"model:{number}",
        model_digest="0" * 64,
        card=Card(name=name or f"model {number}"),
        runs=tuple(RunEntry(name=run, task=run) for run in names),
        files=tuple(FileEntry(path=path, sha256=digest_bytes(data), size=len(data)) for path, data in files.items()),
    )
    return Bundle(manifest, files)


def submitted(bundle: Bundle, at: str = "2024-01-01T00:00:00.000000Z", by: str = "") -> Event:
    """The event that makes it a submission."""
    return Event(submission=bundle.id, kind=EventKind.SUBMITTED, at=at, by=by)


def said(bundle: Bundle, kind: EventKind, at: str = "2024-01-02T00:00:00.000000Z", reason: str = "") -> Event:
    """Something about it."""
    return Event(submission=bundle.id, kind=kind, at=at, reason=reason)
