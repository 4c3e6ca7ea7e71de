"""What a bundle tells of the machine that a run was made on: nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.board.made_bundles import copied_run
from velm_bench.board.bundles.published import published, without_paths
from velm_bench.results.store import encode_result, read_result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The file /srv/data/a b/q.png cannot be read.", "The file a b/q.png cannot be read."),
        ("hf:/srv/models/mine", "hf:mine"),
        ("answers:/srv/preds.json", "answers:preds.json"),
        ("see ~joe/notes/x.txt, line 3", "see x.txt, line 3"),
        ("in /home/joe", "in ~"),
        (r"C:\Users\joe\x.png is absent", "x.png is absent"),
        ("openai:m@http://localhost:8000/v1", "openai:m@http://localhost:8000/v1"),
        ("hf:org/model@v1", "hf:org/model@v1"),
        ("yes/no, 1/2 and captioning/*", "yes/no, 1/2 and captioning/*"),
        ("asked with token=abcdef123", "asked with token=***"),
        ("https://me:pass@host/x", "https://***@host/x"),
    ],
)
def test_paths_become_names_and_secrets_stars(text: str, expected: str) -> None:
    assert without_paths(text) == expected


def test_a_result_is_told_without_folders_and_with_every_number(tmp_path: Path, real_results: Path) -> None:
    result = read_result(copied_run(real_results, tmp_path, "ref=prefix", "scenes_vqa=lite"))
    command = ["/srv/venv/bin/velm-bench", "run", "--output=/home/joe/my runs", "--data", "/srv/secret project/x"]
    provenance = result.provenance.model_copy(update={"command": [*command, "--api-key", "abc"]})
    details = {**result.model.details, "options": {"chat_template": "/home/joe/t.jinja"}}
    model = result.model.model_copy(update={"name": "hf:/home/joe/m", "details": details})
    skipped = {"spice": "The archive /opt/java/spice.zip is absent."}
    told = published(result.model_copy(update={"provenance": provenance, "model": model, "skipped": skipped}))
    text = encode_result(told).decode()
    for secret in ("/home", "joe", "/srv", "secret", "/opt", "abc"):
        assert secret not in text.replace(result.model.digest, ""), secret
    assert told.provenance.command[:3] == ["velm-bench", "run", "--output=my runs"]
    assert (told.scores, told.slices, told.timing) == (result.scores, result.slices, result.timing)
    assert json.loads(text)["model"]["details"]["vision"] == result.model.details["vision"]
