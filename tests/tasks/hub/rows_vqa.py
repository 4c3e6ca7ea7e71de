"""A few rows of every task of questions about a picture, in the schema of its public copy."""

from __future__ import annotations

from tests.tasks.hub.fixtures import Fixture, Maker, Schema, Table, picture, ten


def vqav2() -> Fixture:
    schema: Schema = {
        "question_type": "string",
        "multiple_choice_answer": "string",
        "answers": [{"answer": "string", "answer_confidence": "string", "answer_id": "int64"}],
        "image_id": "int64",
        "answer_type": "string",
        "question_id": "int64",
        "question": "string",
        "image": "image",
    }
    asked = [
        ("is this", "Is this a dog?", "yes", "no", "yes/no", 42),
        ("how many", "How many dogs are there?", "2", "3", "number", 42),
        ("what is", "What is on the grass?", "dog", "ball", "other", 73),
    ]
    rows = [
        {
            "question_type": begins,
            "multiple_choice_answer": answer,
            "answers": [
                {"answer": one, "answer_confidence": "yes", "answer_id": place + 1}
                for place, one in enumerate(ten(answer, other))
            ],
            "image_id": image,
            "answer_type": form,
            "question_id": image * 1000 + place,
            "question": question,
            "image": picture(image),
        }
        for place, (begins, question, answer, other, form, image) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/VQAv2", "validation", schema, rows)], samples=3)


def okvqa() -> Fixture:
    schema: Schema = {
        "question_id": "string",
        "image": "image",
        "question": "string",
        "answers": ["string"],
        "question_type": "string",
        "answer_type": "string",
    }
    asked = [
        ("2971475", "What sport can you use this for?", "race", "motocross", "one"),
        ("3399385", "What breed is this?", "poodle", "labrador", "five"),
    ]
    rows = [
        {
            "question_id": one,
            "image": picture(place),
            "question": question,
            "answers": ten(answer, other),
            "question_type": category,
            "answer_type": "other",
        }
        for place, (one, question, answer, other, category) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/OK-VQA", "val2014", schema, rows)], samples=2)


def vizwiz_vqa() -> Fixture:
    schema: Schema = {
        "question_id": "string",
        "image": "image",
        "question": "string",
        "answers": ["string"],
        "category": "string",
    }
    asked = [
        ("Ok. There is another picture I hope it is a better one.", "unanswerable", "unanswerable"),
        ("What color is this shirt?", "blue", "other"),
    ]
    rows = [
        {
            "question_id": f"VizWiz_val_{place:08d}",
            "image": picture(place),
            "question": question,
            "answers": ten(answer, "unsuitable"),
            "category": category,
        }
        for place, (question, answer, category) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/VizWiz-VQA", "val", schema, rows)], samples=2)


def gqa() -> Fixture:
    text = "string"
    pointers = [{"objectId": text, "value": text}]
    schema: Schema = {
        "id": text,
        "imageId": text,
        "question": text,
        "answer": text,
        "fullAnswer": text,
        "isBalanced": "bool",
        "groups": {"global": text, "local": text},
        "entailed": text,
        "equivalent": text,
        "types": {"structural": text, "semantic": text, "detailed": text},
        "annotations": {"question": pointers, "answer": pointers, "fullAnswer": pointers},
        "semantic": [{"operation": text, "argument": text, "dependencies": ["int32"]}],
        "semanticStr": text,
    }
    asked = [
        ("Is it overcast?", "no", "verify", "global", "weatherVerify"),
        ("Who is wearing the dress?", "woman", "query", "rel", "relS"),
        ("What color is the dress?", "blue", "query", "attr", "directOf"),
    ]
    rows = [
        {
            "id": f"20128294{place}",
            "imageId": f"n16131{place // 2}",
            "question": question,
            "answer": answer,
            "fullAnswer": f"It is {answer}.",
            "isBalanced": True,
            "groups": {"global": None, "local": "13-weather"},
            "entailed": "['201640614']",
            "equivalent": "['201640614']",
            "types": {"structural": structural, "semantic": semantic, "detailed": detailed},
            "annotations": {"question": [{"objectId": "1", "value": "2"}], "answer": [], "fullAnswer": []},
            "semantic": [{"operation": "select", "argument": "scene", "dependencies": []}],
            "semanticStr": "select: scene",
        }
        for place, (question, answer, structural, semantic, detailed) in enumerate(asked)
    ]
    pictures: Schema = {"id": text, "image": "image"}
    shown = [{"id": f"n16131{place}", "image": picture(place)} for place in range(3)]
    tables = [
        table
        for subset, split in (("testdev_balanced", "testdev"), ("train_balanced", "train"))
        for table in (
            Table("lmms-lab/GQA", split, schema, rows, config=f"{subset}_instructions"),
            Table("lmms-lab/GQA", split, pictures, shown, config=f"{subset}_images"),
        )
    ]
    return Fixture(tables, samples=3)


def pope() -> Fixture:
    text = "string"
    schema: Schema = {
        "id": text,
        "question_id": text,
        "question": text,
        "answer": text,
        "image_source": text,
        "image": "image",
        "category": text,
    }
    rows = [
        {
            "id": str(place),
            "question_id": str(place % 2 + 1),
            "question": f"Is there a {thing} in the image?",
            "answer": "no" if place % 2 else "yes",
            "image_source": "COCO_val2014_000000310196",
            "image": picture(0),
            "category": category,
        }
        for place, (thing, category) in enumerate(
            [
                ("snowboard", "adversarial"),
                ("car", "adversarial"),
                ("snowboard", "popular"),
                ("dog", "popular"),
                ("snowboard", "random"),
                ("bear", "random"),
            ]
        )
    ]
    return Fixture([Table("lmms-lab/POPE", "test", schema, rows)], samples=6)


def nlvr2() -> Fixture:
    schema: Schema = {"left_image": "image", "right_image": "image", "question": "string", "answer": "string"}
    sentences = ["There are two dogs.", "There are two dogs.", "The left image shows a pizza."]
    rows = [
        {
            "left_image": picture(place),
            "right_image": picture(place + 50),
            "question": sentence,
            "answer": "False" if place == 1 else "True",
        }
        for place, sentence in enumerate(sentences)
    ]
    name = "lmms-lab/NLVR2"
    return Fixture(
        [Table(name, "balanced_test_public", schema, rows), Table(name, "balanced_dev", schema, rows)], samples=3
    )


MAKERS: dict[str, Maker] = {maker.__name__: maker for maker in (vqav2, okvqa, vizwiz_vqa, gqa, pope, nlvr2)}
