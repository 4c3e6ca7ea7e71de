"""How Streamlit is started so that strangers can look at it: its settings, its hosts, its login."""

from __future__ import annotations

import ipaddress
import re
import socket
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from velm_bench.errors import UnavailableError, UsageError
from velm_bench.shipped import shipped

SAFE = {
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": "false",
    "runner.magicEnabled": "false",
    "server.enableCORS": "true",
    "server.enableStaticServing": "false",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "server.maxMessageSize": "100",
    "server.showEmailPrompt": "false",
    "theme.light.primaryColor": "#0f766e",
    "theme.dark.primaryColor": "#2dd4bf",
}
"""Streamlit's settings here, which go before those of its own files: nothing is reported to anybody, no trace is shown,
other sites may neither read nor write, light or dark as the system has it."""
SERVER = "velm_bench.cli.streamlit_server"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What a browser on this machine calls it, an address without its brackets."""
EVERYBODY = ("0.0.0.0", "::", "0", "*")
HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
LOGIN = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
"""What Streamlit's `[auth]` must hold for its login to work."""


def streamlit_command(
    host: str, port: int | None, hosts: Sequence[str], upload: int, environment: Mapping[str, str]
) -> list[str]:
    """The command line of the server: safe settings, and no browser where there is no display.

    `hosts` are the names under which it may be asked for; `upload` is how many MiB a file sent to it may have.
    """
    settings = {
        **SAFE,
        "server.address": host,
        "server.headless": str(not _has_display(environment)).lower(),
        "server.maxUploadSize": str(upload),
    }
    if port is not None:
        settings["server.port"] = str(port)
    flags = [f"--{name}={value}" for name, value in settings.items()]
    flags += [f"--server.allowedHosts={name}" for name in hosts]
    return [sys.executable, "-m", SERVER, "run", str(shipped("leaderboard") / "app.py"), *flags]


def allowed_hosts(host: str, named: Sequence[str]) -> tuple[str, ...]:
    """The names under which the server may be asked for, so that no foreign name can be pointed at it.

    UsageError for a name that is none, and where it listens to everybody and nobody said under which name.
    """
    for name in named:
        if not HOST.fullmatch(name.strip("[]")):
            raise UsageError(
                f"--allowed-host {name!r:.80} is no name of a host: give one such as board.example.org, without a port."
            )
    if host in EVERYBODY and not named:
        raise UsageError(
            f"With --host {host} the leaderboard is asked for under many names: give the right ones with "
            "--allowed-host, such as --allowed-host board.example.org."
        )
    own = () if host in EVERYBODY else (host,)
    return tuple(dict.fromkeys([*LOOPBACK, *own, *(name.strip("[]") for name in named)]))


def is_private(hosts: Sequence[str]) -> bool:
    """Whether only this machine asks under these names; behind a proxy, strangers reach even a loopback address."""
    return all(_is_loopback(host) for host in hosts)


def require_login() -> None:
    """Make sure that people can log in; UsageError that says what is missing."""
    files = [folder / ".streamlit" / "secrets.toml" for folder in (_home(), Path.cwd()) if folder]
    section: dict[str, Any] = {}
    for file in files:  # the later one goes before the earlier, as in Streamlit
        section = _auth(file) or section
    provider = section.get("default", {})
    found = {**section, **(provider if isinstance(provider, dict) else {})}
    missing = [key for key in LOGIN if not found.get(key)]
    if missing:
        raise UsageError(
            "Uploads by others need a login: give the provider to Streamlit in .streamlit/secrets.toml, section "
            f"[auth] ({', '.join(missing)} missing), or leave out --allow-uploads."
        )
    if find_spec("authlib") is None:
        raise UnavailableError("The login needs Authlib: run `pip install 'streamlit[auth]'`.")


def require_free(host: str, port: int, where: str, flag: str) -> None:
    """Make sure that a server can listen there; port 0 stands for any. UsageError naming the flag if not."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"The leaderboard cannot listen {where} ({reason}): give another {flag}.") from error


def _auth(file: Path) -> dict[str, Any]:
    """The section of a secrets file; nothing where there is none. Its values are looked at, never shown."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"The file {file} cannot be read ({type(error).__name__}): mend it.") from error
    section = data.get("auth", {})
    return section if isinstance(section, dict) else {}


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return None


def _is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_display(environment: Mapping[str, str]) -> bool:
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
