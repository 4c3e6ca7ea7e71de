"""CLIPScore and BERTScore over tiny networks made here, against plain computations of the papers' formulas."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import REPOSITORY
from tests.metrics.hostile import HOSTILE
from velm_bench.cli.main import execute
from velm_bench.errors import RunError, UsageError
from velm_bench.metrics import BertScore, ClipScore, MetricInputError, MetricUnavailableError, build
from velm_bench.metrics.neural import encoders
from velm_bench.metrics.neural.bertscore import Encoder
from velm_bench.metrics.neural.checkpoints import Checkpoint
from velm_bench.samples import EncodedPicture, Sample

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = "<pad> <bos> <eos> <unk> A photo depicts a the dog cat sits runs on red mat".split()
LENGTH = 16

CAPTIONS = ["a dog runs", "the cat sits on the red mat", "", "cat", "the " * 40]
GOLDEN = [["a dog", "the dog runs on a mat"], ["a cat sits on a mat"], ["a dog", "cat"], ["red", "cat"], ["the mat"]]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<bos>", 1), ("<eos>", 2)]
    made.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=ends)
    names = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    names |= {"cls_token": "<bos>", "sep_token": "<eos>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=LENGTH, **names)


SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
IDS = {"vocab_size": len(WORDS), "max_position_embeddings": LENGTH, "pad_token_id": 0}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    """A CLIP of two layers."""
    folder = tmp_path_factory.mktemp("made") / "tiny clip"
    text = transformers.CLIPTextConfig(bos_token_id=1, eos_token_id=2, **IDS, **SIZES)
    vision = transformers.CLIPVisionConfig(image_size=16, patch_size=8, **SIZES)
    settings = transformers.CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)
    return save(folder, transformers.CLIPModel, settings, tokenizer, pictures=True)


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("made") / "siglip"
    text = transformers.SiglipTextConfig(bos_token_id=1, eos_token_id=2, **IDS, **SIZES)
    vision = transformers.SiglipVisionConfig(image_size=16, patch_size=8, **SIZES)
    settings = transformers.SiglipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    return save(folder, transformers.SiglipModel, settings, tokenizer, pictures=True)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("made") / "bert"
    settings = transformers.BertConfig(initializer_range=0.5, **IDS, **SIZES)
    return save(folder, transformers.BertModel, settings, tokenizer)


def save(folder: Path, model: Any, settings: Any, tokenizer: Any, pictures: bool = False) -> Path:
    torch.manual_seed(0)
    model(settings).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if pictures:
        square = {"height": 16, "width": 16}
        transformers.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=square).save_pretrained(folder)
    return folder


def images(count: int) -> list[NDArray[np.uint8]]:
    drawn = np.random.default_rng(0)
    return [drawn.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(count)]


def pictured(golden: list[list[str]]) -> list[Any]:
    return [((image,), texts) for image, texts in zip(images(len(golden)), golden, strict=True)]


def cosine(first: Any, second: Any) -> float:
    return float(torch.nn.functional.cosine_similarity(first.double(), second.double(), dim=0))


def plain_clipscore(folder: Path, caption: str, image: Any, golden: list[str], padding: Any = False) -> list[float]:
    """The paper's two formulas for one caption, through the model's own forward."""
    from PIL import Image

    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.CLIPImageProcessorPil.from_pretrained(folder)
    texts = [f"A photo depicts {text}" for text in (caption, *golden)]
    pixels = processor(images=Image.fromarray(image), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        found = [
            model(
                input_ids=tokenizer(
                    [text], truncation=True, max_length=LENGTH, padding=padding, return_tensors="pt"
                ).input_ids,
                pixel_values=pixels,
            )
            for text in texts
        ]
    said, *references = (one.text_embeds[0] for one in found)
    score = 2.5 * max(cosine(found[0].image_embeds[0], said), 0)
    nearest = max(max(cosine(reference, said), 0) for reference in references)
    return [score, 2 * score * nearest / (score + nearest) if score + nearest else 0.0]


def plain_bertscore(folder: Path, layer: int, caption: str, golden: list[str]) -> list[float]:
    """Equations 1 to 3 of the paper, token by token; the first and last token count nothing."""
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def hidden(text: str) -> Any:
        ids = tokenizer([text], truncation=True, max_length=LENGTH, return_tensors="pt").input_ids
        with torch.no_grad():
            return model(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]

    def share(ours: Any, theirs: Any) -> float:
        best = [max(cosine(one, other) for other in theirs) for one in ours[1:-1]]
        return sum(best) / len(best)

    found = []
    for text in golden:
        ours, theirs = hidden(caption), hidden(text)
        if min(len(ours), len(theirs)) == 2:
            found.append((0.0, 0.0, 0.0))
            continue
        precision, recall = share(ours, theirs), share(theirs, ours)
        found.append((2 * precision * recall / (precision + recall), precision, recall))
    return [max(column) for column in zip(*found, strict=True)]


def test_clipscore_is_the_papers_formula(clip: Path) -> None:
    rows = build(f"clipscore:{clip}").statistics(CAPTIONS, pictured(GOLDEN))
    plain = [
        plain_clipscore(clip, text, image, golden)
        for text, image, golden in zip(CAPTIONS, images(5), GOLDEN, strict=True)
    ]
    np.testing.assert_allclose(rows[:, :2], plain, atol=2e-6)
    assert np.ptp(rows[:, 0]) > 0.01
    assert (rows[:, 0] != rows[:, 1]).any()


def test_siglip_is_padded_as_it_was_trained(siglip: Path) -> None:
    rows = build(f"clipscore:{siglip}").statistics(CAPTIONS, pictured(GOLDEN))
    plain = [
        plain_clipscore(siglip, text, image, golden, "max_length")
        for text, image, golden in zip(CAPTIONS, images(5), GOLDEN, strict=True)
    ]
    np.testing.assert_allclose(rows[:, :2], plain, atol=2e-6)


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_bertscore_is_the_papers_formula(bert: Path, layer: int) -> None:
    rows = build(f"bertscore:{bert}@{layer}").statistics(CAPTIONS, GOLDEN)
    plain = [plain_bertscore(bert, layer, *pair) for pair in zip(CAPTIONS, GOLDEN, strict=True)]
    np.testing.assert_allclose(rows[:, :3], plain, atol=2e-6)
    assert rows[2, :3].tolist() == [0, 0, 0]


def test_the_last_layer_is_taken_if_none_is_named(bert: Path) -> None:
    rows = [build(f"bertscore:{bert}{layer}").statistics(CAPTIONS, GOLDEN)[:, 0] for layer in ("", "@2", "@1")]
    assert np.array_equal(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2])


def test_a_text_is_its_own_best_reference(bert: Path) -> None:
    rows = build(f"bertscore:{bert}").statistics(["a dog sits"], [["the mat", "a dog sits", ""]])
    assert rows[0, :3] == pytest.approx([1, 1, 1])


def test_a_first_word_is_the_same_token_as_a_later_one(tmp_path: Path) -> None:
    """RoBERTa's tokenizer tells " dog" from "dog"; positions begin behind its padding token."""
    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"adgoĠ", "Ġd", "Ġdo", "Ġdog", "Ġa"]
    merges = [("Ġ", "d"), ("Ġd", "o"), ("Ġdo", "g"), ("Ġ", "a")]
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    made = transformers.RobertaTokenizer(vocab=vocabulary, merges=merges)
    positions = {"max_position_embeddings": LENGTH, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    settings = transformers.RobertaConfig(vocab_size=len(letters), **positions, **SIZES)
    folder = save(tmp_path / "roberta", transformers.RobertaModel, settings, made)
    rows = BertScore((), f"{folder}@0").statistics(["dog", "a dog " * 50], [[" dog"], ["dog"]])
    assert rows[0, :3] == pytest.approx([1, 1, 1])
    encoder = Encoder(Checkpoint(str(folder)), layer=0)
    assert encoder.longest == LENGTH - 2
    assert len(encoder.embed(["a dog " * 50])[0][1]) == LENGTH - 2
    first, later = (encoder.embed([text])[0][1] for text in ("dog", "a dog"))
    assert (len(first), len(later)) == (3, 4)


def test_batches_and_neighbours_change_nothing(clip: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clipscore, bertscore = build(f"clipscore:{clip}"), build(f"bertscore:{bert}")
    whole = [clipscore.statistics(CAPTIONS, pictured(GOLDEN)), bertscore.statistics(CAPTIONS, GOLDEN)]
    alone = [
        np.concatenate(
            [clipscore.statistics([text], [gold]) for text, gold in zip(CAPTIONS, pictured(GOLDEN), strict=True)]
        ),
        np.concatenate([bertscore.statistics([text], [gold]) for text, gold in zip(CAPTIONS, GOLDEN, strict=True)]),
    ]
    monkeypatch.setattr(encoders, "PORTION", 2)
    small = [clipscore.statistics(CAPTIONS, pictured(GOLDEN)), bertscore.statistics(CAPTIONS, GOLDEN)]
    for first, second, third in zip(whole, alone, small, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
        np.testing.assert_allclose(first, third, atol=1e-6)


def test_embed_never_pads_and_keeps_the_order() -> None:
    seen = []

    def run(ids: Any) -> Any:
        seen.append(tuple(ids.shape))
        return ids[:, :1]

    found = encoders.embed([[5, 1], [3], [4, 2], [9, 1], [7]], run, "cpu", batch=2)
    assert [int(vector[0]) for vector in found] == [5, 3, 4, 9, 7]
    assert seen == [(2, 2), (1, 2), (2, 1)]


@pytest.mark.parametrize("name", ["clip", "bert"])
def test_a_failed_sample_scores_zero_and_is_not_looked_at(name: str, clip: Path, bert: Path) -> None:
    metric = build(f"clipscore:{clip}" if name == "clip" else f"bertscore:{bert}")
    missing = (EncodedPicture(Path("nowhere.png")),)
    golden: list[Any] = [(missing, GOLDEN[1]), pictured(GOLDEN)[1]] if name == "clip" else [GOLDEN[1]] * 2
    rows = metric.statistics([None, CAPTIONS[1]], golden)
    assert rows[0].tolist() == [0] * (len(metric.columns) - 1) + [1]
    assert rows[1, 0] > 0
    assert metric.values(rows)[0] == rows[1, 0] / 2
    assert np.isnan(metric.values(rows[:0])).all()
    assert metric.statistics([None], golden[:1]).tolist() == [rows[0].tolist()]


def test_hostile_texts(clip: Path, bert: Path) -> None:
    for metric, golden in (
        (build(f"clipscore:{clip}"), [((images(1)[0],), [text]) for text in HOSTILE]),
        (build(f"bertscore:{bert}"), [[text] for text in HOSTILE]),
    ):
        assert np.isfinite(metric.statistics(HOSTILE, golden)).all()
        assert metric.statistics([], []).shape == (0, len(metric.columns))
        for wrong in (b"dog", float("nan"), ["dog"]):
            with pytest.raises(MetricInputError, match="Sample 1"):
                metric.statistics(["dog", wrong], golden[:2])


def test_references_of_another_form_are_named(clip: Path) -> None:
    metric, image = build(f"clipscore:{clip}"), images(1)[0]
    for wrong, said in (
        (["a dog"], "Sample 0 needs references of two parts"),
        (((), ["a dog"]), "Sample 0 has 0 images"),
        (((image, image), ["a dog"]), "Sample 0 has 2 images"),
        (((b"png",), ["a dog"]), "Sample 0: the image is of type bytes"),
        (((image,), []), "Sample 0 needs a list of at least one reference"),
        (((image,), [None]), "Sample 0: the reference is None"),
        (((EncodedPicture(Path("nowhere.png")),), ["a dog"]), r"image nowhere\.png cannot be read"),
    ):
        with pytest.raises(MetricInputError, match=said):
            metric.statistics(["a dog"], [wrong])


def test_reference_is_the_undecoded_picture_and_the_captions() -> None:
    picture = EncodedPicture(Path("nowhere.png"))
    assert ClipScore((), "x").reference(Sample("1", images=(picture,), references=("a",))) == ((picture,), ["a"])


@pytest.mark.parametrize("name", ["clipscore", "bertscore"])
def test_no_checkpoint_is_a_usage_error(name: str) -> None:
    for given in (name, f"{name}:"):
        with pytest.raises(UsageError, match=f"write '{name}:FOLDER'"):
            build(given)


def test_checkpoints_that_cannot_be_used_are_one_sentence(
    tmp_path: Path, clip: Path, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    broken = tmp_path / "broken"
    shutil.copytree(bert, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    golden = [((images(1)[0],), ["a dog"])]
    for name, references, said in (
        (f"clipscore:{tmp_path}", golden, r"is no checkpoint: it has no config\.json"),
        (f"clipscore:{tmp_path / 'nowhere'}", golden, "There is no folder"),
        ("clipscore:nobody/nothing", golden, "'nobody/nothing' is no folder here and cannot be had"),
        (f"clipscore:{bert}", golden, r"\(BertModel\) does not embed images and texts"),
        (f"bertscore:{clip}", [["a dog"]], r"\(CLIPModel\) is no text encoder"),
        (f"bertscore:{broken}", [["a dog"]], "broken' cannot be read"),
    ):
        with pytest.raises(MetricUnavailableError, match=said) as caught:
            build(name).statistics(["a dog"], references)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="has 2 layers, and no layer 3"):
        build(f"bertscore:{bert}@3").statistics(["a dog"], [["a dog"]])


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path, bert: Path) -> None:
    from safetensors.torch import load_file, save_file

    partial = tmp_path / "partial"
    shutil.copytree(bert, partial)
    weights = load_file(bert / "model.safetensors")
    head = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
    save_file(head, partial / "model.safetensors", metadata={"format": "pt"})
    assert BertScore((), str(partial)).compute(["a dog"], [["a dog"]])["bertscore_f1/partial"] == pytest.approx(1)
    less = {name: tensor for name, tensor in head.items() if "layer.1.attention.self.query" not in name}
    save_file(less, partial / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MetricUnavailableError, match=r"lacks weights: encoder\.layer\.1\.attention\.self\.query"):
        BertScore((), str(partial)).statistics(["a dog"], [["a dog"]])


def test_weights_that_are_not_finite_are_no_score(tmp_path: Path, bert: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "nan"
    shutil.copytree(bert, folder)
    weights = {name: torch.full_like(one, float("nan")) for name, one in load_file(bert / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunError, match="not finite"):
        BertScore((), str(folder)).statistics(["a dog"], [["a dog"]])


def test_the_signature_names_content_and_no_path(clip: Path, bert: Path, tmp_path: Path) -> None:
    signature = build(f"clipscore:{clip}").signature
    assert str(clip.parent) not in signature
    assert signature.startswith("clipscore|model:tiny-clip|files:")
    assert signature.endswith("|w:2.5|prompt:A photo depicts|fp32|refs:max|v:1")
    copy = tmp_path / clip.name
    shutil.copytree(clip, copy)
    assert build(f"clipscore:{copy}").signature == signature
    settings = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "preprocessor_config.json").write_text(json.dumps({**settings, "do_normalize": False}))
    assert build(f"clipscore:{copy}").signature != signature
    assert "|layer:1|" in build(f"bertscore:{bert}@1").signature
    assert "|layer:last|" in build(f"bertscore:{bert}").signature
    assert "model:nothing|files:absent" in build("bertscore:nobody/nothing").signature


def test_a_device_that_is_not_here(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VELM_METRIC_DEVICE", "cuda:99")
    with pytest.raises(UsageError, match="VELM_METRIC_DEVICE=cuda:99 cannot be used here"):
        build(f"bertscore:{bert}").statistics(["a dog"], [["a dog"]])


def test_building_and_reading_statistics_needs_no_torch() -> None:
    code = (
        "import sys; from velm_bench.metrics import build; import numpy as np\n"
        "for name in ('clipscore:x/y', 'bertscore:x/y@3'):\n"
        "    metric = build(name)\n"
        "    assert metric.values(np.ones((2, len(metric.columns))))[0] == 1\n"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]", done.stderr


TASK = """
name: pictured
kind: captioning
source:
  type: jsonl
  path: captions.jsonl
  images: .
  fields: {{id: id, image: picture, captions: captions}}
metrics: ["clipscore:{clip}", "bertscore:{bert}@1", "bertscore:{bert}"]
"""


def test_a_run_with_both_through_the_command_line(
    clip: Path, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Colons, slashes and spaces in a metric's name go through columns, results and listings."""
    from PIL import Image

    from velm_bench.results.store import read_samples, statistics_of

    monkeypatch.chdir(tmp_path)
    drawn = images(3)
    for place, pixels in enumerate(drawn):
        Image.fromarray(pixels).save(f"{place}.png")
    rows = [{"id": str(place), "picture": f"{place}.png", "captions": GOLDEN[place]} for place in range(3)]
    Path("captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("task.yaml").write_text(TASK.format(clip=clip, bert=bert))
    said = [{"id": str(place), "prediction": CAPTIONS[place]} for place in range(2)]
    Path("said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
    command = ["score", "-t", "task.yaml", "-p", "said.jsonl", "--max-error-rate", "1", "--replicates", "20"]
    assert execute(command) == 0, capsys.readouterr().err
    (folder,) = (path.parent for path in Path("results").glob("*/*/*/result.json"))
    result = json.loads((folder / "result.json").read_text())
    assert result["primary"] == "clipscore/tiny-clip"
    assert result["skipped"] == {}
    parts = [f"bertscore_{part}/bert{layer}" for layer in ("@1", "") for part in ("f1", "precision", "recall")]
    assert set(result["scores"]) == {"clipscore/tiny-clip", "ref_clipscore/tiny-clip", *parts}
    main = result["scores"]["clipscore/tiny-clip"]
    assert (main["n"], main["n_errors"]) == (3, 1)
    kept = statistics_of(read_samples(folder), f"clipscore:{clip}")
    expected = build(f"clipscore:{clip}").statistics([*CAPTIONS[:2], None], pictured(GOLDEN[:3]))
    np.testing.assert_allclose(kept, expected, atol=1e-6)
    assert main["value"] == pytest.approx(kept[:, 0].mean())
    capsys.readouterr()
    assert execute(["results", "list"]) == 0
    assert "clipscore" in capsys.readouterr().out
