"""A hub on loopback: as much of its interface as the real clients need to look up, list and download data sets."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

LARGE = (".parquet", ".png")
"""Files that the hub keeps with their SHA-256, and not in git."""


@dataclass
class Hub:
    """Data sets by name and revision, each a mapping from file names to bytes."""

    data: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Data sets that are answered with a status and an error code."""
    asked: list[str] = field(default_factory=list)
    """Every request: "GET /api/datasets/..."."""
    spoil: set[str] = field(default_factory=set)
    """Files whose bytes come out wrong."""
    address: str = ""

    def put(self, name: str, files: dict[str, bytes], revision: str = "main") -> str:
        """Add a data set, or a revision of one; its commit."""
        self.data.setdefault(name, {})[revision] = files
        return self.commit(name, revision)

    def commit(self, name: str, revision: str = "main") -> str:
        """The commit that a revision is."""
        files = self.data[name][revision]
        return hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()

    def files(self, name: str, revision: str) -> dict[str, bytes] | None:
        """The files of a branch or commit; None if there is no such revision."""
        known = self.data[name]
        named = {self.commit(name, branch): branch for branch in known}
        return known.get(named.get(revision, revision))

    def downloads(self) -> list[str]:
        """The names of the Parquet files whose bytes were asked for."""
        return [one.rpartition("/")[2] for one in self.asked if one.startswith("GET /datasets/") and "parquet" in one]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        words = path.removeprefix("/api").removeprefix("/datasets/").split("/")
        name, rest = "/".join(words[:2]), words[2:]
        if name in self.hub.refusals:
            status, code = self.hub.refusals[name]
            self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": "Refused."})
        elif name not in self.hub.data:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif path.startswith("/api/"):
            self._tell(name, rest, body)
        else:
            self._file(name, rest)

    def _tell(self, name: str, rest: list[str], body: bytes) -> None:
        """What there is: the whole data set, a folder, or single paths."""
        what, revision, path = self._words(name, rest)
        files = self.hub.files(name, revision)
        if files is None:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        entries = [self._entry(file, data) for file, data in files.items()]
        if what == "tree":
            self._json(self._below(path, entries))
        elif what == "paths-info":
            wanted = _paths(body)
            folders = {file.rpartition("/")[0] for file in files}
            known = [{"type": "directory", "path": one, "oid": "0" * 40} for one in wanted if one in folders]
            self._json([*known, *(one for one in entries if one["path"] in wanted)])
        else:
            siblings = [{"rfilename": one["path"], **one} for one in entries]
            commit = next(self.hub.commit(name, one) for one, there in self.hub.data[name].items() if there is files)
            self._json({"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": [], "downloads": 0})

    def _below(self, folder: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The files and folders in a folder; those deeper down only where that is asked for."""
        start = f"{folder}/" if folder else ""
        files = [one for one in entries if one["path"].startswith(start)]
        parents = {
            start + "/".join(rest[:end])
            for one in files
            for rest in [one["path"][len(start) :].split("/")]
            for end in range(1, len(rest))
        }
        found = [*files, *({"type": "directory", "path": one, "oid": "0" * 40} for one in sorted(parents))]
        deep = "recursive=true" in self.path.lower()
        return [one for one in found if deep or "/" not in one["path"][len(start) :]]

    def _words(self, name: str, rest: list[str]) -> tuple[str, str, str]:
        """Kind of question, revision and path of ["tree", "refs", "convert", "parquet", ...]."""
        what, after = (rest[0], "/".join(rest[1:])) if rest else ("revision", "main")
        known = [*self.hub.data[name], *(self.hub.commit(name, one) for one in self.hub.data[name])]
        revision = next((one for one in known if after == one or after.startswith(f"{one}/")), after)
        return what, revision, after[len(revision) + 1 :]

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(data).hexdigest()
        large = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        lfs = {"lfs": {**large, "oid": large["sha256"]}} if path.endswith(LARGE) else {}
        return {"type": "file", "path": path, "size": len(data), "oid": oid, "blobId": oid, **lfs}

    def _file(self, name: str, rest: list[str]) -> None:
        _, revision, path = self._words(name, rest)
        files = self.hub.files(name, revision)
        if files is None or path not in files:
            code = "RevisionNotFound" if files is None else "EntryNotFound"
            self._send(404, b"", {"X-Error-Code": code})
            return
        data, entry = files[path], self._entry(path, files[path])
        commit = next(self.hub.commit(name, one) for one, there in self.hub.data[name].items() if there is files)
        etag = entry["lfs"]["sha256"] if "lfs" in entry else entry["oid"]
        given = bytes(len(data)) if path in self.hub.spoil else data
        headers = {"X-Repo-Commit": commit, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        start, _, end = (self.headers.get("Range") or "").removeprefix("bytes=").partition("-")
        if start and start.isdecimal():
            last = min(int(end), len(data) - 1) if end else len(data) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(data)}"
            self._send(206, given[int(start) : last + 1], headers)
        else:
            self._send(200, given, headers)

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _paths(body: bytes) -> list[str]:
    """The `paths` of a form or of a JSON body."""
    try:
        found: list[str] = json.loads(body)["paths"]
    except ValueError:
        from urllib.parse import parse_qs

        found = parse_qs(body.decode())["paths"]
    return found


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers while the block runs."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Have the clients ask another hub."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", address)
