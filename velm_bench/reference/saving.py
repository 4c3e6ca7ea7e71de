"""What a training leaves on disk: its log, the state to go on from, and the checkpoint; whole or absent, never half."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers.utils import logging

from velm_bench.errors import RunError, UsageError
from velm_bench.reference.cards import Made, card
from velm_bench.reference.curve import curve
from velm_bench.reference.processing import load_tokenizer
from velm_bench.reference.processor import VelmProcessor
from velm_bench.reference.recipe import Recipe

if TYPE_CHECKING:
    from velm_bench.reference.modelling import VelmForGeneration
    from velm_bench.reference.trainer import Trainer


CHECKPOINT = "checkpoint"
"""The folder, in that of a training, of the finished model."""
_OWNED = (
    CHECKPOINT,
    "best",
    "state.safetensors",
    "state",
    "log.jsonl",
    "curve.svg",
    "run.json",
    "tokenizer.json",
    "recipe.json",
)
"""What a training writes into its folder; each may also lie there unfinished, with .partial behind its name."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the folder of a training (made where absent); UsageError where another training holds it."""
    with _clear_sentences(path):
        path.mkdir(parents=True, exist_ok=True)
    handle = None
    try:
        try:
            import fcntl

            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"Another training is at work in {path}: wait for it, or give another --output."
            ) from error
        except (ImportError, OSError):  # this system or disk has no such locks
            pass
        yield
    finally:
        if handle is not None:
            os.close(handle)


class Folder:
    """The folder of one training; `_OWNED` names what lies in it."""

    def __init__(self, path: Path, recipe: Recipe, fresh: bool = False) -> None:
        self.path, self.recipe = path, recipe
        with _clear_sentences(path):
            path.mkdir(parents=True, exist_ok=True)
            self._refuse_strangers()
            if fresh:
                self._empty()
            self._claim()

    def _refuse_strangers(self) -> None:
        """Touch no folder that is not a training's."""
        held = {path.name for path in self.path.iterdir()} - {"recipe.json.partial"}
        if held and ("recipe.json" not in held or "config.json" in held):
            raise UsageError(f"{self.path} holds files that are not of a training: give another or an empty --output.")

    def _empty(self) -> None:
        """Delete what a training wrote here, the recipe last, and nothing else."""
        for name in _OWNED:
            for path in (self.path / name, self.path / f"{name}.partial"):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)

    def _damaged(self, name: str) -> UsageError:
        return UsageError(f"{self.path / name} is damaged: --fresh begins anew.")

    def _claim(self) -> None:
        """Write the recipe, or refuse a folder that holds the training of another one."""
        held = self.path / "recipe.json"
        try:
            other = held.exists() and _read_recipe(held) != self.recipe
        except ValueError as error:
            raise self._damaged("recipe.json") from error
        if other:
            raise UsageError(
                f"{self.path} holds a training by another recipe: give another --output, or --fresh to replace it."
            )
        if not held.exists():
            write_text(held, json.dumps(self.recipe.model_dump(mode="json"), indent=2) + "\n")

    def tokenizer(self, make: Callable[[], Tokenizer]) -> None:
        """Make the training's tokenizer if it is not there yet."""
        if not (self.path / "tokenizer.json").exists():
            write_text(self.path / "tokenizer.json", make().to_str(pretty=True))

    def load_tokenizer(self) -> Tokenizer:
        """The training's tokenizer; UsageError where its file is damaged."""
        try:
            return load_tokenizer(self.path)
        except Exception as error:  # of no narrower type
            raise self._damaged("tokenizer.json") from error

    def log(self, line: Mapping[str, Any]) -> None:
        """Append a line to log.jsonl."""
        with _clear_sentences(self.path), (self.path / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def note_run(self, run: Mapping[str, Any]) -> None:
        """Keep what the recipe does not say of the run, for the card."""
        with _clear_sentences(self.path):
            write_text(self.path / "run.json", json.dumps(run) + "\n")

    def draw(self) -> None:
        """The learning curve so far, as curve.svg."""
        with _clear_sentences(self.path):
            write_text(self.path / "curve.svg", curve(self.path / "log.jsonl", self.recipe.batch, self.recipe.name))

    def save(self, trainer: Trainer) -> None:
        """The state to go on from: weights, buffers, moments and the standing."""
        with _clear_sentences(self.path):
            partial = self.path / "state.partial"
            about = {"standing": json.dumps(asdict(trainer.standing)), "frozen": _frozen(trainer)}
            about["data"] = trainer.book.fingerprint
            save_file(_tensors(trainer), partial, about)
            _publish(partial, self.path / "state.safetensors")

    def restore(self, trainer: Trainer) -> bool:
        """Put the trainer where the saved state was; False if there is none. Log lines of lost steps are dropped."""
        path = self.path / "state.safetensors"
        if not path.exists():
            if trainer.group.leads:
                (self.path / "log.jsonl").unlink(missing_ok=True)
            return False
        try:
            with safe_open(path, "pt", device=str(trainer.device)) as file:
                about = file.metadata()
                held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            for name, value in json.loads(about["standing"]).items():
                setattr(trainer.standing, name, value)
            _fill(trainer, held)
            if about.get("data", "") not in ("", trainer.book.fingerprint):  # older states do not say
                raise UsageError(
                    f"The data of the task is no longer that with which the training in {self.path} began: put it "
                    "back, or --fresh begins anew."
                )
            if about["frozen"] != _frozen(trainer):
                raise UsageError(
                    f"The weights that start.language or a checkpoint of the recipe brings are no longer those with "
                    f"which the training in {self.path} began: put them back, or --fresh begins anew."
                )
        except torch.OutOfMemoryError:
            raise
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise self._damaged("state.safetensors") from error
        if trainer.group.leads:
            if not (self.path / "log.jsonl").exists():
                raise self._damaged("log.jsonl")
            self._trim(trainer.standing.step)
        return True

    def _trim(self, step: int) -> None:
        kept = []
        for line in (self.path / "log.jsonl").read_text(encoding="utf-8").splitlines():
            try:
                kept.append(line) if json.loads(line)["step"] <= step else None
            except (ValueError, KeyError):
                continue
        write_text(self.path / "log.jsonl", "".join(f"{line}\n" for line in kept))

    def keep_best(self, trainer: Trainer) -> None:
        """The best weights so far, as a checkpoint in full precision."""
        with _clear_sentences(self.path):
            write_checkpoint(self.path / "best", trainer.model, trainer.tokenizer, torch.float32)

    def export(self, trainer: Trainer) -> Path:
        """The finished checkpoint: the best weights, in half precision, with recipe, log and model card beside them."""
        from velm_bench.reference.modelling import VelmForGeneration

        if not (self.path / "best" / "config.json").exists():
            raise RunError(f"The training in {self.path} ended before text was learned: give more --minutes.")
        with _clear_sentences(self.path), without_bars():
            best = VelmForGeneration.from_pretrained(self.path / "best", dtype=torch.float32, local_files_only=True)
            target = self.path / CHECKPOINT
            write_checkpoint(target, best, trainer.tokenizer, torch.float16)
            shutil.copyfile(self.path / "log.jsonl", target / "training.jsonl")
            shutil.copyfile(self.path / "recipe.json", target / "recipe.json")
            count = sum(parameter.numel() for parameter in best.parameters())
            size = (target / "model.safetensors").stat().st_size
            if not (self.path / "run.json").exists():  # a training of an older version
                self.note_run({"minutes": None, "processes": trainer.group.size, "device": str(trainer.device)})
            run, standing = json.loads((self.path / "run.json").read_text(encoding="utf-8")), trainer.standing
            learned = sum(one.numel() for name, one in trainer.named_parameters.items() if name.startswith("model."))
            cost = standing.step, standing.read, standing.seconds, standing.best_step
            made = Made(count, learned, size, *cost, run)
            write_text(target / "README.md", card(self.recipe, self.path / "log.jsonl", made))
        return target


def write_checkpoint(target: Path, model: VelmForGeneration, tokenizer: Tokenizer, dtype: torch.dtype) -> None:
    """A folder with config.json, model.safetensors and the processor's files, readable by all, replaced as a whole."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    weights = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()
    }
    with without_bars():
        model.save_pretrained(partial, state_dict=weights)
    VelmProcessor.of(model, tokenizer).save_pretrained(partial)
    for path in partial.iterdir():
        path.chmod(0o644)
        _sync(path)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)


def _read_recipe(path: Path) -> Recipe | None:
    """The recipe of a training, None where it was written for another version of recipes; ValueError for no JSON."""
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Recipe.model_validate(content)
    except ValidationError:
        return None


def write_text(path: Path, text: str) -> None:
    """A whole file or none."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    _publish(partial, path)


def _publish(partial: Path, path: Path) -> None:
    partial.chmod(0o644)
    _sync(partial)
    partial.replace(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def without_bars() -> Iterator[None]:
    """Quiet: transformers draws a progress bar for each file it reads or writes."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _clear_sentences(path: Path) -> Iterator[None]:
    """A full or unwritable disk as one sentence."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        said = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise RunError(f"Training cannot write to {path}: {said}. What was saved before is kept.") from error


def _tensors(trainer: Trainer) -> dict[str, Tensor]:
    """What a training changes: the parameters that learn and their moments, and the buffers; by name."""
    held = dict(_learned(trainer))
    for name, parameter in trainer.named_parameters.items():
        for key, value in trainer.optimizer.state.get(parameter, {}).items():
            held[f"optimizer.{key}.{name}"] = value
    return {name: tensor.detach().contiguous() for name, tensor in held.items()}


def _learned(trainer: Trainer) -> dict[str, Tensor]:
    """Parameters that learn, and the buffers of model and teacher that are worth keeping."""
    held: dict[str, Tensor] = dict(trainer.named_parameters)
    for part, module in (("model", trainer.model), ("teacher", trainer.teacher)):
        if module is not None:
            weights = {name for name, _ in module.named_parameters(remove_duplicate=False)}
            held |= {f"{part}.{name}": t for name, t in module.state_dict().items() if name not in weights}
    return held


def _fill(trainer: Trainer, held: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in _learned(trainer).items():
            tensor.copy_(held[name])
    for name, parameter in trainer.named_parameters.items():
        state = {
            key: held[full] for key in ("step", "exp_avg", "exp_avg_sq") if (full := f"optimizer.{key}.{name}") in held
        }
        if state:
            trainer.optimizer.state[parameter] = state


def _frozen(trainer: Trainer) -> str:
    """The identity of the weights that do not learn, which the state leaves out."""
    learned = trainer.named_parameters
    told = hashlib.blake2b(digest_size=16)
    for name, parameter in trainer.model.named_parameters(prefix="model"):
        if name not in learned:
            told.update(name.encode() + parameter.detach().cpu().contiguous().numpy().tobytes())
    return told.hexdigest()
