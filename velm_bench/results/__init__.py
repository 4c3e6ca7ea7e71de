"""Runs as files: their schema, reading and writing them, and where they come from."""
