"""Metrics of tagged entities."""
