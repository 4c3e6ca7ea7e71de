"""`velm-bench leaderboard`: the page over a folder of runs."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from velm_bench.board.place import RESULTS_VARIABLE
from velm_bench.cli.options import RESULTS, absent
from velm_bench.cli.output import note
from velm_bench.errors import UnavailableError, UsageError
from velm_bench.shipped import shipped

app = typer.Typer(rich_markup_mode=None)

SAFE = {
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "theme.light.primaryColor": "#0f766e",
    "theme.dark.primaryColor": "#2dd4bf",
}
"""Streamlit's settings here: nothing is reported to anybody, no trace is shown, light or dark as the system has it."""


@app.command()
def leaderboard(
    results: Annotated[Path, typer.Option("--results", "-r", help="The folder that holds the runs.")] = RESULTS,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The port; 8501 or the next free one if left out.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 is everybody.")] = "127.0.0.1",
) -> None:
    """Show the runs of a results folder as a web page, until Ctrl-C."""
    from velm_bench.results.store import result_files

    if find_spec("streamlit") is None:
        raise UnavailableError("The leaderboard needs Streamlit: run `pip install 'velm-bench[leaderboard]'`.")
    if not results.is_dir():
        raise UsageError(f"The results folder '{results}' {absent(results)}: name one with --results.")
    if not any(result_files(results)):
        raise UsageError(f"The results folder '{results}' holds no runs: `velm-bench run` writes some.")
    if not host:  # to Streamlit that would be everybody
        raise UsageError("The --host is empty: leave it out for this machine alone, or give an address.")
    _require_free(host, 0, f"at '{host}'", "--host")
    if port is not None:
        _require_free(host, port, f"on port {port} of '{host}'", "--port")
    note("The leaderboard is starting; Ctrl-C ends it.")
    command = streamlit_command(host, port, os.environ)
    sys.stdout.flush()
    os.execve(command[0], command, {**os.environ, RESULTS_VARIABLE: str(results.resolve())})


def streamlit_command(host: str, port: int | None, environment: Mapping[str, str]) -> list[str]:
    """The command line of the server: safe settings, and no browser where there is no display."""
    settings = {**SAFE, "server.address": host, "server.headless": str(not _has_display(environment)).lower()}
    if port is not None:
        settings["server.port"] = str(port)
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "streamlit", "run", str(shipped("leaderboard") / "app.py"), *flags]


def _has_display(environment: Mapping[str, str]) -> bool:
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environment
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _require_free(host: str, port: int, where: str, flag: str) -> None:
    """Make sure that a server can listen there; port 0 stands for any. UsageError naming the flag if not."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"The leaderboard cannot listen {where} ({reason}): give another {flag}.") from error
