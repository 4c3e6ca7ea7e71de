"""Where a part of a data set is: in a data folder, on the hub, or in what was kept of it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from velm_bench.cache import cached
from velm_bench.digests import digest_json
from velm_bench.errors import UsageError
from velm_bench.sources.base import Place
from velm_bench.sources.hub.export import export
from velm_bench.sources.hub.kept import in_cache
from velm_bench.sources.hub.mirror import Located, files_below, in_mirrors
from velm_bench.sources.hub.remote import COMMIT, UnreachableError, look_up, on_hub
from velm_bench.sources.hub.settings import Part
from velm_bench.sources.packed import LocalShard


def locate(part: Part, place: Place, streaming: bool) -> Located:
    """The part in the first of: the data folders, the hub, the caches of the hub's client and of `datasets`.

    A pinned commit that the client has kept is not asked for again. UsageError saying what to fetch where there is none
    of these, and what is wrong where the hub says no.
    """
    found = in_mirrors(part, place.roots) or (in_cache(part) if COMMIT.fullmatch(part.revision) else None)
    if found is not None:
        return found
    try:
        return on_hub(part, streaming) or _exported(part, streaming)
    except UnreachableError as reason:
        kept = in_cache(part) or _kept(part)
        if kept is None:
            raise nowhere(part, place, reason) from reason
        return kept
    except UsageError:  # the hub says no to somebody who may have had it before
        kept = in_cache(part)
        if kept is None:
            raise
        return kept


def _exported(part: Part, streaming: bool) -> Located:
    """A data set that is no Parquet on the hub, made into some in our own cache, or in a folder that goes with us."""
    commit = look_up(part).commit
    if streaming:
        return _in_passing(part, commit)
    key = digest_json([part.id, part.config, part.split, part.files, commit])[:16]
    folder = cached("hub", key, lambda unfinished: export(part, commit, unfinished))
    return _in_own(folder, commit)


def _kept(part: Part) -> Located | None:
    """What `datasets` kept of an earlier use, whatever its commit; None if that is nothing."""
    if part.revision:
        return None
    try:
        return _in_passing(part, "")
    except (UnreachableError, UsageError):
        return None


def _in_passing(part: Part, commit: str) -> Located:
    folder = tempfile.TemporaryDirectory(prefix="velm-bench-hub-")
    export(part, commit, Path(folder.name))
    return _in_own(Path(folder.name), commit, folder)


def _in_own(folder: Path, commit: str, keeps: Any = None) -> Located:
    return Located([LocalShard(folder / name, keeps) for name in files_below(folder)], commit)


def nowhere(part: Part, place: Place, reason: UnreachableError) -> UsageError:
    """The one sentence for data that is nowhere to be had."""
    roots = ", ".join(str(root) for root in place.roots)
    looked = f"in no data folder ({roots})" if roots else "in no data folder (none is given)"
    begun = next((root / part.id for root in place.roots if (root / part.id).is_dir()), None)
    if begun is not None:
        looked = f"not among the files of {begun}"
    command = f"velm-bench tasks fetch {place.task or 'TASK'} --data DIR"
    return UsageError(
        f"The data set {part} is {looked}, and the hub cannot be asked ({str(reason).rstrip('.')}): run `{command}` "
        "where there is a network, and give DIR with --data or VELM_DATA."
    )
