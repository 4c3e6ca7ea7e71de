"""A board or a results folder in the formats of others: one module per format, all from the same Snapshot."""
