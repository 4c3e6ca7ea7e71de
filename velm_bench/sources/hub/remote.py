"""The hub itself, and what its client keeps on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velm_bench.errors import UsageError
from velm_bench.sources.hub.kept import remember
from velm_bench.sources.hub.layout import CARD, Card, choose
from velm_bench.sources.hub.mirror import Located
from velm_bench.sources.hub.settings import Part
from velm_bench.sources.packed import LocalShard, Shard

if TYPE_CHECKING:
    import pyarrow.parquet as pq

COMMIT = re.compile(r"[0-9a-f]{40}")


class UnreachableError(Exception):
    """The hub cannot be asked; the text says why."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository."""

    size: int | None
    sha256: str | None
    """Of its bytes, where the hub says it."""


@dataclass(frozen=True)
class Repository:
    """A data set's repository on the hub at one commit."""

    id: str
    commit: str
    files: Mapping[str, RemoteFile]

    def card(self) -> Card:
        """Its card; an empty one if it has none."""
        if CARD not in self.files:
            return Card()
        return Card(self.download(CARD).read_text(encoding="utf-8", errors="replace"))

    def download(self, name: str, folder: Path | None = None, again: bool = False) -> Path:
        """The file on this machine: in the client's cache, or below `folder`. Asked for again only where `again`.

        UnreachableError or UsageError where it cannot be had.
        """
        import huggingface_hub

        try:
            found = huggingface_hub.hf_hub_download(
                self.id, name, repo_type="dataset", revision=self.commit, local_dir=folder, force_download=again
            )
        except Exception as error:
            raise translated(error, self.id) from error
        return Path(found)

    def shard(self, name: str, streaming: bool) -> Shard:
        """One of its Parquet files, downloaded or not."""
        return RemoteShard(self.id, self.commit, name) if streaming else LocalShard(self.download(name))


def look_up(part: Part) -> Repository:
    """The repository of a part at the commit that its revision is now; UnreachableError or UsageError without one."""
    require_client(part)
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().dataset_info(part.id, revision=part.revision or None, files_metadata=True)
    except Exception as error:
        raise translated(error, part.id, part.revision) from error
    files = {
        file.rfilename: RemoteFile(file.size, file.lfs.sha256 if file.lfs else None) for file in info.siblings or ()
    }
    return Repository(part.id, str(info.sha), files)


def on_hub(part: Part, streaming: bool) -> Located | None:
    """The Parquet files of a part on the hub; None if the repository has no Parquet for it.

    UnreachableError where nobody answers, UsageError where the answer is no.
    """
    repository = look_up(part)
    card = repository.card()
    names = choose(repository.files, part, card)
    shards = [repository.shard(name, streaming) for name in names]
    if shards and not streaming:
        remember(part, repository.commit, names)
    return Located(shards, repository.commit, card.features(part.config)) if shards else None


def require_client(part: Part) -> None:
    """UnreachableError where the packages that speak to the hub are not installed."""
    try:
        import datasets  # noqa: F401
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        raise UnreachableError(
            f"the package '{error.name}' is not installed, which `pip install 'velm-bench[models]'` mends"
        ) from error


def translated(error: Exception, name: str, revision: str = "") -> Exception:
    """What went wrong between us and the hub, as one sentence; UnreachableError where nobody answered."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/datasets/{name}"
    if isinstance(error, errors.GatedRepoError):
        return UsageError(
            f"The data set '{name}' is gated: accept its terms at {page}, log in with `hf auth login` or set HF_TOKEN, "
            "and try again."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UsageError(f"The data set '{name}' has no revision '{revision}' on the hub: correct 'source.revision'.")
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return UsageError(
            f"The hub knows no data set '{name}', or it is private: correct 'source.id' or log in with `hf auth login`."
        )
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return UsageError(f"The data set '{name}' lost a file on the hub meanwhile: try again.")
    said = " ".join(str(error).split())
    return UnreachableError(f"{type(error).__name__}: {said:.200}" if said else type(error).__name__)


@dataclass(frozen=True)
class RemoteShard(Shard):
    """A file of the hub that is read in pieces, as far as it is looked at."""

    id: str
    commit: str
    path: str

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def place(self) -> Path:
        return Path(self.id) / self.path

    def open(self) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        return pq.ParquetFile(_stream(self.address), metadata=_footer(self.address))

    @property
    def address(self) -> str:
        """What the hub's file system calls it."""
        return f"datasets/{self.id}@{self.commit}/{self.path}"

    def stamp(self) -> Any:
        return self.commit

    def faults(self) -> tuple[type[Exception], ...]:
        import huggingface_hub

        return (*super().faults(), *huggingface_hub.errors.HfHubHTTPError.__bases__)


def _stream(address: str) -> Any:
    from huggingface_hub import HfFileSystem, constants

    return HfFileSystem(endpoint=constants.ENDPOINT).open(address, "rb")


@lru_cache(maxsize=1024)
def _footer(address: str) -> Any:
    """What a file says of itself at its end, which is asked for once."""
    import pyarrow.parquet as pq

    return pq.read_metadata(_stream(address))
