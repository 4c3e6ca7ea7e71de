"""What older versions answered is found again: new ways of asking change no key where they are not used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.engine.toys import FIELDS, Toy, make_task, settings
from velm_bench.engine.runner import evaluate
from velm_bench.samples import ArrayPicture, ChooseRequest, GenerateRequest, Request, Shot, TagRequest

PICTURE = ArrayPicture(np.zeros((2, 3, 3), np.uint8))
ASKED = ("1", (PICTURE,), "q")


@pytest.mark.parametrize(
    ("request_", "digest"),
    [
        (GenerateRequest(*ASKED), "56b95ee8f64f1788a20c4e8339995e60da7d6d5c9f46b5f3841c3d2772d64cf6"),
        (ChooseRequest(*ASKED, ("a", "b")), "dd0a4d7a0794ee14059300d47910b5611719bbcef37b100531fc4d569f02db21"),
        (TagRequest(*ASKED, ("a", "b"), ("O",)), "9f00f63faa3b5be8aa505ebd5f732d42dd4c32a700f164a4da4b009c42f0f3bc"),
    ],
)
def test_requests_are_told_apart_as_before(request_: Request, digest: str) -> None:
    assert request_.digest() == digest


def test_whatever_is_said_around_a_question_is_part_of_it() -> None:
    shot = Shot((PICTURE,), "q", "a")
    around = [{}, {"system": "s"}, {"chat_template": "s"}, {"shots": (shot,)}, {"shots": (shot, shot)}]
    assert len({GenerateRequest(*ASKED, **more).digest() for more in around}) == len(around)


RUNS = {
    "vqa": ("8bf362966db4", "0be1600bfec0ca585e3dfa0860d5e470b6c4079a56bc2ec54de8dcf0d9feb5c4"),
    "classification": ("ee1fc84eac10", "e48aaa1ee88cb0463029ec7eb26083439ac2cd1b865ca55e213bd0be30be25d1"),
    "ner": ("6e23dba30011", "7799241225b0c90ed7c619fb5197e2e32c5810edd31353f82633575bb1a2322f"),
}


@pytest.mark.parametrize("kind", RUNS)
def test_runs_and_keys_are_what_they_were(tmp_path: Path, kind: str) -> None:
    """Without pictures, whose files differ by the version that wrote them."""
    fields = {key: value for key, value in FIELDS[kind].items() if key not in ("image", "group")}
    definition = make_task(tmp_path / "t", kind=kind, source={"type": "jsonl", "path": "data.jsonl", "fields": fields})
    done = evaluate(definition, Toy(), settings(tmp_path / "out"))
    key = pq.read_table(done.folder / "samples.parquet")["key"][0].as_py()
    assert (done.result.run_id, key) == RUNS[kind]
