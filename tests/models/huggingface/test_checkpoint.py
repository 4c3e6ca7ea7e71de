"""What a checkpoint's files say, and what is refused of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from velm_bench.errors import UsageError
from velm_bench.models.huggingface.checkpoint import PATTERNS, Checkpoint
from velm_bench.models.huggingface.labels import output_labels


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


def test_every_file_of_every_tokenizer_is_in_the_digest_and_fetched() -> None:
    import transformers
    from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES

    files = {"tekken.json", "added_tokens.json", "special_tokens_map.json", "chat_template.jinja"}
    for name in filter(None, set(TOKENIZER_MAPPING_NAMES.values())):
        with suppress(AttributeError, ImportError):  # of packages that are not installed
            files |= set(getattr(transformers, name).vocab_files_names.values())
    assert len(files) > 20
    assert not [file for file in files if not any(fnmatch(file, pattern) for pattern in PATTERNS)]


def test_code_is_in_the_digest_wherever_it_lies(tmp_path: Path) -> None:
    written(tmp_path, auto_map={"AutoModelForCausalLM": "mine.My"})
    (tmp_path / "parts").mkdir()
    before = Checkpoint(tmp_path, "hf:x").digest
    (tmp_path / "parts" / "more.py").write_text("1", encoding="utf-8")
    after = Checkpoint(tmp_path, "hf:x").digest
    (tmp_path / "parts" / "more.py").rename(tmp_path / "more.py")
    assert len({before, after, Checkpoint(tmp_path, "hf:x").digest}) == 3


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


def test_a_copy_of_a_hubs_checkpoint_may_be_incomplete(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"no weights as safetensors, none at all: convert it"):
        _ = Checkpoint(tmp_path, "hf:x").weights
    with pytest.raises(UsageError, match=r"of 'hf:a/b' has no weights as safetensors: fetch it whole"):
        _ = Checkpoint(tmp_path, "hf:a/b", commit="c" * 40).weights


@pytest.mark.parametrize(
    ("text", "said"), [("{", "cannot be read"), ("[]", "holds no JSON object")], ids=["damaged", "no object"]
)
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        _ = Checkpoint(tmp_path, "hf:x").config


@pytest.mark.parametrize("header", [b"no header", b"[]", b'{"a": {"shape": ["x"]}}'])
def test_damaged_weights_are_named(header: bytes, tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(UsageError, match=r"model\.safetensors is damaged"):
        _ = Checkpoint(tmp_path, "hf:x").parameters


def test_an_adapter_alone_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="merge the adapter into its base model"):
        _ = Checkpoint(tmp_path, "hf:x").config


def test_an_adapter_with_its_bases_configuration_is_none_either(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="merge it into its base model"):
        _ = Checkpoint(tmp_path, "hf:x").weights


@pytest.mark.parametrize("held", [[], {}, None])
def test_an_index_that_names_nothing_is_refused(held: object, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": held}), encoding="utf-8")
    with pytest.raises(UsageError, match="names no weights"):
        _ = Checkpoint(tmp_path, "hf:x").weights


@pytest.mark.parametrize("held", ["LlamaForCausalLM", {"a": 1}])
def test_architectures_that_are_no_list_are_named(held: object, tmp_path: Path) -> None:
    written(tmp_path, architectures=held)
    with pytest.raises(UsageError, match="is no list"):
        _ = Checkpoint(tmp_path, "hf:x").architecture


@pytest.mark.parametrize("held", [{"a": "x"}, ["x", "y"]])
def test_names_of_classes_without_numbers_are_refused(held: object) -> None:
    with pytest.raises(UsageError, match="id2label"):
        output_labels({"id2label": held})


def test_a_copy_has_the_same_digest(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    folder = checkpoint("llama")
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert Checkpoint(copy, "hf:copy").digest == Checkpoint(folder, "hf:llama").digest
