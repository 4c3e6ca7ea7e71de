"""A submission as files: packed from runs, read strictly, checked without its data."""
