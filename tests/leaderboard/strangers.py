"""What the tests of Compare and Samples have in common: pages opened and waited for, and a stranger's run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.leaderboard.browsing import SCREENSHOTS
from tests.leaderboard.looking import window
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.entrants import entrants
from velm_bench.results.store import read_result, run_folder, write_run

VQA = "scenes_vqa:lite"
EVIL = '<img src=x onerror="document.title=1"> ![](http://127.0.0.1:9/x.png) **bold** \u202egnp.exe'
"""What a stranger calls the model, and answers."""


def keys_of(root: Path) -> dict[str, str]:
    """The keys of the models in a results folder, by label."""
    return {one.label: one.key for one in entrants(list_results(root)).values()}


def with_stranger(real: Path, place: Path) -> Path:
    """A copy of real results, and beside them a run whose model's name, answers and errors are a stranger's."""
    shutil.copytree(real, place)
    source = next(place.glob("ref=concat/scenes_vqa=lite/*"))
    result = read_result(source)
    evil = result.model_copy(update={"model": result.model.model_copy(update={"name": EVIL, "digest": "e" * 64})})
    table = pq.read_table(source / "samples.parquet")
    said = [json.dumps(f"{EVIL} <script>document.title=2</script>")] * len(table)
    raw = [json.dumps({"text": EVIL, "tokens": 1})] * len(table)
    errors = [EVIL if row % 2 else "" for row in range(len(table))]
    for name, values in (("prediction", said), ("answer", raw), ("error", errors)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    write_run(run_folder(place, "stranger", VQA, result.run_id), evil, table)
    return place


def opened(browser: Any, address: str, path: str, until: str = ".sv article", **look: Any) -> Any:
    """A page when what it is about is there; to be given back by `shut`."""
    page = window(browser, **look)
    page.goto(address + path)
    page.locator(until).first.wait_for()
    settled(page)
    return page


def settled(page: Any) -> None:
    """Wait until nothing is drawn any more."""
    for _ in range(2):
        page.wait_for_timeout(250)
        page.locator("[data-test-script-state=notRunning]").first.wait_for(state="attached")


def narrow(page: Any) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def dark(page: Any) -> bool:
    """Whether the background is dark."""
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])) < 200


def kept_to_itself(page: Any, address: str) -> None:
    """Nobody but the server was asked for anything."""
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    assert not [url for url in page.asked if not url.startswith(own)]


def shot(page: Any, name: str) -> None:
    """A screenshot of the whole page, in the folder that git ignores."""
    SCREENSHOTS.mkdir(exist_ok=True)
    width = page.viewport_size["width"]
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height) + 20, 4000)})
    settled(page)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def cells(page: Any, table: int = 0) -> list[list[str]]:
    """The rows of a grid, as its accessibility tree has them."""
    grid = page.get_by_test_id("stDataFrame").nth(table)
    grid.locator("td").first.wait_for(state="attached")
    rows = grid.locator("tbody tr").all()
    return [[cell or "" for cell in row.locator("td").all_text_contents()] for row in rows]
