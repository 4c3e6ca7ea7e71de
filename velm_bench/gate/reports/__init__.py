"""A verdict for people and for other programs: Markdown, JUnit XML, annotations of GitHub, and one HTML page."""
