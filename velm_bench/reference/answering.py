"""Answers of a reference model to batches: text, log-probabilities of options, tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from velm_bench.reference.modelling import Past, VelmForGeneration
from velm_bench.reference.processing import windows
from velm_bench.reference.settings import PADDING
from velm_bench.samples import Pixels

_OPTION_TOKENS = 192
"""Of options, weighed at a time per request."""
_PROMPT = 32
"""The tokens, its last, of a prompt before words to be tagged."""
_WINDOW = 64
"""Of words, tagged at a time."""
_WINDOWS_AT_ONCE = 64
_TEXTS = 256
"""Embedded at a time."""


@dataclass(frozen=True)
class Asked:
    """A request made ready: the picture at the model's size, the prompt's tokens, and what its kind adds."""

    pixels: Pixels | None
    """None for a model that sees none."""
    sighted: bool
    """Whether there is a picture at all."""
    prompt: tuple[int, ...]
    new_tokens: int = 0
    beams: int = 1
    temperature: float = 0.0
    seed: int = 0
    """Of the sampling, where there is a temperature."""
    options: tuple[tuple[int, ...], ...] = ()
    """Each with the end token."""
    words: tuple[tuple[int, ...], ...] = ()
    labels: tuple[str, ...] = ()


@dataclass
class _Read:
    """Prompts as the model has read them."""

    last: Tensor
    """The last hidden state of each, (batch, width)."""
    past: Past
    lengths: Tensor
    """Tokens per prompt, (batch,)."""


class Answering:
    """A model on a device, in inference."""

    def __init__(self, model: VelmForGeneration, device: str) -> None:
        self.model = model
        nn.Module.to(model, torch.device(device)).train(False)
        self.device = torch.device(device)
        self.end, self.padding = model.config.eos_token_id, model.config.pad_token_id
        self.silent = torch.tensor(model.silent, device=self.device)

    @torch.inference_mode()
    def generate(self, asked: Sequence[Asked]) -> list[list[int]]:
        """The tokens that follow each prompt, up to the end token, which is left out."""
        alike: dict[tuple[int, int, bool], list[int]] = {}
        for number, one in enumerate(asked):
            room = min(one.new_tokens, self.model.context - len(one.prompt))
            key = (1, 0, True) if one.beams == 1 else (one.beams, room, one.sighted)
            alike.setdefault(key, []).append(number)
        found: dict[int, list[int]] = {}
        for (beams, room, sighted), numbers in alike.items():
            some = [asked[number] for number in numbers]
            written = self._written(some) if beams == 1 else self._searched(some, beams, room, sighted)
            found |= zip(numbers, written, strict=True)
        return [found[number] for number in range(len(asked))]

    def _searched(self, asked: Sequence[Asked], beams: int, room: int, sighted: bool) -> list[list[int]]:
        """The best texts of transformers' beam search, whose rows are all of so many new tokens at most."""
        if room < 1:
            return [[] for _ in asked]
        sighted = sighted and self.model.vision is not None
        visual = [self.model.config.image_token_id] * (self.model.fusion.tokens if sighted else 0)
        rows = [[*visual, *one.prompt] for one in asked]
        tokens, real = self._padded(rows, max(map(len, rows)), left=True)
        searched = self.model.generate(
            tokens.to(self.device),
            attention_mask=real.long().to(self.device),
            pixel_values=self._pictures(asked)["pixels"] if sighted else None,
            num_beams=beams,
            do_sample=False,
            max_new_tokens=room,
        )
        return [_until(self.end, _until(self.padding, row)) for row in searched[:, tokens.shape[1] :].tolist()]

    def _written(self, asked: Sequence[Asked]) -> list[list[int]]:
        """The likeliest or drawn texts, token by token."""
        read = self._read(asked)
        room = self.model.context - read.lengths
        limits = torch.tensor([one.new_tokens for one in asked], device=self.device).minimum(room)
        draws = [torch.Generator().manual_seed(one.seed) for one in asked]
        written = torch.full((len(asked), int(limits.max())), self.end, device=self.device)
        open_rows, state = limits > 0, read.last
        for step in range(written.shape[1]):
            token = torch.where(open_rows, self._next(state, asked, draws), self.end)
            written[:, step] = token
            open_rows = open_rows & (token != self.end) & (step + 1 < limits)
            if not bool(open_rows.any()):
                break
            state = self._append(read, token, step)
        return [_until(self.end, row) for row in written.tolist()]

    def _append(self, read: _Read, token: Tensor, step: int) -> Tensor:
        """The hidden state (batch, width) after one more token per row."""
        positions = (read.lengths + step).clamp(max=self.model.context - 1)[:, None]
        segments = torch.zeros_like(positions)
        return self.model.carry_on(token[:, None], positions, segments, read.past)[:, -1]

    def _next(self, state: Tensor, asked: Sequence[Asked], draws: Sequence[torch.Generator]) -> Tensor:
        """The next token of each row: the likeliest, or one drawn at its temperature."""
        logits = self.model.head(state).float().index_fill(1, self.silent, -torch.inf)
        token: Tensor = logits.argmax(1)
        for row, one in enumerate(asked):
            if one.temperature > 0:
                odds = (logits[row] / one.temperature).softmax(0).cpu()
                token[row] = torch.multinomial(odds, 1, generator=draws[row])[0]
        return token

    @torch.inference_mode()
    def choose(self, asked: Sequence[Asked]) -> list[list[float]]:
        """A log-probability per option: its tokens' (the end included) summed, then normalised over the options.

        Picture and prompt are read once; the options follow side by side without seeing each other.
        """
        if self.model.embedder is not None and self.model.config.settings.fusion.kind == "contrastive":
            return self._likeness(asked)
        read = self._read(asked)
        first = self.model.head(read.last).float().log_softmax(1)
        spans = [windows([len(option) for option in one.options], _OPTION_TOKENS) for one in asked]
        sums: list[list[float]] = [[] for _ in asked]
        for part in range(max(map(len, spans), default=0)):
            chunk = [
                one.options[slice(*ranges[part])] if part < len(ranges) else ()
                for one, ranges in zip(asked, spans, strict=True)
            ]
            for row, values in enumerate(self._likelihoods(read, first, chunk)):
                sums[row] += values
        return [torch.tensor(row, dtype=torch.float64).log_softmax(0).tolist() for row in sums]

    def _likelihoods(self, read: _Read, first: Tensor, chunk: Sequence[Sequence[Sequence[int]]]) -> list[list[float]]:
        """The summed log-probabilities of some options per row; `first` (batch, words) is what follows the prompt."""
        # Of each option all tokens but the last are read; each position then predicts the token after it.
        length = max(1, max(sum(len(option) - 1 for option in options) for options in chunk))
        tokens = torch.full((len(chunk), length), self.padding)
        segments, places = torch.full_like(tokens, PADDING), torch.zeros_like(tokens)
        for row, options in enumerate(chunk):
            at = 0
            for number, option in enumerate(options):
                end = at + len(option) - 1
                tokens[row, at:end] = torch.tensor(option[:-1])
                segments[row, at:end] = number
                places[row, at:end] = torch.arange(end - at)
                at = end
        tokens, segments, places = (tensor.to(self.device) for tensor in (tokens, segments, places))
        positions = (places + read.lengths[:, None]).clamp(max=self.model.context - 1)
        before = read.past.counts
        states = self.model.carry_on(tokens, positions, segments, read.past)
        read.past.back_to(before)
        later = self.model.head(states).float().log_softmax(2).cpu()
        return [_sums(first[row].cpu(), later[row], options) for row, options in enumerate(chunk)]

    @torch.inference_mode()
    def tag(self, asked: Sequence[Asked], tags: Sequence[str]) -> list[list[str]]:
        """A tag per word; a long sentence is read in windows, each with the whole picture."""
        pieces = [
            (row, span)
            for row, one in enumerate(asked)
            for span in windows([len(word) for word in one.words], self._window(one))
        ]
        found: list[list[str]] = [[] for _ in asked]
        for start in range(0, len(pieces), _WINDOWS_AT_ONCE):
            some = pieces[start : start + _WINDOWS_AT_ONCE]
            logits, heads = self._window_logits([asked[row] for row, _ in some], [span for _, span in some])
            for piece, (row, _) in enumerate(some):
                found[row] += _allowed(logits[piece][heads[piece]], tags, asked[row].labels)
        return found

    def _window(self, one: Asked) -> int:
        """The most tokens of words that are tagged at a time, so that they fit beside the request's prompt."""
        return min(_WINDOW, self.model.context - 1 - len(one.prompt[-_PROMPT:]))

    def _window_logits(
        self, asked: Sequence[Asked], spans: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, list[list[int]]]:
        """Tag logits (windows, length, tags) and where the words of each window begin."""
        rows, heads = [], []
        for one, span in zip(asked, spans, strict=True):
            row, begins = [*one.prompt[-_PROMPT:], self.model.config.tag_token_id], []
            for word in one.words[slice(*span)]:
                begins.append(len(row))
                row += word[: self._window(one)]
            rows.append(row)
            heads.append(begins)
        length = max(map(len, rows))
        tokens, real = self._padded(rows, length, left=False)
        tokens, real = tokens.to(self.device), real.to(self.device)
        positions = torch.arange(length, device=self.device).expand(len(rows), -1)
        states, _ = self.model.read_packed(self._packed(tokens, positions, real) | self._pictures(asked))
        return self.model.tagger(states).float().cpu(), heads

    def _read(self, asked: Sequence[Asked]) -> _Read:
        tokens, real = self._padded([one.prompt for one in asked], max(len(one.prompt) for one in asked), left=True)
        tokens, real = tokens.to(self.device), real.to(self.device)
        pictures = self._pictures(asked)
        states, past = self.model.read(pictures.get("pixels"), pictures["sighted"], tokens, real)
        return _Read(states[:, -1], past, real.sum(1))

    def _pictures(self, asked: Sequence[Asked]) -> dict[str, Tensor]:
        """Pixels, where the model sees, and whether there is a picture."""
        sighted = torch.tensor([one.sighted for one in asked], device=self.device)
        if self.model.vision is None:
            return {"sighted": sighted}
        return {"pixels": self._pixels(asked), "sighted": sighted}

    def _pixels(self, asked: Sequence[Asked]) -> Tensor:
        """The pictures of requests, (requests, size, size, 3) uint8."""
        held = [one.pixels for one in asked if one.pixels is not None]
        if len(held) < len(asked):
            raise ValueError("a model that sees needs pixels, of a blank picture where there is none")
        return torch.from_numpy(np.stack(held)).to(self.device)

    def _packed(self, tokens: Tensor, positions: Tensor, real: Tensor) -> dict[str, Tensor]:
        """One segment per row, read in both directions, as a packed batch."""
        segments = torch.where(real, 0, PADDING)
        told = torch.zeros(len(tokens), dtype=torch.bool, device=self.device)
        return {"tokens": tokens, "positions": positions, "segments": segments, "both_ways": real, "prompts": real} | {
            "told": told
        }

    def _padded(self, rows: Sequence[Sequence[int]], length: int, left: bool) -> tuple[Tensor, Tensor]:
        """Rows of tokens in one array (rows, length), and where it holds them."""
        tokens = torch.full((len(rows), length), self.padding)
        real = torch.zeros(len(rows), length, dtype=torch.bool)
        for i, row in enumerate(rows):
            place = slice(length - len(row), length) if left else slice(0, len(row))
            tokens[i, place] = torch.tensor(row)
            real[i, place] = True
        return tokens, real

    @torch.inference_mode()
    def embed_pictures(self, asked: Sequence[Asked]) -> Tensor:
        """A unit vector per picture, (pictures, embedding)."""
        return self.model.embed_pictures(self.model.look(self._pixels(asked))).float().cpu()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """A unit vector per text of tokens, the end token among them, (texts, embedding), whatever the picture."""
        length = min(max(map(len, texts)), self.model.context)
        tokens, real = self._padded([text[-length:] for text in texts], length, left=True)
        tokens, real = tokens.to(self.device), real.to(self.device)
        unseen = torch.zeros(len(texts), dtype=torch.bool, device=self.device)
        states, _ = self.model.read(None, unseen, tokens, real)
        return self.model.embed_texts(states[:, -1]).float().cpu()

    def _likeness(self, asked: Sequence[Asked]) -> list[list[float]]:
        """Log-probabilities of a contrastive model's options: how alike each text is to the picture, normalised."""
        assert self.model.embedder is not None
        pictures = self.embed_pictures(asked)
        unique = list(dict.fromkeys((*one.prompt, *option) for one in asked for option in one.options))
        places = {text: place for place, text in enumerate(unique)}
        spans = [unique[start : start + _TEXTS] for start in range(0, len(unique), _TEXTS)]
        texts = torch.cat([torch.empty(0, pictures.shape[1]), *map(self.embed_texts, spans)])
        slope = float(self.model.embedder.slope.exp())
        found = []
        for one, picture in zip(asked, pictures, strict=True):
            rows = torch.tensor([places[(*one.prompt, *option)] for option in one.options], dtype=torch.long)
            alike = (texts[rows] @ picture).double() * slope if one.sighted else torch.zeros(len(rows))
            found.append(alike.log_softmax(0).tolist())
        return found


def _until(end: int, row: list[int]) -> list[int]:
    return row[: row.index(end)] if end in row else row


def _sums(first: Tensor, later: Tensor, options: Sequence[Sequence[int]]) -> list[float]:
    """Summed log-probabilities: an option's first token under `first` (words,), the others under `later` (n, words)."""
    sums, at = [], 0
    for option in options:
        follow = torch.tensor(option[1:], dtype=torch.long)
        rest = later[at : at + len(follow)].gather(1, follow[:, None]).double().sum()
        sums.append(float(first[option[0]].double() + rest))
        at += len(follow)
    return sums


def _allowed(logits: Tensor, tags: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The likeliest tag per word, logits (words, tags), among the labels that the request allows."""
    rows = [i for i, tag in enumerate(tags) if not labels or tag in labels]
    if not rows:
        return ["O" if "O" in labels else labels[0]] * len(logits)
    return [tags[rows[int(best)]] for best in logits[:, rows].argmax(1)]
