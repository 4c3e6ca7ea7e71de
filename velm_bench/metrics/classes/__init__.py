"""Metrics of one label out of a closed set."""
