"""The samples that became worse, as HTML: question, what is right, both answers, and the pictures."""

from __future__ import annotations

import base64

from velm_bench.gate.pictures import Pictures
from velm_bench.gate.reports.wording import EMPTY, SENTENCE, as_html, signed, told
from velm_bench.gate.schema import Flip, Verdict
from velm_bench.inert import inert

MOST_FLIPS = 200
"""How many samples are shown."""
PICTURE_BYTES = 8 * 2**20
"""How many bytes of pictures a page holds at the most; in the page they take a third more."""
_LONG = 2000
"""How many letters of a question or an answer are shown."""
_UNTOLD = "no answer is known"


def flips_section(verdict: Verdict, pictures: Pictures) -> str:
    """The part of the page about flipped samples; nothing where there is none."""
    if not verdict.flips:
        return ""
    shown, left = [], PICTURE_BYTES
    for flip in pictures.asked(verdict.flips[:MOST_FLIPS]):
        known = pictures.of(flip)
        pngs = known.pngs if known is not None else ()
        fits = sum(map(len, pngs)) <= left
        left -= sum(map(len, pngs)) if fits else 0
        shown.append(_flip(flip, pngs if fits else (), not fits))
    notes = "".join(f'<p class="soft">{as_html(note, SENTENCE)}</p>' for note in pictures.notes.values())
    return f"<h2>Samples that became worse</h2>{_counted(verdict)}{notes}{''.join(shown)}"


def _counted(verdict: Verdict) -> str:
    """How many are shown, how many there are of each task, and what the number beside each means."""
    shown = min(len(verdict.flips), MOST_FLIPS)
    counts = ", ".join(f"{count:,} of {as_html(task)}" for task, count in verdict.flipped.items())
    whole = f"; in all there are {counts}" if counts else ""
    return (
        f'<p class="soft">The worst {shown:,} are shown{whole}. The number is '
        "by how much a sample alone moves the score, times the number of samples: -1 is a right answer that became "
        "wrong.</p>"
    )


def _flip(flip: Flip, pngs: tuple[bytes, ...], too_many: bool) -> str:
    views = "".join(_picture(png, place) for place, png in enumerate(pngs, 1))
    if too_many:
        views = '<p class="soft">Left out: the page holds as many pictures as it may.</p>'
    words = [f"<p><strong>{as_html(flip.question, _LONG)}</strong></p>"] if flip.question else []
    right, before, after = told(flip, _LONG)
    if right:
        words.append(f'<p><span class="soft">Right:</span> {as_html(right, _LONG)}</p>')
    if flip.baseline_answer is None or before is not None or after is not None or flip.candidate_error:
        words.append(f'<div class="answers">{_before(flip, before)}{_after(flip, after)}</div>')
    named = f"<bdi>{as_html(flip.id)}</bdi> of <bdi>{as_html(flip.task)}</bdi>"
    return (
        f'<article class="flip"><h3>{named}</h3><small>{as_html(flip.metric)} {signed(flip.change)}</small>'
        f'<div class="both"><div class="views">{views}</div><div class="words">{"".join(words)}</div></div></article>\n'
    )


def _before(flip: Flip, answer: str | None) -> str:
    unknown = "not known: a baseline file holds no answers" if flip.baseline_answer is None else _UNTOLD
    return _answer("Baseline", answer, unknown)


def _after(flip: Flip, answer: str | None) -> str:
    error = f"failed: {inert(flip.candidate_error, SENTENCE)}" if flip.candidate_error else ""
    return _answer("Candidate", None if error else answer, error or _UNTOLD)


def _answer(who: str, answer: str | None, unknown: str) -> str:
    soft = ' class="soft"' if answer in (None, EMPTY) else ""
    shown = f"<p{soft}>{as_html(unknown if answer is None else answer, _LONG)}</p>"
    return f"<div><small>{who}</small>{shown}</div>"


def _picture(png: bytes, place: int) -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="Picture {place} of the sample" src="data:image/png;base64,{data}">'
