"""Metrics that ask a neural network; torch and transformers are imported when one is computed, not before."""
