"""A real server on the loopback for the tests: it speaks chat completions over HTTP, and fails on demand."""

from __future__ import annotations

import base64
import io
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

Say = Callable[[dict[str, Any]], Any]
"""A body's reply: the text of the answer, or the whole JSON of it."""
Fail = Callable[[str, int], str]
"""The fault for a question that is asked for the n-th time (from 0), "" for none."""


def colour_of(body: dict[str, Any]) -> str:
    """What the server answers by default: the colours of the pictures, and the last question."""
    parts = [part for message in body["messages"] for part in _parts(message)]
    shown = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return " ".join([*map(_colour, shown), question_of(body)])


def question_of(body: dict[str, Any]) -> str:
    """The text of the last message."""
    return "".join(part["text"] for part in _parts(body["messages"][-1]) if part["type"] == "text")


def always(fault: str) -> Fail:
    """The same fault for every request."""
    return lambda *_: fault


def at_first(fault: str) -> Fail:
    """A fault for each question when it is asked for the first time."""
    return lambda _, before: "" if before else fault


def saying(whole: Any) -> Say:
    """The same reply to every request."""
    return lambda _: whole


def _parts(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def decoded(url: str) -> Any:
    """The pixels in a data URL."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def _colour(url: str) -> str:
    return "-".join(map(str, decoded(url)[0, 0]))


@dataclass
class Served:
    """A running server and what it saw."""

    say: Say = colour_of
    fail: Fail = field(default_factory=lambda: always(""))
    latency: float = 0.0
    """Seconds that each answer takes."""
    port: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """How often each question was asked."""
    faults: Counter[str] = field(default_factory=Counter)
    now: int = 0
    most: int = 0
    """How many requests it had at a time."""
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def reference(self) -> str:
        return f"openai:made@{self.url}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        served = self.server.served
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = question_of(body)
        with served.lock:
            before = served.asked[question]
            served.asked[question] += 1
            served.bodies.append(body)
            served.headers.append({**dict(self.headers), "path": self.path})
            served.now += 1
            served.most = max(served.most, served.now)
            fault = served.fail(question, before)
        try:
            self._answer(served, body, fault)
        finally:
            with served.lock:
                served.now -= 1

    def _answer(self, served: Served, body: dict[str, Any], fault: str) -> None:
        if fault:
            with served.lock:
                served.faults[fault] += 1
            self._fail(served, fault)
            return
        if served.latency:
            time.sleep(served.latency)
        said = served.say(body)
        whole = said if isinstance(said, dict) else completion(said)
        self._send(200, json.dumps(whole).encode())

    def _fail(self, served: Served, fault: str) -> None:
        match fault:
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            case "timeout":
                served.closing.wait(30)
                self.close_connection = True
            case "malformed":
                self._send(200, b'{"choices": [{"message": {"content": "wro')
            case "empty":
                self._send(200, b'{"choices": []}')
            case "redirect":
                self._send(307, b"", {"Location": "http://127.0.0.1:9/elsewhere"})
            case "echo":
                said = {"error": {"message": f"Incorrect API key provided: {self.headers['Authorization']}"}}
                self._send(401, json.dumps(said).encode())
            case "429":
                self._send(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "0"})
            case _:
                self._send(int(fault), b'{"error": {"message": "wrong"}}')

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    served: Served

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not worth a trace."""


@contextmanager
def serving(say: Say = colour_of, port: int = 0, **how: Any) -> Iterator[Served]:
    """A server for a while."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.served = Served(say, port=server.server_address[1], **how)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.served
    finally:
        server.served.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A reply as servers write it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": 3}}


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
