"""One sample, large: the question, what is right, and what each model said, as text that stays text.

Everything that comes from a submission or a data set goes through `said`, which leaves nothing to be interpreted. What
is right and wrong is told by signs and words; colour only repeats it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import common
import streamlit as st

from velm_bench.board.pages.details import ModelAnswer, SampleDetail
from velm_bench.inert import inert
from velm_bench.iob import entities

LIKELIEST = 6
"""How many options are shown with their probabilities."""
CSS = """<style>
.sv {--good: light-dark(#0b7a55, #4ade9f); --bad: light-dark(#b3261e, #ff9d94);
  --line: color-mix(in srgb, currentColor 22%, transparent);
  --soft: color-mix(in srgb, currentColor 4%, transparent);
  --bar: light-dark(#7cc9bf, #23786e); display: grid; gap: 0.85rem;
  overflow-wrap: anywhere; line-height: 1.45;}
.sv .label {font-size: 0.78rem; opacity: 0.72; margin: 0 0 0.15rem;}
.sv .chips {display: flex; flex-wrap: wrap; gap: 0.35rem;}
.sv .chip {border: 1px solid var(--line); border-radius: 0.4rem; padding: 0.05rem 0.5rem; font-size: 0.85rem;}
.sv .asked {font-size: 1.2rem; font-weight: 600; margin: 0;}
.sv .answers {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); gap: 0.7rem;}
.sv .answers.lines {grid-template-columns: 1fr;}
.sv article {border: 1px solid var(--line); border-top: 3px solid var(--line); border-radius: 0.5rem;
  padding: 0.6rem 0.8rem 0.7rem; background: var(--soft); min-width: 0;}
.sv article.good {border-top-color: var(--good);}
.sv article.bad {border-top-color: var(--bad);}
.sv header {display: flex; flex-wrap: wrap; gap: 0.1rem 0.8rem; font-size: 0.86rem; margin-bottom: 0.3rem;
  justify-content: space-between;}
.sv .verdict {font-weight: 600; white-space: nowrap;}
.sv .good > header .verdict, .sv mark.good {color: var(--good);}
.sv .bad > header .verdict, .sv mark.bad {color: var(--bad);}
.sv .text {font-size: 1.08rem; margin: 0; white-space: pre-wrap;}
.sv .quiet {opacity: 0.72; font-size: 0.86rem; margin: 0.3rem 0 0;}
.sv .tokens {font-size: 1.05rem; line-height: 2; margin: 0;}
.sv mark {background: transparent; color: inherit; border: 1.5px solid currentColor; border-radius: 0.35rem;
  padding: 0.08rem 0.35rem; white-space: nowrap;}
.sv mark.bad {border-style: dashed;}
.sv mark small {font-size: 0.7rem; font-weight: 700; letter-spacing: 0.02em; margin-left: 0.3rem;}
.sv .bars {display: grid; grid-template-columns: minmax(4rem, max-content) 1fr max-content; gap: 0.15rem 0.6rem;
  font-size: 0.84rem; margin: 0.5rem 0 0; align-items: center;}
.sv .bars b {font-weight: 400;}
.sv .bars i {background: var(--bar); height: 0.6rem; border-radius: 0.15rem; min-width: 1px;}
.sv details {font-size: 0.86rem;} .sv summary {cursor: pointer; opacity: 0.8;}
.sv details p {margin: 0.3rem 0 0; white-space: pre-wrap;}
</style>"""


def question(detail: SampleDetail, kind: str) -> None:
    """What was asked, and what is right."""
    pieces = [_chips(f"{name} {value}" for name, value in detail.slices.items())]
    if detail.question:
        pieces.append(f'<p class="asked">{said(detail.question)}</p>')
    pieces.append(_references(detail, kind))
    if detail.options:
        pieces.append(f'<div><p class="label">Options</p>{_chips(detail.options)}</div>')
    if detail.prompt and detail.prompt != detail.question:
        pieces.append(f"<details><summary>The prompt as it was asked</summary><p>{said(detail.prompt)}</p></details>")
    st.html(f'{CSS}<div class="sv">{"".join(pieces)}</div>')


def answers(detail: SampleDetail, kind: str) -> None:
    """What the models said, side by side."""
    gold = detail.references if kind == "ner" else ()
    wide = " lines" if kind == "ner" else ""
    shown = "".join(_answer(one, detail.tokens, gold, kind) for one in detail.answers)
    st.html(f'{CSS}<div class="sv"><div class="answers{wide}">{shown}</div></div>')


def said(text: str) -> str:
    """Text of others for a page: harmless letters, nothing that could be markup."""
    return html.escape(inert(text, 4000), quote=True)


def pictures(detail: SampleDetail) -> None:
    """The pictures, sharp however small they are; a sentence where they are not shown."""
    if detail.note:
        common.plain(detail.note, quiet=True)
    if not detail.pictures:
        return
    with st.container(horizontal=True):
        for place, picture in enumerate(detail.pictures, 1):
            many = f" {place} of {len(detail.pictures)}" if len(detail.pictures) > 1 else ""
            st.image(
                picture,
                width=448 if len(detail.pictures) == 1 else 260,
                output_format="PNG",  # else Streamlit makes a JPEG of it
                alt=f"Picture{many} of {inert(detail.id)}",
            )


def _references(detail: SampleDetail, kind: str) -> str:
    if kind == "ner":
        return f'<div><p class="label">Right</p>{_tokens(detail.tokens, detail.references)}</div>'
    if not detail.references:
        return '<p class="quiet">Nothing is right here.</p>'
    if max(map(len, detail.references)) > 40:
        lines = "".join(f'<p class="text" style="font-size: 0.95rem">{said(one)}</p>' for one in detail.references)
        return f'<div><p class="label">References</p>{lines}</div>'
    return f'<div><p class="label">Right</p>{_chips(detail.references)}</div>'


def _answer(one: ModelAnswer, tokens: Sequence[str], gold: Sequence[str], kind: str) -> str:
    tone = "bad" if one.error else {True: "good", False: "bad", None: ""}[one.right]
    verdict = "⚠ error" if one.error else {True: "✓ right", False: "✗ wrong", None: ""}[one.right]
    score = "" if one.score is None else f"{one.score:.3f}".rstrip("0").rstrip(".")
    head = f'<span>{said(one.letter)}&ensp;{said(one.model)}</span><span class="verdict">{verdict}</span>'
    points = f'<p class="quiet">score {score}</p>' if score else ""
    return f'<article class="{tone}"><header>{head}</header>{_body(one, tokens, gold, kind)}{points}</article>'


def _body(one: ModelAnswer, tokens: Sequence[str], gold: Sequence[str], kind: str) -> str:
    if one.error:
        return f'<p class="text">{said(one.error)}</p>'
    written = f"<details><summary>What it wrote</summary><p>{said(one.raw)}</p></details>" if one.raw else ""
    if kind == "ner":
        return _tokens(tokens, one.tags, gold) + _missed(tokens, one.tags, gold) + written
    text = said(one.text) or '<span class="quiet">nothing that could be read</span>'
    return f'<p class="text">{text}</p>{_bars(one)}{written}'


def _bars(one: ModelAnswer) -> str:
    if not one.probabilities:
        return ""
    rows = "".join(
        f'<b>{said(name)}</b><i style="width: {100 * min(1.0, max(0.0, share)):.1f}%"></i>'
        f"<span>{100 * share:.1f} %</span>"
        for name, share in one.probabilities[:LIKELIEST]
    )
    return f'<div class="bars" role="group" aria-label="Probabilities of the likeliest options">{rows}</div>'


def _tokens(tokens: Sequence[str], tags: Sequence[str], gold: Sequence[str] | None = None) -> str:
    """The sentence with its entities framed; with `gold`, each says whether it is right."""
    words = list(tokens) if len(tokens) == len(tags) else [f"[{place}]" for place in range(1, len(tags) + 1)]
    right = None if gold is None else set(entities(gold))
    pieces: list[str] = []
    at = 0
    for entity in entities(tags):
        kind, start, end = entity
        pieces += [said(word) for word in words[at:start]]
        pieces.append(_entity(" ".join(words[start:end]), kind, None if right is None else entity in right))
        at = end
    pieces += [said(word) for word in words[at:]]
    return f'<p class="tokens">{" ".join(pieces)}</p>'


def _entity(words: str, kind: str, right: bool | None) -> str:
    tone = {True: "good", False: "bad", None: ""}[right]
    sign = {True: " ✓", False: " ✗", None: ""}[right]
    return f'<mark class="{tone}">{said(words)}<small>{said(kind)}{sign}</small></mark>'


def _missed(tokens: Sequence[str], tags: Sequence[str], gold: Sequence[str]) -> str:
    """The entities that were not found as they are."""
    found = set(entities(tags))
    words = list(tokens) if len(tokens) == len(gold) else [f"[{place}]" for place in range(1, len(gold) + 1)]
    missed = [
        f"{' '.join(words[start:end])} {kind}" for kind, start, end in entities(gold) if (kind, start, end) not in found
    ]
    return f'<p class="quiet">missed: {said(", ".join(missed))}</p>' if missed else ""


def _chips(texts: Iterable[str]) -> str:
    shown = "".join(f'<span class="chip">{said(text)}</span>' for text in texts)
    return f'<div class="chips">{shown}</div>' if shown else ""
