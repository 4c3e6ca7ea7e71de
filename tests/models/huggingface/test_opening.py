"""A checkpoint is opened by what its own config.json says, or refused in one sentence."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers.dynamic_module_utils import get_class_from_dynamic_module

from tests.models.huggingface.asking import answers, picture
from velm_bench.errors import RunError, UnavailableError, UsageError, VelmError
from velm_bench.models import Setup, open_model
from velm_bench.models.huggingface import opening
from velm_bench.models.huggingface.checkpoint import Checkpoint
from velm_bench.models.huggingface.opening import adapter_of
from velm_bench.samples import GenerateRequest, Generation

Made = Callable[[str], Path]


def changed(folder: Path, copy: Path, name: str = "config.json", **values: Any) -> Path:
    """A copy of a checkpoint in which a JSON file says something else."""
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    said = json.loads((copy / name).read_text(encoding="utf-8")) if (copy / name).exists() else {}
    (copy / name).write_text(json.dumps(said | values), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("architecture", "adapter"),
    [
        ("LlavaForConditionalGeneration", "generative:GenerativeModel"),
        ("Qwen2_5_VLForConditionalGeneration", "generative:GenerativeModel"),
        ("VisionEncoderDecoderModel", "generative:GenerativeModel"),
        ("Blip2ForConditionalGeneration", "generative:GenerativeModel"),
        ("BlipForQuestionAnswering", "generative:AnswerWriter"),
        ("ViltForQuestionAnswering", "answering:VqaClassifier"),
        ("CLIPModel", "contrastive:ContrastiveModel"),
        ("SiglipModel", "contrastive:ContrastiveModel"),
        ("ResNetForImageClassification", "classifying:ImageClassifier"),
        ("RobertaForTokenClassification", "tagging:TokenClassifier"),
        ("LlamaForCausalLM", "generative:LanguageModel"),
        ("T5ForConditionalGeneration", "generative:LanguageModel"),
    ],
)
def test_the_class_decides_the_adapter(tmp_path: Path, architecture: str, adapter: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture]}), encoding="utf-8")
    assert adapter_of(Checkpoint(tmp_path, "hf:x")).endswith(f".{adapter}")


def test_without_a_class_the_model_type_decides(checkpoint: Made, tmp_path: Path) -> None:
    folder = changed(checkpoint("llava"), tmp_path / "nameless", architectures=None)
    named, nameless = (open_model(f"hf:{found}") for found in (checkpoint("llava"), folder))
    request = GenerateRequest("1", (picture(0),), "what?", generation=Generation(max_new_tokens=4))
    for model in (named, nameless):
        model.load()
    assert answers(nameless, [request])[0].text == answers(named, [request])[0].text


def test_without_a_class_a_type_of_several_is_refused(checkpoint: Made, tmp_path: Path) -> None:
    folder = changed(checkpoint("llama"), tmp_path / "nameless", architectures=None)
    with pytest.raises(UsageError, match=r"may be of LlamaForTokenClassification, LlamaForCausalLM: write there which"):
        open_model(f"hf:{folder}")


def test_a_class_without_a_head_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}', encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"of the class BertModel, which transformers \d.* name a checkpoint with a head"
    ):
        open_model(f"hf:{tmp_path}")


def test_identity_is_known_without_loading(checkpoint: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were opened")

    monkeypatch.setattr(transformers.LlavaForConditionalGeneration, "from_pretrained", never)
    identity = open_model(f"hf:{checkpoint('llava')}").identity
    assert identity.name == f"hf:{checkpoint('llava')}"
    assert identity.dtype == "float32"
    assert identity.parameters is not None
    assert 10_000 < identity.parameters < 200_000
    assert identity.details["architecture"] == "LlavaForConditionalGeneration"


def test_code_of_its_own_is_not_run_unasked(checkpoint: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    ran = tmp_path / "ran"
    folder = changed(
        checkpoint("llama"),
        tmp_path / "own",
        architectures=["MyForCausalLM"],
        model_type="mine",
        auto_map={"AutoConfig": "mine.MyConfig", "AutoModelForCausalLM": "mine.MyForCausalLM"},
    )
    code = (
        "from pathlib import Path\nfrom transformers import LlamaConfig, LlamaForCausalLM\n"
        f"Path({str(ran)!r}).touch()\n\n"
        "class MyConfig(LlamaConfig):\n    model_type = 'mine'\n\n"
        "class MyForCausalLM(LlamaForCausalLM):\n    config_class = MyConfig\n"
    )
    (folder / "mine.py").write_text(code, encoding="utf-8")
    with pytest.raises(UsageError, match="--model-arg trust_remote_code=true"):
        open_model(f"hf:{folder}")
    assert not ran.exists()
    trusted = open_model(f"hf:{folder}", Setup(options={"trust_remote_code": "true"}))
    before = trusted.identity.digest
    trusted.load()
    assert ran.exists()
    request = GenerateRequest("1", (), "what?", generation=Generation(max_new_tokens=4))
    plain = open_model(f"hf:{checkpoint('llama')}")
    plain.load()
    assert answers(trusted, [request])[0].text == answers(plain, [request])[0].text
    (folder / "mine.py").write_text(code + "\n# changed", encoding="utf-8")
    again = open_model(f"hf:{folder}", Setup(options={"trust_remote_code": "true"}))
    assert again.identity.digest != before


OWN_VLM = """from transformers import LlavaConfig, LlavaForConditionalGeneration

class MyConfig(LlavaConfig):
    model_type = "mine"

class MyVlm(LlavaForConditionalGeneration):
    config_class = MyConfig
"""


@pytest.mark.parametrize("auto", ["AutoModelForImageTextToText", "AutoModelForCausalLM"])
def test_code_of_its_own_sees_pictures(
    auto: str, checkpoint: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also under the name of a language model, which many have: asked without pictures it would be blind unnoticed."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    plain = open_model(f"hf:{checkpoint('llava')}")
    plain.load()
    folder = shutil.copytree(checkpoint("llava"), tmp_path / "own")
    (folder / "mine.py").write_text(OWN_VLM, encoding="utf-8")
    kind: Any = get_class_from_dynamic_module("mine.MyVlm", folder)
    own = kind(kind.config_class(**plain.model.config.to_dict() | {"model_type": "mine"}))
    own.load_state_dict(plain.model.state_dict())
    own.save_pretrained(folder)
    maps = {"AutoConfig": "mine.MyConfig", "AutoModelForSequenceClassification": "mine.No", auto: "mine.MyVlm"}
    folder = changed(folder, tmp_path / "coded", auto_map=maps)
    model = open_model(f"hf:{folder}", Setup(options={"trust_remote_code": "true"}))
    model.load()
    requests = [GenerateRequest("1", (picture(number),), "what?") for number in range(4)]
    assert answers(model, requests) == answers(plain, requests)


def test_trust_is_part_of_the_identity_where_there_is_code(checkpoint: Made, tmp_path: Path) -> None:
    """A native class reads the weights either way, but processor and `generate` may be the checkpoint's own."""
    folder = changed(checkpoint("llama"), tmp_path / "own", "tokenizer_config.json", auto_map={"AutoTokenizer": "a.B"})
    trusted = Setup(options={"trust_remote_code": "true"})
    assert open_model(f"hf:{folder}", trusted).identity.digest != open_model(f"hf:{folder}").identity.digest
    plain = f"hf:{checkpoint('llama')}"
    assert open_model(plain, trusted).identity.digest == open_model(plain).identity.digest


@pytest.mark.parametrize("said", ["CUDA out of memory. Tried to allocate 2 GiB", "CUBLAS_STATUS_ALLOC_FAILED when"])
def test_a_model_that_does_not_fit_is_named(said: str, checkpoint: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(f"hf:{checkpoint('llama')}", Setup(device="cpu"))

    def full(_: Any) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(type(model), "_load_model", full)
    with pytest.raises(RunError, match=r"does not fit as float32 into the memory of 'cpu': try --dtype bfloat16"):
        model.load()


def test_weights_left_at_random_are_refused(checkpoint: Made, tmp_path: Path) -> None:
    folder = changed(checkpoint("llama"), tmp_path / "deeper", num_hidden_layers=3)
    model = open_model(f"hf:{folder}")
    with pytest.raises(UsageError, match=r"would be left at random"):
        model.load()


def test_a_checkpoint_of_the_reference_family_has_its_own_scheme() -> None:
    shipped = Path(opening.__file__).parents[2] / "reference" / "checkpoints" / "prefix"
    with pytest.raises(UsageError, match=r"open it as 'ref:"):
        open_model(f"hf:{shipped}")


@pytest.mark.parametrize("rest", ["./nowhere", "a/b/c", "/no/such/folder", "a//b", "@main", "or g/na me"])
def test_what_is_neither_a_folder_nor_a_name_is_refused(rest: str) -> None:
    with pytest.raises(UsageError, match=r"neither a folder nor a hub's name"):
        open_model(f"hf:{rest}")


def test_a_hub_name_without_a_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def blocked(*_: Any, **__: Any) -> None:
        raise OSError("blocked")

    monkeypatch.setattr(socket.socket, "connect", blocked)
    monkeypatch.setattr(socket, "getaddrinfo", blocked)
    with pytest.raises(UnavailableError, match=r"hf download org/name --revision v1'") as raised:
        open_model("hf:org/name@v1")
    assert isinstance(raised.value, VelmError)
    assert str(raised.value).count(". ") == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_cache_that_cannot_be_written_is_not_called_a_missing_network(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code), "/cache/model.safetensors")

    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(UsageError, match=rf"cannot be kept in the local cache \({os.strerror(code)}\): make room"):
        open_model("hf:org/name@v1")


def test_a_snapshot_in_the_cache_is_opened_at_its_commit(
    checkpoint: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the hub's client lays its cache out; without a network it finds there what was fetched before."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    kept = tmp_path / "models--org--name"
    shutil.copytree(checkpoint("llama"), kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "v1").write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    details = open_model("hf:org/name@v1").identity.details
    assert (details["revision"], details["commit"]) == ("v1", commit)


def test_a_processor_that_is_missing_is_one_sentence(checkpoint: Made, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint("llava"), tmp_path / "bare")
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(UsageError, match=r"The (processor|tokenizer|image processor) of .* cannot be opened"):
        open_model(f"hf:{folder}").load()


@pytest.mark.parametrize("family", ["bert", "clip", "blip", "git", "gpt2", "qwen2", "qwen2_vl", "vilt"])
def test_a_tokenizer_without_a_vocabulary_is_refused(family: str, checkpoint: Made, tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoint(family), tmp_path / "wordless")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UsageError, match=r"The (tokenizer|processor) of .* (has no vocabulary|cannot be opened)"):
        open_model(f"hf:{folder}").load()


def test_dtype_and_device_are_heeded_or_refused(checkpoint: Made) -> None:
    folder = checkpoint("llava")
    model: Any = open_model(f"hf:{folder}", Setup(dtype="bfloat16", device="cpu"))
    model.load()
    assert {str(weight.dtype) for weight in model.model.parameters()} == {"torch.bfloat16"}
    assert model.identity.digest != open_model(f"hf:{folder}").identity.digest
    request = GenerateRequest("1", (picture(0),), "what?", generation=Generation(max_new_tokens=4))
    assert answers(model, [request])[0].tokens
    with pytest.raises(UsageError, match="--dtype float7"):
        open_model(f"hf:{folder}", Setup(dtype="float7"))
    with pytest.raises(UsageError, match="--device cuda:99"):
        open_model(f"hf:{folder}", Setup(device="cuda:99")).load()


def test_the_recommended_dtype_is_taken(checkpoint: Made, tmp_path: Path) -> None:
    folder = changed(checkpoint("llama"), tmp_path / "half", dtype="bfloat16")
    assert open_model(f"hf:{folder}").identity.dtype == "bfloat16"
