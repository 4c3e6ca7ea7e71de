"""Penn Treebank tokens of plain captions without the original tokeniser.

A caption is cut at its spaces, and each chunk goes through rules that were found by asking the original (the
PTBTokenizer of Stanford CoreNLP 3.4.1, lower-cased, the official punctuation removed) about millions of chunks: every
string of up to six letters, WordNet's vocabulary and all beginnings of its words, every character of Unicode's basic
plane, and generated mixtures. The rules cover what is certain whatever stands around a chunk; about any other chunk
they say nothing, and its caption goes to the original. That holds for abbreviations and initials with their period
("Dr.", "U.S."), whose tokens depend on the next word, for tokens that may span a space ("1 1/2", telephone numbers,
markup), for addresses, and for rare marks.
"""

from __future__ import annotations

import re

LONGEST = 100
"""A chunk of more characters is not plain."""
MOST_CHUNKS = 200_000
"""The chunks whose tokens are remembered; natural vocabularies are smaller."""

ABBREVIATIONS = frozenset(
    """
    al az ca cf co ct dr ft ga jr ky la lt md mo mr ms mt no op pa ph pp rd rt sq sr st va vs vt wm
    adj adm adv ala apr ark art aug ave bhd cie col cos cpl dak dec del det drs ens esq est etc ext feb fig fla fri gen
    gov hon ill inc ind jan jos jul jun kan ltd maj mar mfg mme mon mrs mtg neb nev nos nov oct ore pfc plc pte pty pvt
    rep rev sen sep seq sfc sgt spc ste sys tel tex thu tue wed wis wyo
    alex ariz assn asst atty bldg blvd brig bros capt cmdr colo conn corp dept elec figs govs insp intl invt kans mass
    mich minn miss mlle mont msgr natl okla penn ppte ppty pres prof prop ptes ptys reps sens sept supt tenn tues univ
    wash wisc
    assoc attys calif comdr lieut pptes pptys profs supts thurs treas messrs bancorp
    """.split()
)
"""Words that may keep their period, in some case and some context; so does any single letter."""
TWO_TOKENS = {
    "cannot": "can not",
    "gimme": "gim me",
    "gonna": "gon na",
    "gotta": "got ta",
    "lemme": "lem me",
    "wanna": "wan na",
}
ELISIONS = ("d", "j", "l", "ol")
"""They keep an apostrophe that follows: "d'", "ol'"; so do some words in -in ("somethin'", "dunkin'")."""
CLIPPED = ("em", "til", "tis", "twas", "cause")
"""They, and words that begin like them, keep an apostrophe that precedes: "'em", "'til"."""

BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

QUOTE = "['\u2019]"
LETTER = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u012f\u0131-\u017e"  # less U+0130, which lower-cases to two characters
    "\u0410-\u044f\u3041-\u3096\u4e00-\u9fa5\uac00-\ud7a3"
)
LIST = rf"[{LETTER}]+ (?: (?:--|[,\u2013\u2014\u2026]) [{LETTER}]+ )+"
"""Words without spaces between: "toilet,sink"."""
NEGATED = "[A-Za-z]* [A-MO-Za-mo-z]"
"""What may stand before "n't"; after an n, as in "mann't", other rules hold."""
NUMBER = r"[0-9]+ (?: (?: \.[0-9]+ )* | (?: ,[0-9]+ )+ | (?: :[0-9]+ )+ | (?: /[0-9]+ ){1,2} )"
THING = rf"""
    [{LETTER}0-9]+ (?: [-_][{LETTER}0-9]+ )*
  | [\#@][A-Za-z]+
  | [A-Za-z0-9]+ (?: /[A-Za-z0-9]+ ){{1,2}}
  | [A-Za-z]{{2,}} \. [A-Za-z]{{2,}}
"""
"""One token: a word, with hyphens or slashes, a hash tag, two sentences without a space ("street.The")."""
CLITIC = rf"{QUOTE} (?: [smdSMD] | ll | LL | [vr]e | [VR]E )"
BEFORE = r"""["\u201c(\[{]* ['\u2018]?"""
AFTER = r"""(?: \.++(?!,) | , | [?!]++ | ["\u201d'\u2019)\]}] )* (?: (?<!\.)[:;] )?"""

CHUNK = re.compile(
    rf"""
    (?P<before> {BEFORE} )
    (?:
      (?P<list> {LIST} )
    | (?P<negated> {NEGATED} ) (?: n{QUOTE}t | N{QUOTE}T )
    | (?: (?P<sign> [$\#] )? (?P<number> {NUMBER} ) (?P<percent> % )? | (?P<thing> {THING} ) ) (?P<clitic> {CLITIC} )?
    )
    (?P<after> {AFTER} )
    """,
    re.VERBOSE,
)
"""Marks that open, one core, marks that close."""

ALONE = {
    **dict.fromkeys("- -- --- ---- \u2013 \u2014 . .. ... .... ..... \u2026 , ; : ! ?".split(), ""),
    **dict.fromkeys("' \" '' `` ` \u2018 \u2019 \u201c \u201d".split(), ""),
    "": "",
    **{mark: mark for mark in "&+*/%#$@|~^=_"},
    **BRACKETS,
    **{clitic: clitic.lower() for clitic in "'s 'S 'm 'M 'd 'D 'll 'LL 're 'RE 've 'VE n't N'T".split()},
}
"""Chunks that are no words."""

CURLY_RUN = re.compile(r"[\u2018\u2019\u201c\u201d]['\"\u2018\u2019\u201c\u201d]|['\"][\u2018\u2019\u201c\u201d]")

EMOJI = "\U0001f000-\U0001faff\ufe0f\u200d"
EMOJI_AROUND = re.compile(f"^[{EMOJI}]+|[{EMOJI}]+$")
"""The tokeniser drops them."""

UNSURE = "\x01"
NUMERIC = "\x02"
TWO_NUMBERS = re.compile(r"[0-9][^ ]* [^ ]*[0-9]")
"""Two neighbouring chunks with digits may be one token: a fraction, a telephone number."""


class Chunks(dict[str, str]):
    """The tokens of each chunk, found when first asked for.

    UNSURE stands for chunks that need the original tokeniser, and NUMERIC follows the tokens of those that hold only
    where no neighbour has a digit. Neither can be part of a cleaned caption.
    """

    def __missing__(self, chunk: str) -> str:
        tokens = chunk_tokens(chunk)
        found = UNSURE if tokens is None else tokens + NUMERIC if any(map(str.isdecimal, chunk)) else tokens
        if len(chunk) <= LONGEST:
            if len(self) >= MOST_CHUNKS:
                self.clear()
            self[chunk] = found
        return found


_tokens_of = Chunks().__getitem__


def plain_tokens(caption: str) -> str | None:
    """The tokens of a cleaned caption joined by spaces, or None where only the original tokeniser knows them."""
    tokens = " ".join(filter(None, map(_tokens_of, caption.split(" "))))
    if UNSURE in tokens:
        return None
    if NUMERIC in tokens:
        return None if TWO_NUMBERS.search(caption) else tokens.replace(NUMERIC, "")
    return tokens


def chunk_tokens(chunk: str) -> str | None:
    """The tokens of a text without spaces, less punctuation, lower-cased and joined by spaces; None where unsure."""
    if len(chunk) > LONGEST:
        return None
    chunk = EMOJI_AROUND.sub("", chunk)
    if chunk in ALONE:
        return ALONE[chunk]
    match = CHUNK.fullmatch(chunk)
    if match is None or is_irregular(match):
        return None
    return " ".join(filter(None, [marks(match["before"]), core(match), marks(match["after"])]))


def is_irregular(match: re.Match[str]) -> bool:
    """Whether one of the exceptions applies: an abbreviation, an elision, a clipped word."""
    before, after, thing = match["before"], match["after"], (match["thing"] or "").lower()
    last = re.split(r"[-_/.,\u2013\u2014\u2026]", match["list"] or thing)[-1].lower()
    if after.startswith(".") and (len(last) == 1 or last in ABBREVIATIONS):
        return True
    if after.startswith(("'", "\u2019")) and (last in ELISIONS or last.endswith("in")):
        return True
    if match["clitic"] and thing in TWO_TOKENS:
        return True
    if CURLY_RUN.search(before) or CURLY_RUN.search(after):
        return True
    if before.endswith(("'", "\u2018")):
        return re.match("[a-z]{3}", thing) is None or thing.startswith(CLIPPED)
    return False


def core(match: re.Match[str]) -> str:
    """The tokens between the marks."""
    if match["list"]:
        words = re.split(r"--|[,\u2013\u2014\u2026]", match["list"].lower())
        return " ".join(TWO_TOKENS.get(word, word) for word in words)
    if match["negated"]:
        return f"{match['negated'].lower()} n't"
    thing = (match["thing"] or match["number"]).lower()
    parts = [match["sign"], TWO_TOKENS.get(thing, thing), match["percent"], (match["clitic"] or "").lower()]
    return " ".join(filter(None, parts)).replace("\u2019", "'")


def marks(text: str) -> str:
    """The tokens of marks around a word that are kept: brackets, and runs of ! and ?."""
    found = re.findall(r"[()\[\]{}]|[!?]{2,}", text)
    return " ".join(BRACKETS.get(mark, mark) for mark in found)
