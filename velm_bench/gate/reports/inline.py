"""Other people's text within Markdown: it shows as it is and does nothing.

GitHub and GitLab make links of addresses, @names, #123, commits and more even where Markdown itself is escaped; only
within code do they leave a text alone. So a name stands in a code span, and of a sentence those words that are more
than letters and digits.
"""

from __future__ import annotations

import re

from velm_bench.gate.reports.wording import NAME, SENTENCE
from velm_bench.inert import inert

_NUMBER = r"[+\-−]?\d+(?:[.,]\d+)*"
_PLAIN = re.compile(rf"""["'(]?(?:[^\W_]+(?:[-'’/][^\W_]+)*|{_NUMBER}|[–—])%?["')]?[.,;:?!]?["')]?|%[.,;:)]?""")
"""A word that means nothing to Markdown: letters and digits, or a number, with ordinary punctuation around it."""
_LATER = re.compile(rf"[=<>±×≤≥·→]|\d+[.)]|[\[(]?{_NUMBER}[\])]?[.,;:]?")
"""What means something at the beginning of a line at most."""
_READ = re.compile(r"(?i)[a-z]+-\d+\W*|[0-9a-f]{7,}\W*|\d+[.)]|www.*")
"""A word that is a link or a list to GitHub or GitLab nevertheless: "GH-12", a commit, "1."."""
_AROUND = re.compile(r"""(["'(]*)(.*?)(["').,;:?]*)""", re.DOTALL)
"""The punctuation around what is shown as code."""


def code(text: str, most: int = NAME) -> str:
    """A text as a code span that is safe within a table; nothing where it is empty."""
    shown = inert(text, most).strip()
    if not shown:
        return ""
    # A pipe ends a table's cell even within code, and a backslash before it would be seen outside of tables.
    return _span(shown.replace("|", "¦"))


def prose(text: str, most: int = SENTENCE) -> str:
    """A sentence with the names in it as code."""
    runs: list[tuple[bool, list[str]]] = []
    for word in inert(text, most).split():
        plain = _is_plain(word, first=not runs)
        if runs and runs[-1][0] is plain and (plain or not runs[-1][1][-1].endswith(",")):
            runs[-1][1].append(word)
        else:
            runs.append((plain, [word]))
    return " ".join(" ".join(words) if plain else _named(" ".join(words), most) for plain, words in runs)


def _is_plain(word: str, first: bool) -> bool:
    """Whether a word of a sentence may stand as it is."""
    if not first and _LATER.fullmatch(word) and not re.search(r"\d{7}", word):
        return True
    return bool(_PLAIN.fullmatch(word)) and not _READ.fullmatch(word)


def _named(text: str, most: int) -> str:
    """Words as code, but for the punctuation around them."""
    found = _AROUND.fullmatch(text)
    before, name, after = found.groups() if found else ("", text, "")
    return f"{before}{code(name, most)}{after}" if name else code(text, most)


def _span(text: str) -> str:
    """A code span whose fence is longer than any run of backticks in the text."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    inner = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{fence}{inner}{fence}"
