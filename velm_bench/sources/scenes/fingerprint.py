"""The identity of the benchmark's data: what a run's result names, so that unlike data are never compared.

A fingerprint is the SHA-256 over the canonical records of every sample and the pixels of the first scenes. To compute
it takes seconds, so those of the fixed splits are pinned here; tests compute them anew. A secret split's follows from
the version and the key.

    python -m velm_bench.sources.scenes.fingerprint     computes all and prints the table to paste
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import islice

from velm_bench.digests import canonical_json, digest_json
from velm_bench.samples import Sample

from .graph import scene
from .items import TASKS
from .pins import PINS
from .raster import DEFAULT_SIZE, render
from .splits import SPLITS, VERSION, is_fresh, split_size

PIXELS_OF = 32
"""How many scenes' pixels a fingerprint covers."""

TRAINING_SAMPLES = 1000
"""How many samples of the endless training split a fingerprint covers."""


def fingerprint(split: str, task: str, size: int = DEFAULT_SIZE) -> str:
    """The identity of a task's samples; raises ValueError for an unknown split, KeyError for an unknown task."""
    split_size(split)
    pinned = digest_json(["fresh", split, task]) if is_fresh(split) else PINS[split][task]
    return digest_json(["scenes", VERSION, split, task, size, pinned])


def computed(split: str, task: str) -> str:
    """What `PINS` should say of this split and task, from the samples themselves."""
    samples: Iterable[Sample] = TASKS[task](split, DEFAULT_SIZE)
    if split == "train":
        samples = islice(samples, TRAINING_SAMPLES)
    digest = sha256(pixels_digest(split).encode())
    for sample in samples:
        digest.update(sample_record(sample).encode())
    return digest.hexdigest()


def sample_record(sample: Sample) -> str:
    """A sample as canonical JSON, its pictures by their digests."""
    facts = {name: value for name, value in sample.facts.items() if name != "mentions"}
    fields = [sample.id, dict(sample.inputs), sample.references, sample.group, dict(sample.slices), facts]
    return canonical_json([*fields, [picture.digest for picture in sample.images]])


def pixels_digest(split: str, size: int = DEFAULT_SIZE) -> str:
    """SHA-256 over the decoded pixels of the first scenes of a split."""
    digest = sha256()
    for index in range(min(PIXELS_OF, split_size(split))):
        digest.update(render(scene(split, index), size).tobytes())
    return digest.hexdigest()


def _print_pins() -> None:
    for split in SPLITS:
        print(f'    "{split}": {{')
        for task in TASKS:
            print(f'        "{task}": "{computed(split, task)}",')
        print("    },")


if __name__ == "__main__":
    _print_pins()
