"""How the page learns which folder to show."""

from __future__ import annotations

RESULTS_VARIABLE = "VELM_RESULTS"
"""The environment variable that names the results folder to the leaderboard's page."""
