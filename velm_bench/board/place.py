"""How the page learns what to show."""

from __future__ import annotations

RESULTS_VARIABLE = "VELM_RESULTS"
"""The environment variable that names a results folder to the leaderboard's page."""
BOARD_VARIABLE = "VELM_BOARD"
"""The one that names a board: a folder or an address. It goes before the other."""
DATA_VARIABLE = "VELM_DATA"
"""Where the page looks for the pictures of tasks that are not embedded."""
UPLOADS_VARIABLE = "VELM_UPLOADS"
"""Whether the page takes submissions: "1" where only this machine reaches it, or a login is configured."""
