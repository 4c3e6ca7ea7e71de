"""Data sets of the Hugging Face hub: from a mirror in a data folder, else from the hub or what is kept of it."""
