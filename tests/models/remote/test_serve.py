"""The same checkpoint in this process and behind a real server: the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.huggingface.mixed import make_tasks
from tests.models.huggingface.tiny import make_llava
from tests.models.remote.colours import given_answers
from tests.models.remote.serving import free_port
from velm_bench.cli.main import execute
from velm_bench.models import Setup, open_model
from velm_bench.samples import ArrayPicture, GenerateRequest, Generation, Shot

STARTING = 120.0
"""Seconds that the server may take to start."""
SERVE = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vision model with random weights, kept from writing padding: what a reader makes of that is its own."""
    folder = make_llava(tmp_path_factory.mktemp("served") / "llava")
    settings = folder / "generation_config.json"
    changed = {**json.loads(settings.read_text(encoding="utf-8")), "suppress_tokens": [0, 1, 3]}
    settings.write_text(json.dumps(changed), encoding="utf-8")
    return folder


class Server:
    """A `transformers serve` of a checkpoint; it starts while the tests do something else."""

    def __init__(self, checkpoint: Path, log: Path) -> None:
        self.port, self.log = free_port(), log
        command = [sys.executable, "-c", SERVE, "serve", str(checkpoint), "--device", "cpu"]
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*command, *address], stdout=stream, stderr=subprocess.STDOUT, env=environment
            )

    @property
    def url(self) -> str:
        """Its URL, once it answers."""
        url = f"http://127.0.0.1:{self.port}"
        until = time.monotonic() + STARTING
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    return url
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"the server did not start: {self.log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the tiny model."""
    served = Server(checkpoint, tmp_path_factory.mktemp("log") / "serve.log")
    try:
        yield served
    finally:
        served.process.terminate()
        served.process.wait(30)


def run(model: str, tasks: Path, output: Path) -> dict[str, dict[str, str]]:
    """The answers by task and sample of a run from the command line."""
    names = ",".join(str(tasks / f"{kind}.yaml") for kind in ("captioning", "vqa"))
    assert execute(["run", "--model", model, "--tasks", names, "--output", str(output), "--replicates", "0"]) == 0
    found = {}
    for path in output.glob("*/*/*/result.json"):
        answers, errors = given_answers(path.parent)
        assert not errors
        found[json.loads(path.read_text(encoding="utf-8"))["task"]["name"]] = answers
    return found


def test_a_served_model_answers_as_the_same_checkpoint_here(checkpoint: Path, server: Server, tmp_path: Path) -> None:
    make_tasks(tmp_path)
    here = run(f"hf:{checkpoint}", tmp_path, tmp_path / "here")
    there = run(f"openai:{checkpoint}@{server.url}", tmp_path, tmp_path / "there")
    assert there == here
    assert {name: len(answers) for name, answers in here.items()} == {"mixed_captioning": 6, "mixed_vqa": 12}
    said = [*here["mixed_captioning"].values(), *here["mixed_vqa"].values()]
    assert len(set(said)) > len(said) // 2  # pictures and questions decide what is said


def test_worked_examples_with_pictures_reach_a_served_model(checkpoint: Path, server: Server) -> None:
    rng = np.random.default_rng(5)
    red, noise = (ArrayPicture(rng.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(2))
    how = Generation(max_new_tokens=6)
    shots = (Shot((red,), "what colour is it?", "red"), Shot((), "is there a square?", "no"))
    requests = [
        GenerateRequest("plain", (noise,), "what colour is it?", how),
        GenerateRequest("shown", (noise,), "what colour is it?", how, shots=shots, system="be brief"),
        GenerateRequest("none", (), "what colour is it?", how, shots=shots),
    ]
    here = _answers(f"hf:{checkpoint}", requests)
    there = _answers(f"openai:{checkpoint}@{server.url}/v1", requests)
    assert there == here
    assert len(set(here)) == 3


def _answers(reference: str, requests: list[GenerateRequest]) -> list[Any]:
    model = open_model(reference, Setup(device="auto" if reference.startswith("openai") else "cpu"))
    model.load()
    return [(answer.text.strip(), answer.tokens) for answer in model.generate([model.prepare(one) for one in requests])]
