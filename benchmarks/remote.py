"""How much of a server's speed a run gets: throughput at a latency, against concurrency / latency.

    python benchmarks/remote.py [--samples 500] [--latency 0.1] [--concurrency 8 16 32] [--rounds 3]

A server in a process of its own answers every request after the latency, however many there are at a time; the best
that `--model-arg concurrency=N` can get of it is N / latency. A run of small pictures goes through the whole engine;
its time is that of its answer phase: pictures encoded, requests sent and read, answers in the journal. Printed are
samples per second and their share of the best; 500 samples that fill the last round only in part cannot reach all of
it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SERVE = "serve"
"""The argument by which this file becomes the server."""
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "red"}, "finish_reason": "stop"}]}
TASK = {
    "name": "pictures",
    "kind": "vqa",
    "source": {
        "type": "jsonl",
        "path": "rows.jsonl",
        "fields": {"id": "id", "image": "image", "question": "question", "answers": "answers"},
    },
    "metrics": ["exact_match"],
}


async def serve(latency: float) -> None:
    """Answer on a free port, which is printed, until the process is ended."""
    body = json.dumps(ANSWER).encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
                await asyncio.sleep(latency)
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running_server(latency: float) -> Iterator[str]:
    """The URL of a server in another process."""
    command = [sys.executable, __file__, SERVE, str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def make_task(folder: Path, samples: int) -> Path:
    """A task of that many small pictures, each with a question."""
    import numpy as np
    from PIL import Image

    rows = []
    for number in range(samples):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append({"id": str(number), "image": f"{number}.png", "question": "Which colour?", "answers": ["red"]})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = folder / "pictures.yaml"
    path.write_text(json.dumps(TASK), encoding="utf-8")
    return path


def speed(task: Path, url: str, concurrency: int) -> float:
    """Samples per second of one run."""
    from velm_bench.engine.runner import evaluate
    from velm_bench.engine.settings import RunSettings
    from velm_bench.models import Setup, open_model
    from velm_bench.tasks.registry import resolve

    model = open_model(f"openai:made@{url}", Setup(options={"concurrency": str(concurrency)}))
    with tempfile.TemporaryDirectory() as folder:
        (definition,) = resolve(str(task))
        run = evaluate(definition, model, RunSettings(Path(folder), replicates=0))
    assert run.result.n_errors == 0, f"{run.result.n_errors} samples failed"
    return run.result.n / run.result.timing.phases["answer"]


def measure(samples: int, latency: float, concurrency: Sequence[int], rounds: int) -> dict[int, list[float]]:
    """Samples per second by concurrency, of each round."""
    with tempfile.TemporaryDirectory() as folder, running_server(latency) as url:
        task = make_task(Path(folder), samples)
        speed(task, url, concurrency[0])  # imports, and whatever else is done once
        return {places: [speed(task, url, places) for _ in range(rounds)] for places in concurrency}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per concurrency: the median of its rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    print(f"{given.samples} samples, {1000 * given.latency:g} ms latency, median of {given.rounds}")
    print(f"{'concurrency':>12}{'samples/s':>12}{'best':>10}{'share':>8}")
    for places, speeds in measure(given.samples, given.latency, given.concurrency, given.rounds).items():
        median, best = statistics.median(speeds), places / given.latency
        print(f"{places:>12}{median:>12.1f}{best:>10.1f}{median / best:>8.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == [SERVE]:
        asyncio.run(serve(float(sys.argv[2])))
    else:
        main()
