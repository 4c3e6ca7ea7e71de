"""A few rows of every captioning task, in the schema of its public copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.tasks.hub.fixtures import Fixture, Maker, Schema, Table, picture

Rows = Sequence[Mapping[str, Any]]

SENTENCES = [
    ["A brown dog runs on the grass.", "A dog is running across a green lawn.", "The dog runs outside."],
    ["Two people ride bicycles down a street.", "A man and a woman on bikes.", "People cycling in the city."],
    ["A red bus stops beside a tall building.", "There is a bus at the bus stop.", "A red bus in front of a house."],
]
"""Captions of three pictures."""


def coco_karpathy() -> Fixture:
    schema: Schema = {
        "image": "image",
        "filepath": "string",
        "sentids": ["int32"],
        "filename": "string",
        "imgid": "int32",
        "split": "string",
        "sentences_tokens": [["string"]],
        "sentences_raw": ["string"],
        "sentences_sentid": ["int32"],
        "cocoid": "int32",
        "th_sentences_raw": ["string"],
    }

    def rows(split: str, first: int) -> Rows:
        return [
            {
                "image": picture(first + place),
                "filepath": "val2014",
                "sentids": [place * 3 + one for one in range(3)],
                "filename": f"COCO_val2014_{first + place:012d}.jpg",
                "imgid": place,
                "split": split,
                "sentences_tokens": [text.lower().rstrip(".").split() for text in texts],
                "sentences_raw": texts,
                "sentences_sentid": [place * 3 + one for one in range(3)],
                "cocoid": first + place,
                "th_sentences_raw": ["สุนัข"] * 3,
            }
            for place, texts in enumerate(SENTENCES)
        ]

    name = "patomp/thai-mscoco-2014-captions"
    tables = [Table(name, "test", schema, rows("test", 391895)), Table(name, "train", schema, rows("train", 57870))]
    return Fixture(tables, samples=3, perfect="bleu_4")


def nocaps() -> Fixture:
    schema: Schema = {
        "image": "image",
        "image_coco_url": "string",
        "image_date_captured": "string",
        "image_file_name": "string",
        "image_height": "int32",
        "image_width": "int32",
        "image_id": "int32",
        "image_license": "int8",
        "image_open_images_id": "string",
        "annotations_ids": ["int32"],
        "annotations_captions": ["string"],
    }
    rows = [
        {
            "image": picture(place),
            "image_coco_url": f"https://s3.amazonaws.com/nocaps/val/{place}.jpg",
            "image_date_captured": "2018-11-06 11:04:33",
            "image_file_name": f"{place}.jpg",
            "image_height": 5,
            "image_width": 6,
            "image_id": place,
            "image_license": 0,
            "image_open_images_id": f"0013ea2087020901{place}",
            "annotations_ids": [place * 3 + one for one in range(3)],
            "annotations_captions": texts,
        }
        for place, texts in enumerate(SENTENCES)
    ]
    return Fixture([Table("lmms-lab/NoCaps", "validation", schema, rows)], samples=3, perfect="bleu_4")


def flickr30k() -> Fixture:
    schema: Schema = {
        "image": "image",
        "alt_text": ["string"],
        "sentids": ["string"],
        "split": "string",
        "img_id": "string",
        "filename": "string",
        "original_alt_text": ["string"],
    }
    rows = [
        {
            "image": picture(place),
            "alt_text": ["A dog."],
            "sentids": [str(place * 3 + one) for one in range(3)],
            "split": "test",
            "img_id": str(67 + place),
            "filename": f"10073667{place}.jpg",
            "original_alt_text": texts,
        }
        for place, texts in enumerate(SENTENCES)
    ]
    return Fixture([Table("AnyModal/flickr30k", "test", schema, rows)], samples=3, perfect="bleu_4")


def textcaps() -> Fixture:
    schema: Schema = {
        "question_id": "string",
        "question": "string",
        "image": "image",
        "image_id": "string",
        "image_classes": ["string"],
        "flickr_original_url": "string",
        "flickr_300k_url": "string",
        "image_width": "int64",
        "image_height": "int64",
        "set_name": "string",
        "image_name": "string",
        "image_path": "string",
        "caption_id": ["int64"],
        "caption_str": ["string"],
        "reference_strs": ["string"],
    }
    rows = [
        {
            "question_id": str(place),
            "question": "Provide a one-sentence caption for the provided image.",
            "image": picture(place),
            "image_id": f"0054c91397f2fe0{place}",
            "image_classes": ["Bus"],
            "flickr_original_url": "https://example.org/o.jpg",
            "flickr_300k_url": "https://example.org/z.jpg",
            "image_width": 6,
            "image_height": 5,
            "set_name": "val",
            "image_name": f"0054c91397f2fe0{place}",
            "image_path": f"train/0054c91397f2fe0{place}.jpg",
            "caption_id": [place * 3 + one for one in range(3)],
            "caption_str": texts,
            "reference_strs": texts,
        }
        for place, texts in enumerate(SENTENCES)
    ]
    return Fixture([Table("lmms-lab/TextCaps", "val", schema, rows)], samples=3, perfect="bleu_4")


def vizwiz_captions() -> Fixture:
    schema: Schema = {"image_id": "string", "image": "image", "caption": ["string"], "text_detected": "bool"}
    rows = [
        {"image_id": str(23431 + place), "image": picture(place), "caption": texts, "text_detected": place == 1}
        for place, texts in enumerate(SENTENCES)
    ]
    return Fixture([Table("lmms-lab/VizWiz-Caps", "val", schema, rows)], samples=3, perfect="bleu_4")


MAKERS: dict[str, Maker] = {
    maker.__name__: maker for maker in (coco_karpathy, nocaps, flickr30k, textcaps, vizwiz_captions)
}
