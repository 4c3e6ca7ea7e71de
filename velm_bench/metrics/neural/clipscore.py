"""CLIPScore and RefCLIPScore (Hessel et al. 2021) with any CLIP-like checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from velm_bench.errors import SampleError
from velm_bench.metrics.base import Array, MetricInputError, MetricUnavailableError, aligned, divide, text_pairs
from velm_bench.metrics.neural.checkpoints import Checkpoint, load, load_image_processor, load_tokenizer
from velm_bench.metrics.neural.encoders import BATCH, NeuralMetric, embed, encodable, longest, unit
from velm_bench.metrics.parts import two_parts
from velm_bench.samples import ArrayPicture, EncodedPicture, Picture, Sample

WEIGHT = 2.5
"""w of the paper, which spreads the scores over 0 to 1."""
PROMPT = "A photo depicts "
"""Stands before every caption, candidate or reference."""

Compared = tuple[Picture, list[str]]


class ClipScore(NeuralMetric):
    """CLIPScore: 2.5 * max(cos(image, caption), 0), and RefCLIPScore, its harmonic mean with the references.

    RefCLIPScore takes the largest max(cos(reference, caption), 0) over the references. Every text stands behind
    "A photo depicts " and is cut to what the model reads. References are pairs (images, captions) with one image: a
    `Picture`, a path, or an array of pixels (height, width, 3), uint8.
    """

    name = "clipscore"
    takes = "a CLIP checkpoint"
    outputs = ("clipscore", "ref_clipscore")

    @property
    def signature(self) -> str:  # type: ignore[override]
        """Names the checkpoint's files by their digest, which takes them to be here."""
        return f"clipscore|{self.checkpoint.signed}|w:{WEIGHT}|prompt:{PROMPT.strip()}|fp32|refs:max|v:1"

    def reference(self, sample: Sample) -> Any:
        """The pictures, undecoded, and the captions."""
        return sample.images, list(sample.references)

    def pairs(self, predictions: Sequence[Any], references: Sequence[Any]) -> list[tuple[str | None, Any]]:
        """The pictures of failed samples are not looked at."""
        aligned(predictions, references)
        pictures, captions = two_parts(references, "the image and the captions")
        texts = text_pairs(predictions, captions, self.name)
        return [
            (text, (None if text is None else _one_picture(images, row), golden))
            for row, ((text, golden), images) in enumerate(zip(texts, pictures, strict=True))
        ]

    def open(self) -> Callable[[Sequence[tuple[str, Any]]], Array]:
        return Clip(self.checkpoint).score


def _one_picture(images: Any, row: int) -> Picture:
    if not isinstance(images, Sequence) or isinstance(images, str | bytes) or len(images) != 1:
        count = len(images) if isinstance(images, Sequence) and not isinstance(images, str | bytes) else "no list of"
        raise MetricInputError(f" has {count} images: clipscore needs one.", row)
    (image,) = images
    if isinstance(image, str | Path):
        return EncodedPicture(Path(image))
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3):
        return ArrayPicture(image)
    if not isinstance(image, Picture):
        raise MetricInputError(f": the image is of type {type(image).__name__}: give a path or pixels.", row)
    return image


class Clip:
    """A loaded CLIP-like model: embeddings of pictures and texts in one space."""

    def __init__(self, checkpoint: Checkpoint, batch: int = BATCH) -> None:
        self.model = load(checkpoint)
        if not all(hasattr(self.model, f"get_{what}_features") for what in ("text", "image")):
            raise MetricUnavailableError(
                f"The checkpoint '{checkpoint.name}' ({type(self.model).__name__}) does not embed images and texts in "
                "one space: name a CLIP-like one."
            )
        self.tokenizer, self.processor = load_tokenizer(checkpoint), load_image_processor(checkpoint)
        text = self.model.config.text_config
        self.longest, self.batch = longest(self.tokenizer, text), batch
        # SigLIP reads what stands at the last place, and was trained with that place always filled up.
        self.padding = "max_length" if text.model_type.startswith("siglip") else False

    def score(self, pairs: Sequence[tuple[str, Compared]]) -> Array:
        """CLIPScore and RefCLIPScore of captions, shape (captions, 2)."""
        texts = list(dict.fromkeys(text for caption, (_, golden) in pairs for text in (caption, *golden)))
        vectors = dict(zip(texts, self.texts(texts), strict=True))
        captions = np.stack([vectors[caption] for caption, _ in pairs])
        pictures = self.pictures([image for _, (image, _) in pairs])
        plain = WEIGHT * np.maximum((pictures * captions).sum(axis=-1), 0.0)
        nearest = [max(float(vectors[text] @ vectors[caption]) for text in golden) for caption, (_, golden) in pairs]
        golden = np.maximum(np.asarray(nearest), 0.0)
        return np.stack([plain, divide(2 * plain * golden, plain + golden)], axis=-1)

    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts behind the prompt, shape (texts, d)."""
        prompted = [PROMPT + encodable(text) for text in texts]
        tokens = self.tokenizer(prompted, truncation=True, max_length=self.longest, padding=self.padding)["input_ids"]
        found = embed(tokens, self._text_features, self.model.device, self.batch)
        return unit(np.stack(found))

    def _text_features(self, ids: Any) -> Any:
        return self.model.get_text_features(input_ids=ids).pooler_output

    def pictures(self, pictures: Sequence[Picture]) -> Array:
        """Unit vectors of pictures, shape (pictures, d)."""
        import torch

        found = []
        for start in range(0, len(pictures), self.batch):
            pixels = self._pixels(pictures[start : start + self.batch])
            with torch.inference_mode():
                features = self.model.get_image_features(pixel_values=pixels.to(self.model.device)).pooler_output
            found.append(features.float().cpu().numpy())
        return unit(np.concatenate(found))

    def _pixels(self, pictures: Sequence[Picture]) -> Any:
        """What the model sees, shape (pictures, 3, height, width)."""
        from PIL import Image

        try:
            decoded = [Image.fromarray(picture.decode()) for picture in pictures]
        except SampleError as error:
            raise MetricInputError(f"CLIPScore needs every image: {error}") from error
        return self.processor(images=decoded, return_tensors="pt")["pixel_values"]
