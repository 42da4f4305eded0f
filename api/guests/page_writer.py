"""Writes the pages that a mail's links open: small, without scripts, cookies and forms with fields of their own.

Each in the language that its person chose, else in the one that the browser asks for, else in the installation's.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import falcon.asgi

from api.openapi import Content
from core.mails.language_choice import accepted_language

if TYPE_CHECKING:
    from jinja2 import Environment

    from core.mails.languages import Language

STYLE = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:5vh auto;padding:0 1rem;color:#222}"
    "dt{font-weight:600}dd{margin:0 0 .6rem;overflow-wrap:anywhere}"
    "button,input{font:inherit;padding:.4rem .8rem}[role=alert]{border-inline-start:.3rem solid #b00;padding-inline-start:.8rem}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HTML = Content(media_type="text/html")
NEXT_PAGE = {303: Content(media_type="")}


class Pages:
    """Templates and languages are loaded for the first page that needs them."""

    def __init__(self, code: str) -> None:
        """`code`: the installation's language."""
        self._code = code
        self._environments: dict[str, Environment] = {}

    def language_for(self, req: falcon.asgi.Request, chosen: str | None) -> Language:
        """`chosen`: by the person whom the page is about; empty if they chose none."""
        from core.mails.languages import language  # noqa: PLC0415 - Babel, for pages that not every process writes

        return language(chosen or accepted_language(req.get_header("Accept-Language")) or self._code)

    def write(self, resp: falcon.asgi.Response, name: str, spoken: Language, **values: Any) -> None:
        known = {"language": spoken.code, "direction": spoken.direction, "style": STYLE}
        resp.data = self._environment(spoken).get_template(name).render(**known, **values).encode()
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Language", spoken.code)
        resp.set_header("Content-Security-Policy", POLICY)
        resp.set_header("Referrer-Policy", "no-referrer")

    def _environment(self, spoken: Language) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - as above

        if spoken.code not in self._environments:
            made = Environment(
                loader=FileSystemLoader(Path(__file__).parent / "pages"),
                autoescape=True,
                undefined=StrictUndefined,
                extensions=["jinja2.ext.i18n"],
                trim_blocks=True,
                lstrip_blocks=True,
            )
            made.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
            self._environments[spoken.code] = made
        return self._environments[spoken.code]


def see(resp: falcon.asgi.Response, path: str) -> None:
    """Lead on to another page."""
    resp.status = 303
    resp.location = path
    resp.set_header("Referrer-Policy", "no-referrer")
