"""A few rows of every multiple-choice task, open questions among them, in the schema of its public copy."""

from __future__ import annotations

from tests.tasks.hub.fixtures import Fixture, Maker, Schema, Table, picture, ten


def aokvqa_tables() -> list[Table]:
    """Direct answers are a list in the form of a text."""
    schema: Schema = {
        "image": "image",
        "question_id": "string",
        "question": "string",
        "choices": ["string"],
        "correct_choice_idx": "int8",
        "direct_answers": "string",
        "difficult_direct_answer": "bool",
        "rationales": ["string"],
    }
    asked = [
        ("22jbM6gDxdaMaunuzgrsBB", "What is in his mouth?", ["toothpick", "food", "popsicle stick", "cigarette"], 3),
        ("2aeQzFYSdmpGXZRNqDyTmk", "Which number is on the bus?", ["12", "25", "7", "40"], 1),
        ("2bFcnpsDQcVBCMVkNBaKkw", "What is nearest?", ["dog", "tree", "house", "car"], 0),
    ]
    rows = [
        {
            "image": picture(place),
            "question_id": one,
            "question": question,
            "choices": choices,
            "correct_choice_idx": right,
            "direct_answers": str(ten(choices[right], "pipe")),
            "difficult_direct_answer": place == 2,
            "rationales": ["He is smoking."] * 3,
        }
        for place, (one, question, choices, right) in enumerate(asked)
    ]
    name = "HuggingFaceM4/A-OKVQA"
    return [Table(name, "validation", schema, rows), Table(name, "train", schema, rows[:2])]


def aokvqa_mc() -> Fixture:
    return Fixture(aokvqa_tables(), samples=3)


def aokvqa_da() -> Fixture:
    """The difficult one of the three is left out."""
    return Fixture(aokvqa_tables(), samples=2)


def ai2d() -> Fixture:
    """The right option's place is a text."""
    schema: Schema = {"question": "string", "options": ["string"], "answer": "string", "image": "image"}
    asked = [
        ("which of these define dairy item", ["c", "D", "b", "a"], "1"),
        ("What eats the frog?", ["snake", "grass", "sun", "hawk"], "0"),
    ]
    rows = [
        {"question": question, "options": options, "answer": right, "image": picture(place)}
        for place, (question, options, right) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/ai2d", "test", schema, rows)], samples=2)


def scienceqa_img() -> Fixture:
    schema: Schema = {
        "image": "image",
        "question": "string",
        "choices": ["string"],
        "answer": "int8",
        **dict.fromkeys(
            ("hint", "task", "grade", "subject", "topic", "category", "skill", "lecture", "solution"), "string"
        ),
    }
    asked = [
        (
            "Which of these states is farthest north?",
            ["West Virginia", "Louisiana", "Arizona"],
            0,
            "",
            "social science",
        ),
        ("Is this a solid?", ["yes", "no"], 1, "The picture shows juice.", "natural science"),
    ]
    rows = [
        {
            "image": picture(place),
            "question": question,
            "choices": choices,
            "answer": right,
            "hint": hint,
            "task": "closed choice",
            "grade": "grade2",
            "subject": subject,
            "topic": "geography",
            "category": "Geography",
            "skill": "Read a map",
            "lecture": "Maps have four cardinal directions.",
            "solution": "Look at the compass.",
        }
        for place, (question, choices, right, hint, subject) in enumerate(asked)
    ]
    name, config = "lmms-lab/ScienceQA", "ScienceQA-IMG"
    splits = ("test", "validation")
    return Fixture([Table(name, split, schema, rows, config=config) for split in splits], samples=2)


def mmbench_en() -> Fixture:
    """A question in all rotations of its four options, and one of two options, where "nan" stands for nothing."""
    schema: Schema = {
        "index": "int64",
        **dict.fromkeys(("question", "hint", "answer", "A", "B", "C", "D", "category"), "string"),
        "image": "image",
        **dict.fromkeys(("source", "L2-category", "comment", "split"), "string"),
    }
    asked = [
        (241, "Which one is right?", "The passage is a tale.", ["cat", "dog", "bird", "fish"], "identity_reasoning"),
        (252, "Is the dog left?", "nan", ["yes", "no"], "spatial_relationship"),
    ]
    rows = [
        {
            "index": index + 1_000_000 * turn,
            "question": question,
            "hint": hint,
            "answer": "ABCD"[-turn % len(options)],
            **dict(zip("ABCD", [*options[turn:], *options[:turn], "nan", "nan"], strict=False)),
            "category": category,
            "image": picture(index),
            "source": "scienceqa",
            "L2-category": "relation_reasoning",
            "comment": "nan",
            "split": "dev",
        }
        for index, question, hint, options, category in asked
        for turn in range(len(options))
    ]
    return Fixture([Table("lmms-lab/MMBench", "dev", schema, rows, config="en")], samples=6)


def mmmu() -> Fixture:
    """Options are a list in the form of a text, empty for open questions; right answers may be several."""
    images = [f"image_{place}" for place in range(1, 8)]
    schema: Schema = {
        **dict.fromkeys(("id", "question", "options", "explanation"), "string"),
        **dict.fromkeys(images, "image"),
        **dict.fromkeys(("img_type", "answer", "topic_difficulty", "question_type", "subfield"), "string"),
    }
    asked = [
        ("Accounting_1", "<image 1> Find the cash flow.", ["$63,020", "$58,410", "$71,320", "$77,490"], "B", 1),
        ("Design_2", "Which of <image 1> and <image 2> is older?", ["the first", "the second"], "A", 2),
        ("Math_3", "What is the ratio in <image 1>?", [], "24/7", 1),
        ("Physics_4", "What is the force in <image 1>?", [], "['3.43', '24/7']", 1),
    ]
    rows = [
        {
            "id": f"validation_{one}",
            "question": question,
            "options": str(options),
            "explanation": "",
            **{name: picture(place * 7 + number) for number, name in enumerate(images[:pictures])},
            "img_type": "['Tables']",
            "answer": answer,
            "topic_difficulty": "Easy" if place % 2 else "Medium",
            "question_type": "multiple-choice" if options else "open",
            "subfield": "Managerial Accounting",
        }
        for place, (one, question, options, answer, pictures) in enumerate(asked)
    ]
    return Fixture([Table("lmms-lab/MMMU", split, schema, rows) for split in ("validation", "dev")], samples=4)


def mathvista() -> Fixture:
    schema: Schema = {
        **dict.fromkeys(("pid", "question", "image"), "string"),
        "decoded_image": "image",
        "choices": ["string"],
        "unit": "string",
        "precision": "float64",
        **dict.fromkeys(("answer", "question_type", "answer_type"), "string"),
        "metadata": {
            **dict.fromkeys(("category", "context", "grade"), "string"),
            **dict.fromkeys(("img_height", "img_width"), "int64"),
            "language": "string",
            "skills": ["string"],
            **dict.fromkeys(("source", "split", "task"), "string"),
        },
        "query": "string",
    }
    asked = [
        ("What is the spring compressed by?", None, 1.0, "1.2", "float"),
        ("What is the total volume?", None, None, "1000", "integer"),
        ("What fraction is blue?", ["3/11", "8/11", "6/11", "3/5"], None, "8/11", "text"),
        ("Between which years was the peak?", None, None, "[2007, 2008]", "list"),
    ]
    rows = [
        {
            "pid": str(place + 1),
            "question": question,
            "image": f"images/{place + 1}.jpg",
            "decoded_image": picture(place),
            "choices": choices,
            "unit": "g" if place == 1 else None,
            "precision": precision,
            "answer": answer,
            "question_type": "multi_choice" if choices else "free_form",
            "answer_type": form,
            "metadata": {
                "category": "math-targeted-vqa",
                "context": "scientific figure",
                "grade": "college",
                "img_height": 5,
                "img_width": 6,
                "language": "english",
                "skills": ["scientific reasoning"],
                "source": "SciBench",
                "split": "testmini",
                "task": "textbook question answering",
            },
            "query": f"Hint: Please provide the final value at the end.\nQuestion: {question}",
        }
        for place, (question, choices, precision, answer, form) in enumerate(asked)
    ]
    return Fixture([Table("AI4Math/MathVista", "testmini", schema, rows)], samples=4)


def realworldqa() -> Fixture:
    """The options stand in the question."""
    schema: Schema = {"image": "image", "question": "string", "answer": "string"}
    letter = "Please answer directly with only the letter of the correct option and nothing else."
    word = "Please answer directly with a single word or number."
    asked = [
        (f"In which direction is the car facing?\n\nA. Left\nB. Right\nC. Towards us\n{letter}", "C"),
        (f"How many pedestrians are there?\n{word}", "2"),
        (f"Is the light green?\n{word}", "No"),
    ]
    rows = [
        {"image": picture(place), "question": question, "answer": answer}
        for place, (question, answer) in enumerate(asked)
    ]
    return Fixture([Table("xai-org/RealworldQA", "test", schema, rows)], samples=3)


MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (aokvqa_mc, aokvqa_da, ai2d, scienceqa_img, mmbench_en, mmmu, mathvista, realworldqa)
}
