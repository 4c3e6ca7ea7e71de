"""How the page learns what to show."""

from __future__ import annotations

RESULTS_VARIABLE = "VELM_RESULTS"
"""The environment variable that names a results folder to the leaderboard's page."""
BOARD_VARIABLE = "VELM_BOARD"
"""The one that names a board: a folder or an address. It goes before the other."""
DATA_VARIABLE = "VELM_DATA"
"""Where the page looks for the pictures of tasks that are not embedded."""
UPLOADS_VARIABLE = "VELM_UPLOADS"
"""Whether the page takes submissions: ANYBODY's, those of people who are LOGGED_IN, or nobody's."""
ANYBODY = "1"
"""The server is reached from this machine alone."""
LOGGED_IN = "login"
"""Others reach it: only who has logged in with the provider of Streamlit's `[auth]` may submit."""
