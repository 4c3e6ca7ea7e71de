"""What a reference model is trained on, scenes or the samples of any task, as packed batches (no torch here)."""
