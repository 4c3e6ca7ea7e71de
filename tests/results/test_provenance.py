"""No secret reaches a file."""

from __future__ import annotations

import pytest

from velm_bench.results.provenance import collect, redact


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        (["run", "--model", "ref:prefix", "--seed", "3"], ["run", "--model", "ref:prefix", "--seed", "3"]),
        (["--api-key", "s3cret", "--tasks", "vqa"], ["--api-key", "***", "--tasks", "vqa"]),
        (["--api-key=s3cret"], ["--api-key=***"]),
        (["--hf-token", "s3cret"], ["--hf-token", "***"]),
        (["--token=s3cret"], ["--token=***"]),
        (["--password", "-s3cret"], ["--password", "***"]),
        (["--token", "--fresh"], ["--token", "--fresh"]),
        (["OPENAI_API_KEY=s3cret"], ["OPENAI_API_KEY=***"]),
        (["key=s3cret"], ["key=***"]),
        (["openai:m@https://user:s3cret@host/v1"], ["openai:m@https://***@host/v1"]),
        (["openai:m@https://host/v1?api_key=s3cret&n=1"], ["openai:m@https://host/v1?api_key=***&n=1"]),
        (["--header", "Authorization: Bearer s3cret"], ["--header", "Authorization: ***"]),
        (['{"api_key": "s3cret"}'], ['{"api_key": ***}']),
        (['{"token": "s3 cret", "n": 1}'], ['{"token": ***, "n": 1}']),
        (["{'password': 's3\\'cret'}"], ["{'password': ***}"]),
        (["token: s3cret"], ["token: ***"]),
        (["apiKey: s3cret accessToken=s3cret"], ["apiKey: *** accessToken=***"]),
        (["hf_token=s3cret"], ["hf_token=***"]),
        (["--tasks", "ner:fresh:s3cret key,vqa:lite"], ["--tasks", "ner:fresh:***,vqa:lite"]),
        (["--tasks=x.yaml:fresh:s3cret"], ["--tasks=x.yaml:fresh:***"]),
        (["refresh: now"], ["refresh: now"]),
        (["max_tokens=32", '{"max_new_tokens": 32}'], ["max_tokens=32", '{"max_new_tokens": 32}']),
        (["--max-tokens", "32", "--tokens", "5"], ["--max-tokens", "32", "--tokens", "5"]),
        (['{"eos_token": "</s>"}', "--pad-token", "x"], ['{"eos_token": "</s>"}', "--pad-token", "x"]),
        (["unknown key: 'a'", "tokenizer: ptb", "author=Bob"], ["unknown key: 'a'", "tokenizer: ptb", "author=Bob"]),
        (["sk-abcdefgh12345678"], ["***"]),
        (["hf_abcdefghijkl"], ["***"]),
        (["monkey=banana", "tokens/s"], ["monkey=banana", "tokens/s"]),
        (["hf:org/name@main", "results/key.yaml"], ["hf:org/name@main", "results/key.yaml"]),
    ],
)
def test_secrets_are_removed(given: list[str], cleaned: list[str]) -> None:
    assert redact(given) == cleaned
    assert "s3cret" not in " ".join(redact(given))


def test_what_is_collected() -> None:
    found = collect(["velm-bench", "run", "--api-key", "s3cret"], "cpu", "float32", 8, 4, 7)
    assert found.command == ["velm-bench", "run", "--api-key", "***"]
    assert {"python", "numpy", "pyarrow"} <= set(found.versions)
    assert (found.device, found.batch_size, found.smallest_batch, found.seed) == ("cpu", 8, 4, 7)
