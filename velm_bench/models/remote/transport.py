"""The wire: one request over HTTP, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx2

from velm_bench.errors import UsageError
from velm_bench.models.remote.keys import Key
from velm_bench.models.remote.reading import Reply
from velm_bench.models.remote.troubles import Sort, Trouble

CONNECTING = 10.0
"""Seconds that making a connection may take."""


class HttpTransport:
    """Posts to one URL with one key. Redirects are not followed: they could carry the key to another host.

    Each request that is under way has a client of its own, with one connection that the next request takes over: a
    client that holds many looks at all of them for each request, which at 32 costs more than all the rest.
    """

    def __init__(self, url: str, key: Key, timeout: float) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json", **key.headers()}
        self._timeout = timeout
        self._certificates = _certificates() if url.startswith("https:") else _nobody()
        self._idle: list[httpx2.AsyncClient] = []
        try:
            self._idle.append(self._connect())
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # which may say the proxy's password
            raise UsageError(
                "The proxy that the environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) cannot be used: give one as "
                "http://HOST:PORT, or name the server's host in NO_PROXY."
            ) from error

    async def post(self, body: bytes) -> Reply | Trouble:
        """The server's reply, or why there is none."""
        client = self._idle.pop() if self._idle else self._connect()
        try:
            async with asyncio.timeout(self._timeout):
                response = await client.post(self._url, content=body)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout):
            return Trouble(Sort.TIMED_OUT, f"it did not answer within {self._timeout:g} seconds")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            return Trouble(Sort.UNREACHABLE, f"no connection could be made{_why(error)}")
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            return Trouble(Sort.BROKEN, f"the connection broke off{_why(error)}")
        finally:
            self._idle.append(client)
        return Reply(response.status_code, response.headers, response.content)

    async def close(self) -> None:
        """Let go of all connections that nobody uses."""
        while self._idle:
            await self._idle.pop().aclose()

    def _connect(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers=self._headers,
            timeout=httpx2.Timeout(None, connect=min(CONNECTING, self._timeout)),
            limits=httpx2.Limits(max_connections=1),
            verify=self._certificates,
            follow_redirects=False,
        )


def _certificates() -> ssl.SSLContext:
    """Those that are trusted; UsageError where the environment names a file that cannot be read."""
    try:
        return httpx2.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            "The trusted certificates cannot be read: make SSL_CERT_FILE and SSL_CERT_DIR name what is there, or unset "
            "them."
        ) from error


def _nobody() -> ssl.SSLContext:
    """Trusts no certificate: plain HTTP uses none, and to read those of the system takes a twentieth of a second."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _why(error: Any) -> str:
    said = " ".join(str(error).split()).rstrip(".")
    return f" ({said})" if said else ""
