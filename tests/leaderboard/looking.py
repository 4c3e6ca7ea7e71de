"""What the tests of pages look for in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.leaderboard.browsing import SCREENSHOTS

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}},
}


@contextmanager
def visited(browser: Any, address: str, path: str, wait: str, **look: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of its own browser session once some text stands on it, and every address that it asked for."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **look})
    page.set_default_timeout(60_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog:{dialog.message}"))
    page.goto(address + path)
    page.get_by_text(wait).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    try:
        yield page, asked
    finally:
        page.close()


def foreign(asked: list[str], address: str) -> list[str]:
    """What was asked of anybody but the server."""
    own = (address, address.replace("http", "ws", 1), "data:", "blob:")
    return [url for url in asked if not url.startswith(own)]


def sideways(page: Any) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def darkness(page: Any) -> int:
    """The sum of red, green and blue behind everything: 765 is white."""
    colour = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]))


def keep(page: Any, name: str) -> None:
    """A picture of the whole page, for whoever wants to look at it."""
    SCREENSHOTS.mkdir(exist_ok=True)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"], "height": min(5000, height + 20)})
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)
