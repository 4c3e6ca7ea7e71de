"""What the gate costs: 10,000 paired, clustered replicates, and the whole command.

    python benchmarks/gate.py [--replicates 10000] [--slices 50]

Each row is measured in a process of its own, so that its peak of memory is its own: seconds of the clock, of the
processor (which a busy machine changes less), and megabytes. Every replicate is drawn twice, once by the bootstrap and
once by exchanging the runs. Set OMP_NUM_THREADS to what may be used.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
HEAVY = ("torch", "transformers", "streamlit", "scipy", "pandas", "sklearn", "matplotlib", "PIL", "pyarrow", "pydantic")
VQA, IMAGES = 214_354, 40_504
"""The questions and images of VQA v2's validation set."""
LOADED = f"; import sys; print(','.join(name for name in {HEAVY!r} if name in sys.modules))"
COMMAND = "from velm_bench.cli.main import main; import sys; sys.argv[0] = 'velm-bench'; main()"


def right_or_wrong(count: int, groups: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Statistics of two runs that differ on a tenth of the samples, and the groups in mixed order."""
    chance = np.random.default_rng(0)
    first = chance.random(count) < 0.7
    second = np.where(chance.random(count) < 0.1, ~first, first)
    rows = [np.column_stack([part, np.ones(count)]).astype(np.float64) for part in (first, second)]
    return rows, np.char.add("image ", (chance.permutation(count) % groups).astype(str))


def captions(count: int = 5000) -> list:
    """BLEU and CIDEr of two runs with texts of plain words, one caption per image."""
    from velm_bench.metrics import build
    from velm_bench.statistics.contrasts import Contrast

    chance = np.random.default_rng(0)
    words = np.asarray([f"{one}{two}" for one in "bcdfghlmnp" for two in ("an", "ot", "il", "en", "urd", "ap")])
    golden = [[" ".join(chance.choice(words, 10)) for _ in range(2)] for _ in range(count)]
    runs = [
        [
            " ".join(word if chance.random() > share else str(chance.choice(words)) for word in one[0].split())
            for one in golden
        ]
        for share in (0.3, 0.32)
    ]
    metrics = [build(name) for name in ("bleu", "cider")]
    return [Contrast(metric, *(metric.statistics(run, golden) for run in runs)) for metric in metrics]


def made(case: str, slices: int) -> tuple[list, np.ndarray]:
    """The contrasts of a row of the table and the groups of their samples."""
    from velm_bench.metrics import build
    from velm_bench.statistics.contrasts import Contrast

    if case == "captions":
        return captions(), np.arange(5000).astype(str)
    count, groups = {"alone": (VQA, VQA), "classes": (5000, 5000)}.get(case, (VQA, IMAGES))
    rows, names = right_or_wrong(count, groups)
    if case == "classes":
        return [Contrast(build("macro_f1", [str(one) for one in range(10)]), *(part * 5 for part in rows))], names
    whole = [Contrast(build("accuracy"), *rows)]
    if case == "slices":
        values = np.random.default_rng(1).integers(0, 10, (max(1, slices // 10), count))
        whole += [Contrast(build("accuracy"), *rows, one == value) for one in values for value in range(10)]
    return whole, names


CASES = {
    "captions": ("BLEU-4 and CIDEr of 5,000 captions", "< 2 s"),
    "mean": (f"a mean of {VQA:,} samples in {IMAGES:,} groups", "< 10 s"),
    "slices": (f"the same and its slices, {VQA:,} samples", "-"),
    "alone": (f"a mean of {VQA:,} samples, each its own group", "-"),
    "classes": ("macro F1 (no sum) of 5,000 samples", "-"),
}


def measure(case: str, replicates: int, slices: int) -> None:
    """One row of the table; run in a process of its own."""
    from velm_bench.statistics.contrasts import resample
    from velm_bench.statistics.noninferiority import assess

    contrasts, groups = made(case, slices)
    clock, processor = time.perf_counter(), time.process_time()
    found = [assess(one, 0, True, 0.05, 1.0) for one in resample(contrasts, groups, replicates)]
    spent = time.perf_counter() - clock, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what, goal = CASES[case]
    print(
        f"| {what} ({len(found)} contrasts) | {spent[0]:.2f} s | {spent[1]:.2f} s | {peak:.0f} MB | {goal}, < 1 GB |",
        flush=True,
    )


def process(what: str, words: Sequence[str], codes: Sequence[int] = (0,), shown: Callable[[str], str] = str) -> None:
    """Time a whole process, best of three, and say what it printed."""
    seconds, found = [], None
    for _ in range(3):
        start = time.perf_counter()
        found = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, check=False)
        seconds.append(time.perf_counter() - start)
        if found.returncode not in codes:
            said = (found.stderr or found.stdout).strip().splitlines()
            print(f"| {what} | failed with {found.returncode}: {said[-1] if said else 'no word'} | | |")
            return
    assert found is not None
    print(f"| {what} | {min(seconds):.2f} s | {found.returncode} | {shown(found.stdout) or 'none'} |", flush=True)


def commands() -> None:
    """The import and the command, with which of the heavy modules they load."""
    print("\n| process | clock, best of three | exit code | heavy modules loaded |\n|---|---|---|---|")
    last = lambda text: text.strip().rpartition("\n")[2]  # noqa: E731
    process("python -c 'import velm_bench.gate'", ["-c", "import velm_bench.gate" + LOADED], shown=last)
    exits = "import atexit, sys; atexit.register(lambda: print('\\n' + ','.join(n for n in " + repr(HEAVY)
    exits += " if n in sys.modules)));"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "second"):
            made_run = f"run --model baseline:majority --tasks scenes_vqa --limit 1000 --fresh --output {folder}/{name}"
            subprocess.run(
                [sys.executable, "-c", COMMAND, *made_run.split()], capture_output=True, cwd=ROOT, check=False
            )
        words = f"gate --candidate {folder}/first --baseline {folder}/second".split()
        process("velm-bench gate, 1,000 samples", ["-c", exits + COMMAND, *words], (0, 1, 3), last)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the gate costs.")
    parser.add_argument("--replicates", type=int, default=10_000)
    parser.add_argument("--slices", type=int, default=50, help="slices of the case with slices, in tens")
    parser.add_argument("--case", choices=CASES, help="measure this one here and now")
    given = parser.parse_args()
    if given.case:
        measure(given.case, given.replicates, given.slices)
        return
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, threads: {threads}\n")
    print(f"| {given.replicates:,} replicates, both ways | clock | processor | peak | goal |\n|---|---|---|---|---|")
    for case in CASES:
        words = [sys.executable, __file__, "--case", case, "--replicates", str(given.replicates)]
        subprocess.run([*words, "--slices", str(given.slices)], check=True, cwd=ROOT)
    commands()


if __name__ == "__main__":
    main()
