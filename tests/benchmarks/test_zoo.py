"""The family's command: what is asked, what is claimed, and what is written, on made-up models."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.zoo import asking
from benchmarks.zoo.__main__ import main
from benchmarks.zoo.asking import Asking, ask, commands
from benchmarks.zoo.cards import with_scores
from benchmarks.zoo.claims import beyond, claims
from benchmarks.zoo.family import BLIND, CIDER, CLASSES, NEEDED, NOVEL, VQA, chosen
from benchmarks.zoo.marked import marks, replaced
from benchmarks.zoo.plot import plot
from benchmarks.zoo.runs import Zoo, read_zoo
from benchmarks.zoo.tables import PARTS, Known, shown
from benchmarks.zoo.training import cost, whole_minutes
from benchmarks.zoo.writing import PAGE, PICTURE, card_path, page, write_all
from tests.benchmarks.made_zoo import SIGHTED, WEIGHING, made_zoo, member, model
from velm_bench.errors import UsageError
from velm_bench.reference.cards import SCORES
from velm_bench.results.pairing import open_pair


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return made_zoo(tmp_path_factory.mktemp("zoo"))


def held(zoo: Zoo) -> dict[tuple[str, str], bool]:
    return {(claim.model, claim.sentence.split(",")[0]): claim.holds for claim in claims(zoo)}


def test_claims_hold_of_one_that_looks_and_one_that_does_not(zoo: Zoo) -> None:
    found = claims(zoo)
    assert [claim.sentence for claim in found if not claim.holds] == []
    assert [sum(claim.model == reference for claim in found) for reference in (BLIND, SIGHTED, WEIGHING)] == [1, 5, 2]
    lead = next(claim for claim in found if claim.model == SIGHTED and VQA.title in claim.sentence)
    scores = [zoo.score(reference, VQA) for reference in (SIGHTED, BLIND)]
    assert scores[0] is not None
    assert scores[1] is not None
    assert lead.found.startswith(f"{(scores[0].value or 0) - (scores[1].value or 0):+.3f} [")


def test_a_sighted_one_that_is_no_better_fails_its_claims(zoo: Zoo) -> None:
    """The blind one's runs under the sighted one's name: every lead is gone, and so is the use of the image."""
    swapped = {**zoo.cells, **{(SIGHTED, task): cell for (name, task), cell in zoo.cells.items() if name == BLIND}}
    found = [claim for claim in claims(replace(zoo, cells=swapped)) if claim.model == SIGHTED]
    assert [claim.holds for claim in found] == [False] * 5
    assert "vqa: does not" in found[-1].found
    assert "1.00 times" in next(claim.found for claim in found if "CIDEr" in claim.sentence)


def test_what_was_not_run_is_not_claimed(zoo: Zoo) -> None:
    some = {key: cell for key, cell in zoo.cells.items() if key != (SIGHTED, VQA.task)}
    assert [claim.found for claim in claims(replace(zoo, cells=some)) if not claim.holds] == [
        "not measured",
        "captioning: uses it, vqa: not measured, classification: uses it, ner: uses it",
    ]
    assert not any(held(replace(zoo, cells={})).values())


def test_a_score_beyond_a_multiple_of_another_is_paired(zoo: Zoo) -> None:
    folders = [zoo.cells[reference, CIDER.task].folder for reference in (BLIND, SIGHTED)]
    pair = open_pair(*folders)
    scores = [run.scores[CIDER.output].value or 0.0 for run in (pair.baseline, pair.candidate)]
    more = beyond(pair, CIDER.output, 2.0)
    assert more.value == pytest.approx(scores[1] - 2 * scores[0])
    once = pair.difference(CIDER.output)
    assert beyond(pair, CIDER.output, 1.0) == pytest.approx((once.value, once.low, once.high))


def test_only_runs_of_these_checkpoints_and_tasks_count(zoo: Zoo) -> None:
    root = next(iter(zoo.cells.values())).folder.parents[2]
    digests = {task: cell.result.task.digest for (_, task), cell in zoo.cells.items()}
    assert read_zoo(root, zoo.members, asked=digests).cells.keys() == zoo.cells.keys()
    assert read_zoo(root, zoo.members, limit=5, controls=5, asked=digests).cells == {}
    retrained = [replace(one, digest="0" * 64) if one.reference == SIGHTED else one for one in zoo.members]
    assert {name for name, _ in read_zoo(root, retrained, asked=digests).cells} == {BLIND, WEIGHING}
    rewritten = {**digests, VQA.task: "0" * 64}
    assert (BLIND, VQA.task) not in read_zoo(root, zoo.members, asked=rewritten).cells
    assert read_zoo(root / "nowhere", zoo.members).cells == {}


def test_nothing_is_asked_twice_and_nothing_that_cannot_be_answered(zoo: Zoo, tmp_path: Path) -> None:
    how = Asking(tmp_path / "none", limit=7, controls=3, threads=2)
    plain, controlled, novel = commands([member(WEIGHING)], how)
    assert plain[1:6] == ["run", "--model", WEIGHING, "--tasks", CLASSES.task]
    assert controlled[1:7] == [*plain[1:6], "--controls"]
    assert novel[4:6] == ["--tasks", f"{CLASSES.task}:{NOVEL}"]
    assert "--controls" not in plain + novel
    assert [words[-2:] for words in (plain, controlled, novel)] == [["--limit", n] for n in ("7", "3", "3")]
    assert zoo.missing(member(SIGHTED)) == zoo.missing(member(SIGHTED), NOVEL) == []
    bare = {key: replace(cell, gains=cell.gains[:2]) for key, cell in zoo.cells.items()}
    assert replace(zoo, cells=bare).uncontrolled(member(WEIGHING)) == [CLASSES.task]


def test_a_command_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes down that it was called, and with how many threads; the worst exit code is the answer."""
    log = tmp_path / "log"
    script = (
        "import os, sys; "
        f"open({str(log)!r}, 'a').write(sys.argv[3] + ' ' + os.environ['OMP_NUM_THREADS'] + chr(10)); "
        "sys.exit(3 if 'prefix' in sys.argv[3] else 0)"
    )
    monkeypatch.setattr(asking, "COMMAND", (sys.executable, "-c", script))
    assert ask([member(SIGHTED), member(BLIND)], Asking(tmp_path / "none", threads=3, jobs=2)) == 3
    assert sorted(log.read_text().split("\n")) == ["", *[f"{BLIND} 3"] * 3, *[f"{SIGHTED} 3"] * 3]


def test_tables_say_what_a_model_cannot_do(zoo: Zoo) -> None:
    some = {key: cell for key, cell in zoo.cells.items() if key != (SIGHTED, VQA.task)}
    lines = PARTS["scores"](Known(replace(zoo, cells=some))).splitlines()
    blind, sighted, weighing = (line.strip("| ").split(" | ") for line in lines[2:])
    assert weighing.count("cannot") == 6
    assert sighted.count("not run") == 2
    assert shown(zoo.score(BLIND, NEEDED)) == blind[-1]
    assert lines[0].count("|") == lines[1].count("|") == lines[-1].count("|")


def test_gains_are_against_the_pictures_of_others(zoo: Zoo) -> None:
    blind, sighted, weighing = PARTS["gains"](Known(zoo)).splitlines()[2:]
    assert blind.count("+0.000 [+0.000, +0.000]") == 4
    assert "**does not use the image** |" in blind
    assert "uses the image |" in sighted
    assert weighing.count("cannot") == 3
    gain = zoo.cells[SIGHTED, VQA.task].gain("shuffled")
    assert gain is not None
    assert f"{gain.scores[VQA.output].gain:+.3f}" in sighted


def test_every_part_of_the_page_is_written_and_its_prose_stays(zoo: Zoo) -> None:
    text = "# Title\n\n" + "\n\nbetween\n\n".join("\n".join(marks(name)) for name in PARTS) + "\n\nthe end\n"
    once = page(text, Known(zoo, claims=claims(zoo)))
    assert page(once, Known(zoo, claims=claims(zoo))) == once
    assert once.count("\nbetween\n") == len(PARTS) - 1
    assert once.endswith("\nthe end\n")
    assert "3 of 3 models asked, on CPU: 24 samples of `scenes_captioning`" in once
    with pytest.raises(UsageError, match="the part 'weather', which is none of asked, scores"):
        page("\n".join(marks("weather")), Known(zoo))


def test_the_page_of_the_repository_has_a_place_for_every_part(zoo: Zoo, tmp_path: Path) -> None:
    written = write_all(Known(zoo), tmp_path)
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert all(marks(name)[0] in text for name in PARTS)
    assert f"`{SIGHTED}`" in text
    assert written[:2] == [tmp_path / PAGE, tmp_path / PICTURE]


def test_a_card_keeps_all_but_its_section() -> None:
    first, last = SCORES
    card = f"# ref:x\n\nabout\n\n## On the test splits\n\n{first}\nold scores\n{last}\n\n## Limits\n\nmany\n"
    new = with_scores(card, "new scores", "x.md")
    assert new == card.replace("old scores", "new scores")
    with pytest.raises(UsageError, match=r"x\.md needs the lines"):
        with_scores(card.replace(last, ""), "new scores", "x.md")


@pytest.mark.parametrize(
    "section",
    [
        "",
        "## On the test split\n\nold scores\n\n| a |\n|---|\n\n",
        "Scores on the test splits, with intervals:\n`old command`.\n\n",
    ],
)
def test_a_card_without_marks_is_given_them(section: str) -> None:
    first, last = SCORES
    new = with_scores(f"# ref:x\n\nabout\n\n{section}## Limits\n\nmany\n", "new scores", "x.md")
    wanted = f"## On the test splits\n\n{first}\nnew scores\n{last}\n"
    assert new == f"# ref:x\n\nabout\n\n{wanted}\n## Limits\n\nmany\n"
    assert with_scores("# ref:x\n", "new scores", "x.md") == f"# ref:x\n\n{wanted}"


def test_cards_hold_the_scores_of_their_runs(zoo: Zoo, tmp_path: Path) -> None:
    """The card of a shipped checkpoint is taken from the repository and written below another folder."""
    only = replace(zoo, members=[member(SIGHTED)])
    write_all(Known(only), tmp_path)
    text = (tmp_path / card_path(member(SIGHTED))).read_text(encoding="utf-8")
    assert shown(zoo.score(SIGHTED, NEEDED)) in text
    assert "| count | 12 |" in text
    assert "The controls together say: uses the image." in text
    assert text.count("## On the test splits\n") == 1
    assert "## Limits" in text


def test_marks_must_be_there_once() -> None:
    first, last = marks("scores")
    assert replaced(f"a\n{first}\nold\n{last}\nb", (first, last), "new", "x.md") == f"a\n{first}\nnew\n{last}\nb"
    for text in ("nothing", f"{first}\n{first}\n{last}", f"{last}\n{first}"):
        with pytest.raises(UsageError, match=r"x\.md needs the lines"):
            replaced(text, (first, last), "new", "x.md")


def test_the_plot_is_whole_and_shows_every_model_once_per_task(zoo: Zoo) -> None:
    root = ElementTree.fromstring(plot(zoo))
    names = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [names.count(one.name) for one in zoo.members] == [1, 1, 1]
    shapes = [element.get("class") for element in root.iter()]
    answered = sum(len(one.tasks) for one in zoo.members)
    assert shapes.count("seen") == shapes.count("control") == answered + 1  # and the legend's
    assert shapes.count("novel") == answered + 1
    width = float(root.get("width") or 0)
    circles = [float(element.get("cx") or 0) for element in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert all(0 < x < width for x in circles)
    right = [x for element in root.iter() if element.get("class") == "seen" for x in [float(element.get("cx") or 0)]]
    assert max(right) > min(right)


def test_costs_come_from_the_files_of_a_checkpoint(tmp_path: Path) -> None:
    for name, start, minutes, budget in (
        ("first", {}, 72, "| budget | 10 steps of 24 scenes: 72 minutes on a CPU (3 processes of one thread) |"),
        ("blind", {}, 18, "| budget | 10 steps of 24 scenes, 18 minutes on cpu, processes 1 |"),
        ("second", {"vision": "first", "language": "first"}, 20, ""),
        ("third", {"vision": "first", "language": "blind"}, 5, "| budget | 4 steps, 5 minutes on cuda, processes 1 |"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "recipe.json").write_text(json.dumps({"batch": 24, "start": {"vision": "", "language": "", **start}}))
        log = [{"step": 1, "seconds": 1.0}, {"step": 9, "seconds": 60.0 * minutes}, {"step": 10, "validation": {}}]
        (folder / "training.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
        (folder / "README.md").write_text(f"# ref:{name}\n\n{budget}\n")
    costs = {name: cost(tmp_path / name) for name in ("first", "blind", "second", "third")}
    assert (costs["first"].minutes, costs["first"].images) == (72, 240)
    said = {name: (one.device, one.processes) for name, one in costs.items()}
    assert said == {"first": ("CPU", 3), "blind": ("CPU", 1), "second": ("", None), "third": ("cuda", 1)}
    whole = {name: whole_minutes(name, costs) for name in costs}
    assert whole == {"first": 72, "blind": 18, "second": 92, "third": 95}


def test_the_command_refuses_what_would_spoil_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--limit", "5", "--results", str(tmp_path)]) == 2
    assert "--limit is for a try" in capsys.readouterr().err
    assert main(["--only-write", "--results", str(tmp_path), "--into", str(tmp_path)]) == 2
    assert "There are no whole runs" in capsys.readouterr().err
    assert main(["--models", "prefx", "--results", str(tmp_path), "--into", str(tmp_path)]) == 2
    assert "'prefx', which is not shipped" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_family_is_what_is_shipped() -> None:
    names = [one.name for one in chosen([])]
    assert "prefix" in names
    assert chosen(["prefix"])[0].reference == SIGHTED
    assert model(SIGHTED).identity.digest != chosen(["prefix"])[0].digest
