"""How much of a Hugging Face model's speed the runner leaves, and what the shared prefix of options saves.

    python benchmarks/huggingface.py [--images 500] [--batch-size 32] [--rounds 5] [--threads 1] ...

A LLaVA-style model of random weights and PNG pictures of several sizes are made in a temporary folder. Then, in turn:

- the same questions are answered by a loop such as a careful person writes by hand (longest prompts first, batches,
  processor with left padding, `generate`, decoding), and by the runner, as `velm-bench run --model hf:DIR` has it, with
  all that makes a run: digests, keys, journal, error handling; its time is that of its plan and answer phases;
- ten options per picture are weighed by the model's `choose`, which reads prompt and picture once, and one at a time.

Both sides must give the same answers. The rounds swap who goes first; printed are samples per second and the median
ratio of each pair.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import logging

from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import Setup, open_model
from velm_bench.results.store import SAMPLES, read_table
from velm_bench.samples import ChooseRequest, EncodedPicture
from velm_bench.tasks.definition import load_task
from velm_bench.tasks.registry import Definition

WORDS = (
    "describe the colours and shapes of this picture from left to right and say how many large ones there are".split()
)
OPTIONS = tuple(f"{count} {colour} shapes" for count in ("two", "three") for colour in WORDS[2:7])
NEW_TOKENS = 16


PICTURE = 96
"""Height and width, in pixels, of what the model sees: 36 patches."""


@dataclass(frozen=True)
class Bench:
    """What both sides work on."""

    folder: Path
    definition: Definition
    prompts: Sequence[str]
    model: Any
    batch_size: int
    workers: int

    def picture(self, number: int) -> Path:
        """Where the picture of a prompt lies."""
        return self.folder / f"{number:04d}.png"


def make_bench(folder: Path, images: int, batch_size: int, workers: int, width: int) -> Bench:
    """Checkpoint, pictures and task in a folder; `width` is that of the language model."""
    rng = np.random.default_rng(0)
    prompts = []
    for number in range(images):
        height, across = (int(side) for side in rng.integers(96, 257, 2))
        coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((across, height), Image.Resampling.BICUBIC).save(folder / f"{number:04d}.png")
        prompts.append(" ".join(WORDS[: 4 + int(rng.integers(0, len(WORDS) - 3))]))
    model = open_model(f"hf:{make_checkpoint(folder / 'model', width)}", Setup(device="cpu", dtype="float32"))
    model.load()
    return Bench(folder, make_task(folder, prompts), prompts, model, batch_size, workers)


def make_task(folder: Path, prompts: Sequence[str]) -> Definition:
    """A task of questions about the pictures, in YAML (which JSON is)."""
    rows = [
        {"id": f"{number:04d}", "image": f"{number:04d}.png", "question": prompt, "gold": ["two"]}
        for number, prompt in enumerate(prompts)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    fields = {"id": "id", "image": "image", "question": "question", "references": "gold"}
    task = {
        "name": "pictures",
        "kind": "vqa",
        "source": {"type": "jsonl", "path": "rows.jsonl", "fields": fields},
        "prompt": "{question}",
        "generation": {"max_new_tokens": NEW_TOKENS},
        "metrics": ["exact_match"],
    }
    path = folder / "task.yaml"
    path.write_text(json.dumps(task), encoding="utf-8")
    return Definition(load_task(path), path)


def make_checkpoint(folder: Path, width: int) -> Path:
    """A LLaVA of random weights: CLIP's tower, Llama with four layers, a tokenizer trained on the prompts' words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<image>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    pieces.train_from_iterator([" ".join(WORDS), *OPTIONS], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<pad>", bos_token="<s>", eos_token="</s>", padding_side="left"
    )
    shape = {"num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 2 * width, "hidden_size": width}
    torch.manual_seed(0)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**shape, image_size=PICTURE, patch_size=16, projection_dim=width),
        text_config=LlamaConfig(
            **shape,
            vocab_size=len(tokenizer),
            initializer_range=1.2 / width**0.5,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        ),
        image_token_index=3,
        tie_word_embeddings=False,
    )
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": PICTURE}, crop_size={"height": PICTURE, "width": PICTURE}),
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for m in messages %}{% for part in m['content'] %}"
            "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
            "{% endfor %}{% endfor %}:"
        ),
    )
    LlavaForConditionalGeneration(config).eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def by_hand(bench: Bench) -> tuple[float, list[str]]:
    """Seconds and answers of the loop that somebody without a harness would write."""
    model, processor = bench.model.model, bench.model.processor
    processor.tokenizer.padding_side = "left"
    answers = [""] * len(bench.prompts)
    started = time.perf_counter()
    order = sorted(range(len(bench.prompts)), key=lambda number: -len(bench.prompts[number]))
    for start in range(0, len(order), bench.batch_size):
        batch = order[start : start + bench.batch_size]
        turns = [
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": bench.prompts[number]}]}]
            for number in batch
        ]
        said = processor.apply_chat_template(turns, add_generation_prompt=True)
        images = [[Image.open(bench.picture(number)).convert("RGB")] for number in batch]
        inputs = processor(images=images, text=said, padding=True, return_tensors="pt")
        with torch.inference_mode():
            written = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
        texts = processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for number, text in zip(batch, texts, strict=True):
            answers[number] = text.strip()
    return time.perf_counter() - started, answers


def through_the_runner(bench: Bench) -> tuple[float, list[str]]:
    """The same within a run: everything from the samples to the answers in the journal."""
    with tempfile.TemporaryDirectory() as output:
        settings = RunSettings(Path(output), (), bench.batch_size, workers=bench.workers, fresh=True, replicates=0)
        run = evaluate(bench.definition, bench.model, settings)
        assert run.result.n_errors == 0, f"{run.result.n_errors} samples failed"
        rows = read_table(run.folder / SAMPLES).select(["id", "answer"]).to_pylist()
    phases = run.result.timing.phases
    answers = {row["id"]: row["answer"] for row in rows}
    return phases["plan"] + phases["answer"], [json.loads(answers[key])["text"] for key in sorted(answers)]


def together(bench: Bench) -> tuple[float, list[list[float]]]:
    """Seconds and log-probabilities of ten options, prompt and picture read once."""
    batches = options_prepared(bench)
    started = time.perf_counter()
    found = [answer for batch in batches for answer in bench.model.choose(batch)]
    return time.perf_counter() - started, [list(answer.logprobs) for answer in found]


@torch.inference_mode()
def one_at_a_time(bench: Bench) -> tuple[float, list[list[float]]]:
    """The same with a forward pass over prompt and option for each option."""
    batches = options_prepared(bench)
    found: list[list[float]] = []
    started = time.perf_counter()
    for batch in batches:
        prompts = bench.model.batch(batch)
        columns = [_weigh(bench.model.model, prompts, option) for option in batch[0].options]
        found += torch.stack(columns, 1).tolist()
    return time.perf_counter() - started, found


def _weigh(model: Any, prompts: dict[str, torch.Tensor], option: Sequence[int]) -> torch.Tensor:
    """The summed log-probability (batch,) of one option behind left-padded prompts."""
    rows = len(prompts["input_ids"])
    tokens = torch.tensor(option).expand(rows, -1)
    ids = torch.cat([prompts["input_ids"], tokens], 1)
    mask = torch.cat([prompts["attention_mask"], torch.ones_like(tokens)], 1)
    logits = model(input_ids=ids, attention_mask=mask, pixel_values=prompts["pixel_values"], use_cache=False).logits
    before = logits[:, -len(option) - 1 : -1].float().log_softmax(-1)
    return before.gather(-1, tokens[..., None])[..., 0].sum(1)


def options_prepared(bench: Bench) -> list[list[Any]]:
    """The questions as choices among the options, made ready, in batches of like length."""
    order = sorted(range(len(bench.prompts)), key=lambda number: -len(bench.prompts[number]))
    ready = [
        bench.model.prepare(
            ChooseRequest(str(number), (EncodedPicture(bench.picture(number)),), bench.prompts[number], options=OPTIONS)
        )
        for number in order
    ]
    return [ready[start : start + bench.batch_size] for start in range(0, len(ready), bench.batch_size)]


Side = Callable[[Bench], tuple[float, Any]]


def compare(bench: Bench, title: str, sides: dict[str, Side], rounds: int) -> float:
    """Alternate two sides; the median of the first's seconds over the second's."""
    (plain, _), (ours, _) = sides.items()
    answers = {name: side(bench)[1] for name, side in sides.items()}  # and everything is warm
    _same(answers[plain], answers[ours])
    print(f"{title}: {len(bench.prompts)} samples, batches of {bench.batch_size}")
    print(f"{'round':>6}{plain + '/s':>18}{ours + '/s':>18}{'ratio':>8}")
    ratios = []
    for number in range(rounds):
        order = list(sides) if number % 2 == 0 else list(sides)[::-1]
        seconds = {name: sides[name](bench)[0] for name in order}
        ratios.append(seconds[plain] / seconds[ours])
        speeds = "".join(f"{len(bench.prompts) / seconds[name]:>18.1f}" for name in sides)
        print(f"{number + 1:>6}{speeds}{ratios[-1]:>8.3f}")
    median = statistics.median(ratios)
    print(f"median ratio {median:.3f} ({ours} to {plain}; 1 is equal)\n")
    return median


def _same(plain: Any, ours: Any) -> None:
    """Both sides answer alike: texts but for a few ties (batches differ), log-probabilities to 1e-4."""
    if isinstance(plain[0], str):
        different = sum(one != other for one, other in zip(plain, ours, strict=True))
        assert different <= len(plain) / 50, f"{different} answers differ"
        assert len(set(plain)) > len(plain) // 10, "the model says the same to everything"
    else:
        torch.testing.assert_close(torch.tensor(plain), torch.tensor(ours), atol=1e-4, rtol=1e-4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        bench = make_bench(Path(folder), given.images, given.batch_size, given.workers, given.width)
        compare(bench, "generation", {"by hand": by_hand, "runner": through_the_runner}, given.rounds)
        compare(bench, "ten options", {"one at a time": one_at_a_time, "together": together}, given.rounds)


if __name__ == "__main__":
    main()
