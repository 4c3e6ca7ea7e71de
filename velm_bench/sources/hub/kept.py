"""What the hub's client has kept on this machine of an earlier use, found without asking the hub."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from velm_bench.cache import cache_root
from velm_bench.digests import digest_json
from velm_bench.errors import VelmError
from velm_bench.sources.hub.layout import CARD, SHARD
from velm_bench.sources.hub.mirror import Located, card_of, in_folder
from velm_bench.sources.hub.settings import Part
from velm_bench.sources.packed import LocalShard


def remember(part: Part, commit: str, names: Sequence[str]) -> None:
    """Note which files a part has, so that it is found another time; a cache that is full or shut is no error."""
    with suppress(OSError, VelmError):
        note = _note(part)
        note.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=note.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({"commit": commit, "files": list(names)}, stream)
        Path(unfinished).replace(note)


def _note(part: Part) -> Path:
    return cache_root() / "hub-notes" / f"{digest_json(asdict(part))[:16]}.json"


def in_cache(part: Part) -> Located | None:
    """The part in the client's cache: as it was noted, or else in a snapshot; None if it is not there as a whole."""
    return _noted(part) or _in_snapshot(part)


def _noted(part: Part) -> Located | None:
    try:
        from huggingface_hub import try_to_load_from_cache

        noted = json.loads(_note(part).read_text(encoding="utf-8"))
        commit, names = str(noted["commit"]), [str(name) for name in noted["files"]]
        paths = [try_to_load_from_cache(part.id, name, revision=commit, repo_type="dataset") for name in names]
        card = try_to_load_from_cache(part.id, CARD, revision=commit, repo_type="dataset")
    except (ImportError, OSError, ValueError, LookupError, TypeError, VelmError):
        return None
    found = [LocalShard(Path(path)) for path in paths if isinstance(path, str)]
    if not found or len(found) < len(paths):
        return None
    features = card_of(Path(card).parent).features(part.config) if isinstance(card, str) else {}
    return Located(found, commit, features)


def _in_snapshot(part: Part) -> Located | None:
    """The part in what another program has downloaded, if the files' names say that none is missing."""
    try:
        import huggingface_hub

        folder = Path(
            huggingface_hub.snapshot_download(
                part.id, repo_type="dataset", revision=part.revision or None, local_files_only=True
            )
        )
    except Exception as error:  # the client has many ways to say that something is not there
        known = getattr(error, "snapshot_path", None)  # that of a data set of which other parts are missing
        if known is None:
            return None
        folder = Path(known)
    try:
        found = in_folder(part, folder, folder.name)
    except VelmError:
        return None
    return found if found is not None and all(_is_whole(shard.name) for shard in found.shards) else None


def _is_whole(name: str) -> bool:
    """Whether a file is one of a counted series, or of no series at all."""
    return bool(SHARD.search(name)) or not re.search(r"\d\.parquet$", name)
