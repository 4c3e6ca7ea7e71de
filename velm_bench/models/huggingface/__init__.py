"""`hf:` models: any checkpoint that transformers opens, found out from the checkpoint's own files."""
