"""Metrics of captions: what they read (texts, tokens, n-grams) and what they make of it."""
