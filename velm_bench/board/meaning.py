"""What the numbers of a board mean, in the words that every page and every export uses."""

from __future__ import annotations

AGGREGATE = (
    "Each task's primary score is corrected for chance: 0 is the task's floor, the best that can be had without "
    "looking at the picture, and 1 is its ceiling. The scores of one kind of task are averaged, then the kinds. Only "
    "submissions that did every task have it, and nobody else's result enters it, so that a new model never changes "
    "the order of the others."
)
"""The score over all tasks."""
OWN = "The task's own metric over all samples; a sample that failed counts as wrong."
"""The score of one task."""
INTERVAL = (
    "The 95 % interval is a bootstrap over pictures, since questions about one picture are not independent: it says "
    "how far the score would move if other pictures had been drawn."
)
RANKS = (
    "All models are compared with one another at once, on the same draws of pictures: the best rank is one more than "
    "the number of models that are significantly better, and the worst leaves room below for those that are "
    "significantly worse. For each model, this range holds its true rank with 95 % confidence."
)
"""The range beside a rank: no percentiles of ranks that were drawn."""
TIES = (
    "A group of ties is led by the best score in it, and these samples cannot tell its other members from that "
    "leader; two of the others may be told apart from each other."
)
DEFINITION = " ".join((AGGREGATE, INTERVAL, RANKS, TIES))
"""What the score over all tasks and the places by it mean, in place of any other explanation."""
DEFINITION_OF_ONE = " ".join((OWN, INTERVAL, RANKS, TIES))
"""The same of a single task."""
