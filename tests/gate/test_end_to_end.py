"""A real regression from the model to the exit code: `run`, `baseline set`, `gate`, and the pictures of the report."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.gate.noised import noised
from tests.made_boards import command, make_runs, once
from velm_bench.engine.opening import open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.samples import Picture
from velm_bench.tasks.registry import resolve

TASK = "scenes_vqa:lite"
SLIGHT, STRONG = "0.12", "0.3"
"""How much noise costs about one point, and about seven, of 400 answers."""
FEW = 60
RUNS = [
    ["--model", "ref:prefix", "--batch-size", "7", "--output", "again"],
    ["--model", f"ref:noise-{SLIGHT}", "--output", "slight"],
    ["--model", f"ref:noise-{STRONG}", "--output", "strong"],
    ["--model", "ref:prefix", "--limit", str(FEW), "--output", "few"],
    ["--model", "ref:prefix", "--limit", str(FEW), "--batch-size", "7", "--output", "few-again"],
]
POLICY = """
tasks:
  "scenes_vqa:lite":
    vqa_accuracy: {margin: 0.02}
on_inconclusive: WHAT
"""


def make_releases(place: Path) -> None:
    """Runs of the reference model: unchanged in other batches, and with noise on its weights."""
    for scale in (SLIGHT, STRONG):
        noised(place / f"noise-{scale}", float(scale))
    make_runs(place, [["--tasks", "vqa:lite", *words] for words in RUNS])


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results folders by release; shared, so nobody may change them."""
    return once(tmp_path_factory, "releases", make_releases)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory, real_results: Path) -> Path:
    """The baseline file of the reference model as it is shipped."""
    folder = tmp_path_factory.mktemp("baseline")
    command("baseline", "set", "baseline.json", run_of(real_results), "--by", "tests", folder=folder)
    return folder / "baseline.json"


def run_of(results: Path) -> Path:
    """The only run of the task without a control, of the reference model or a noised one, under a results folder."""
    files = [*results.glob("ref=prefix/scenes_vqa=lite/*/result.json"), *results.glob("ref=noise-*/*/*/result.json")]
    [found] = [file.parent for file in files if not json.loads(file.read_text(encoding="utf-8"))["control"]]
    return found


def gate(candidate: Path, baseline: Path, folder: Path, expect: int, *more: str | Path) -> dict[str, Any]:
    """The verdict, as JSON."""
    words = ("--candidate", candidate, "--baseline", baseline, "--json", *more)
    said: dict[str, Any] = json.loads(command("gate", *words, folder=folder, expect=expect).stdout)
    assert said["exit_code"] == expect
    return said


def test_the_unchanged_model_in_other_batches_passes(releases: Path, baseline: Path, tmp_path: Path) -> None:
    said = gate(run_of(releases / "again"), baseline, tmp_path, 0, "--margin", "0.02")
    [row] = said["rows"]
    assert (said["outcome"], row["change"], row["losses"], row["n"], row["groups"]) == ("pass", 0.0, 0, 400, 200)
    assert -0.02 < row["bound"] < -0.01  # 200 pictures without a loss still leave room for 1.5 points
    assert said["flips"] == []


def test_the_same_model_does_not_pass_a_margin_that_so_few_samples_cannot_show(
    releases: Path, baseline: Path, tmp_path: Path
) -> None:
    said = gate(run_of(releases / "again"), baseline, tmp_path, 3, "--margin", "0.01")
    assert said["outcome"] == "inconclusive"
    assert said["rows"][0]["needed"] > 400


def test_strong_noise_is_a_regression(releases: Path, baseline: Path, tmp_path: Path) -> None:
    said = gate(run_of(releases / "strong"), baseline, tmp_path, 1, "--margin", "0.02", "--flips", "50")
    [row] = said["rows"]
    assert said["outcome"] == "regression"
    assert -0.15 < row["change"] < -0.03
    assert row["low"] < row["change"] < row["high"] < 0.0
    assert row["p_adjusted"] < 0.01
    assert said["flipped"] == {TASK: row["losses"]}
    assert len(said["flips"]) == min(50, row["losses"])
    changes = [flip["change"] for flip in said["flips"]]
    assert changes == sorted(changes)
    assert changes[0] < -0.5


def test_slight_noise_is_neither_shown_to_be_worse_nor_to_be_within_the_margin(
    releases: Path, baseline: Path, tmp_path: Path
) -> None:
    said = gate(run_of(releases / "slight"), baseline, tmp_path, 3, "--margin", "0.02")
    [row] = said["rows"]
    assert said["outcome"] == "inconclusive"
    assert row["change"] < 0.0
    assert row["bound"] < -0.02
    assert row["needed"] > row["n"]


def test_the_policy_says_what_an_inconclusive_verdict_is_worth(releases: Path, baseline: Path, tmp_path: Path) -> None:
    for word, code in (("pass", 0), ("warn", 3), ("fail", 1)):
        (tmp_path / "gate.yaml").write_text(POLICY.replace("WHAT", word), encoding="utf-8")
        said = gate(run_of(releases / "slight"), baseline, tmp_path, code, "--policy", "gate.yaml")
        assert said["outcome"] == "inconclusive"


def test_few_samples_of_the_unchanged_model_decide_nothing(releases: Path, tmp_path: Path) -> None:
    first, second = run_of(releases / "few"), run_of(releases / "few-again")
    said = gate(second, first, tmp_path, 3, "--margin", "0.02")
    [row] = said["rows"]
    assert (row["change"], row["losses"], row["n"]) == (0.0, 0, FEW)
    assert row["needed"] > 150 * FEW / row["groups"] - FEW  # some 150 pictures, whatever each is asked


def test_what_cannot_be_read_or_compared_is_no_verdict(
    releases: Path, real_results: Path, baseline: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(baseline.read_bytes()[:-200])
    torn = tmp_path / "torn"
    shutil.copytree(run_of(releases / "again"), torn)
    (torn / "samples.parquet").write_bytes((torn / "samples.parquet").read_bytes()[:-100])
    [other] = [path.parent for path in real_results.glob("ref=prefix/scenes_ner=lite/*/result.json")]
    good = run_of(releases / "again")
    for candidate, base in ((good, cut), (torn, baseline), (other, baseline), (tmp_path, baseline)):
        made = command("gate", "--candidate", candidate, "--baseline", base, folder=tmp_path, expect=2)
        assert made.stdout == ""
        assert made.stderr.splitlines()[-1].startswith("Error: ")
        assert "Traceback" not in made.stderr


def test_fewer_samples_than_the_baseline_count_as_wrong(releases: Path, baseline: Path, tmp_path: Path) -> None:
    said = gate(run_of(releases / "few"), baseline, tmp_path, 1, "--margin", "0.02")
    [row] = said["rows"]
    assert row["n"] == 400
    assert row["candidate_errors"] == 400 - FEW


class Figures(HTMLParser):
    """What a report shows of each flipped sample: its heading and its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.flips: list[tuple[str, list[bytes]]] = []
        self.addresses: list[str] = []
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.addresses += [told[name] for name in ("src", "href") if name in told]
        if tag == "article":
            self.flips.append(("", []))
        elif tag == "h3" and self.flips:
            self._heading = True
        elif tag == "img" and self.flips:
            self.flips[-1][1].append(
                base64.b64decode(told["src"].removeprefix("data:image/png;base64,"), validate=True)
            )

    def handle_endtag(self, tag: str) -> None:
        self._heading = self._heading and tag != "h3"

    def handle_data(self, data: str) -> None:
        if self._heading:
            text, pictures = self.flips[-1]
            self.flips[-1] = (text + data, pictures)


def shows(png: bytes, picture: Picture) -> bool:
    """Whether a picture of a report is this one, each of its pixels repeated several times."""
    shown, pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")), picture.decode()
    factor = shown.shape[0] // pixels.shape[0]
    return factor > 0 and np.array_equal(shown, pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def test_the_report_shows_the_pictures_of_the_worst_flips(releases: Path, baseline: Path, tmp_path: Path) -> None:
    strong = run_of(releases / "strong")
    said = gate(strong, baseline, tmp_path, 1, "--margin", "0.02", "--flips", "5", "--report", "report")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    figures = Figures()
    figures.feed(page)
    ids = [re.split(r"\s+of\s+", text)[0].strip() for text, _ in figures.flips]
    assert ids == [flip["id"] for flip in said["flips"]]
    assert len(ids) == 5
    [definition] = resolve("vqa:lite")
    source = {sample.id: sample for sample in open_task(definition, RunSettings(tmp_path)).everything}
    asked = pq.read_table(strong / "samples.parquet", columns=["id", "pictures"]).to_pylist()
    digests = {row["id"]: json.loads(row["pictures"]) for row in asked}
    for name, (_, pngs) in zip(ids, figures.flips, strict=True):
        [picture] = source[name].images
        assert [picture.digest] == digests[name]
        assert [shows(png, picture) for png in pngs] == [True]
    assert all(address.startswith(("data:", "#")) for address in figures.addresses)
    kept = json.loads((tmp_path / "report" / "verdict.json").read_text(encoding="utf-8"))
    assert kept["outcome"] == "regression"
