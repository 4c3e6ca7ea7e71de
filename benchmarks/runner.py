"""How much the runner costs: a model through it, against a bare hand-written batched loop over the same data.

    python benchmarks/runner.py [--model ref:prefix] [--tasks scenes_vqa] [--limit 512] [--batch-size 32] [--rounds 5]

Both sides prepare, batch and answer the same requests, longest first, in batches of the same size. The runner does on
top of it what makes a run: digests, keys, journal, error handling; its time is that of its plan and answer phases. The
rounds alternate and each round swaps who goes first; printed are samples per second and the median ratio.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from velm_bench.engine.opening import begin_treatment, open_task
from velm_bench.engine.plan import Planner
from velm_bench.engine.runner import evaluate
from velm_bench.engine.settings import RunSettings
from velm_bench.models import Model, Setup, open_model
from velm_bench.tasks.registry import Definition, resolve


def bare(definition: Definition, model: Model, settings: RunSettings) -> float:
    """Seconds of the loop that somebody without a harness would write."""
    opened = open_task(definition, settings)
    planner = Planner(opened.kind, model, begin_treatment(opened, model, settings), "")
    started = time.perf_counter()
    requests = sorted(map(planner.request, opened.chosen), key=model.cost, reverse=True)
    size = settings.batch_size or model.batch_size
    answers = []
    for start in range(0, len(requests), size):
        batch = requests[start : start + size]
        answers += type(batch[0]).ask(model, [model.prepare(request) for request in batch])
    assert len(answers) == len(opened.chosen)
    return time.perf_counter() - started


def through_the_runner(definition: Definition, model: Model, settings: RunSettings) -> float:
    """Seconds of the same within a run: everything from the samples to the answers in the journal."""
    run = evaluate(definition, model, settings)
    assert run.result.n_errors == 0, f"{run.result.n_errors} samples failed"
    assert run.result.timing.asked == run.result.n
    return run.result.timing.phases["plan"] + run.result.timing.phases["answer"]


def warm_up(definition: Definition, model: Model, settings: RunSettings) -> int:
    """Both sides once, so that the model is loaded and every cache is warm; how many samples there are."""
    through_the_runner(definition, model, settings)
    bare(definition, model, settings)
    return len(open_task(definition, settings).chosen)


def main() -> None:
    """Print a line per round and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ref:prefix")
    parser.add_argument("--tasks", default="vqa")
    parser.add_argument("--limit", type=int, default=512)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data", type=Path, action="append", default=[])
    given = parser.parse_args()
    model = open_model(given.model, Setup(device=given.device))
    for definition in resolve(given.tasks):
        with tempfile.TemporaryDirectory() as folder:
            settings = RunSettings(
                Path(folder), tuple(given.data), given.batch_size, given.limit, fresh=True, replicates=0
            )
            compare(definition, model, settings, given.rounds)


def compare(definition: Definition, model: Model, settings: RunSettings, rounds: int) -> None:
    """Alternate both sides on one task."""
    samples = warm_up(definition, model, settings)
    sides = {"bare": bare, "runner": through_the_runner}
    print(f"{model.identity.name} on {definition.task.name}, {samples} samples, {model.device}")
    print(f"{'round':>6}{'bare/s':>12}{'runner/s':>12}{'ratio':>8}")
    ratios = []
    for number in range(rounds):
        order = list(sides) if number % 2 == 0 else list(sides)[::-1]
        seconds = {name: sides[name](definition, model, settings) for name in order}
        ratios.append(seconds["bare"] / seconds["runner"])
        speeds = f"{samples / seconds['bare']:>12.1f}{samples / seconds['runner']:>12.1f}"
        print(f"{number + 1:>6}{speeds}{ratios[-1]:>8.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} (runner to bare; 1 is no cost)")


if __name__ == "__main__":
    main()
