"""`velm-bench leaderboard`: the pages over a board or over a folder of runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from velm_bench.board.place import (
    ANYBODY,
    BOARD_VARIABLE,
    DATA_VARIABLE,
    LOGGED_IN,
    RESULTS_VARIABLE,
    UPLOADS_VARIABLE,
)
from velm_bench.cli.options import RESULTS, Data, absent, data_folders
from velm_bench.cli.output import note
from velm_bench.cli.serving import allowed_hosts, is_private, require_free, require_login, streamlit_command
from velm_bench.errors import UnavailableError, UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None)

NO_UPLOADS = 1
"""The smallest limit that Streamlit knows, in MiB, where nothing is to be uploaded."""


@app.command()
def leaderboard(
    board: Annotated[
        str | None, typer.Option("--board", "-b", metavar="DIR|ADDRESS", help="The board: a folder, or an address.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", "-r", help="A folder of runs instead; 'results' if left out.")
    ] = None,
    data: Data = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="The port; 8501 or the next free one if left out.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0 is everybody.")] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-host",
            metavar="NAME",
            help="A name under which others ask for it, such as that of a proxy; may be repeated.",
        ),
    ] = None,
    allow_uploads: Annotated[
        bool,
        typer.Option("--allow-uploads", help="Let others submit once they have logged in; on this machine all may."),
    ] = False,
) -> None:
    """Show a board, or the runs of a results folder, as web pages, until Ctrl-C."""
    if find_spec("streamlit") is None:
        raise UnavailableError("The leaderboard needs Streamlit: run `pip install 'velm-bench[leaderboard]'`.")
    if board == "":
        raise UsageError("The --board is empty: give its folder or its address.")
    if board and results:
        raise UsageError("Give either --board or --results: the pages show one of them.")
    shown = _board_shown(board) if board else _results_shown(results or RESULTS)
    if not host:  # to Streamlit that would be everybody
        raise UsageError("The --host is empty: leave it out for this machine alone, or give an address.")
    hosts = allowed_hosts(host, allowed_host or ())
    uploads = _uploads(bool(board), is_private([host, *hosts]), allow_uploads)
    folders = data_folders(data)
    require_free(host, 0, f"at '{host}'", "--host")
    if port is not None:
        require_free(host, port, f"on port {port} of '{host}'", "--port")
    note("The leaderboard is starting; Ctrl-C ends it.")
    command = streamlit_command(host, port, hosts, _upload_limit(uploads), os.environ)
    sys.stdout.flush()
    os.execve(command[0], command, _environment({**shown, UPLOADS_VARIABLE: uploads}, folders))


def _board_shown(place: str) -> dict[str, str]:
    """How the pages are told of a board; UsageError where there is none."""
    from velm_bench.board.folder import BOARD, Board
    from velm_bench.results.store import result_files

    folder = Path(place)
    if "://" not in place and folder.is_dir() and not (folder / BOARD).exists() and any(result_files(folder)):
        raise UsageError(f"The folder '{place}' is no board but holds runs: give it with --results.")
    Board.open(place)
    return {BOARD_VARIABLE: place if "://" in place else str(folder.resolve())}


def _results_shown(results: Path) -> dict[str, str]:
    """How they are told of a results folder; UsageError where there are no runs."""
    from velm_bench.board.folder import BOARD
    from velm_bench.results.store import result_files

    if not results.is_dir():
        raise UsageError(f"The results folder '{results}' {absent(results)}: name one with --results.")
    if (results / BOARD).exists():
        raise UsageError(f"The folder '{results}' is a board: give it with --board.")
    if not any(result_files(results)):
        raise UsageError(f"The results folder '{results}' holds no runs: `velm-bench run` writes some.")
    return {RESULTS_VARIABLE: str(results.resolve())}


def _uploads(is_board: bool, private: bool, wanted: bool) -> str:
    """Whose submissions the pages take: everybody's on this machine, else only of people who have logged in."""
    if wanted and not is_board:
        raise UsageError("--allow-uploads means nothing without a board: give one with --board.")
    if wanted and private:
        raise UsageError("--allow-uploads changes nothing where only this machine is served: leave it out.")
    if not is_board or not (private or wanted):
        return ""
    if private:
        return ANYBODY
    require_login()
    return LOGGED_IN


def _upload_limit(uploads: str) -> int:
    from velm_bench.board.bundles.archive import MAX_ARCHIVE

    return MAX_ARCHIVE // 2**20 if uploads else NO_UPLOADS


def _environment(told: dict[str, str], data: Sequence[Path]) -> dict[str, str]:
    """The server's: what the pages are told, and nothing that an outer one was told."""
    ours = (BOARD_VARIABLE, RESULTS_VARIABLE, UPLOADS_VARIABLE, DATA_VARIABLE)
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    found = {**told, DATA_VARIABLE: os.pathsep.join(str(folder.resolve()) for folder in data)}
    return {**kept, **{name: value for name, value in found.items() if value}}
