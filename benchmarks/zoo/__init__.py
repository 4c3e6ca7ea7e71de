"""The reference family asked, measured and written down: docs/reference.md, its plot, and the cards' test scores."""
