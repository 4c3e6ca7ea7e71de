"""velm-bench: an evaluation harness for vision-enhanced language models.

Importing the package loads nothing heavy; each room is imported where it is used.
"""

__version__ = "0.1.0"
