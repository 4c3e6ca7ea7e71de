"""Answers of a reference model to batches: text, log-probabilities of options, tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from velm_bench.reference.layers import Cache
from velm_bench.reference.modelling import VelmForGeneration
from velm_bench.reference.processing import EOS, PAD, SPECIAL, TAG, windows
from velm_bench.reference.settings import PADDING
from velm_bench.samples import Pixels

_OPTION_TOKENS = 192
_WINDOW = 64
_WINDOWS_AT_ONCE = 64


@dataclass(frozen=True)
class Asked:
    """A request made ready: the picture at the model's size, the prompt's tokens, and what its kind adds."""

    pixels: Pixels
    sighted: bool
    """Whether there is a picture at all."""
    prompt: tuple[int, ...]
    new_tokens: int = 0
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
    cache: list[Cache]
    counts: Tensor
    """Which cached positions hold something, (batch, past)."""
    lengths: Tensor
    """Tokens per prompt, (batch,)."""


class Answering:
    """A model on a device, in inference."""

    def __init__(self, model: VelmForGeneration, device: str) -> None:
        self.model = model
        nn.Module.to(model, torch.device(device)).train(False)
        self.device = torch.device(device)
        self.silent = torch.tensor([i for i in range(len(SPECIAL)) if i != EOS], device=self.device)

    @torch.inference_mode()
    def generate(self, asked: Sequence[Asked]) -> list[list[int]]:
        """The tokens that follow each prompt, up to the end token, which is left out."""
        read = self._read(asked)
        room = self.model.context - read.lengths
        limits = torch.tensor([one.new_tokens for one in asked], device=self.device).minimum(room)
        draws = [torch.Generator().manual_seed(one.seed) for one in asked]
        written = torch.full((len(asked), int(limits.max())), EOS, device=self.device)
        open_rows, state = limits > 0, read.last
        for step in range(written.shape[1]):
            token = torch.where(open_rows, self._next(state, asked, draws), EOS)
            written[:, step] = token
            open_rows = open_rows & (token != EOS) & (step + 1 < limits)
            if not bool(open_rows.any()):
                break
            state = self._append(read, token, step)
        return [_until_end(row) for row in written.tolist()]

    def _append(self, read: _Read, token: Tensor, step: int) -> Tensor:
        """The hidden state (batch, width) after one more token per row."""
        positions = (read.lengths + step).clamp(max=self.model.context - 1)[:, None]
        segments = torch.zeros_like(positions)
        states, read.cache = self.model.carry_on(token[:, None], positions, segments, read.cache, read.counts)
        read.counts = torch.cat([read.counts, torch.ones_like(read.counts[:, :1])], 1)
        return states[:, -1]

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
        tokens = torch.full((len(chunk), length), PAD)
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
        states, _ = self.model.carry_on(tokens, positions, segments, read.cache, read.counts)
        later = self.model.head(states).float().log_softmax(2).cpu()
        return [_sums(first[row].cpu(), later[row], options) for row, options in enumerate(chunk)]

    @torch.inference_mode()
    def tag(self, asked: Sequence[Asked], tags: Sequence[str]) -> list[list[str]]:
        """A tag per word; a long sentence is read in windows, each with the whole picture."""
        pieces = [
            (row, span) for row, one in enumerate(asked) for span in windows([len(word) for word in one.words], _WINDOW)
        ]
        found: list[list[str]] = [[] for _ in asked]
        for start in range(0, len(pieces), _WINDOWS_AT_ONCE):
            some = pieces[start : start + _WINDOWS_AT_ONCE]
            logits, heads = self._window_logits([asked[row] for row, _ in some], [span for _, span in some])
            for piece, (row, _) in enumerate(some):
                found[row] += _allowed(logits[piece][heads[piece]], tags, asked[row].labels)
        return found

    def _window_logits(
        self, asked: Sequence[Asked], spans: Sequence[tuple[int, int]]
    ) -> tuple[Tensor, list[list[int]]]:
        """Tag logits (windows, length, tags) and where the words of each window begin."""
        rows, heads = [], []
        for one, span in zip(asked, spans, strict=True):
            row, begins = [*one.prompt[-_WINDOW // 2 :], TAG], []
            for word in one.words[slice(*span)]:
                begins.append(len(row))
                row += word[:_WINDOW]
            rows.append(row[: self.model.context])
            heads.append([min(begin, self.model.context - 1) for begin in begins])
        length = max(map(len, rows))
        tokens, real = _padded(rows, length, left=False)
        tokens, real = tokens.to(self.device), real.to(self.device)
        positions = torch.arange(length, device=self.device).expand(len(rows), -1)
        segments = torch.where(real, 0, PADDING)
        states, _ = self.model(self._pixels(asked), tokens, positions, segments, real, self._sighted(asked))
        return self.model.tagger(states).float().cpu(), heads

    def _read(self, asked: Sequence[Asked]) -> _Read:
        tokens, real = _padded([one.prompt for one in asked], max(len(one.prompt) for one in asked), left=True)
        tokens, real = tokens.to(self.device), real.to(self.device)
        states, cache, counts = self.model.read(self._pixels(asked), self._sighted(asked), tokens, real)
        return _Read(states[:, -1], cache, counts, real.sum(1))

    def _pixels(self, asked: Sequence[Asked]) -> Tensor:
        return torch.from_numpy(np.stack([one.pixels for one in asked])).to(self.device)

    def _sighted(self, asked: Sequence[Asked]) -> Tensor:
        return torch.tensor([one.sighted for one in asked], device=self.device)


def _padded(rows: Sequence[Sequence[int]], length: int, left: bool) -> tuple[Tensor, Tensor]:
    """Rows of tokens in one array (rows, length), and where it holds them."""
    tokens = torch.full((len(rows), length), PAD)
    real = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, row in enumerate(rows):
        place = slice(length - len(row), length) if left else slice(0, len(row))
        tokens[i, place] = torch.tensor(row)
        real[i, place] = True
    return tokens, real


def _until_end(row: list[int]) -> list[int]:
    return row[: row.index(EOS)] if EOS in row else row


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
