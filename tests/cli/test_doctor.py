"""`velm-bench doctor --install spice`: from a server of our own, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Velm, World
from velm_bench.cli.installing import Progress
from velm_bench.metrics import spice_resources
from velm_bench.metrics.spice_resources import ARCHIVE, JARS


@dataclass
class Served:
    """An archive on a server, and what was asked of it."""

    data: bytes
    claimed: int | None = None
    """The length it claims to have, where that is not the truth."""
    status: int = 200
    requests: list[str] = field(default_factory=list)


def archive(names: tuple[str, ...] = (*JARS, "README.txt")) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as held:
        for name in names:
            held.writestr(f"{ARCHIVE}/{name}", f"the bytes of {name}")
        held.writestr("../../outside.txt", "written by an archive that climbs")
    return stream.getvalue()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that is asked instead of Stanford's; the cache is empty, and CoreNLP is nowhere."""
    made = Served(archive())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(self.path)
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(made.data) if made.claimed is None else made.claimed))
            self.end_headers()
            self.wfile.write(made.data)

        def log_message(self, *words: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VELM_SPICE", raising=False)
    monkeypatch.setattr(spice_resources, "find_spec", lambda *_: None)
    monkeypatch.setattr(spice_resources, "URL", f"http://127.0.0.1:{server.server_port}/{ARCHIVE}.zip")
    trust(made, monkeypatch)
    yield made
    server.shutdown()
    server.server_close()


def trust(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the archive that is served."""
    monkeypatch.setattr(spice_resources, "SHA1", hashlib.sha1(served.data).hexdigest())


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder.exists() else []


def spice_line(velm: Velm, *arguments: object) -> dict[str, str]:
    (line,) = [one for one in velm("doctor", "--json", *arguments).json if one["area"] == "spice"]
    return dict(line)


def test_the_jars_are_fetched_once_and_found(velm: Velm, served: Served, tmp_path: Path) -> None:
    assert spice_line(velm)["state"] == "missing"
    called = velm("doctor", "--install", "spice")
    assert called.code == 0
    assert "spice: installed in" in called.err
    assert everything(tmp_path / "cache") == [
        "spice-corenlp-3.6.0",
        *(f"spice-corenlp-3.6.0/{name}" for name in sorted(JARS)),
    ]
    assert spice_resources.find_jars()[1].read_text() == f"the bytes of {JARS[1]}"
    assert not list(tmp_path.parent.rglob("outside.txt"))
    found = spice_line(velm, "--install", "spice")
    assert (found["state"], found["mend"]) == ("ok", "")
    assert len(served.requests) == 1


def test_an_archive_that_breaks_off_leaves_nothing(velm: Velm, served: Served, tmp_path: Path) -> None:
    served.claimed = len(served.data) + 5
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert f"the connection ended after {len(served.data):,} of {served.claimed:,} bytes" in called.sentence
    assert everything(tmp_path / "cache") == []


def test_another_archive_than_the_expected_one_leaves_nothing(
    velm: Velm, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spice_resources, "SHA1", "0" * 40)
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert "SHA-1" in called.sentence
    assert everything(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("data", "said"), [(archive(JARS[:1]), "holds no stanford-corenlp-3.6.0-models.jar"), (b"<html>", "not a zip file")]
)
def test_an_archive_of_another_content_leaves_nothing(
    velm: Velm, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, said: str
) -> None:
    served.data = data
    trust(served, monkeypatch)
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert said in called.sentence
    assert everything(tmp_path / "cache") == []


def test_nothing_larger_than_the_limit_is_kept(
    velm: Velm, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spice_resources, "MOST_BYTES", 10)
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert "larger than 10 bytes" in called.sentence
    assert everything(tmp_path / "cache") == []


def test_a_server_that_refuses(velm: Velm, served: Served, tmp_path: Path) -> None:
    served.status = 503
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert "Service Unavailable" in called.sentence
    assert everything(tmp_path / "cache") == []


def test_no_network_is_one_sentence(
    velm: Velm, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spice_resources, "URL", "http://127.0.0.1:9/archive.zip")
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert "127.0.0.1:9/archive.zip could not be fetched" in called.sentence
    assert "VELM_SPICE" in called.sentence
    assert called.out == ""
    assert everything(tmp_path / "cache") == []


def test_an_unknown_resource_is_a_usage_error(velm: Velm) -> None:
    called = velm("doctor", "--install", "spise")
    assert called.code == 2
    assert "did you mean 'spice'?" in called.sentence
    assert velm("doctor", "--install", "").code == 2


def test_progress_is_ten_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress("spice")
    for done in range(0, 384_000_001, 1_000_000):
        told(done, 384_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (10, "spice: 384 of 384 MB")


def test_an_unwritable_cache_is_said(velm: Velm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VELM_CACHE", str(tmp_path / "file"))
    (line,) = [one for one in velm("doctor", "--json").json if one["area"] == "cache"]
    assert (line["state"], line["mend"]) == ("missing", "set VELM_CACHE to another folder")


def test_other_metrics_go_on_without_spice(velm: Velm, world: World, served: Served) -> None:
    world.write("task.yaml", world.task.read_text().replace("[exact_match, vqa_accuracy]", "[exact_match, spice]"))
    called = velm("score", "-t", world.task, "-p", world.predictions(), "--replicates", "0")
    assert called.code == 0
    result = world.result()
    assert result["scores"]["exact_match"]["value"] == 1.0
    assert "spice" not in result["scores"]
    assert "velm-bench doctor --install spice" in result["skipped"]["spice"]
    assert "spice is not scored: SPICE needs Stanford CoreNLP" in called.err
