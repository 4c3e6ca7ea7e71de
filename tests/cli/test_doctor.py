"""`velm-bench doctor --install spice`: from a server of our own, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import Velm, World
from velm_bench.cli.installing import STOPS, Progress, stops_raised
from velm_bench.metrics.captions import spice_resources
from velm_bench.metrics.captions.spice_resources import ARCHIVE, HELD, JARS


@dataclass
class Served:
    """An archive on a server, and what was asked of it."""

    data: bytes
    claimed: int | str | None = None
    """The length it claims to have, where that is not the truth."""
    status: int = 200
    location: str = ""
    """Where it sends those who ask."""
    stalls: bool = False
    """Whether it falls silent after half of it."""
    requests: list[str] = field(default_factory=list)


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as held:
        for name, data in files.items():
            held.writestr(name, data)
    return stream.getvalue()


def archive(names: tuple[str, ...] = (*JARS, "README.txt")) -> bytes:
    jars = {f"{ARCHIVE}/{name}": zipped({HELD.get(name, "text"): name.encode()}) for name in names}
    return zipped({**jars, "../../outside.txt": b"written by an archive that climbs"})


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that is asked instead of Stanford's; the cache is empty, and CoreNLP is nowhere."""
    made, over = Served(archive()), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append(self.path)
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(made.data) if made.claimed is None else made.claimed))
            if made.location:
                self.send_header("Location", made.location)
            self.end_headers()
            if made.stalls:
                self.wfile.write(made.data[: len(made.data) // 2])
                over.wait(60)
            else:
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
    over.set()
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
    assert zipfile.ZipFile(spice_resources.find_jars()[1]).read(HELD[JARS[1]]) == JARS[1].encode()
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


@pytest.mark.parametrize("claimed", ["lots", "-5", "", "9" * 5000])
def test_a_length_that_is_no_length_is_not_believed(velm: Velm, served: Served, claimed: str) -> None:
    served.claimed = claimed
    assert velm("doctor", "--install", "spice").code == 0


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("", "(The HTTP server returned a redirect error that would lead to an infinite loop)"),
        ("http://[::1", "could not be fetched"),
        ("http://127.0.0.1:port/", "could not be fetched"),
        ("file:///etc/passwd", "not allowed"),
    ],
)
def test_a_redirection_that_leads_nowhere_is_one_sentence(
    velm: Velm, served: Served, tmp_path: Path, location: str, said: str
) -> None:
    served.status, served.location = 302, location or spice_resources.URL
    called = velm("doctor", "--install", "spice")
    assert called.code == 4
    assert said in called.sentence
    assert called.err == called.sentence + "\n"
    assert "unforeseen" not in called.sentence
    assert everything(tmp_path / "cache") == []


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_download_that_is_stopped_leaves_nothing(served: Served, tmp_path: Path, name: str) -> None:
    served.stalls = True
    imports = "from velm_bench.cli.main import main; from velm_bench.metrics.captions import spice_resources"
    code = f"{imports}; spice_resources.URL = {spice_resources.URL!r}; main()"
    command = [sys.executable, "-c", code, "doctor", "--install", "spice"]
    # Whoever runs the tests in the background may have it ignore the signal, which children inherit.
    heed = lambda: signal.signal(getattr(signal, name), signal.SIG_DFL)  # noqa: E731
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    while not served.requests and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert "Traceback" not in said
    assert everything(tmp_path / "cache") == []


def be_stopped() -> None:
    with stops_raised():
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")
def test_signals_are_as_before_afterwards_and_one_that_is_ignored_stays_so() -> None:
    former = {number: signal.getsignal(number) for number in STOPS}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with pytest.raises(SystemExit) as caught:
            be_stopped()
        assert caught.value.code == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("damaged", [b"", b"no jar", zipped({"README.txt": b""})])
def test_a_damaged_jar_in_the_cache_is_fetched_again(
    velm: Velm, served: Served, tmp_path: Path, damaged: bytes
) -> None:
    velm("doctor", "--install", "spice")
    jar = tmp_path / "cache" / "spice-corenlp-3.6.0" / JARS[1]
    jar.write_bytes(damaged)
    line = spice_line(velm)
    assert (line["state"], line["mend"]) == ("missing", "velm-bench doctor --install spice")
    assert spice_line(velm, "--install", "spice")["state"] == "ok"
    assert len(served.requests) == 2


def test_jars_that_are_none_are_no_spice(velm: Velm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in JARS:
        (tmp_path / name).touch()
    monkeypatch.setenv("VELM_SPICE", str(tmp_path))
    line = spice_line(velm)
    assert (line["state"], line["mend"]) == ("missing", "change or unset VELM_SPICE")
    assert line["what"].startswith(f"VELM_SPICE names the folder {tmp_path}, whose {JARS[0]} cannot be read as a jar")


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
