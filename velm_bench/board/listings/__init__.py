"""One moment of a board or a results folder as frames: the index, aggregates and ranks."""
