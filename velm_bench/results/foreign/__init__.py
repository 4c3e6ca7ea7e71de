"""Runs of other harnesses, taken over as they are: their answers and the scores they gave each sample."""
