"""Lines that are hard to tokenise: a deterministic generator that glues words, numbers and marks in every way."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence

MARKS = list(".,!?;:'\"()[]{}-–—…“”‘’`/&%$#@+*=_~|\\^<>")
MARKS += "-- --- ... .. '' `` !! ?! :) ;) :-( 🙂 👍🏽 é 日本 \u00a0 ½ ² € £ ☀ \u0301 ß İ Я \u200d \ufe0f \xad".split(
    " "
)
CLITICS = "'s 'd 'll 're 've 'm n't 'S N'T 'LL 'Ve ’s n’t s' in'".split()
WORDS = """
    a an the dog dogs man woman street tennis red and of on in to is with near playing t-shirt café naïve cannot gonna
    wanna gimme em til tis twas cause ol d j l y o ca don won ain dunno rock n something somethin nothin goin iPhone
""".split()
ABBREVIATIONS = """
    mr mrs dr st ave blvd no nos fig p pp etc inc corp ltd u.s t.v a.m p.m jan sept ph.d e.g i.e vs sgt prof mass miss
    wash art tel est ext sq bancorp messrs calif lieut univ
""".split()
WHOLE = """
    http://x.com www.example.org/a?b=c me@mail.com <br/> <a href="x"> </b> &amp; 1/2 555-1234 (555) 10:30pm 12/25/2010
    1,000.50 'n' rock'n'roll o'clock C++ AT&T y'all ma'am :-) <3 .com dog.jpg 3:45 #selfie @home U.S. 90's '90s 6'2"
""".split()


class Lines:
    """A stream of lines; `real` are words of real captions."""

    def __init__(self, seed: int, real: Sequence[str] = ()) -> None:
        self.chance = random.Random(seed)
        self.words = [*WORDS, *real]

    def line(self) -> str:
        """One line, of one to eight chunks."""
        count = self.chance.choice([1, 1, 1, 2, 3, 8])
        line = " ".join(self.chunk() for _ in range(count))
        return line.replace(" ", "  ", 1) if self.chance.random() < 0.05 else line

    def long(self) -> str:
        """A line of some thousand characters, with or without spaces."""
        joint = self.chance.choice(["", " ", "-", ", "])
        return joint.join(self.chunk() for _ in range(self.chance.randint(200, 800)))

    def chunk(self) -> str:
        """A word, a number, marks, or a mixture."""
        kind = self.chance.random()
        if kind < 0.2:
            return self.chance.choice(self.words)
        if kind < 0.3:
            return self.chance.choice(WHOLE)
        if kind < 0.55:
            return self.marks(0.3) + self.core() + self.marks(0.6)
        if kind < 0.65:
            return self.core() + self.chance.choice(CLITICS) + self.marks(0.4)
        if kind < 0.85:
            joints = ["-", "-", "/", "_", "--", "—", ".", ",", "&", "'", "", self.chance.choice(MARKS)]
            parts = [self.chance.choice(joints) + self.core() for _ in range(self.chance.randint(1, 3))]
            return self.core() + "".join(parts) + self.marks(0.3)
        return self.marks(0.8) or "."

    def core(self) -> str:
        """A word in some case, or a number."""
        kind = self.chance.random()
        if kind < 0.45:
            return self.cased(self.chance.choice(self.words))
        if kind < 0.65:
            return self.cased(self.chance.choice(ABBREVIATIONS))
        if kind < 0.75:
            return self.cased("".join(self.chance.choices(string.ascii_lowercase, k=self.chance.randint(1, 4))))
        return self.number()

    def cased(self, word: str) -> str:
        """The word in lower, title, upper or mixed case."""
        mixed = "".join(self.chance.choice([letter.lower(), letter.upper()]) for letter in word)
        return self.chance.choice([word, word, word.title(), word.upper(), mixed])

    def number(self) -> str:
        """Digits with what often stands at them."""
        digits = [str(self.chance.randrange(10 ** self.chance.randint(1, 4))) for _ in range(3)]
        joint = self.chance.choice(".,:/-x")
        shapes = [digits[0], digits[0] + joint + digits[1], joint.join(digits), f"${digits[0]}", f"#{digits[0]}"]
        return self.chance.choice([*shapes, f"{digits[0]}%", f"{digits[0]}th", f"{digits[0]}pm", f"mp{digits[0]}"])

    def marks(self, more: float) -> str:
        """A run of marks; after each, another with this probability."""
        run = ""
        while self.chance.random() < more and len(run) < 6:
            run += self.chance.choice(MARKS[:24] if self.chance.random() < 0.8 else MARKS)
        return run

    def altered(self, caption: str) -> str:
        """A real caption with a few characters changed."""
        letters = list(caption)
        for _ in range(self.chance.randint(1, 4)):
            place = self.chance.randrange(len(letters) + 1)
            letters[place : place + self.chance.randint(0, 1)] = self.chance.choice(
                [self.chance.choice(MARKS), " ", ". ", " .", self.chunk(), f" {self.chunk()} ", "'s", "5"]
            )
        return "".join(letters)
