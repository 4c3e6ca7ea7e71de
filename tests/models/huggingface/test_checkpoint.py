"""What a checkpoint's files say, and what is refused of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from velm_bench.errors import UsageError
from velm_bench.models.huggingface.checkpoint import Checkpoint


def written(folder: Path, **config: object) -> Path:
    """A folder with a configuration and six weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(
        {"a": torch.zeros(2, 2), "b": torch.zeros(2), "bn.running_mean": torch.zeros(9)}, folder / "model.safetensors"
    )
    return folder


def test_reads_configuration_and_counts_weights(tmp_path: Path) -> None:
    found = Checkpoint(written(tmp_path, architectures=["LlamaForCausalLM"], model_type="llama"), "hf:x")
    assert (found.architecture, found.model_type, found.parameters) == ("LlamaForCausalLM", "llama", 6)


def test_reads_weights_in_shards(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    for name in ("one", "two"):
        save_file({name: torch.zeros(3)}, tmp_path / f"{name}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"one": "one.safetensors", "two": "two.safetensors"}}), encoding="utf-8")
    assert Checkpoint(tmp_path, "hf:x").parameters == 6
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(UsageError, match=r"lacks the weights file two\.safetensors"):
        _ = Checkpoint(tmp_path, "hf:x").weights


@pytest.mark.parametrize(
    "name",
    ["config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja", "preprocessor_config.json"],
)
def test_every_file_that_decides_an_answer_is_in_the_digest(tmp_path: Path, name: str) -> None:
    before = Checkpoint(written(tmp_path), "hf:x").digest
    assert Checkpoint(tmp_path, "hf:other").digest == before
    (tmp_path / name).write_text('{"other": 1}', encoding="utf-8")
    assert Checkpoint(tmp_path, "hf:x").digest != before


def test_a_readme_is_not_in_the_digest_and_a_weight_is(tmp_path: Path) -> None:
    before = Checkpoint(written(tmp_path), "hf:x").digest
    (tmp_path / "README.md").write_text("more", encoding="utf-8")
    assert Checkpoint(tmp_path, "hf:x").digest == before
    save_file({"a": torch.ones(2, 2)}, tmp_path / "model.safetensors")
    assert Checkpoint(tmp_path, "hf:x").digest != before


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"no weights as safetensors, only pytorch_model\.bin"):
        _ = Checkpoint(tmp_path, "hf:x").digest


@pytest.mark.parametrize(
    ("text", "said"), [("{", "cannot be read"), ("[]", "holds no JSON object")], ids=["damaged", "no object"]
)
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        _ = Checkpoint(tmp_path, "hf:x").config


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0no header")
    with pytest.raises(UsageError, match=r"model\.safetensors is damaged"):
        _ = Checkpoint(tmp_path, "hf:x").parameters


def test_an_adapter_alone_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="merge the adapter into its base model"):
        _ = Checkpoint(tmp_path, "hf:x").config


def test_a_copy_has_the_same_digest(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    folder = checkpoint("llama")
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert Checkpoint(copy, "hf:copy").digest == Checkpoint(folder, "hf:llama").digest
