"""A board at an address: object stores, hub data sets, and whatever else fsspec reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from velm_bench.board.stores import Store, unlisted, unwritten, why
from velm_bench.errors import UnavailableError, UsageError


class FsspecStore(Store):
    """An address that fsspec reaches: every file is one upload, which these services show whole or not at all.

    Exclusive where the service can create only what is absent (S3, Google Cloud Storage, Azure); elsewhere one looks
    first and then writes, so that of two who publish the same submission in the same moment both may be told to be the
    first. Nothing is lost by it: the same name stands for the same submission, and one of the two events stays.
    """

    def __init__(self, address: str) -> None:
        self.place = address.rstrip("/")
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise UnavailableError(
                f"The board {self.place} is reached through fsspec: run `pip install 'velm-bench[leaderboard]'`."
            ) from error
        try:
            self._files, root = url_to_fs(self.place, use_listings_cache=False)
        except ImportError as error:  # the part of fsspec for this service: its message names the package
            raise UnavailableError(f"The board {self.place} cannot be reached: {why(error)}.") from error
        except Exception as error:  # each service has its own
            raise UsageError(f"The board {self.place} cannot be reached ({why(error)}): check the address.") from error
        self._root = str(root).rstrip("/")

    def read(self, path: str) -> bytes:
        with _os_errors():
            data: bytes = self._files.cat_file(self._whole(path))
            return data

    def create(self, path: str, data: bytes) -> bool:
        self._files.invalidate_cache()  # others write too
        try:
            with _os_errors():
                if self._files.exists(self._whole(path)):
                    return False
                self._files.pipe_file(self._whole(path), data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            raise unwritten(path, self.place, error) from error
        return True

    def names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()
        try:
            with _os_errors():
                found = self._files.ls(self._whole(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unlisted(folder, self.place, error) from error
        names = {str(path).rstrip("/").rsplit("/", 1)[-1] for path in found}
        # an object store may list the folder itself, as an empty object
        return sorted(name for name in names - {folder.rsplit("/", 1)[-1]} if not name.startswith("."))

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes | OSError]:
        whole = {self._whole(path): path for path in paths}
        if not whole:
            return {}
        with _os_errors():
            found = self._files.cat(list(whole), on_error="return")  # at once, where the service can
        return {
            whole[name]: _as_os_error(data) if isinstance(data, Exception) else data for name, data in found.items()
        }

    def _whole(self, path: str) -> str:
        return f"{self._root}/{path}"


@contextmanager
def _os_errors() -> Iterator[None]:
    """Whatever a service's own library raises, as an OSError."""
    try:
        yield
    except Exception as error:
        raise _as_os_error(error) from error


def _as_os_error(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(why(error))
