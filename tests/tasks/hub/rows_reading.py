"""A few rows of every task of questions about text, documents and charts, in the schema of its public copy."""

from __future__ import annotations

from tests.tasks.hub.fixtures import Fixture, Maker, Schema, Table, picture, ten


def textvqa() -> Fixture:
    schema: Schema = {
        "image_id": "string",
        "question_id": "int32",
        "question": "string",
        "question_tokens": ["string"],
        "image": "image",
        "image_width": "int32",
        "image_height": "int32",
        "flickr_original_url": "string",
        "flickr_300k_url": "string",
        "answers": ["string"],
        "image_classes": ["string"],
        "set_name": "string",
        "ocr_tokens": ["string"],
    }
    asked = [("What is the brand?", "nokia"), ("What does the sign say?", "no stopping")]
    rows = [
        {
            "image_id": "003a8ae2ef43b901",
            "question_id": 34602 + place,
            "question": question,
            "question_tokens": question.lower().rstrip("?").split(),
            "image": picture(0),
            "image_width": 6,
            "image_height": 5,
            "flickr_original_url": "https://example.org/o.jpg",
            "flickr_300k_url": "https://example.org/z.jpg",
            "answers": ten(answer, "unanswerable"),
            "image_classes": ["Mobile phone"],
            "set_name": "val",
            "ocr_tokens": ["NOKIA"],
        }
        for place, (question, answer) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/textvqa", "validation", schema, rows)], samples=2)


def docvqa() -> Fixture:
    schema: Schema = {
        "questionId": "string",
        "question": "string",
        "question_types": ["string"],
        "image": "image",
        "docId": "int64",
        "ucsf_document_id": "string",
        "ucsf_document_page_no": "string",
        "answers": ["string"],
        "data_split": "string",
    }
    asked = [("What is the page number?", ["17", "page 17"]), ("Who wrote the letter?", ["Paul E. Smith"])]
    rows = [
        {
            "questionId": str(49153 + place),
            "question": question,
            "question_types": ["handwritten", "form"],
            "image": picture(0),
            "docId": 14465,
            "ucsf_document_id": "pybv0228",
            "ucsf_document_page_no": "81",
            "answers": answers,
            "data_split": "val",
        }
        for place, (question, answers) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/DocVQA", "validation", schema, rows, config="DocVQA")], samples=2)


def infographicvqa() -> Fixture:
    schema: Schema = {
        "questionId": "string",
        "question": "string",
        "answers": ["string"],
        "answer_type": ["string"],
        "image": "image",
        "image_url": "string",
        "operation/reasoning": ["string"],
        "ocr": "string",
        "data_split": "string",
    }
    asked = [("Which site has most users?", ["Twitter"]), ("What percentage use it?", ["40%", "40"])]
    rows = [
        {
            "questionId": str(98313 + place),
            "question": question,
            "answers": answers,
            "answer_type": ["single span"],
            "image": picture(0),
            "image_url": "https://example.org/infographic.jpg",
            "operation/reasoning": [],
            "ocr": "['{\"PAGE\": []}']",
            "data_split": "val",
        }
        for place, (question, answers) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/DocVQA", "validation", schema, rows, config="InfographicVQA")], samples=2)


def chartqa() -> Fixture:
    """The copy that is asked holds the test split only; another one has examples."""
    asked = [
        ("How many food items are shown?", "14", "human_test"),
        ("What was the share in 2018?", "3.61", "augmented_test"),
    ]
    schema: Schema = {"type": "string", "question": "string", "answer": "string", "image": "image"}
    rows = [
        {"type": writer, "question": question, "answer": answer, "image": picture(place)}
        for place, (question, answer, writer) in enumerate(asked)
    ]
    trained: Schema = {
        "image": "image",
        "query": "string",
        "label": ["string"],
        "human_or_machine": ("human", "machine"),
    }
    examples = [
        {"image": picture(9), "query": "Is the first bar green?", "label": ["Yes"], "human_or_machine": "human"},
    ]
    tables = [
        Table("lmms-lab/ChartQA", "test", schema, rows),
        Table("HuggingFaceM4/ChartQA", "train", trained, examples),
    ]
    return Fixture(tables, samples=2)


MAKERS: dict[str, Maker] = {maker.__name__: maker for maker in (textvqa, docvqa, infographicvqa, chartqa)}
