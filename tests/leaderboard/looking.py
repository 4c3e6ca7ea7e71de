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


def window(browser: Any, clean: bool = False, **look: Any) -> Any:
    """An empty page of this look, to be given back by `shut`; `page.asked` holds the addresses and dialogs it asks for.

    The tests of a module share one browser session and its pages, for which scripts are compiled once; `clean` is in a
    session of its own.
    """
    session = session_of(browser, clean)
    page = next((one for one in session.pages if one not in session.lent), None) or noting(session.new_page())
    session.lent.add(page)
    page.asked = []
    page.set_viewport_size(look.get("viewport", {"width": 1280, "height": 900}))
    page.emulate_media(color_scheme=look.get("color_scheme", "light"))
    return page


def session_of(browser: Any, clean: bool) -> Any:
    """The shared browser session, or a new one."""
    shared = next((one for one in browser.contexts if one.shared), None)
    if shared and not clean:
        return shared
    session = browser.new_context()
    session.add_init_script("window.showSaveFilePicker = undefined")  # a dialog that nobody could answer
    session.shared, session.lent = not clean, set()
    return session


def noting(page: Any) -> Any:
    page.set_default_timeout(60_000)
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("dialog", lambda dialog: (page.asked.append(f"dialog:{dialog.message}"), dialog.dismiss()))
    return page


def shut(*pages: Any) -> None:
    """Forget what pages hold, and let other tests have them."""
    for page in pages:
        if not page.context.shared:
            page.context.close()
            continue
        page.evaluate("localStorage.clear(), sessionStorage.clear()")
        page.context.clear_cookies()
        page.goto("about:blank")
        page.context.lent.discard(page)


@contextmanager
def visited(browser: Any, address: str, path: str, wait: str, **look: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page once some text stands on it, and every address that it asked for."""
    page = window(browser, **look)
    page.goto(address + path)
    page.get_by_text(wait).first.wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    yield page, page.asked
    shut(page)


def appears(what: Any, times: int) -> None:
    """It stands on the page so many times, once the page, which Streamlit draws piece by piece, is whole."""
    from playwright.sync_api import expect

    expect(what).to_have_count(times, timeout=60_000)


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
