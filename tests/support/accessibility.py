"""What axe-core says against a page, as it is shown right now: in both themes, on a phone and on a wide screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

AXE = (Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js").read_text()
SERIOUS = ("serious", "critical")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS_PX = (360, 1440)
HEIGHT_PX = 900
DIRECTIONS = ("ltr", "rtl")
OF_STYLE = ("color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable")
"""Rules whose answer depends on theme and direction; what the others look at is the same in all of them."""
RUN = """async rules => {
    const shown = document.querySelector("dialog[open]") ?? document;
    const only = rules === null ? {} : {runOnly: {type: "rule", values: rules}};
    const found = await axe.run(shown, {resultTypes: ["violations"], ...only});
    return found.violations.map(({id, impact, nodes}) => ({id, impact, at: nodes.map(node => node.html.slice(0, 160))}));
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def serious(page: Page) -> list[str]:
    """In each theme and width, in the page's own direction; also a page that is wider than its screen."""
    return list(_serious(page, (page.evaluate("() => document.documentElement.dir || 'ltr'"),)))


def serious_everywhere(page: Page) -> list[str]:
    """The same, left to right and right to left."""
    try:
        return list(_serious(page, DIRECTIONS))
    finally:
        page.evaluate("() => { document.documentElement.dir = 'ltr' }")


def _serious(page: Page, directions: tuple[str, ...]) -> Iterator[str]:
    """Rules that only look at the markup are asked once for each width."""
    _load(page)
    for width in WIDTHS_PX:
        page.set_viewport_size({"width": width, "height": HEIGHT_PX})
        rules: tuple[str, ...] | None = None
        for direction in directions:
            page.evaluate("direction => { document.documentElement.dir = direction }", direction)
            if page.evaluate(WIDER) > 0:
                yield f"{width} px, {direction}: the page is wider than the screen"
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                yield from _found(page, f"{width} px, {direction}, {theme}", rules)
                rules = OF_STYLE


def _load(page: Page) -> None:
    if page.evaluate("() => !('axe' in window)"):
        page.evaluate(f"() => {{ {AXE} }}")


def _found(page: Page, where: str, rules: tuple[str, ...] | None) -> Iterator[str]:
    for one in page.evaluate(RUN, rules):
        if one["impact"] in SERIOUS:
            yield f"{where}: {one['id']} ({one['impact']}) {one['at']}"
