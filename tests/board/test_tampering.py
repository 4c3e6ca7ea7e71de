"""Whatever is changed about a submission is refused by the real command, which names it, and the board stays empty.

Every bundle here is packed anew after the change, with digests that fit: only the recomputation can tell.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.board.made_bundles import changed_line, copied_run, repacked, runs_of, with_claims, with_lines
from velm_bench.board.bundles.answers import read_answers
from velm_bench.board.bundles.archive import read_zip, zip_bundle
from velm_bench.board.bundles.packing import pack, run_files
from velm_bench.board.creating import create_board
from velm_bench.board.folder import Board, Bundle
from velm_bench.cli.main import execute
from velm_bench.tasks.registry import resolve

VQA, NER, CLASSES = "scenes_vqa=lite", "scenes_ner=lite", "scenes_classification=lite"
Claims = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board of three tasks to which nothing is ever added."""
    folder = tmp_path_factory.mktemp("tampering") / "board"
    create_board(str(folder), "Empty", resolve("vqa:lite,ner:lite,classification:lite"))
    return folder


@pytest.fixture(scope="module")
def bundle(real_results: Path) -> Bundle:
    names = (VQA, NER, CLASSES)
    return pack([run for run in runs_of(real_results, "ref=prefix") if run.parent.name in names], {})[0]


class Submitted:
    """The real command over a bundle's file, whose board must stay as it is."""

    def __init__(self, place: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.folder, self.capsys = place, folder, capsys

    def refused(self, given: Bundle | bytes | Path, *words: str, more: tuple[str, ...] = ()) -> str:
        """The sentence, in which all these words stand."""
        path = given if isinstance(given, Path) else self.folder / "bundle.zip"
        if not isinstance(given, Path):
            path.write_bytes(given if isinstance(given, bytes) else zip_bundle(given))
        self.capsys.readouterr()
        code = execute(["submit", str(path), "--board", str(self.place), *more])
        said = self.capsys.readouterr().err
        assert code == 2, said
        (sentence,) = [line for line in said.splitlines() if line.startswith("Error")]
        assert "Traceback" not in said
        assert all(word in sentence for word in words), sentence
        assert Board.open(str(self.place)).submissions() == []
        assert not list(self.place.glob("submissions/*"))
        return sentence


@pytest.fixture
def submitted(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Submitted:
    return Submitted(place, tmp_path, capsys)


def wrong(bundle: Bundle, run: str) -> int:
    """The place of a sample that was answered rightly, so that another answer is a loss."""
    path = run_files(run)[1]
    lines = read_answers(bundle.files[path], path)
    return next(place for place, line in enumerate(lines) if line.answer and "yes" in str(line.answer.get("text")))


def test_what_was_not_changed_is_taken(bundle: Bundle, place: Path, tmp_path: Path) -> None:
    (tmp_path / "sound.zip").write_bytes(zip_bundle(bundle))
    assert execute(["submit", str(tmp_path / "sound.zip"), "--board", str(place), "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda claims: claims["scores"]["vqa_accuracy"].update(value=0.99), ["'vqa_accuracy'", "0.99"]),
        (lambda claims: claims["scores"]["vqa_accuracy"].update(answered=0.99), ["'vqa_accuracy'", "0.99"]),
        (
            lambda claims: claims["slices"]["question_type"]["count"]["scores"]["vqa_accuracy"].update(value=0.999),
            ["'vqa_accuracy'", "question_type=count", "0.999"],
        ),
        (lambda claims: claims.update(parse_failures=17), ["parse failures", "17"]),
        (lambda claims: claims["data"].update(fingerprint="0" * 64), ["'data.fingerprint'", "000000"]),
        (lambda claims: claims["data"].update(limit=100), ["'data.limit'", "100"]),
        (lambda claims: claims.update(n=100), ["'n'", "100"]),
    ],
)
def test_a_claim_is_refused_with_its_name(
    submitted: Submitted, bundle: Bundle, change: Callable[[Claims], None], words: list[str]
) -> None:
    submitted.refused(with_claims(bundle, VQA, change), VQA, *words)


def test_a_score_that_is_no_number_is_refused(submitted: Submitted, bundle: Bundle) -> None:
    for value in (float("nan"), float("inf")):
        claims = with_claims(
            bundle, VQA, lambda found, value=value: found["scores"]["vqa_accuracy"].update(value=value)
        )
        submitted.refused(claims, run_files(VQA)[0], "finite")


def test_another_answer_is_refused_with_the_score_that_it_changes(submitted: Submitted, bundle: Bundle) -> None:
    other = {"text": "nothing of the sort", "tokens": 3}
    changed = with_lines(bundle, VQA, changed_line(wrong(bundle, VQA), answer=other))
    submitted.refused(changed, VQA, "claims", "'vqa_accuracy'")


@pytest.mark.parametrize(
    ("run", "answer"),
    [
        (VQA, {"tags": ["O"]}),
        (NER, {"tags": ["O"]}),
        (NER, {"tags": ["B-PLANET"] * 11}),
        (CLASSES, {"logprobs": [-1.0]}),
    ],
)
def test_an_answer_to_another_question_is_refused_with_its_sample(
    submitted: Submitted, bundle: Bundle, run: str, answer: Any
) -> None:
    submitted.refused(with_lines(bundle, run, changed_line(0, answer=answer)), run_files(run)[1], "'lite/", "'answer'")


def test_another_id_is_refused(submitted: Submitted, bundle: Bundle) -> None:
    path = run_files(VQA)[1]
    submitted.refused(with_lines(bundle, VQA, changed_line(5, id="lite/99999")), path, "'lite/99999'")
    first, second, *_ = read_answers(bundle.files[path], path)
    swapped = with_lines(bundle, VQA, lambda lines: [
        lines[0].model_copy(update={"id": second.id}), lines[1].model_copy(update={"id": first.id}), *lines[2:]
    ])  # fmt: skip
    submitted.refused(swapped, path, f"'{first.id}'", "another")


def test_a_missing_a_further_and_a_repeated_sample_are_refused(submitted: Submitted, bundle: Bundle) -> None:
    path = run_files(NER)[1]
    ids = [line.id for line in read_answers(bundle.files[path], path)]
    submitted.refused(with_lines(bundle, NER, lambda lines: lines[:7] + lines[8:]), path, f"'{ids[7]}' is missing")
    more = with_lines(bundle, NER, lambda lines: [*lines, lines[0].model_copy(update={"id": "further"})])
    submitted.refused(more, path, "'further'", "200")
    submitted.refused(with_lines(bundle, NER, lambda lines: [*lines[:-1], lines[0]]), path, f"'{ids[0]}'", "twice")
    submitted.refused(with_lines(bundle, NER, lambda lines: lines[::-1]), path, "order")


def test_another_picture_or_content_is_refused_with_its_sample(submitted: Submitted, bundle: Bundle) -> None:
    path = run_files(VQA)[1]
    sample = read_answers(bundle.files[path], path)[9].id
    both = {"pictures": ("0" * 64,), "content": "0" * 64}
    submitted.refused(with_lines(bundle, VQA, changed_line(9, **both)), path, f"'{sample}'", "picture")
    submitted.refused(with_lines(bundle, VQA, changed_line(9, content="0" * 64)), path, f"'{sample}'", "'content'")
    alone = with_lines(bundle, VQA, changed_line(9, pictures=("0" * 64,)))
    submitted.refused(alone, path, f"'{sample}'", "'pictures'")


def test_numbers_and_keys_that_json_does_not_have_are_refused(submitted: Submitted, bundle: Bundle) -> None:
    path = run_files(CLASSES)[1]
    text = gzip.decompress(bundle.files[path]).decode()
    first, rest = text.split("\n", 1)
    number = str(json.loads(first)["answer"]["logprobs"][0])
    for old, new, word in (
        (number, "NaN", "NaN"),
        (number, "-1e999", "-1e999"),
        ('"error":', '"id":"lite/00000","error":', "'id'"),
        ('"error":', '"eror":', "eror"),
    ):
        data = gzip.compress(f"{first.replace(old, new, 1)}\n{rest}".encode())
        submitted.refused(repacked(bundle, {**bundle.files, path: data}), path, "line 1", word)


def test_one_changed_byte_is_refused_with_its_file(submitted: Submitted, bundle: Bundle) -> None:
    for path in (*run_files(VQA), *run_files(NER)):
        torn = bytearray(bundle.files[path])
        torn[len(torn) // 2] ^= 1
        manifest_of_before = zip_files({**bundle.files, path: bytes(torn), "manifest.json": bundle.encoded})
        submitted.refused(manifest_of_before, path)


def zip_files(files: dict[str, bytes]) -> bytes:
    """Any files as an archive, whether they make a bundle or not."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path), data)
    return stream.getvalue()


def test_pickles_are_refused_unread(submitted: Submitted, bundle: Bundle) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return pytest.fail, ("a pickle was read",)

    bomb = pickle.dumps(Bomb())
    path = run_files(VQA)[1]
    beside = zip_files({**bundle.files, "manifest.json": bundle.encoded, f"runs/{VQA}/model.pkl": bomb})
    submitted.refused(beside, "model.pkl", "pickle")
    instead = repacked(bundle, {**bundle.files, path: bomb})
    submitted.refused(zip_files({**instead.files, "manifest.json": instead.encoded}), path, "pickle")
    packed = repacked(bundle, {**bundle.files, path: gzip.compress(bomb)})
    submitted.refused(packed, path, "line")


def test_a_run_of_part_of_the_samples_is_refused(
    submitted: Submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(["run", "--model", "baseline:majority", "--tasks", "ner:lite", "--limit", "50"]) == 0
    submitted.refused(tmp_path / "results", "'data.limit'", "50", "all")


def test_a_run_of_another_prompt_is_refused_with_what_differs(
    submitted: Submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (shipped,) = resolve("vqa")
    other = shipped.path.read_text(encoding="utf-8").replace("Question:", "Look closely:")
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    assert execute(["run", "--model", "baseline:majority", "--tasks", "other.yaml:lite"]) == 0
    submitted.refused(tmp_path / "results", "'task.digest'", "'prompt' is 'Look closely:", "on the board 'Question:")


def test_a_run_whose_files_were_changed_is_refused_before_it_is_packed(
    submitted: Submitted, real_results: Path, tmp_path: Path
) -> None:
    run = copied_run(real_results, tmp_path, "ref=prefix", VQA)
    table = bytearray((run / "samples.parquet").read_bytes())
    table[len(table) // 2] ^= 1
    (run / "samples.parquet").write_bytes(bytes(table))
    submitted.refused(run, "samples.parquet")


# ---------------------------------------------------------------- pictures on a disk

TASK = """
name: shades
kind: vqa
source:
  type: jsonl
  path: questions.jsonl
  images: pictures
  fields: {id: id, image: picture, question: question, answers: answers}
prompt: "Question: {question} Answer:"
metrics: [exact_match]
"""


class Shades:
    """A task of eight pictures, a board that pins it, and answers to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        (self.data / "pictures").mkdir(parents=True)
        for number in range(8):
            Image.fromarray(np.full((4, 4, 3), number * 30, np.uint8)).save(self.picture(number))
        rows = [
            {"id": f"q{n}", "picture": f"{n}.png", "question": "Is it light?", "answers": ["yes" if n > 3 else "no"]}
            for n in range(8)
        ]
        (self.data / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (self.data / "task.yaml").write_text(TASK)
        given = [json.dumps({"id": row["id"], "prediction": "yes"}) for row in rows]
        (folder / "answers.jsonl").write_text("\n".join(given))
        self.board = folder / "board"
        create_board(str(self.board), "Shades", resolve(str(self.data / "task.yaml")))

    def picture(self, number: int) -> Path:
        return self.data / "pictures" / f"{number}.png"

    def repaint(self, number: int) -> None:
        """Change one pixel of one picture by one."""
        pixels = np.asarray(Image.open(self.picture(number))).copy()
        pixels[2, 1, 0] += 1
        Image.fromarray(pixels).save(self.picture(number))

    def score(self) -> Path:
        """The answers as a run on the data as it is now."""
        words = ["score", "--task", self.data / "task.yaml", "--predictions", self.folder / "answers.jsonl"]
        assert execute([str(word) for word in [*words, "--output", self.folder / "results", "--name", "ours"]]) == 0
        return self.folder / "results"

    def submit(self, results: Path, *more: str) -> int:
        words = ["submit", results, "--board", self.board, *(more or ("--data", self.data))]
        return execute([str(word) for word in words])


@pytest.fixture
def shades(tmp_path: Path) -> Shades:
    return Shades(tmp_path / "shades")


def test_a_run_on_the_pinned_pictures_is_recomputed(shades: Shades, capsys: pytest.CaptureFixture[str]) -> None:
    assert shades.submit(shades.score()) == 0
    assert "recomputed (submitted)" in capsys.readouterr().out


def test_without_the_data_a_run_is_only_complete(shades: Shades, capsys: pytest.CaptureFixture[str]) -> None:
    assert shades.submit(shades.score(), "--dry-run") == 0
    seen = capsys.readouterr()
    assert "complete (not submitted" in seen.out
    assert "questions.jsonl" in seen.err


def test_one_pixel_changed_before_the_run_is_refused_with_sample_and_picture(
    shades: Shades, capsys: pytest.CaptureFixture[str]
) -> None:
    original = shades.picture(5).read_bytes()
    shades.repaint(5)
    results = shades.score()
    shades.picture(5).write_bytes(original)
    assert shades.submit(results) == 2
    said = capsys.readouterr().err
    assert "'q5' has another picture" in said
    assert Board.open(str(shades.board)).submissions() == []


def test_a_picture_changed_where_the_board_is_kept_recomputes_nothing(
    shades: Shades, capsys: pytest.CaptureFixture[str]
) -> None:
    results = shades.score()
    shades.repaint(5)
    assert shades.submit(results) == 0
    seen = capsys.readouterr()
    assert "complete (submitted)" in seen.out
    assert "another version than the one that was pinned" in seen.err


def test_the_changed_pictures_of_a_machine_do_not_pass_for_the_pinned_ones(
    shades: Shades, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sides on the same wrong picture: without the pinned data the digest of all samples tells."""
    shades.repaint(5)
    assert shades.submit(shades.score()) == 2
    assert "'data.content'" in capsys.readouterr().err


def test_a_bundle_survives_its_archive(bundle: Bundle) -> None:
    assert read_zip(zip_bundle(bundle), "bundle.zip").id == bundle.id
