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
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations.map(({id, impact, nodes}) => ({id, impact, at: nodes.map(node => node.html.slice(0, 160))}));
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def serious(page: Page) -> list[str]:
    """In each theme and width; also a page that is wider than its screen."""
    return list(_serious(page))


def _serious(page: Page) -> Iterator[str]:
    if page.evaluate("() => !('axe' in window)"):
        page.evaluate(f"() => {{ {AXE} }}")
    for width in WIDTHS_PX:
        page.set_viewport_size({"width": width, "height": HEIGHT_PX})
        if page.evaluate(WIDER) > 0:
            yield f"{width} px: the page is wider than the screen"
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for one in page.evaluate(RUN):
                if one["impact"] in SERIOUS:
                    yield f"{width} px, {theme}: {one['id']} ({one['impact']}) {one['at']}"
